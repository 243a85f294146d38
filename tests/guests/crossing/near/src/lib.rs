//! A service that sends all kinds of values to its dependencies, and judges itself whether they came
//! back: a path is `/crossing/<check>`, and the answer is 200 `ok`, or 500 with what differed.

mod calls;
mod samples;
mod streams;
mod things;
mod values;

use bindings::test::crossing::between;
use bindings::test::crossing::streams as far;
use std::fmt::Debug;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "near",
        // Asynchronous functions that are waited for without giving the stack back.
        sync: [
            "import:test:crossing/calls@0.1.0#wait-for-it",
            "import:test:crossing/calls@0.1.0#block-for-it",
        ],
    });
}

/// What a check comes to: nothing, or what differed.
type Checked = Result<(), String>;

struct Near;

wasip3::http::service::export!(Near);

impl wasip3::exports::http::handler::Guest for Near {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        if name == "through" {
            return through(request).await;
        }
        match check(name).await {
            None => answer(404, format!("there is no check {name:?}")),
            Some(Ok(())) => answer(200, "ok".to_owned()),
            Some(Err(difference)) => answer(500, difference),
        }
    }
}

/// Sends the body to two other components and back to the client.
async fn through(request: Request) -> Result<Response, ErrorCode> {
    let (_, result) = wit_future::new(|| Ok(()));
    let (body, end) = Request::consume_body(request, result);
    let body = far::bytes_through(far::bytes_back(body)).await;
    let body = between::bytes_through(body).await;
    let (response, _sent) = Response::new(Fields::new(), Some(body), end);
    Ok(response)
}

async fn check(name: &str) -> Option<Checked> {
    Some(match name {
        "scalars" => values::scalars().await,
        "flat" => values::flat(),
        "wide" => values::wide().await,
        "flags" => values::flags().await,
        "variants" => values::variants().await,
        "options" => values::options(),
        "results" => values::results().await,
        "all" => values::all().await,
        "text" => values::text().await,
        "lists" => values::lists().await,

        "methods" => things::methods().await,
        "owned" => things::owned(),
        "lent" => things::lent().await,
        "kept" => things::kept(),
        "between" => things::between().await,

        "together" => calls::together().await,
        "turns" => calls::turns().await,
        "waited-for" => calls::waited_for().await,
        "blocking" => calls::blocking().await,
        "stuck" => calls::stuck(),
        "entered" => calls::entered().await,
        "given-way" => calls::given_way().await,
        "failing" => calls::failing().await,
        "answered-first" => calls::answered_first().await,
        "cancelled" => calls::cancelled().await,
        "cancelled-beyond" => calls::cancelled_beyond().await,
        "cancelled-amid" => calls::cancelled_amid().await,
        "held" => calls::held().await,

        "bytes" => streams::bytes().await,
        "records" => streams::records().await,
        "everything" => streams::everything().await,
        "back" => streams::back().await,
        "handed-on" => streams::handed_on().await,
        "futures" => streams::futures().await,
        "reader-leaves" => streams::reader_leaves().await,
        "writer-leaves" => streams::writer_leaves().await,
        "nobody-reads" => streams::nobody_reads().await,
        "reads-cancelled" => streams::reads_cancelled().await,
        "writes-cancelled" => streams::writes_cancelled().await,
        "handles" => streams::handles().await,
        "beats" => streams::beats().await,
        _ => return None,
    })
}

/// Whether what came is what was to come. What they are spelled like is compared: so is what is not a
/// number equal to itself, and a zero is not its negative.
fn same<T: Debug>(what: &str, expected: &T, found: &T) -> Checked {
    let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {}, found {}", cut(&expected), cut(&found)))
}

fn cut(text: &str) -> String {
    text.chars().take(2000).collect()
}

fn answer(status: u16, body: String) -> Result<Response, ErrorCode> {
    let (mut writer, reader) = wit_stream::new();
    let (_, end) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(reader), end);
    response.set_status_code(status).map_err(|()| ErrorCode::InternalError(None))?;
    wit_bindgen::spawn_local(async move { writer.write_all(body.into_bytes()).await });
    Ok(response)
}
