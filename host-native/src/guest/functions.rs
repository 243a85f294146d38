//! Functions that were compiled before: a component that changed in one place is compiled anew in that
//! place alone.
//!
//! The engine says what makes a function what it is, its settings included, and finds its code by that.
//! An interpreter with a script in it is the same interpreter, whatever the script says.

use crate::locked::lock;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use wasmtime::CacheStore;

/// Bytes of the file beyond which the older half of it goes.
///
/// Ours: ten interpreters of JavaScript, or three of Python.
const FILE_BYTES_MAX: i64 = 256 * 1024 * 1024;
/// How long another process that builds may hold the file.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// Compiled functions in one file. Whatever ails the file, functions are compiled as without one.
pub struct Functions {
    path: PathBuf,
    /// Opened when the first function is compiled; `None` where it cannot be.
    file: OnceLock<Option<Mutex<Connection>>>,
    new: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl Functions {
    /// The functions in the file at `path`, which is made where there is none, and made anew where it is
    /// damaged. Touches no disk.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: OnceLock::new(), new: Mutex::default() }
    }

    fn file(&self) -> Option<MutexGuard<'_, Connection>> {
        let file = self.file.get_or_init(|| {
            let opened = connect(&self.path).or_else(|_| {
                let _ = fs::remove_file(&self.path);
                connect(&self.path)
            });
            opened.ok().map(Mutex::new)
        });
        file.as_ref().map(lock)
    }

    /// Writes what was compiled since the last call.
    ///
    /// # Errors
    /// Where the file cannot be written; what is in it stays.
    pub fn keep(&self) -> rusqlite::Result<()> {
        let new = std::mem::take(&mut *lock(&self.new));
        if new.is_empty() {
            return Ok(());
        }
        let Some(mut file) = self.file() else { return Ok(()) };
        let all = file.transaction()?;
        let number = |pragma| all.query_row(pragma, [], |row| row.get::<_, i64>(0));
        let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
        if pages.saturating_mul(number("PRAGMA page_size")?) > FILE_BYTES_MAX {
            all.execute(
                "DELETE FROM function WHERE rowid <=
                     (SELECT rowid FROM function ORDER BY rowid
                      LIMIT 1 OFFSET (SELECT count(*) / 2 FROM function))",
                [],
            )?;
        }
        {
            let mut insert = all.prepare("INSERT OR REPLACE INTO function VALUES (?1, ?2)")?;
            for (key, code) in new {
                insert.execute(params![key, code])?;
            }
        }
        all.commit()
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let file = self.file()?;
        let mut get = file.prepare_cached("SELECT code FROM function WHERE key = ?1").ok()?;
        let code: Option<Vec<u8>> = get.query_row([key], |row| row.get(0)).optional().ok()?;
        code.map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        lock(&self.new).push((key.to_vec(), code));
        true
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Functions").finish_non_exhaustive()
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    if let Some(folder) = path.parent() {
        // Where that fails, opening says why.
        let _ = fs::create_dir_all(folder);
    }
    let file = Connection::open(path)?;
    file.busy_timeout(BUSY_MAX)?;
    file.pragma_update(None, "journal_mode", "WAL")?;
    // A power failure may take the last functions with it, and never half of one.
    file.pragma_update(None, "synchronous", "NORMAL")?;
    file.execute_batch(
        "CREATE TABLE IF NOT EXISTS function (key BLOB NOT NULL UNIQUE, code BLOB NOT NULL)",
    )?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::Functions;
    use crate::guest::engine;
    use crate::locked::lock;
    use std::fs;
    use std::sync::Arc;
    use wasmtime::CacheStore as _;

    /// Functions of the component: each gives a number of its own.
    const FUNCTIONS: usize = 40;

    /// A component whose last function gives this number.
    fn component(last: usize) -> Vec<u8> {
        let function = |number: usize| format!("(func (result i32) (i32.const {number}))");
        let functions = (1..FUNCTIONS).chain([last]).map(function).collect::<String>();
        wat::parse_str(format!("(component (core module {functions}))")).unwrap()
    }

    #[test]
    fn function_that_is_as_it_was_is_not_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/functions");
        let compile = |last: usize| {
            let functions = Arc::new(Functions::new(path.clone()));
            let engine = engine::open_compiler(Some(Arc::clone(&functions) as _)).unwrap();
            let compiled = engine.precompile_component(&component(last)).unwrap();
            let count = lock(&functions.new).len();
            functions.keep().unwrap();
            (compiled, count)
        };
        let (first, count) = compile(1_000);
        assert!(count >= FUNCTIONS, "{count}");
        // What is not the component's own, as the way into the host, is now and then made anew.
        let (second, count) = compile(1_000);
        assert!(second == first);
        assert!(count < FUNCTIONS / 4, "{count}");
        let (other, count) = compile(2_000);
        assert!(other != first);
        assert!((1..FUNCTIONS / 4).contains(&count), "{count}");
        // What comes from the file is what is compiled without one.
        let plain = engine::open_compiler(None).unwrap();
        assert!(plain.precompile_component(&component(2_000)).unwrap() == other);
    }

    #[test]
    fn damaged_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("functions");
        fs::write(&path, "no database, and long enough to be taken for one").unwrap();
        let functions = Functions::new(path.clone());
        assert!(functions.insert(b"key", b"code".to_vec()));
        functions.keep().unwrap();
        drop(functions);
        let functions = Functions::new(path.clone());
        assert_eq!(functions.get(b"key").as_deref(), Some(&b"code"[..]));
        assert_eq!(functions.get(b"other"), None);
    }
}
