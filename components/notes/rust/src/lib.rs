//! `/rust/notes`: keeps notes in a key-value store. `../README.md` says what it answers; the other
//! languages' folders beside this one hold the same service.
//!
//! The way of a request: `asked` reads what is wanted, `store` keeps it, `origin` fetches a text from
//! elsewhere, and `reply` makes the answer. Whatever goes wrong is a [`Refusal`], on its way by `?`.

use asked::Asked;
use reply::{Refusal, reply};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};

mod asked;
mod body;
mod origin;
mod reply;
mod store;

struct Notes;

wasip3::http::service::export!(Notes);

impl Guest for Notes {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        answer(request).await.or_else(Refusal::into_response)
    }
}

async fn answer(request: Request) -> Result<Response, Refusal> {
    let target = request.get_path_with_query().unwrap_or_default();
    match Asked::parse(&request.get_method(), &target)? {
        Asked::List => reply(200, &store::list().await?),
        Asked::Keep { route } => keep(&route, body::text(request).await?).await,
        Asked::Fetch { route, from } => keep(&route, origin::fetch(&from).await?).await,
        Asked::Read { id } => {
            let text = store::read(&id).await?.ok_or(Refusal::NoSuchNote)?;
            reply(200, &reply::Note { id: &id, text: &text })
        }
        Asked::Delete { id } => {
            store::delete(&id).await?;
            reply::no_content()
        }
    }
}

async fn keep(route: &str, text: String) -> Result<Response, Refusal> {
    let id = format!("{:016x}", wasip3::random::random::get_random_u64());
    store::write(&id, &text).await?;
    reply::created(&format!("/{route}/notes/{id}"), &reply::Note { id: &id, text: &text })
}
