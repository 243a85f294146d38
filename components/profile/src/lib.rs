//! `/api/profile`: asks an origin on behalf of a signed-in user.
//!
//! The middleware `jwt-auth` stands in front: a request that arrives here is valid, and its header
//! `x-auth-subject` says whose it is. The origin gets that subject and nothing else of the request,
//! its token least of all. What the origin answers goes to the client as it comes in: the body is a
//! stream that the host moves, and no byte of it enters this component.

use bindings::wasi::config::store;
use http::StatusCode;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::uri::{Authority, Uri};
use wasip3::exports::http::handler::Guest;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::{http_compat::http_into_wasi_response, wit_future};

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

const SUBJECT: &str = "x-auth-subject";
/// The origin, where the manifest has no var `origin`.
const ORIGIN: &str = "http://127.0.0.1:8788";
const CONNECT_NANOSECONDS_MAX: u64 = 2_000_000_000;
const FIRST_BYTE_NANOSECONDS_MAX: u64 = 10_000_000_000;

/// Where requests go.
#[derive(Debug, PartialEq)]
struct Origin {
    https: bool,
    authority: Authority,
}

struct Profile;

wasip3::http::service::export!(Profile);

impl Guest for Profile {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if !matches!(request.get_method(), Method::Get | Method::Head) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "use GET");
        }
        let subject = request.get_headers().get(SUBJECT);
        let [subject] = subject.as_slice() else {
            return refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "put the middleware jwt-auth in front",
            );
        };
        let origin = match origin() {
            Ok(origin) => origin,
            Err(why) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, &why),
        };
        let path = request.get_path_with_query();
        match client::send(to_origin(&origin, path.as_deref(), subject)?).await {
            Ok(response) => Ok(response),
            Err(error) => {
                let (status, why) = explain(&error);
                eprintln!("origin {}: {error}", origin.authority);
                refuse(status, why)
            }
        }
    }
}

/// The origin that the manifest names.
fn origin() -> Result<Origin, String> {
    let configured = store::get("origin").map_err(|error| format!("var \"origin\": {error}"))?;
    parse_origin(configured.as_deref().unwrap_or(ORIGIN))
}

fn parse_origin(text: &str) -> Result<Origin, String> {
    let uri: Uri = text.parse().map_err(|error| format!("var \"origin\": {error}"))?;
    let https = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err("var \"origin\" begins with neither http:// nor https://".to_owned()),
    };
    match uri.authority() {
        Some(authority) => Ok(Origin { https, authority: authority.clone() }),
        None => Err("var \"origin\" names no host".to_owned()),
    }
}

/// The request for the origin: same path, the subject, no body.
fn to_origin(origin: &Origin, path: Option<&str>, subject: &[u8]) -> Result<Request, ErrorCode> {
    let headers = Fields::from_list(&[
        ("accept".to_owned(), b"application/json".to_vec()),
        (SUBJECT.to_owned(), subject.to_vec()),
    ])
    .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;

    // A host may know no time-outs; then its own count.
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(CONNECT_NANOSECONDS_MAX));
    let _ = options.set_first_byte_timeout(Some(FIRST_BYTE_NANOSECONDS_MAX));

    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(headers, None, trailers, Some(options));
    let scheme = if origin.https { Scheme::Https } else { Scheme::Http };
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(origin.authority.as_str())))
        .and_then(|()| request.set_path_with_query(path))
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    Ok(request)
}

/// What the client may know about an origin that did not answer.
fn explain(error: &ErrorCode) -> (StatusCode, &'static str) {
    match error {
        ErrorCode::HttpRequestDenied => {
            (StatusCode::BAD_GATEWAY, "the origin is not among the hosts that the manifest allows")
        }
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => {
            (StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time")
        }
        _ => (StatusCode::BAD_GATEWAY, "the origin cannot be reached"),
    }
}

fn refuse(status: StatusCode, why: &str) -> Result<Response, ErrorCode> {
    let body = serde_json::json!({ "reason": why }).to_string();
    let mut response = http::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(ALLOW, "GET, HEAD");
    }
    let response = response.body(body);
    http_into_wasi_response(response.map_err(|e| ErrorCode::InternalError(Some(e.to_string())))?)
}

#[cfg(test)]
mod tests {
    use super::{ORIGIN, Origin, explain, parse_origin};
    use http::StatusCode;
    use wasip3::http::types::ErrorCode;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let parsed = |https, authority: &'static str| {
            Ok(Origin { https, authority: authority.parse().expect("an authority") })
        };
        assert_eq!(parse_origin(ORIGIN), parsed(false, "127.0.0.1:8788"));
        assert_eq!(parse_origin("https://api.example.com/"), parsed(true, "api.example.com"));
        for refused in ["", "api.example.com", "ftp://example.com", "/path", "http://"] {
            assert!(parse_origin(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_late_origin_is_told_from_one_that_is_not_there() {
        assert_eq!(explain(&ErrorCode::HttpResponseTimeout).0, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(explain(&ErrorCode::ConnectionRefused).0, StatusCode::BAD_GATEWAY);
    }
}
