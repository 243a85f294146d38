//! The probe of WASI 0.2: a handler that gets one instance a request, and the faults that only 0.2
//! can make.
//!
//! A path is `/<service>/<action>`; the first segment only routes and is not looked at.

mod faults;
mod keyvalue;
mod outbound;

use serde_json::json;
use std::cell::Cell;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};
use wstd::http::request::try_from_incoming;
use wstd::http::server::Responder;
use wstd::http::{Body, Client, Error, Request, Response};
use wstd::time::{Duration, Instant};

/// What the host offers beside WASI.
mod host {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

struct Probe;

wasip2::http::proxy::export!(Probe);

impl Guest for Probe {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let action = target.split('?').next().and_then(|path| path.splitn(3, '/').nth(2));
        match action.unwrap_or_default().to_owned().as_str() {
            "faults/no-answer" => {}
            "faults/status-700" => faults::answer_with_status(response_out, 700),
            "faults/second-answer" => faults::answer_twice(response_out),
            "faults/unreachable" => trap(),
            "faults/never-answer" => wstd::runtime::block_on(async {
                wstd::task::sleep(Duration::from_secs(24 * 3600)).await;
            }),
            "faults/spin-for-ever" => loop {
                std::hint::black_box(());
            },
            action => {
                let responder = Responder::new(response_out);
                wstd::runtime::block_on(async move {
                    let request = match try_from_incoming(request) {
                        Ok(request) => request,
                        Err(error) => return responder.fail(error),
                    };
                    match answer(action, request).await {
                        Ok(response) => drop(responder.respond(response).await),
                        Err(error) => responder.fail(error),
                    }
                });
            }
        }
    }
}

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

async fn answer(action: &str, request: Request<Body>) -> Result<Response<Body>, Error> {
    match action {
        "hello" => Ok(Response::new("hello from 0.2".to_owned().into())),
        "echo" => Ok(Response::builder()
            .header("x-method", request.method().as_str())
            .body(request.into_body())?),
        "instance" => {
            REQUESTS.set(REQUESTS.get() + 1);
            Ok(Response::new(json!({ "requests": REQUESTS.get() }).to_string().into()))
        }
        "sleep" => {
            let start = Instant::now();
            wstd::task::sleep(Duration::from_millis(100)).await;
            let slept = start.elapsed() >= Duration::from_millis(100);
            Ok(Response::new(json!({ "slept": slept }).to_string().into()))
        }
        "error" => Err(Error::msg("asked to fail")),
        // Hands the request's body to the origin that the header names, and its response back.
        "proxy" => {
            let origin = request.headers().get("x-origin").cloned();
            let origin =
                origin.as_ref().and_then(|origin| origin.to_str().ok()).unwrap_or_default();
            let outbound = Request::post(origin).body(request.into_body())?;
            match Client::new().send(outbound).await {
                Ok(response) => {
                    Ok(Response::builder().status(response.status()).body(response.into_body())?)
                }
                Err(error) => {
                    Ok(Response::builder().status(502).body(format!("{error:?}").into())?)
                }
            }
        }
        // An authority and a path that the headers give as they stand.
        "fetch-parts" => {
            let text = |name| {
                let value = request.headers().get(name).and_then(|value| value.to_str().ok());
                value.map(str::to_owned)
            };
            let fetched = outbound::fetch(text("x-authority"), text("x-path"));
            Ok(Response::new(fetched.to_string().into()))
        }
        keyvalue if keyvalue.starts_with("keyvalue/") => keyvalue::answer(keyvalue, request).await,
        other => Ok(Response::builder()
            .status(404)
            .body(format!("the probe has no action {other:?}\n").into())?),
    }
}

/// Ends the guest by the one instruction that is made for it.
fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}
