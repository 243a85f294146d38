//! Listings: keys in the order of their bytes, a page at a time, without what has expired.

use super::error::KeyValueError;
use super::{Header, KeyValue, cursor, entry, run_blocking};
use crate::storage::KeyRange;
use selvedge_contract::limits::LIST_KEYS_MAX;
use selvedge_contract::names::Name;
use std::sync::Arc;

/// Most entries that one page looks at. Where so many in a row have expired, the page ends early, and
/// its cursor goes on from there.
const LOOKED_AT_MAX: usize = 4 * LIST_KEYS_MAX;

/// What to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// What the keys begin with.
    pub(crate) prefix: String,
    /// Where the page starts, as the page before said.
    pub(crate) cursor: Option<String>,
    /// Most keys in the page; everything over [`LIST_KEYS_MAX`] means that, and so does none.
    pub(crate) limit: Option<u32>,
}

/// A part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Keys in the order of their bytes.
    pub(crate) keys: Vec<Listed>,
    /// Where the next page starts; none when this was the last.
    pub(crate) cursor: Option<String>,
}

/// A key in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The key.
    pub(crate) name: String,
    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub(crate) expires_at: Option<u64>,
    /// The metadata that was set with the value.
    pub(crate) metadata: Option<Vec<u8>>,
}

impl KeyValue {
    /// Lists keys, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// [`KeyValueError::Cursor`], [`KeyValueError::Limit`] and [`KeyValueError::Storage`].
    pub(crate) async fn list(
        self: &Arc<Self>,
        store: &Name,
        query: Query,
    ) -> Result<Page, KeyValueError> {
        let (stores, store) = (Arc::clone(self), store.clone());
        run_blocking(move || stores.list_here(&store, &query)).await
    }

    fn list_here(&self, store: &Name, query: &Query) -> Result<Page, KeyValueError> {
        let limit = query.limit.map_or(LIST_KEYS_MAX, |limit| {
            usize::try_from(limit).unwrap_or(LIST_KEYS_MAX).min(LIST_KEYS_MAX)
        });
        if limit == 0 {
            return Err(KeyValueError::Limit);
        }
        let mut range = KeyRange::prefix(&entry::key(store, &query.prefix));
        if let Some(cursor) = &query.cursor {
            range = range.after(&entry::key(store, &cursor::parse(cursor, &query.prefix)?));
        }
        let mut page = Page::default();
        let (mut last, mut looked_at) = (None, 0);
        loop {
            // One more than the page holds tells whether this is the last.
            let wanted = limit.saturating_sub(page.keys.len()).saturating_add(1);
            let rows = self.storage.scan(&range, wanted)?;
            let is_last = rows.len() < wanted;
            looked_at += rows.len();
            for (row_key, beginning) in rows {
                if page.keys.len() == limit {
                    page.cursor = last.as_deref().map(cursor::write);
                    return Ok(page);
                }
                let name = entry::parse_key(store, &row_key).ok_or(KeyValueError::Unreadable)?;
                let (header, _) = Header::parse(&beginning)?;
                range = range.after(&row_key);
                last = Some(name.clone());
                if !self.has_expired(&header) {
                    let Header { expires_at, metadata } = header;
                    page.keys.push(Listed { name, expires_at, metadata });
                }
            }
            if is_last {
                return Ok(page);
            }
            if looked_at >= LOOKED_AT_MAX {
                page.cursor = last.as_deref().map(cursor::write);
                return Ok(page);
            }
        }
    }
}
