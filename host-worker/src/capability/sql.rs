//! SQL of an object: what a statement may say, how it is put to the platform, and what its errors mean.

use super::refuse;
use js_sys::Object;
use selvedge_contract::limits::{SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX, SQL_STATEMENTS_MAX};
use selvedge_contract::sql::{Exceeded, Statement, StatementError, Verb, returning, typed};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Bytes that a value counts besides its own, as on the native host.
const VALUE_BYTES: f64 = 16.0;
/// What stands for an integer among the `kinds` of parameters, which have a letter each.
const INTEGER: u8 = b'i';

/// How a statement is run: `verb` (`reads`, `looks`, `writes`, `changes`) and `text`; for one that reads
/// `bare`, which gives its columns without rows, and `bareParameters`; for one with a RETURNING
/// `returns`, and `allOf`, the table whose columns [`sql_returning`] needs, where it needs any.
///
/// # Errors
/// `refused`, `limit-exceeded` and `failed`.
#[wasm_bindgen(js_name = sqlPlan)]
pub fn sql_plan(query: &str, kinds: &str) -> Result<Object, JsValue> {
    let statement = Statement::parse(query).map_err(|error| unfit(&error))?;
    statement.check_parameters(kinds.len()).map_err(|error| unfit(&error))?;
    let plan = Object::new();
    let verb = match statement.verb() {
        Verb::Reads => "reads",
        Verb::Looks => "looks",
        Verb::Writes => "writes",
        Verb::Changes => "changes",
    };
    super::set(&plan, "verb", &verb.into());
    super::set(&plan, "text", &statement.with_integers(integers(kinds)).into());
    if let Some((bare, parameters)) = statement.without_rows() {
        super::set(&plan, "bare", &bare.into());
        super::set(&plan, "bareParameters", &JsValue::from_f64(parameters as f64));
    }
    super::set(&plan, "returns", &statement.returns().into());
    if let Some(table) = statement.returns_all_of() {
        super::set(&plan, "allOf", &table.into());
    }
    Ok(plan)
}

/// A statement that reads, as `text` of [`sql_plan`], which marks integers and texts.
#[wasm_bindgen(js_name = sqlTyped)]
pub fn sql_typed(text: &str, columns: usize) -> String {
    typed(text, columns)
}

/// A statement that writes, in which `columns` more at the end tell the types of those before; `columns`
/// given are those of the table `allOf`. Nothing where it gives no rows, or its text does not tell which.
#[wasm_bindgen(js_name = sqlReturning)]
pub fn sql_returning(query: &str, kinds: &str, columns: Vec<String>) -> Option<Object> {
    let statement = Statement::parse(query).ok()?;
    let found = returning(&statement, &columns, integers(kinds))?;
    let more = Object::new();
    super::set(&more, "text", &found.text.into());
    super::set(&more, "columns", &JsValue::from_f64(found.columns as f64));
    Some(more)
}

/// Says whether a batch may have so many statements.
///
/// # Errors
/// `limit-exceeded`.
#[wasm_bindgen(js_name = sqlBatch)]
pub fn sql_batch(statements: usize) -> Result<(), JsValue> {
    if statements > SQL_STATEMENTS_MAX { Err(exceeded(Exceeded::Statements)) } else { Ok(()) }
}

/// Says whether a statement may give so many rows, and a call so many values of so many bytes.
///
/// # Errors
/// `limit-exceeded`.
#[wasm_bindgen(js_name = sqlGives)]
pub fn sql_gives(rows: usize, values: f64, bytes: f64) -> Result<(), JsValue> {
    if rows > SQL_ROWS_MAX {
        return Err(exceeded(Exceeded::Rows));
    }
    if bytes + VALUE_BYTES * values > SQL_RESULT_BYTES_MAX as f64 {
        return Err(exceeded(Exceeded::ResultBytes));
    }
    Ok(())
}

/// Says whether a statement may leave an object with so many bytes; one that takes none more always may.
///
/// # Errors
/// `limit-exceeded`.
#[wasm_bindgen(js_name = sqlStores)]
pub fn sql_stores(before: f64, after: f64, most: f64) -> Result<(), JsValue> {
    if after > most && after > before {
        return Err(exceeded(Exceeded::Storage(most as u64)));
    }
    Ok(())
}

/// What a failure means that the platform tells, in the words of SQLite.
#[wasm_bindgen(js_name = sqlFailure)]
pub fn sql_failure(message: &str) -> JsValue {
    let (words, code) = undecorated(message);
    if words.starts_with("not authorized") || words.ends_with("is prohibited") {
        return refuse("refused", Some(words));
    }
    match code {
        "SQLITE_AUTH" => refuse("refused", Some(words)),
        // Bounds of values, and of statements with what was added to tell types, are the platform's.
        "SQLITE_TOOBIG" | "SQLITE_INTERRUPT" => {
            refuse("limit-exceeded", Some(&format!("over a bound of the platform's: {words}")))
        }
        "SQLITE_FULL" | "SQLITE_IOERR" | "SQLITE_CORRUPT" | "SQLITE_NOTADB" | "SQLITE_READONLY"
        | "SQLITE_CANTOPEN" | "SQLITE_NOMEM" => refuse("unavailable", Some(words)),
        _ => refuse("failed", Some(words)),
    }
}

/// What SQLite said, and its code, of a message as the platform writes it:
/// `near "SELEC": syntax error at offset 0: SQLITE_ERROR`, or
/// `UNIQUE constraint failed: t.v: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)`.
fn undecorated(message: &str) -> (&str, &str) {
    let plain = message.rsplit_once(" (extended: SQLITE_").map_or(message, |(plain, _)| plain);
    let Some((words, code)) = plain.rsplit_once(": ").filter(|(_, it)| it.starts_with("SQLITE_"))
    else {
        return (message, "");
    };
    let words = match words.rsplit_once(" at offset ") {
        Some((words, digits)) if digits.bytes().all(|it| it.is_ascii_digit()) => words,
        _ => words,
    };
    (words, code)
}

fn integers(kinds: &str) -> impl Fn(usize) -> bool {
    move |number| number.checked_sub(1).and_then(|at| kinds.as_bytes().get(at)) == Some(&INTEGER)
}

fn unfit(error: &StatementError) -> JsValue {
    let tag = match error {
        StatementError::Refused(_) => "refused",
        StatementError::LimitExceeded(_) => "limit-exceeded",
        _ => "failed",
    };
    refuse(tag, Some(&error.to_string()))
}

fn exceeded(bound: Exceeded) -> JsValue {
    refuse("limit-exceeded", Some(&bound.to_string()))
}
