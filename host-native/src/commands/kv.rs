//! `selvedge kv`: reads and writes the app's stores from outside, also while the app is served: it
//! opens the same file, and both take turns.

use crate::app::Folders;
use crate::capability::keyvalue::{KeyValue, Listed, Query, SetOptions};
use crate::cli::{KvArgs, KvCommand, StoreArgs};
use anyhow::{Context as _, bail};
use selvedge_contract::limits::VALUE_BYTES_MAX;
use selvedge_contract::manifest::Manifest;
use selvedge_contract::names::Name;
use std::io::{ErrorKind, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What a value on the command line is where it comes from standard input.
const STANDARD_INPUT: &str = "-";

/// Does what was typed.
///
/// # Errors
/// Where the app has no such store, or the store does not do what is asked.
pub(super) fn run(args: &KvArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        KvCommand::Get { store, key } => get(&Store::find(store)?, key),
        KvCommand::Put { store, key, value, ttl, metadata } => {
            let options = SetOptions {
                ttl_seconds: *ttl,
                metadata: metadata.as_ref().map(|text| text.clone().into_bytes()),
            };
            put(&Store::find(store)?, key, value, options)
        }
        KvCommand::List { store, prefix, json } => {
            let store = Store::find(store)?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let listed = list(&store, prefix, *json, &mut out);
            unless_closed(listed.and_then(|()| Ok(out.flush()?)))
        }
        KvCommand::Delete { store, key } => delete(&Store::find(store)?, key),
    }
}

/// A store of the app, not yet opened.
struct Store {
    name: Name,
    data: PathBuf,
    /// Whether the folder was typed: then it is expected to be there.
    is_data_typed: bool,
}

/// A store that is open, and what runs its calls.
struct Opened<'a> {
    name: &'a Name,
    stores: Arc<KeyValue>,
    runtime: Runtime,
}

impl Store {
    fn find(args: &StoreArgs) -> anyhow::Result<Self> {
        let folders = Folders::new(&args.app.app);
        let path = folders.manifest();
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("cannot read {}; name the app's folder with --app", path.display())
        })?;
        let manifest = match Manifest::parse(&text) {
            Ok(manifest) => manifest,
            Err(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                bail!("{} is not in order:\n{}", path.display(), lines.join("\n"));
            }
        };
        let Some((name, _)) = manifest.keyvalue.get_key_value(args.store.as_str()) else {
            bail!("{}", unknown(&args.store, &manifest));
        };
        Ok(Self {
            name: name.clone(),
            data: args.data.clone().unwrap_or_else(|| folders.data()),
            is_data_typed: args.data.is_some(),
        })
    }

    /// Opens the store; makes it where there is none.
    fn open(&self) -> anyhow::Result<Opened<'_>> {
        let stores = KeyValue::open(&self.data)?;
        // Nothing is waited for but threads, so that it needs no drivers.
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Opened { name: &self.name, stores, runtime })
    }

    /// Opens the store to look at what is in it; none where nothing was ever written.
    fn open_existing(&self) -> anyhow::Result<Option<Opened<'_>>> {
        if KeyValue::is_in(&self.data) {
            return self.open().map(Some);
        }
        if self.is_data_typed {
            bail!(
                "there are no stores in {}; serve the app with the same --data first, or correct it",
                self.data.display()
            );
        }
        Ok(None)
    }
}

fn unknown(store: &str, manifest: &Manifest) -> String {
    let app = &manifest.name;
    let known: Vec<&str> = manifest.keyvalue.keys().map(Name::as_str).collect();
    if known.is_empty() {
        return format!(
            "app {app} has no store {store:?}, nor any other; add [keyvalue.NAME] to its manifest"
        );
    }
    format!("app {app} has no store {store:?}; it has: {}", known.join(", "))
}

fn get(store: &Store, key: &str) -> anyhow::Result<ExitCode> {
    let entry = match store.open_existing()? {
        None => None,
        Some(Opened { name, stores, runtime }) => runtime.block_on(stores.get(name, key))?,
    };
    let Some(entry) = entry else {
        bail!("store {} has no key {key:?}", store.name);
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&entry.value).and_then(|()| out.flush());
    unless_closed(written.map_err(anyhow::Error::from))
}

