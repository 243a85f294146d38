//! A service that answers with what its dependency says.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

wit_bindgen::generate!({ path: "../dep/wit", world: "host" });

struct User;

wasip3::http::service::export!(User);

impl wasip3::exports::http::handler::Guest for User {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let greeting = probe::greeter::greet::greet(&path);
        let (mut writer, reader) = wit_stream::new();
        let (_, end) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(reader), end);
        wit_bindgen::spawn_local(async move { writer.write_all(greeting.into_bytes()).await });
        Ok(response)
    }
}
