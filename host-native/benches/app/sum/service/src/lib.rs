//! Adds one to the durable object whose name is the last part of the path, and answers the sum.

use bindings::demo::counter::counters::Counter;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../../../wit", "../../../../../components/counter/wit"],
        world: "demo:counter/service",
        generate_all,
    });
}

struct Service;

wasip3::http::service::export!(Service);

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let count = Counter::new(name).add(1).await.map_err(failed)?;
        let text = count.value.to_string();
        let headers = Fields::new();
        headers.append("content-length", text.len().to_string().as_bytes()).map_err(failed)?;
        let (mut body, reader) = wit_stream::new();
        let (_end, end) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(reader), end);
        wit_bindgen::spawn_local(async move {
            body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}

fn failed(error: impl std::fmt::Debug) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("{error:?}")))
}
