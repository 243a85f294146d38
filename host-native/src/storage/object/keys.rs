//! An object's keys.

use super::{ObjectFile, ObjectFileError};
use rusqlite::{OptionalExtension as _, params};
use selvedge_contract::limits::{STORAGE_KEYS_MAX, STORAGE_VALUE_BYTES_MAX};
use selvedge_contract::object::check_storage_key;

/// Why an operation on keys did not succeed. Nothing was written by it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The key is none.
    #[error("{0}")]
    InvalidKey(String),
    /// The value, or the number of keys, is over its bound.
    #[error("{0}")]
    TooLarge(String),
    /// The object's file is as large as it may be.
    #[error("the object stores as much as it may: {bytes_max} bytes")]
    Full { bytes_max: u64 },
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] ObjectFileError),
}

/// Which keys a listing gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    pub(crate) prefix: Option<String>,
    /// The first key, itself included.
    pub(crate) start: Option<String>,
    /// The end, itself not included.
    pub(crate) end: Option<String>,
    pub(crate) reverse: bool,
    pub(crate) limit: Option<u32>,
}

type Entry = (String, Vec<u8>);

impl ObjectFile {
    /// The value at a key.
    pub(crate) fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KeysError> {
        check_key(key)?;
        let Some(open) = self.reading()? else { return Ok(None) };
        let get = "SELECT value FROM _selvedge_keys WHERE key = ?1";
        let found = open.connection.prepare_cached(get);
        let found = found.and_then(|mut get| get.query_row([key], |row| row.get(0)).optional());
        Ok(found.map_err(|error| self.failed(error))?)
    }

    /// Those of the keys that are there, in the order of their bytes.
    pub(crate) fn get_many(&mut self, keys: &[String]) -> Result<Vec<Entry>, KeysError> {
        check_count(keys.len())?;
        let mut sorted: Vec<&String> = keys.iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut found = Vec::new();
        for key in sorted {
            if let Some(value) = self.get(key)? {
                found.push((key.clone(), value));
            }
        }
        Ok(found)
    }

    /// Writes all entries, or none.
    pub(crate) fn put<'e>(
        &mut self,
        entries: impl ExactSizeIterator<Item = (&'e str, &'e [u8])> + Clone,
    ) -> Result<(), KeysError> {
        check_count(entries.len())?;
        let mut bytes = 0;
        for (key, value) in entries.clone() {
            check_key(key)?;
            if value.len() > STORAGE_VALUE_BYTES_MAX {
                return Err(KeysError::TooLarge(format!(
                    "the value has {} bytes, and at most {STORAGE_VALUE_BYTES_MAX} are allowed",
                    value.len()
                )));
            }
            bytes += key.len() + value.len();
        }
        let bytes_max = self.bytes_max;
        let open = self.writing()?;
        let counts = [bytes, entries.len()].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        let [bytes, count] = counts;
        let written = Self::has_room(open, bytes_max, bytes, count).and_then(|has_room| {
            let mut put = open.connection.prepare_cached(
                "INSERT INTO _selvedge_keys(key, value) VALUES (?1, ?2)
                 ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            )?;
            for (key, value) in entries.filter(|_| has_room) {
                put.execute(params![key, value])?;
            }
            Ok(has_room)
        });
        match written.map_err(|error| self.failed(error))? {
            true => Ok(()),
            false => Err(KeysError::Full { bytes_max }),
        }
    }

    /// Removes keys, and says how many were there.
    pub(crate) fn delete(&mut self, keys: &[String]) -> Result<u32, KeysError> {
        check_count(keys.len())?;
        keys.iter().try_for_each(|key| check_key(key))?;
        if !self.open()? {
            return Ok(0);
        }
        let open = self.writing()?;
        let removed = open
            .connection
            .prepare_cached("DELETE FROM _selvedge_keys WHERE key = ?1")
            .and_then(|mut delete| keys.iter().map(|key| delete.execute([key])).sum());
        let removed: usize = removed.map_err(|error| self.failed(error))?;
        Ok(u32::try_from(removed).unwrap_or(u32::MAX))
    }

    /// Keys with their values, in the order of their bytes.
    pub(crate) fn list(&mut self, options: &ListOptions) -> Result<Vec<Entry>, KeysError> {
        let Some(open) = self.reading()? else { return Ok(Vec::new()) };
        let prefix = options.prefix.as_deref().unwrap_or_default();
        let start = options.start.as_deref().unwrap_or_default().max(prefix);
        let most = u32::try_from(STORAGE_KEYS_MAX).unwrap_or(u32::MAX);
        let limit = options.limit.unwrap_or(most).min(most);
        let order = if options.reverse { "DESC" } else { "ASC" };
        let list = format!(
            "SELECT key, value FROM _selvedge_keys
             WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key {order} LIMIT ?3"
        );
        let end = match (&options.end, after_prefix(prefix)) {
            (Some(end), Some(after)) => Some(end.clone().min(after)),
            (end, after) => end.clone().or(after),
        };
        let rows = open.connection.prepare_cached(&list).and_then(|mut list| {
            list.query_map(params![start, end, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        });
        Ok(rows.map_err(|error| self.failed(error))?)
    }

    /// Removes everything: keys, the guest's own tables, and the alarm.
    pub(crate) fn delete_all(&mut self) -> Result<(), KeysError> {
        if !self.open()? {
            return Ok(());
        }
        let open = self.writing()?;
        let emptied = || {
            let connection = &open.connection;
            // Until everything is gone, one table may miss the other that it refers to.
            connection.execute_batch(
                "PRAGMA defer_foreign_keys=ON;
                 DELETE FROM _selvedge_keys; DELETE FROM _selvedge_alarm;",
            )?;
            // Tables take their indexes and triggers with them; shadow tables go with their owner.
            let mut tables = connection.prepare(
                "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table')
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                 AND name NOT IN ('_selvedge_object', '_selvedge_keys', '_selvedge_alarm')
                 ORDER BY type DESC, sql LIKE 'CREATE VIRTUAL%' DESC",
            )?;
            let tables: Vec<(String, String)> = tables
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (sort, name) in tables {
                let name = name.replace('"', "\"\"");
                connection.execute_batch(&format!("DROP {sort} IF EXISTS \"{name}\""))?;
            }
            connection.execute_batch("PRAGMA defer_foreign_keys=OFF")
        };
        let emptied = emptied();
        Ok(emptied.map_err(|error| self.failed(error))?)
    }
}

/// The first text behind everything that begins with `prefix`; `None` where nothing is.
///
/// The bytes of UTF-8 are ordered as its characters are, so it is found by counting one up.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut after = prefix.to_owned();
    while let Some(last) = after.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            after.push(next);
            return Some(after);
        }
    }
    None
}

fn check_key(key: &str) -> Result<(), KeysError> {
    check_storage_key(key).map_err(|error| KeysError::InvalidKey(error.to_string()))
}

fn check_count(count: usize) -> Result<(), KeysError> {
    if count > STORAGE_KEYS_MAX {
        return Err(KeysError::TooLarge(format!(
            "the call has {count} keys, and at most {STORAGE_KEYS_MAX} are allowed"
        )));
    }
    Ok(())
}
