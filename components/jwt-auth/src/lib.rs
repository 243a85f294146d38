//! Middleware: lets a request through when its bearer token is valid.
//!
//! A middleware exports `wasi:http/handler`, as a service does, and imports it too: the import is
//! whatever stands behind it. `selvedge build` plugs the two together, so the service needs no code
//! for it, and a call from one to the other is a function call.
//!
//! The key is the secret `jwt-key`. The vars `jwt-issuer` and `jwt-audience` say whose tokens count,
//! and for whom they have to be. The service behind gets the token's subject as `x-auth-subject`.

use bindings::exports::wasi::http0_3_0::handler::Guest;
use bindings::wasi::config::store;
use bindings::wasi::http0_3_0::handler;
use bindings::wasi::http0_3_0::types::{ErrorCode, Fields, HeaderError, Request, Response};
use bindings::{wit_future, wit_stream};
use std::sync::OnceLock;
use token::{Refusal, Verifier};
use wit_bindgen::spawn_local;

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "selvedge:app/middleware",
        generate_all,
    });
}
mod algorithms;
mod token;

const SUBJECT: &str = "x-auth-subject";

struct JwtAuth;

bindings::export!(JwtAuth with_types_in bindings);

impl Guest for JwtAuth {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        // Read once, and kept for every request that this instance answers.
        static VERIFIER: OnceLock<Result<Verifier, String>> = OnceLock::new();
        let verifier = match VERIFIER.get_or_init(verifier) {
            Ok(verifier) => verifier,
            Err(why) => {
                eprintln!("{why}");
                return reply(500, None, "the service cannot verify tokens");
            }
        };
        let authorization = request.get_headers().get("authorization");
        match token::bearer(&authorization).and_then(|token| verifier.subject(token)) {
            Ok(subject) => handler::handle(with_subject(request, &subject)?).await,
            Err(refusal) => reply(401, Some(&challenge(&refusal)), &refusal.to_string()),
        }
    }
}

/// Makes the verifier that the app's manifest asks for.
fn verifier() -> Result<Verifier, String> {
    let get = |key: &str| {
        store::get(key).map_err(|error| format!("config {key:?} could not be read: {error}"))
    };
    let key = get("jwt-key")?
        .ok_or("there is no secret \"jwt-key\": grant it to jwt-auth in the app's manifest")?;
    let mut verifier = Verifier::new(&key)?;
    if let Some(issuer) = get("jwt-issuer")? {
        verifier.require_issuer(&issuer);
    }
    if let Some(audience) = get("jwt-audience")? {
        verifier.require_audience(&audience);
    }
    Ok(verifier)
}

/// The same request with the subject in its headers, in the place of what the client wrote there.
fn with_subject(request: Request, subject: &str) -> Result<Request, ErrorCode> {
    // The headers of a request that came in cannot be changed; those of a copy can.
    let headers = request.get_headers().clone();
    headers.set(SUBJECT, &[subject.as_bytes().to_vec()]).map_err(internal)?;
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

/// What the client has to do, in the words of RFC 6750.
fn challenge(refusal: &Refusal) -> String {
    match refusal {
        // Who sent no token made no mistake yet.
        Refusal::NoToken => "Bearer".to_owned(),
        _ => format!("Bearer error=\"invalid_token\", error_description=\"{refusal}\""),
    }
}

fn reply(status: u16, challenge: Option<&str>, reason: &str) -> Result<Response, ErrorCode> {
    let body = serde_json::json!({ "reason": reason }).to_string().into_bytes();
    let headers = Fields::new();
    let set = |name: &str, value: &str| headers.set(name, &[value.as_bytes().to_vec()]);
    set("content-type", "application/json").map_err(internal)?;
    set("content-length", &body.len().to_string()).map_err(internal)?;
    if let Some(challenge) = challenge {
        set("www-authenticate", challenge).map_err(internal)?;
    }

    let (mut writer, stream) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(stream), trailers);
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    spawn_local(async move { writer.write_all(body).await });
    Ok(response)
}

fn internal(error: HeaderError) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}
