//! The smallest WASI 0.2 service: it answers what the bench's bare server answers.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    Ok(Response::builder()
        .header("content-type", "text/plain")
        .header("content-length", "6")
        .body("hello\n".to_owned().into())?)
}
