//! Gives every request a number of its own: what is behind sees it in `x-request-id`, and so does the
//! client. A client that sends one already keeps it.

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::handler;
use bindings::wasi::http::types::{ErrorCode, Request, Response};
use bindings::wasi::random::random::get_random_u64;
use bindings::wit_future;
use wit_bindgen::spawn_local;

mod id;

// Modules and types for everything in the world `middleware` of `wit/`; `selvedge build` writes them.
#[path = "../bindings/world.rs"]
mod bindings;

const HEADER: &str = "x-request-id";

struct Middleware;

bindings::export!(Middleware with_types_in bindings);

impl Guest for Middleware {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let id = id::of(&request.get_headers().get(HEADER), get_random_u64);
        // The import of the same name is whatever stands behind: one call, and no network.
        let response = handler::handle(with_id(request, &id)?).await?;
        answer_with_id(response, &id)
    }
}

/// The same request with its number in the headers.
fn with_id(request: Request, id: &str) -> Result<Request, ErrorCode> {
    // The headers of a request that came in cannot be changed; those of a copy can.
    let headers = request.get_headers().clone();
    headers.set(HEADER, &[id.as_bytes().to_vec()]).map_err(internal)?;
    let (method, scheme) = (request.get_method(), request.get_scheme());
    let (authority, path) = (request.get_authority(), request.get_path_with_query());
    let options = request.get_options();

    // The body is handed on as the stream that it is. `done` tells whoever sends it how it went.
    let (done, outcome) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, outcome);
    let (request, sent) = Request::new(headers, Some(body), trailers, options);
    spawn_local(async move { done.write(sent.await).await });
    request
        .set_method(&method)
        .and_then(|()| request.set_scheme(scheme.as_ref()))
        .and_then(|()| request.set_authority(authority.as_deref()))
        .and_then(|()| request.set_path_with_query(path.as_deref()))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    Ok(request)
}

/// The same response with the number in its headers.
fn answer_with_id(response: Response, id: &str) -> Result<Response, ErrorCode> {
    let headers = response.get_headers().clone();
    headers.set(HEADER, &[id.as_bytes().to_vec()]).map_err(internal)?;
    let status = response.get_status_code();
    let (done, outcome) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome);
    let (response, sent) = Response::new(headers, Some(body), trailers);
    spawn_local(async move { done.write(sent.await).await });
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}
