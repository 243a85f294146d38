//! Step 2 of a request's way, choose: which service answers, whether it may, and what the client gets
//! where it does not.

use crate::app::{Composition, app};
use crate::{answer, guest};
use js_sys::Array;
use selvedge_contract::failure::Failure;
use selvedge_contract::limits::{HEADER_COUNT_MAX, Limits};
use wasm_bindgen::prelude::JsValue;
use worker::web_sys::{Request, Response};

/// Answers a request, whatever happens.
pub(crate) async fn answer(request: &Request, env: &JsValue, context: &JsValue) -> Response {
    let id = next_id();
    let head = Head::read(request);
    if !head.names_one_host() {
        return answer::failure(Failure::BadRequest, &id, "", "");
    }
    let app = app();
    let chosen = app.routes.find(head.host.as_deref(), head.path());
    let Some((index, service)) =
        chosen.and_then(|index| Some((*index, app.compositions.get(*index)?)))
    else {
        return answer::failure(Failure::NoRoute, &id, "", "");
    };
    match ask(index, service, &head, request, env, context, &id).await {
        Ok(response) => response,
        Err((failure, cause)) => answer::failure(failure, &id, &service.name, &cause),
    }
}

/// Why a service did not answer, and what is known of the cause.
pub(crate) type Refusal = (Failure, String);

async fn ask(
    index: usize,
    service: &Composition,
    head: &Head,
    request: &Request,
    env: &JsValue,
    context: &JsValue,
    id: &str,
) -> Result<Response, Refusal> {
    let limits = service.limits();
    head.check(&limits).map_err(|failure| (failure, String::new()))?;
    guest::answer(index, service, &limits, request, env, context, id).await
}

/// What is looked at of a request's head.
struct Head {
    url: String,
    host: Option<String>,
    bytes: u64,
    count: usize,
    length: Option<u64>,
}

impl Head {
    fn read(request: &Request) -> Self {
        let url = request.url();
        let (mut host, mut length) = (None, None);
        let (mut bytes, mut count) = (0, 0);
        for entry in request.headers().entries() {
            let Ok(entry) = entry else { break };
            let entry = Array::from(&entry);
            let name = entry.get(0).as_string().unwrap_or_default();
            let value = entry.get(1).as_string().unwrap_or_default();
            // ": " and the end of the line.
            bytes += name.len() + value.len() + 4;
            count += 1;
            match name.as_str() {
                "host" => host = Some(value),
                "content-length" => length = value.parse().ok(),
                _ => {}
            }
        }
        // Method, version and their blanks, near enough.
        bytes += url.len() + 16;
        Self { url, host, bytes: u64::try_from(bytes).unwrap_or(u64::MAX), count, length }
    }

    /// The path as it was sent, without the query.
    fn path(&self) -> &str {
        let after_scheme = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
        path.split(['?', '#']).next().unwrap_or(path)
    }

    /// RFC 9112 section 3.2: a request without a host, or with two, is answered with 400. The platform
    /// joins fields of one name by a comma.
    fn names_one_host(&self) -> bool {
        self.host.as_deref().is_some_and(|host| !host.is_empty() && !host.contains([',', ' ']))
    }

    fn check(&self, limits: &Limits) -> Result<(), Failure> {
        if self.bytes > limits.header_bytes || self.count > HEADER_COUNT_MAX {
            return Err(Failure::HeadersTooLarge);
        }
        if self.length.is_some_and(|length| length > limits.request_body_bytes) {
            return Err(Failure::RequestBodyTooLarge);
        }
        Ok(())
    }
}

/// A request's number, unlikely to have been seen before.
fn next_id() -> String {
    let random = || (js_sys::Math::random() * 4_294_967_296.0) as u32;
    format!("{:08x}{:08x}", random(), random())
}
