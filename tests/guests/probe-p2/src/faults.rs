//! What only a 0.2 handler can do wrong.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// Answers as it should, body and all, and then answers again.
pub fn answer_twice(response_out: ResponseOutparam) {
    let handle = response_out.handle();
    answer_once(response_out, "first answer");
    // SAFETY: the handle is no longer ours, and that is the point: the host must notice.
    answer_once(unsafe { ResponseOutparam::from_handle(handle) }, "second answer");
}

/// Answers with a status that no response has, and no body.
pub fn answer_with_status(response_out: ResponseOutparam, status: u16) {
    let response = OutgoingResponse::new(Fields::new());
    if response.set_status_code(status).is_err() {
        return;
    }
    let body = response.body().expect("the first body of this response");
    ResponseOutparam::set(response_out, Ok(response));
    // A client that left does not read how the body ends.
    let _ = OutgoingBody::finish(body, None);
}

fn answer_once(response_out: ResponseOutparam, text: &str) {
    // Of a body without a length, nobody could tell whether it was whole when the guest trapped.
    let length = text.len().to_string().into_bytes();
    let fields = Fields::from_list(&[("content-length".to_owned(), length)]).expect("a length");
    let response = OutgoingResponse::new(fields);
    let body = response.body().expect("the first body of this response");
    ResponseOutparam::set(response_out, Ok(response));
    let stream = body.write().expect("the first stream of this body");
    stream.blocking_write_and_flush(text.as_bytes()).expect("a client that reads");
    drop(stream);
    OutgoingBody::finish(body, None).expect("a body without a promised length");
}
