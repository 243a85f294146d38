//! `/flags/{environment}/{flag}`: features that are on for some users.
//!
//! - `PUT /flags/staging/dark-mode` with `{"enabled": true, "percent": 25}` sets a flag
//! - `GET /flags/staging/dark-mode?user=ada` says whether it is on for a user
//! - `GET /flags/staging` lists all flags of an environment
//! - `DELETE /flags/staging/dark-mode` removes one
//!
//! All flags of an environment are in one durable object. Whether a flag is on for a user is worked out
//! here and stored nowhere: see `rollout.rs`.

use bindings::demo::feature_flags::environments::{Environment, Error, Flag};
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use target::Target;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::{http_compat::http_into_wasi_response, wit_future};

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:feature-flags/service",
        generate_all,
    });
}
mod rollout;
mod target;

/// What `PUT` takes.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    enabled: bool,
    percent: u8,
}

/// An answer other than 200.
enum Refusal {
    BadRequest(&'static str),
    NotFound(&'static str),
    /// Says which methods there are.
    Method(&'static str),
    Object(Error),
}

const NO_FLAG: Refusal = Refusal::NotFound("there is no such flag");

struct Service;

wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let method = request.get_method();
        let answer = match Target::parse(&path) {
            Ok(Target { environment, flag: None, .. }) => list(&method, &environment).await,
            Ok(Target { environment, flag: Some(flag), user }) => {
                let environment = Environment::new(&environment);
                match method {
                    Method::Get | Method::Head => evaluate(&environment, flag, user).await,
                    Method::Put => set(&environment, flag, &body(request).await?).await,
                    Method::Delete => remove(&environment, flag).await,
                    _ => Err(Refusal::Method("GET, HEAD, PUT, DELETE")),
                }
            }
            Err(why) => Err(Refusal::BadRequest(why)),
        };
        match answer {
            Ok(answer) => reply(StatusCode::OK, &answer, None),
            Err(refusal) => refuse(&refusal),
        }
    }
}

async fn list(method: &Method, environment: &str) -> Result<Value, Refusal> {
    if !matches!(method, Method::Get | Method::Head) {
        return Err(Refusal::Method("GET, HEAD"));
    }
    let flags = Environment::new(environment).all().await?;
    Ok(json!({ "flags": flags.iter().map(shown).collect::<Vec<_>>() }))
}

async fn evaluate(
    environment: &Environment,
    name: String,
    user: Option<String>,
) -> Result<Value, Refusal> {
    let user = user.ok_or(Refusal::BadRequest("say for whom: ?user=NAME"))?;
    let flag = environment.find(name).await?.ok_or(NO_FLAG)?;
    let enabled = flag.enabled && rollout::is_on(&flag.name, &user, flag.percent);
    Ok(json!({ "flag": flag.name, "enabled": enabled }))
}

async fn set(environment: &Environment, name: String, body: &[u8]) -> Result<Value, Refusal> {
    const EXPECTED: Refusal =
        Refusal::BadRequest("the body is JSON such as {\"enabled\": true, \"percent\": 25}");
    let Setting { enabled, percent } = serde_json::from_slice(body).map_err(|_| EXPECTED)?;
    if percent > 100 {
        return Err(Refusal::BadRequest("percent is a whole number from 0 to 100"));
    }
    let flag = Flag { name, enabled, percent };
    environment.set(flag.clone()).await?;
    Ok(shown(&flag))
}

async fn remove(environment: &Environment, name: String) -> Result<Value, Refusal> {
    if environment.remove(name.clone()).await? {
        return Ok(json!({ "flag": name, "removed": true }));
    }
    Err(NO_FLAG)
}

fn shown(flag: &Flag) -> Value {
    json!({ "flag": flag.name, "enabled": flag.enabled, "percent": flag.percent })
}

/// The whole body. How large it may be is the host's business: it ends a request that is over.
async fn body(request: Request) -> Result<Vec<u8>, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, done);
    let bytes = body.collect().await;
    // A body that broke off ends as a whole one does; only the trailers tell them apart.
    trailers.await?;
    Ok(bytes)
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Object(error)
    }
}

/// What a client should think of a refusal, and whether it is worth another try.
fn refuse(refusal: &Refusal) -> Result<Response, ErrorCode> {
    let (status, reason) = match refusal {
        Refusal::BadRequest(why) => (StatusCode::BAD_REQUEST, *why),
        Refusal::NotFound(what) => (StatusCode::NOT_FOUND, *what),
        Refusal::Method(allowed) => {
            let reason = json!({ "reason": format!("use one of {allowed}") });
            return reply(StatusCode::METHOD_NOT_ALLOWED, &reason, Some((ALLOW, allowed)));
        }
        Refusal::Object(Error::Invalid(why)) => (StatusCode::BAD_REQUEST, why.as_str()),
        Refusal::Object(error) => {
            eprintln!("the flags did not answer: {error}");
            if matches!(error, Error::Overloaded | Error::Reset(_) | Error::Timeout) {
                let reason = json!({ "reason": "the flags do not answer now, try again" });
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return reply(status, &reason, Some((RETRY_AFTER, "1")));
            }
            (StatusCode::INTERNAL_SERVER_ERROR, "the service cannot reach its flags")
        }
    };
    reply(status, &json!({ "reason": reason }), None)
}

fn reply(
    status: StatusCode,
    answer: &Value,
    header: Option<(http::HeaderName, &str)>,
) -> Result<Response, ErrorCode> {
    let body = answer.to_string();
    let mut response = http::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len())
        .header(CACHE_CONTROL, "no-store");
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    let response = response.body(body);
    http_into_wasi_response(response.map_err(|e| ErrorCode::InternalError(Some(e.to_string())))?)
}
