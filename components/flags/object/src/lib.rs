//! The feature flags of an environment, in a table of SQL.
//!
//! Each object has a SQLite database of its own. The table is made when an instance starts, before
//! its first call, so no method has to ask whether it is there.

use bindings::exports::demo::feature_flags::environments::{Error, Flag, Guest, GuestEnvironment};
use bindings::exports::selvedge::durable::lifecycle;
use bindings::selvedge::durable::sql::{self, Rows, Value};

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../wit"],
        world: "demo:feature-flags/object",
        generate_all,
    });
}

const PERCENT_MAX: u8 = 100;
const CREATE: &str = "\
    CREATE TABLE IF NOT EXISTS flags (
        name TEXT PRIMARY KEY,
        enabled INTEGER NOT NULL,
        percent INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID";
/// Writes nothing where there are 1000 flags, unless the flag is one of them.
const SET: &str = "\
    INSERT INTO flags (name, enabled, percent)
    SELECT ?1, ?2, ?3
    WHERE (SELECT count(*) FROM flags) < 1000 OR EXISTS (SELECT 1 FROM flags WHERE name = ?1)
    ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled, percent = excluded.percent";
const FIND: &str = "SELECT name, enabled, percent FROM flags WHERE name = ?1";
const ALL: &str = "SELECT name, enabled, percent FROM flags ORDER BY name";
const REMOVE: &str = "DELETE FROM flags WHERE name = ?1";

struct Object;

bindings::export!(Object with_types_in bindings);

impl lifecycle::Guest for Object {
    async fn start() -> Result<(), String> {
        sql::exec(CREATE, &[]).map(drop).map_err(|error| error.to_string())
    }
}

impl Guest for Object {
    type Environment = Environment;
}

struct Environment;

impl GuestEnvironment for Environment {
    fn new(_name: String) -> Self {
        Self
    }

    async fn set(&self, flag: Flag) -> Result<(), Error> {
        if flag.percent > PERCENT_MAX {
            return Err(Error::Invalid("percent is over 100".to_owned()));
        }
        let enabled = Value::Integer(flag.enabled.into());
        let percent = Value::Integer(flag.percent.into());
        match exec(SET, &[Value::Text(flag.name), enabled, percent])?.changed {
            0 => Err(Error::Invalid("there are 1000 flags already".to_owned())),
            _ => Ok(()),
        }
    }

    async fn find(&self, name: String) -> Result<Option<Flag>, Error> {
        exec(FIND, &[Value::Text(name)])?.rows.into_iter().next().map(flag).transpose()
    }

    async fn all(&self) -> Result<Vec<Flag>, Error> {
        exec(ALL, &[])?.rows.into_iter().map(flag).collect()
    }

    async fn remove(&self, name: String) -> Result<bool, Error> {
        Ok(exec(REMOVE, &[Value::Text(name)])?.changed > 0)
    }
}

/// The flag in a row of `name, enabled, percent`.
fn flag(row: Vec<Value>) -> Result<Flag, Error> {
    match <[Value; 3]>::try_from(row) {
        Ok([Value::Text(name), Value::Integer(enabled), Value::Integer(percent)]) => {
            let percent = u8::try_from(percent).unwrap_or(PERCENT_MAX);
            Ok(Flag { name, enabled: enabled != 0, percent })
        }
        row => {
            eprintln!("this row is no flag: {row:?}");
            Err(Error::Reset("a flag cannot be read".to_owned()))
        }
    }
}

fn exec(query: &str, parameters: &[Value]) -> Result<Rows, Error> {
    sql::exec(query, parameters).map_err(|error| {
        eprintln!("SQL failed: {error}");
        Error::Reset("SQL failed".to_owned())
    })
}
