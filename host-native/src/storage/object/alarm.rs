//! An object's alarm.

use super::{ObjectFile, ObjectFileError};
use rusqlite::{OptionalExtension as _, params};

/// An alarm that is set. Times are milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// What the object asked for.
    pub(crate) scheduled_ms: u64,
    /// When it is to be delivered next: later, after it failed.
    pub(crate) due_ms: u64,
    /// How often it has failed.
    pub(crate) retry_count: u32,
}

impl ObjectFile {
    /// The alarm, where one is set.
    pub(crate) fn alarm(&mut self) -> Result<Option<Alarm>, ObjectFileError> {
        let Some(open) = self.reading()? else { return Ok(None) };
        let get = "SELECT scheduled_ms, due_ms, retry_count FROM _selvedge_alarm";
        let alarm = open.connection.prepare_cached(get).and_then(|mut get| {
            let row = get.query_row([], |row| {
                let (scheduled_ms, due_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
                let unsigned = |ms| u64::try_from(ms).unwrap_or_default();
                Ok(Alarm {
                    scheduled_ms: unsigned(scheduled_ms),
                    due_ms: unsigned(due_ms),
                    retry_count: row.get(2)?,
                })
            });
            row.optional()
        });
        alarm.map_err(|error| self.failed(error))
    }

    /// Sets the alarm, or takes it back.
    pub(crate) fn set_alarm(&mut self, alarm: Option<Alarm>) -> Result<(), ObjectFileError> {
        if alarm.is_none() && !self.open()? {
            return Ok(());
        }
        let open = self.writing()?;
        let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
        let done = match alarm {
            Some(Alarm { scheduled_ms, due_ms, retry_count }) => open
                .connection
                .prepare_cached("INSERT OR REPLACE INTO _selvedge_alarm VALUES (1, ?1, ?2, ?3)")
                .and_then(|mut set| {
                    set.execute(params![signed(scheduled_ms), signed(due_ms), retry_count])
                }),
            None => open
                .connection
                .prepare_cached("DELETE FROM _selvedge_alarm")
                .and_then(|mut delete| delete.execute([])),
        };
        done.map(drop).map_err(|error| self.failed(error))
    }
}
