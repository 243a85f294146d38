//! The probe: shows over HTTP what a host gives to a guest, and does to the host what bad guests do.
//!
//! A path is `/<service>/<capability>/<action>`; the first segment only routes and is not looked
//! at. Each capability has a file of its own; arguments come in the query, bytes in the body.

mod arguments;
mod config;
mod faults;
mod http;
mod keyvalue;
mod limits;
mod objects;
mod reply;
mod wasi_keyvalue;

use arguments::Arguments;
use wasip3::http::types::{ErrorCode, Request, Response};

/// What the host offers beside WASI.
mod host {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

struct Probe;

wasip3::http::service::export!(Probe);

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let arguments = Arguments::of(&request.get_path_with_query().unwrap_or_default());
        match arguments.capability.as_str() {
            "http" => http::answer(request, &arguments).await,
            "keyvalue" => keyvalue::answer(request, &arguments).await,
            "wasi-keyvalue" => wasi_keyvalue::answer(request, &arguments).await,
            "config" => config::answer(&arguments),
            "limits" => limits::answer(request, arguments).await,
            "objects" => objects::answer(request, &arguments).await,
            "faults" => faults::answer(request, &arguments).await,
            // Whatever else is asked: which component this is, so that routing can be seen.
            _ => config::identity(&arguments),
        }
    }
}
