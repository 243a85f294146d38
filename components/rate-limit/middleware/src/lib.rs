//! Middleware: lets a client ask so often and no more.
//!
//! Each client has a token bucket, which is a durable object: wherever a request comes in, the same
//! bucket is asked. The vars `rate-limit-capacity` (how many requests at once, 60 if it is not there)
//! and `rate-limit-per-second` (how many in the long run, 1 if it is not there, fractions allowed)
//! say how much it gives.
//!
//! A bucket that cannot be reached stops nobody: a limit protects the service behind, and a failure of
//! the limit must not take the service away. The log says so.

use bindings::demo::rate_limit::token_buckets::TokenBucket;
use bindings::exports::wasi::http0_3_0::handler::Guest;
use bindings::wasi::config::store;
use bindings::wasi::http0_3_0::handler;
use bindings::wasi::http0_3_0::types::{ErrorCode, Fields, HeaderError, Request, Response};
use bindings::{wit_future, wit_stream};
use limit::{Limit, Told};
use std::sync::OnceLock;
use wit_bindgen::spawn_local;

// `wit/` has two versions of some packages; the modules of these are named with their version.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:rate-limit/middleware",
        generate_all,
    });
}
mod client;
mod limit;

/// What a request costs.
const COST: u32 = 1;

struct RateLimit;

bindings::export!(RateLimit with_types_in bindings);

impl Guest for RateLimit {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        // Read once, and kept for every request that this instance answers.
        static LIMIT: OnceLock<Result<Limit, String>> = OnceLock::new();
        let limit = match LIMIT.get_or_init(limit) {
            Ok(limit) => *limit,
            Err(why) => {
                eprintln!("{why}");
                return reply(500, "the service does not know its limit", Fields::new());
            }
        };
        let client = client::name(&request.get_headers().get("cf-connecting-ip"));
        let bucket = TokenBucket::new(&client);
        let verdict = match bucket.take(COST, limit.capacity, limit.per_second).await {
            Ok(verdict) => verdict,
            Err(error) => {
                eprintln!("the bucket of {client:?} did not answer, so it may go on: {error}");
                return handler::handle(request).await;
            }
        };
        let told = Told::new(limit, verdict.remaining, verdict.full_after_ms);
        if verdict.allowed {
            return with_headers(handler::handle(request).await?, &told);
        }
        let headers = Fields::new();
        set(&headers, "retry-after", limit::seconds(verdict.retry_after_ms))?;
        tell(&headers, &told)?;
        reply(429, "too many requests, try again later", headers)
    }
}

/// Reads the limit that the app's manifest asks for.
fn limit() -> Result<Limit, String> {
    let get = |key: &str| {
        store::get(key).map_err(|error| format!("config {key:?} could not be read: {error}"))
    };
    Limit::parse(get("rate-limit-capacity")?.as_deref(), get("rate-limit-per-second")?.as_deref())
}

/// The same response with the limit in its headers.
fn with_headers(response: Response, told: &Told) -> Result<Response, ErrorCode> {
    // The headers of a response that was made cannot be changed; those of a copy can.
    let headers = response.get_headers().clone();
    tell(&headers, told)?;
    let status = response.get_status_code();

    // The body is handed on as the stream that it is. `done` tells whoever sends it how it went.
    let (done, outcome) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome);
    let (response, sent) = Response::new(headers, Some(body), trailers);
    spawn_local(async move { done.write(sent.await).await });
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}

/// The fields of draft-ietf-httpapi-ratelimit-headers, in the spelling that it had up to its sixth
/// version, which is the one that clients know.
fn tell(headers: &Fields, told: &Told) -> Result<(), ErrorCode> {
    set(headers, "ratelimit-limit", told.limit.into())?;
    set(headers, "ratelimit-remaining", told.remaining.into())?;
    set(headers, "ratelimit-reset", told.reset_seconds)
}

fn set(headers: &Fields, name: &str, number: u64) -> Result<(), ErrorCode> {
    headers.set(name, &[number.to_string().into_bytes()]).map_err(internal)
}

fn reply(status: u16, reason: &str, headers: Fields) -> Result<Response, ErrorCode> {
    let body = serde_json::json!({ "reason": reason }).to_string().into_bytes();
    headers.set("content-type", &[b"application/json".to_vec()]).map_err(internal)?;
    headers.set("content-length", &[body.len().to_string().into_bytes()]).map_err(internal)?;

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