fn put(store: &Store, key: &str, value: &str, options: SetOptions) -> anyhow::Result<ExitCode> {
    let value = if value == STANDARD_INPUT {
        let mut bytes = Vec::new();
        // One more byte than is allowed tells that there are too many; the rest is not read.
        let bytes_max = u64::try_from(VALUE_BYTES_MAX)?.saturating_add(1);
        std::io::stdin()
            .lock()
            .take(bytes_max)
            .read_to_end(&mut bytes)
            .context("standard input")?;
        bytes
    } else {
        value.as_bytes().to_vec()
    };
    let Opened { name, stores, runtime } = store.open()?;
    runtime.block_on(stores.set(name, key, &value, options))?;
    Ok(ExitCode::SUCCESS)
}

fn delete(store: &Store, key: &str) -> anyhow::Result<ExitCode> {
    if let Some(Opened { name, stores, runtime }) = store.open_existing()? {
        runtime.block_on(stores.delete(name, &[key]))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(store: &Store, prefix: &str, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let opened = store.open_existing()?;
    let (mut cursor, mut is_first) = (None, true);
    if json {
        write!(out, "[")?;
    }
    if let Some(Opened { name, stores, runtime }) = opened {
        loop {
            let query = Query { prefix: prefix.to_owned(), cursor, limit: None };
            let page = runtime.block_on(stores.list(name, query))?;
            for key in &page.keys {
                if json {
                    let comma = if is_first { "" } else { "," };
                    write!(out, "{comma}\n  {}", as_json(key))?;
                } else {
                    writeln!(out, "{}", as_line(key))?;
                }
                is_first = false;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    if json {
        writeln!(out, "{}]", if is_first { "" } else { "\n" })?;
    }
    Ok(())
}

/// Name, expiry and metadata between tabs; what a terminal would take for a command is escaped.
fn as_line(key: &Listed) -> String {
    let expiry = key.expires_at.map_or_else(
        || "never expires".to_owned(),
        |at| format!("expires in {} s", at.saturating_sub(crate::clock::now().as_secs())),
    );
    let metadata = key.metadata.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    format!("{}\t{expiry}\t{}", printable(&key.name), printable(&metadata)).trim_end().to_owned()
}

/// Text for a terminal: what it would take for a command is escaped.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || character == '\\' {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// One object; metadata that is no text is given as its bytes.
fn as_json(key: &Listed) -> serde_json::Value {
    let metadata = key.metadata.as_ref().map(|metadata| match std::str::from_utf8(metadata) {
        Ok(text) => serde_json::json!(text),
        Err(_) => serde_json::json!(metadata),
    });
    serde_json::json!({ "name": key.name, "expires_at": key.expires_at, "metadata": metadata })
}

/// Whoever reads our output may stop reading, as `head` does: that is no error.
pub(super) fn unless_closed(written: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match written {
        Err(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::{Listed, as_json, as_line, printable};

    fn listed(metadata: &[u8]) -> Listed {
        Listed { name: "a\tb".to_owned(), expires_at: None, metadata: Some(metadata.to_vec()) }
    }

    #[test]
    fn terminal_gets_no_commands_from_a_key() {
        assert_eq!(printable("é \u{1b}[2J\n\\"), "é \\u{1b}[2J\\n\\\\");
        assert_eq!(as_line(&listed(b"m\x07")), "a\\tb\tnever expires\tm\\u{7}");
    }

    #[test]
    fn json_has_text_as_text_and_bytes_as_bytes() {
        let text = r#"{"name":"a\tb","expires_at":null,"metadata":"m"}"#;
        assert_eq!(as_json(&listed(b"m")).to_string(), text);
        let bytes = r#"{"name":"a\tb","expires_at":null,"metadata":[255]}"#;
        assert_eq!(as_json(&listed(&[255])).to_string(), bytes);
    }
}
