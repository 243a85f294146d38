//! `wasi:http`: what arrives, what is sent, and what goes out to other origins.

use crate::arguments::Arguments;
use crate::reply::{self, Answer, End};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use wasip3::clocks::monotonic_clock;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_future;
use wit_bindgen::{FutureReader, StreamReader};

const MILLISECOND: u64 = 1_000_000;
/// The pause between two looks at who has come to the barrier.
const BARRIER_LOOK_MS: u64 = 10;

/// Answers `/…/http/<action>`.
pub async fn answer(request: Request, arguments: &Arguments) -> Answer {
    match arguments.action.as_str() {
        "hello" => reply::text(200, "hello"),
        "echo" => echo(request),
        "request" => describe(&request),
        "collect" => collect(request).await,
        "ignore-body" => reply::text(200, "not read"),
        "status" => status(arguments),
        "headers" => headers(arguments),
        "set-header" => set_header(arguments),
        "trailers" => trailers(arguments),
        "bytes" => stream_bytes(arguments),
        "slow" => slow(arguments),
        "sleep" => {
            pause(arguments.number("ms")).await;
            reply::text(200, "slept")
        }
        "instance" => instance(),
        "barrier" => barrier(arguments).await,
        "log" => log(arguments),
        "fetch" => fetch(arguments).await,
        "fetch-parts" => fetch_parts(arguments).await,
        "proxy" => proxy(request, arguments).await,
        other => reply::unknown(other),
    }
}

/// Waits for so many milliseconds.
pub async fn pause(milliseconds: Option<u64>) {
    monotonic_clock::wait_for(milliseconds.unwrap_or(0) * MILLISECOND).await;
}

/// The body of `request`, and how it ends.
pub fn body_of(request: Request) -> (StreamReader<u8>, FutureReader<End>) {
    let (_, result) = wit_future::new(|| Ok(()));
    Request::consume_body(request, result)
}

/// Sends back what comes, while it comes, trailers included.
fn echo(request: Request) -> Answer {
    let method = method_name(&request.get_method());
    let content_type = first(&request.get_headers(), "content-type");
    let (body, end) = body_of(request);
    let fields = [
        ("content-type", content_type.as_deref().unwrap_or("application/octet-stream")),
        ("x-method", method.as_str()),
    ];
    reply::response(200, &fields, Some(body), end)
}

/// Says what the request's head holds.
fn describe(request: &Request) -> Answer {
    let headers: Vec<Value> = request
        .get_headers()
        .copy_all()
        .into_iter()
        .map(|(name, value)| json!([name, String::from_utf8_lossy(&value)]))
        .collect();
    reply::json(
        200,
        &json!({
            "method": method_name(&request.get_method()),
            "path-with-query": request.get_path_with_query(),
            "scheme": request.get_scheme().map(|scheme| match scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
                Scheme::Other(other) => other,
            }),
            "authority": request.get_authority(),
            "headers": headers,
        }),
    )
}

/// Reads the whole body and says how much it was, and how it ended.
async fn collect(request: Request) -> Answer {
    let (body, end) = body_of(request);
    let whole = reply::read_all(body).await;
    let (trailers, error) = match end.await {
        Ok(trailers) => (trailers.map(|trailers| pairs(&trailers)), None),
        Err(error) => (None, Some(format!("{error:?}"))),
    };
    reply::json(
        200,
        &json!({
            "bytes": whole.len(),
            "sha256": hexadecimal(&Sha256::digest(&whole)),
            "trailers": trailers,
            "error": error,
        }),
    )
}

/// Answers with the status that the query names.
fn status(arguments: &Arguments) -> Answer {
    let status = u16::try_from(arguments.number("code").unwrap_or(200)).unwrap_or(u16::MAX);
    match arguments.get("body") {
        Some(body) => reply::text(status, body),
        None => reply::empty(status),
    }
}

/// Answers with every pair of the query as a header.
fn headers(arguments: &Arguments) -> Answer {
    let fields: Vec<(&str, &str)> = arguments.pairs().collect();
    reply::streamed(200, &fields, async |_| Ok(None))
}

/// Says what the host makes of a header that the guest sets.
fn set_header(arguments: &Arguments) -> Answer {
    let result = Fields::new().append(arguments.text("name"), arguments.text("value").as_bytes());
    reply::json(
        200,
        &json!({ "result": result.err().map_or("ok".to_owned(), |error| format!("{error:?}")) }),
    )
}

/// Answers with a body and with every pair of the query as a trailer.
fn trailers(arguments: &Arguments) -> Answer {
    let trailers = Fields::new();
    for (name, value) in arguments.pairs() {
        let _ = trailers.append(name, value.as_bytes());
    }
    reply::streamed(200, &[("content-type", "text/plain")], async move |mut writer| {
        writer.write_all(b"body".to_vec()).await;
        Ok(Some(trailers))
    })
}

/// Streams `n` bytes in chunks of `chunk`.
fn stream_bytes(arguments: &Arguments) -> Answer {
    let mut left = usize::try_from(arguments.number("n").unwrap_or(0)).unwrap_or(0);
    let chunk = usize::try_from(arguments.number("chunk").unwrap_or(64 * 1024)).unwrap_or(1);
    let length = left.to_string();
    let mut fields = vec![("content-type", "application/octet-stream")];
    if arguments.get("length").is_some() {
        fields.push(("content-length", length.as_str()));
    }
    reply::streamed(200, &fields, async move |mut writer| {
        while left > 0 {
            let part = chunk.min(left);
            if !writer.write_all(vec![b'x'; part]).await.is_empty() {
                break;
            }
            left -= part;
        }
        Ok(None)
    })
}

