//! `/home`: a page that is computed once a minute and served from a key-value store in between.
//!
//! The store does the forgetting: a page is set with a time to live, and a page that is gone is
//! computed again. The header `x-cache` says which of the two it was. A page is worth more than its
//! cache, so a store that fails costs the visitor nothing but time.

use bindings::selvedge::keyvalue::store::{self, Bucket, SetOptions};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::time::{SystemTime, UNIX_EPOCH};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::http_compat::http_into_wasi_response;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

const STORE: &str = "pages";
const KEY: &str = "home";
const FRESH_SECONDS: u64 = 60;

struct Homepage;

wasip3::http::service::export!(Homepage);

impl Guest for Homepage {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let pages = store::open(STORE.to_owned())
            .await
            .inspect_err(|error| eprintln!("store {STORE:?} could not be opened: {error}"))
            .ok();
        let stored = match &pages {
            Some(pages) => load(pages).await,
            None => None,
        };
        if let Some(page) = stored {
            return reply("hit", page);
        }
        let page = render();
        if let Some(pages) = &pages {
            save(pages, &page).await;
        }
        reply("miss", page)
    }
}

/// The page, where there is a fresh one.
async fn load(pages: &Bucket) -> Option<String> {
    match pages.get(KEY.to_owned()).await {
        Ok(bytes) => String::from_utf8(bytes?).ok(),
        Err(error) => {
            eprintln!("page {KEY:?} could not be read: {error}");
            None
        }
    }
}

/// Keeps the page for a minute. It is awaited, so whoever asks after this response gets a hit.
async fn save(pages: &Bucket, page: &str) {
    let options = SetOptions { ttl_seconds: Some(FRESH_SECONDS), metadata: None };
    if let Err(error) = pages.set(KEY.to_owned(), page.as_bytes().to_vec(), Some(options)).await {
        eprintln!("page {KEY:?} was not stored: {error}");
    }
}

/// Computes the page. A real one would ask a few slow neighbours here.
fn render() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<title>Selvedge</title>\n<h1>Hello</h1>\n\
         <p>Computed at second {now}, and fresh for {FRESH_SECONDS} more.</p>\n</html>\n"
    )
}

fn reply(cache: &str, page: String) -> Result<Response, ErrorCode> {
    let response = http::Response::builder()
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_LENGTH, page.len())
        .header("x-cache", cache)
        .body(page);
    http_into_wasi_response(response.map_err(|e| ErrorCode::InternalError(Some(e.to_string())))?)
}
