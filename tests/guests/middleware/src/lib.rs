//! A middleware: marks the request on its way in and the response on its way out, and answers some
//! requests itself.
//!
//! A mark is the place in the chain, 1 for the outermost: `x-request-marks` lists those that the
//! request passed, `x-marks` those that the response passed.

use bindings::exports::wasi::http0_3_0::handler::Guest;
use bindings::wasi::http0_3_0::handler;
use bindings::wasi::http0_3_0::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "selvedge:app/middleware",
        generate_all,
    });
}

struct Marker;

bindings::export!(Marker with_types_in bindings);

impl Guest for Marker {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let passed = request.get_headers().get("x-request-marks").len();
        let mark = (passed + 1).to_string();
        if request.get_headers().has("x-refuse") {
            return refuse(&mark);
        }
        let request = with_header(request, "x-request-marks", &mark)?;
        let response = handler::handle(request).await?;
        mark_response(response, &mark)
    }
}

/// Answers in the place of the service.
fn refuse(mark: &str) -> Result<Response, ErrorCode> {
    let (mut writer, reader) = wit_stream::new();
    let (_, end) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(reader), end);
    response.set_status_code(403).map_err(|()| ErrorCode::InternalError(None))?;
    let text = format!("refused by {mark}");
    wit_bindgen::spawn_local(async move { writer.write_all(text.into_bytes()).await });
    Ok(response)
}

/// The same request with one more header; the headers that came cannot be changed.
fn with_header(request: Request, name: &str, value: &str) -> Result<Request, ErrorCode> {
    let headers = request.get_headers().clone();
    headers.append(name, value.as_bytes()).map_err(|_| ErrorCode::InternalError(None))?;
    let (method, path) = (request.get_method(), request.get_path_with_query());
    let (scheme, authority) = (request.get_scheme(), request.get_authority());
    let (_, result) = wit_future::new(|| Ok(()));
    let (body, end) = Request::consume_body(request, result);
    let (passed, _sent) = Request::new(headers, Some(body), end, None);
    let invalid = |()| ErrorCode::InternalError(None);
    passed.set_method(&method).map_err(invalid)?;
    passed.set_path_with_query(path.as_deref()).map_err(invalid)?;
    passed.set_scheme(scheme.as_ref()).map_err(invalid)?;
    passed.set_authority(authority.as_deref()).map_err(invalid)?;
    Ok(passed)
}

fn mark_response(response: Response, mark: &str) -> Result<Response, ErrorCode> {
    let headers = response.get_headers().clone();
    headers.append("x-marks", mark.as_bytes()).map_err(|_| ErrorCode::InternalError(None))?;
    let status = response.get_status_code();
    let (_, result) = wit_future::new(|| Ok(()));
    let (body, end) = Response::consume_body(response, result);
    let (marked, _sent) = Response::new(headers, Some(body), end);
    marked.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    Ok(marked)
}
