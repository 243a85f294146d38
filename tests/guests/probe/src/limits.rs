//! Uses up what a host must bound: processor time, memory, wall time, body bytes.

use crate::arguments::Arguments;
use crate::host::selvedge::keyvalue::store;
use crate::http::{body_of, pause};
use crate::reply::{self, Answer};
use serde_json::json;
use std::hint::black_box;
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::Request;

const MEBIBYTE: usize = 1024 * 1024;

/// Answers `/…/limits/<action>`.
pub async fn answer(request: Request, arguments: Arguments) -> Answer {
    match arguments.action.as_str() {
        "spin-for-ever" => spin_for_ever(),
        "spin" => {
            spin(arguments.number("ms").unwrap_or(0));
            reply::text(200, "spun")
        }
        // Computes for long in all, with a wait after each piece.
        "spin-and-wait" => {
            for _ in 0..arguments.number("n").unwrap_or(1) {
                spin(arguments.number("ms").unwrap_or(0));
                pause(Some(1)).await;
            }
            reply::text(200, "spun")
        }
        // Promises an answer, sends its head, and computes for ever.
        "spin-in-body" => reply::streamed(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            pause(Some(50)).await;
            spin_for_ever()
        }),
        "allocate" => {
            let mebibytes = usize::try_from(arguments.number("mib").unwrap_or(0)).unwrap_or(0);
            // A vector of ones touches every page.
            let hoard = black_box(vec![1u8; mebibytes * MEBIBYTE]);
            reply::json(200, &json!({ "mib": hoard.len() / MEBIBYTE }))
        }
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1u8; MEBIBYTE]));
            }
        }
        "endless-body" => reply::streamed(200, &[], async |mut writer| {
            while writer.write_all(vec![b'x'; 16 * 1024]).await.is_empty() {}
            Ok(None)
        }),
        "counted-body" => counted_body(&arguments).await,
        "never-answer" => {
            pause(Some(24 * 3600 * 1000)).await;
            reply::text(200, "a day later")
        }
        // Sends a piece, then nothing for a day.
        "stalled-body" => reply::streamed(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            pause(Some(24 * 3600 * 1000)).await;
            Ok(None)
        }),
        // Reads the body and answers with its length only when it is whole.
        "read-body" => {
            let (body, end) = body_of(request);
            let bytes = reply::read_all(body).await.len();
            let error = end.await.err().map(|error| format!("{error:?}"));
            reply::json(200, &json!({ "bytes": bytes, "error": error }))
        }
        // Says how many random bytes it got of those that it asked for.
        "random" => {
            let asked = arguments.number("bytes").unwrap_or(0);
            let bytes = wasip3::random::random::get_random_bytes(asked).len();
            reply::json(200, &json!({ "bytes": bytes }))
        }
        other => reply::unknown(other),
    }
}

/// Sends an endless body, and keeps a letter in a store for each mebibyte that was taken from it.
async fn counted_body(arguments: &Arguments) -> Answer {
    let key = arguments.text("key").to_owned();
    let Ok(bucket) = store::open(arguments.text("store").to_owned()).await else {
        return Err(reply::internal("no store"));
    };
    let keep = async move |letters: usize| {
        bucket.set(key.clone(), vec![b'm'; letters], None).await.is_ok()
    };
    keep(0).await;
    reply::streamed(200, &[], async move |mut writer| {
        let mut taken = 0;
        while writer.write_all(vec![b'x'; MEBIBYTE]).await.is_empty() {
            taken += 1;
            if !keep(taken).await {
                break;
            }
        }
        Ok(None)
    })
}

fn spin(milliseconds: u64) {
    let start = monotonic_clock::now();
    while monotonic_clock::now().saturating_sub(start) < milliseconds * 1_000_000 {
        for step in 0..1_000 {
            black_box(step);
        }
    }
}

fn spin_for_ever() -> ! {
    loop {
        black_box(());
    }
}
