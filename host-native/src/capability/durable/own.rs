//! What an object asks about itself: `self`, `storage`, `sql` and `alarms`.

use super::wit::{alarms, self_, sql, storage};
use super::{Answer, DurableView, HasDurable, SqlAnswer, StorageAnswer};
use crate::guest::object::own::{Kept, Shared};
use crate::storage::object::{
    KeysError, ListOptions, ObjectFile, ObjectFileError, Rows, SqlError, SqlValue,
};
use rusqlite::types::Value;
use selvedge_wasi::State;
use std::sync::{Arc, MutexGuard};
use wasmtime::component::Accessor;

impl DurableView<'_> {
    fn kept(&self) -> wasmtime::Result<MutexGuard<'_, Kept>> {
        Ok(self.own()?.shared.kept())
    }

    fn stored(&self) -> Result<MutexGuard<'_, Kept>, StorageAnswer> {
        self.kept().map_err(Answer::Trap)
    }
}

impl self_::Host for DurableView<'_> {
    fn id(&mut self) -> wasmtime::Result<String> {
        Ok(self.own()?.id())
    }

    fn name(&mut self) -> wasmtime::Result<String> {
        Ok(self.own()?.name.to_string())
    }

    fn class(&mut self) -> wasmtime::Result<String> {
        Ok(self.own()?.class.to_string())
    }

    fn abort(&mut self, reason: String) -> wasmtime::Result<()> {
        self.kept()?.aborted = Some(reason);
        wasmtime::bail!("the object ended itself")
    }
}

impl storage::Host for DurableView<'_> {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, StorageAnswer> {
        Ok(self.stored()?.file.get(&key)?)
    }

    fn get_many(&mut self, keys: Vec<String>) -> Result<Vec<(String, Vec<u8>)>, StorageAnswer> {
        Ok(self.stored()?.file.get_many(&keys)?)
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), StorageAnswer> {
        Ok(self.stored()?.file.put([(&*key, &*value)].into_iter())?)
    }

    fn put_many(&mut self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StorageAnswer> {
        let entries = entries.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        Ok(self.stored()?.file.put(entries)?)
    }

    fn delete(&mut self, key: String) -> Result<bool, StorageAnswer> {
        Ok(self.stored()?.file.delete(&[key])? > 0)
    }

    fn delete_many(&mut self, keys: Vec<String>) -> Result<u32, StorageAnswer> {
        Ok(self.stored()?.file.delete(&keys)?)
    }

    fn list(
        &mut self,
        options: storage::ListOptions,
    ) -> Result<Vec<(String, Vec<u8>)>, StorageAnswer> {
        let storage::ListOptions { prefix, start, end, reverse, limit } = options;
        let options = ListOptions { prefix, start, end, reverse, limit };
        Ok(self.stored()?.file.list(&options)?)
    }

    fn delete_all(&mut self) -> Result<(), StorageAnswer> {
        Ok(self.stored()?.file.delete_all()?)
    }

    fn convert_error(&mut self, error: StorageAnswer) -> wasmtime::Result<storage::Error> {
        let error = match error {
            Answer::Error(error) => error,
            Answer::Trap(error) => return Err(error),
        };
        let sentence = error.to_string();
        Ok(match error {
            KeysError::InvalidKey(_) => storage::Error::InvalidKey(sentence),
            KeysError::TooLarge(_) => storage::Error::TooLarge(sentence),
            KeysError::Full { .. } => storage::Error::Unavailable(sentence),
            KeysError::File(error) => storage::Error::Unavailable(for_guest(&error)),
        })
    }
}

impl storage::HostWithStore<State> for HasDurable {
    async fn sync(accessor: &Accessor<State, Self>) -> Result<(), StorageAnswer> {
        let shared = |view: DurableView<'_>| Ok(Arc::clone(&view.own()?.shared));
        let shared = accessor.with(|mut access| shared(access.get())).map_err(Answer::Trap)?;
        Shared::gate(shared).await.map_err(|error| Answer::Trap(wasmtime::Error::new(error)))
    }
}

