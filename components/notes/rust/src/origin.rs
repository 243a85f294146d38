//! Fetches a text from another server: the one call that leaves this service.

use crate::body;
use crate::reply::Refusal;
use http::Uri;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, RequestOptions, Response, Scheme};
use wasip3::wit_future;

const CONNECT_NANOSECONDS_MAX: u64 = 2_000_000_000;
const FIRST_BYTE_NANOSECONDS_MAX: u64 = 10_000_000_000;

/// The text that a GET of `url` brings.
pub(crate) async fn fetch(url: &Uri) -> Result<String, Refusal> {
    let request = to_origin(url).map_err(|()| Refusal::From)?;
    let response = client::send(request).await.map_err(|error| {
        eprintln!("origin {url}: {error}");
        match error {
            ErrorCode::HttpRequestDenied => {
                Refusal::Origin("the manifest does not allow that host")
            }
            _ => Refusal::Origin("the origin cannot be reached"),
        }
    })?;
    if !(200..300).contains(&response.get_status_code()) {
        return Err(Refusal::Origin("the origin has no such text"));
    }
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, done);
    body::read(body, trailers).await.map_err(|error| {
        eprintln!("origin {url}: {error:?}");
        Refusal::Origin("what the origin sent is no note")
    })
}

fn to_origin(url: &Uri) -> Result<Request, ()> {
    // A host may know no time-outs; then its own count.
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(CONNECT_NANOSECONDS_MAX));
    let _ = options.set_first_byte_timeout(Some(FIRST_BYTE_NANOSECONDS_MAX));

    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, Some(options));
    let is_https = url.scheme_str() == Some("https");
    request.set_scheme(Some(&if is_https { Scheme::Https } else { Scheme::Http }))?;
    request.set_authority(url.authority().map(http::uri::Authority::as_str))?;
    request.set_path_with_query(url.path_and_query().map(http::uri::PathAndQuery::as_str))?;
    Ok(request)
}