/// Streams `n` letters, one every `ms` milliseconds, the first at once.
fn slow(arguments: &Arguments) -> Answer {
    let letters = arguments.number("n").unwrap_or(1);
    let every = arguments.number("ms");
    reply::streamed(200, &[("content-type", "text/plain")], async move |mut writer| {
        for index in 0..letters {
            if index > 0 {
                pause(every).await;
            }
            if !writer.write_all(vec![b'x']).await.is_empty() {
                break;
            }
        }
        Ok(None)
    })
}

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
    static INSTANCE: Cell<u64> = const { Cell::new(0) };
    static AT_BARRIER: Cell<u64> = const { Cell::new(0) };
}

/// Says which instance this is and how many such requests it has seen.
fn instance() -> Answer {
    if INSTANCE.get() == 0 {
        INSTANCE.set(wasip3::random::random::get_random_u64() | 1);
    }
    REQUESTS.set(REQUESTS.get() + 1);
    let instance = format!("{:016x}", INSTANCE.get());
    reply::json(200, &json!({ "instance": instance, "requests": REQUESTS.get() }))
}

/// Waits until `n` requests are in this function of this instance, at most `ms` milliseconds.
async fn barrier(arguments: &Arguments) -> Answer {
    let wanted = arguments.number("n").unwrap_or(2);
    AT_BARRIER.set(AT_BARRIER.get() + 1);
    // Few long waits: on a busy machine each takes some milliseconds more than it was asked for.
    for _ in 0..arguments.number("ms").unwrap_or(1000).div_ceil(BARRIER_LOOK_MS) {
        if AT_BARRIER.get() >= wanted {
            return reply::json(200, &json!({ "met": true }));
        }
        pause(Some(BARRIER_LOOK_MS)).await;
    }
    reply::json(200, &json!({ "met": false }))
}

/// Writes lines to the guest's output: `text`, `n` times.
fn log(arguments: &Arguments) -> Answer {
    let text = arguments
        .text("text")
        .repeat(usize::try_from(arguments.number("repeat").unwrap_or(1)).unwrap_or(1));
    match arguments.text("to") {
        "stderr" => eprintln!("{text}"),
        _ => println!("{text}"),
    }
    reply::text(200, "logged")
}

/// Asks another origin, and tells what came: its status and body, or the error.
async fn fetch(arguments: &Arguments) -> Answer {
    let (_, end) = wit_future::new(|| Ok(None));
    // How long it waits for the first byte of the answer, where the query says so.
    let options = arguments.number("first-byte-ms").map(|ms| {
        let options = RequestOptions::new();
        let _ = options.set_first_byte_timeout(Some(ms * MILLISECOND));
        options
    });
    let request = outbound(arguments.text("url"), Fields::new(), None, end, options)?;
    sent(request).await
}

/// The same, of an authority and a path that the query gives as they stand.
async fn fetch_parts(arguments: &Arguments) -> Answer {
    let (_, end) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, end, None);
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(arguments.get("authority")))
        .and_then(|()| request.set_path_with_query(arguments.get("path")));
    match set {
        Ok(()) => sent(request).await,
        // As good as the error of a request that is refused when it is sent.
        Err(()) => {
            reply::json(200, &json!({ "error": name_of(&ErrorCode::HttpRequestUriInvalid) }))
        }
    }
}

async fn sent(request: Request) -> Answer {
    match client::send(request).await {
        Err(error) => reply::json(200, &json!({ "error": name_of(&error) })),
        Ok(response) => {
            let status = response.get_status_code();
            let headers = pairs(&response.get_headers());
            let (_, result) = wit_future::new(|| Ok(()));
            let (body, end) = Response::consume_body(response, result);
            let whole = reply::read_all(body).await;
            let error = end.await.err().map(|error| name_of(&error));
            let body = String::from_utf8_lossy(&whole);
            reply::json(
                200,
                &json!({ "status": status, "headers": headers, "bytes": whole.len(),
                "body": body.get(..1000).unwrap_or(&body), "body-error": error }),
            )
        }
    }
}

/// Hands the request's body to another origin, and its response back, both while they come.
async fn proxy(request: Request, arguments: &Arguments) -> Answer {
    let headers = Fields::new();
    if let Some(content_type) = first(&request.get_headers(), "content-type") {
        let _ = headers.append("content-type", content_type.as_bytes());
    }
    let method = request.get_method();
    let (body, end) = body_of(request);
    let outbound = outbound(arguments.text("url"), headers, Some(body), end, None)?;
    outbound.set_method(&method).map_err(|()| reply::internal("method"))?;
    client::send(outbound).await
}

fn outbound(
    url: &str,
    headers: Fields,
    body: Option<StreamReader<u8>>,
    end: FutureReader<End>,
    options: Option<RequestOptions>,
) -> Result<Request, ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (request, _sent) = Request::new(headers, body, end, options);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    Ok(request)
}

/// The name of an error, without what it carries.
fn name_of(error: &ErrorCode) -> String {
    let spelled = format!("{error:?}");
    let tail = spelled.strip_prefix("ErrorCode::").unwrap_or(&spelled);
    tail.split(['(', ' ', '{']).next().unwrap_or(tail).to_owned()
}

fn method_name(method: &Method) -> String {
    match method {
        Method::Other(other) => other.clone(),
        known => format!("{known:?}").trim_start_matches("Method::").to_ascii_uppercase(),
    }
}

fn first(fields: &Fields, name: &str) -> Option<String> {
    fields.get(name).first().map(|value| String::from_utf8_lossy(value).into_owned())
}

fn pairs(fields: &Fields) -> Value {
    let pairs = fields.copy_all();
    pairs
        .into_iter()
        .map(|(name, value)| (name, Value::from(String::from_utf8_lossy(&value))))
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
