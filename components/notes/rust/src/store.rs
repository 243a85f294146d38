//! Keeps notes in the app's key-value store `notes`: the key is the id, the value the text.

use crate::reply::Refusal;
use bindings::selvedge::keyvalue::store::{self, Bucket, Error};

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

const STORE: &str = "notes";

/// The ids of the first thousand notes: as many as the store gives in one go.
pub(crate) async fn list() -> Result<Vec<String>, Refusal> {
    let page = open().await?.list(String::new(), None, None).await.map_err(failed)?;
    Ok(page.keys.into_iter().map(|key| key.name).collect())
}

pub(crate) async fn read(id: &str) -> Result<Option<String>, Refusal> {
    let bytes = open().await?.get(id.to_owned()).await.map_err(failed)?;
    // Only texts were written.
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

pub(crate) async fn write(id: &str, text: &str) -> Result<(), Refusal> {
    let text = text.as_bytes().to_vec();
    open().await?.set(id.to_owned(), text, None).await.map_err(failed)
}

pub(crate) async fn delete(id: &str) -> Result<(), Refusal> {
    open().await?.delete(id.to_owned()).await.map_err(failed)
}

async fn open() -> Result<Bucket, Refusal> {
    store::open(STORE.to_owned()).await.map_err(failed)
}

fn failed(error: Error) -> Refusal {
    eprintln!("store {STORE:?}: {error}");
    Refusal::Store
}
