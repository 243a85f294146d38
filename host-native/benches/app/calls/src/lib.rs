//! Calls another component again and again, one call after the other, and answers how many
//! nanoseconds a call took: the median of rounds, so that what else goes on in the machine counts
//! for little.

use bindings::bench::calls::tallies::Tally;
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "bench:calls/service" });
}

const ROUNDS: usize = 21;
const CALLS: u64 = 200;

struct Calls;

wasip3::http::service::export!(Calls);

impl wasip3::exports::http::handler::Guest for Calls {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let tally = Tally::new("one");
        let mut rounds = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begin = monotonic_clock::now();
            for _ in 0..CALLS {
                tally.count().await;
            }
            rounds.push((monotonic_clock::now() - begin) / CALLS);
        }
        rounds.sort_unstable();
        let text = rounds[ROUNDS / 2].to_string().into_bytes();
        let headers = Fields::new();
        let length = text.len().to_string();
        headers.append("content-length", length.as_bytes()).map_err(failed)?;
        let (mut body, reader) = wit_stream::new();
        let (_end, end) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(reader), end);
        wit_bindgen::spawn_local(async move {
            body.write_all(text).await;
        });
        Ok(response)
    }
}

fn failed(error: impl std::fmt::Debug) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("{error:?}")))
}
