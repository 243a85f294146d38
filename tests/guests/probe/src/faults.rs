//! Does what bad guests do: traps, lies, breaks off.

use crate::arguments::Arguments;
use crate::http::pause;
use crate::reply::{self, Answer};
use std::hint::black_box;
use wasip3::http::types::{ErrorCode, Fields, Request};
use wasip3::wit_future;

/// Answers `/…/faults/<action>`.
pub async fn answer(_request: Request, arguments: &Arguments) -> Answer {
    match arguments.action.as_str() {
        "unreachable" => trap(),
        "panic" => panic!("the probe was asked to panic: {}", arguments.text("text")),
        "exit" => std::process::exit(1),
        "overflow-stack" => {
            reply::text(200, deeper(arguments.number("depth").unwrap_or(1)).to_string())
        }
        "divide-by-zero" => {
            let zero = black_box(0i32);
            reply::text(200, (1i32.checked_div(zero)).expect("a number over zero").to_string())
        }
        "trap-later" => {
            pause(arguments.number("ms")).await;
            trap()
        }
        // Answers, and traps when the body was sent.
        "trap-after" => {
            let ms = arguments.number("ms");
            wit_bindgen::spawn_local(async move {
                pause(ms).await;
                trap()
            });
            reply::text(200, "answered before the trap")
        }
        "trap-in-body" => reply::streamed(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            pause(Some(50)).await;
            trap()
        }),
        // The error that a handler may give in the place of a response.
        "error" => Err(match arguments.text("code") {
            "internal" => ErrorCode::InternalError(Some("asked to fail".to_owned())),
            "refused" => ErrorCode::ConnectionRefused,
            "denied" => ErrorCode::HttpRequestDenied,
            _ => ErrorCode::InternalError(None),
        }),
        "body-error" => reply::streamed(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            Err(reply::internal("asked to break off"))
        }),
        "short-body" => lie(b"short", "100"),
        "long-body" => lie(b"far longer than promised", "5"),
        "invalid-status" => {
            let (_, end) = wit_future::new(|| Ok(None));
            reply::response(99, &[], None, end)
        }
        "many-headers" => {
            let headers = Fields::new();
            for index in 0..arguments.number("n").unwrap_or(1) {
                if headers.append(&format!("x-{index}"), &[b'v'; 100]).is_err() {
                    return reply::text(200, format!("refused after {index}"));
                }
            }
            reply::text(200, "accepted")
        }
        other => reply::unknown(other),
    }
}

/// A body that is not as long as its header says.
fn lie(body: &'static [u8], length: &str) -> Answer {
    reply::streamed(200, &[("content-length", length)], async move |mut writer| {
        writer.write_all(body.to_vec()).await;
        Ok(None)
    })
}

/// Calls itself until the stack ends.
#[expect(unconditional_recursion, reason = "the point of it")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    deeper(black_box(depth + 1)) + frame[0]
}

/// Ends the guest by the one instruction that is made for it.
fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}