impl sql::Host for DurableView<'_> {
    async fn exec(
        &mut self,
        query: String,
        parameters: Vec<sql::Value>,
    ) -> Result<sql::Rows, SqlAnswer> {
        let parameters: Vec<SqlValue> = parameters.into_iter().map(given).collect();
        let shared = Arc::clone(&self.own().map_err(Answer::Trap)?.shared);
        let quick = shared.kept().file.exec_if_quick(&query, &parameters);
        let outcome = match quick {
            Some(outcome) => outcome,
            None => Shared::on_a_thread(shared, move |file| file.exec(&query, &parameters))
                .await
                .map_err(Answer::Trap)?,
        };
        Ok(rows(outcome?))
    }

    async fn batch(
        &mut self,
        statements: Vec<sql::Statement>,
    ) -> Result<Vec<sql::Rows>, SqlAnswer> {
        let statements: Vec<(String, Vec<SqlValue>)> = statements
            .into_iter()
            .map(|it| (it.query, it.parameters.into_iter().map(given).collect()))
            .collect();
        let shared = Arc::clone(&self.own().map_err(Answer::Trap)?.shared);
        let run = move |file: &mut ObjectFile| {
            file.batch(statements.iter().map(|(query, values)| (query.as_str(), &**values)))
        };
        let outcome = Shared::on_a_thread(shared, run).await.map_err(Answer::Trap)?;
        Ok(outcome?.into_iter().map(rows).collect())
    }

    fn convert_error(&mut self, error: SqlAnswer) -> wasmtime::Result<sql::Error> {
        let error = match error {
            Answer::Error(error) => error,
            Answer::Trap(error) => return Err(error),
        };
        let sentence = error.to_string();
        Ok(match error {
            SqlError::Failed(_) => sql::Error::Failed(sentence),
            SqlError::Refused(_) => sql::Error::Refused(sentence),
            SqlError::TooSlow | SqlError::LimitExceeded(_) => sql::Error::LimitExceeded(sentence),
            SqlError::File(error) => sql::Error::Unavailable(for_guest(&error)),
        })
    }
}

impl alarms::Host for DurableView<'_> {
    fn get(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.kept()?.alarm()?)
    }

    fn set(&mut self, at_ms: u64) -> wasmtime::Result<()> {
        if !self.own()?.handles_alarms {
            wasmtime::bail!(
                "the object sets an alarm, and its component does not export selvedge:durable/alarm-handler"
            );
        }
        Ok(self.kept()?.set_alarm(Some(at_ms))?)
    }

    fn cancel(&mut self) -> wasmtime::Result<()> {
        Ok(self.kept()?.set_alarm(None)?)
    }
}

/// What a guest is told of a failing disk; the whole goes to the log.
fn for_guest(error: &ObjectFileError) -> String {
    tracing::error!(cause = %error, "what an object stores cannot be read or written");
    error.for_guest()
}

fn given(value: sql::Value) -> SqlValue {
    SqlValue(match value {
        sql::Value::Null => Value::Null,
        sql::Value::Integer(number) => Value::Integer(number),
        sql::Value::Real(number) => Value::Real(number),
        sql::Value::Text(text) => Value::Text(text),
        sql::Value::Blob(bytes) => Value::Blob(bytes),
    })
}

fn rows(rows: Rows) -> sql::Rows {
    let value = |value| match value {
        Value::Null => sql::Value::Null,
        Value::Integer(number) => sql::Value::Integer(number),
        Value::Real(number) => sql::Value::Real(number),
        Value::Text(text) => sql::Value::Text(text),
        Value::Blob(bytes) => sql::Value::Blob(bytes),
    };
    let Rows { columns, rows, changed, last_insert_rowid } = rows;
    let rows = rows.into_iter().map(|row| row.into_iter().map(value).collect()).collect();
    sql::Rows { columns, rows, changed, last_insert_rowid }
}
