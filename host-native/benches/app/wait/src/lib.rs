//! Answers after a second, so that as many instances live at once as there are requests.

use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_future;

const SECOND: u64 = 1_000_000_000;

struct Wait;

wasip3::http::service::export!(Wait);

impl wasip3::exports::http::handler::Guest for Wait {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        monotonic_clock::wait_for(SECOND).await;
        let (_end, end) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), None, end);
        Ok(response)
    }
}
