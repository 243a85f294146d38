//! `selvedge:durable/sql`. In JSON a real is `{"real": "1.5"}`, and a blob `{"blob": "00ff"}`.

use crate::bindings::selvedge::durable::sql::{self, Error, Rows, Statement, Value as SqlValue};
use crate::script::{list, number, text};
use serde_json::{Value, json};

/// Does the step, where it is one of SQL.
pub fn step(name: &str, arguments: &[Value]) -> Option<Value> {
    let query = text(arguments, 0);
    Some(match name {
        "sql" => told(sql::exec(query, &values(list(arguments, 1))), |rows| spelled(&rows)),
        // Only how many rows there are.
        "sql-count" => {
            told(sql::exec(query, &[]), |rows: Rows| json!({ "count": rows.rows.len() }))
        }
        "batch" => {
            let statements: Vec<Statement> = list(arguments, 0).iter().map(statement).collect();
            told(sql::batch(&statements), |all| all.iter().map(spelled).collect())
        }
        // One statement so many times in one batch.
        "batch-of" => {
            let times = usize::try_from(number(arguments, 1)).unwrap_or(0);
            let statement = Statement { query: query.to_owned(), parameters: Vec::new() };
            told(sql::batch(&vec![statement; times]), |all| json!({ "count": all.len() }))
        }
        _ => return None,
    })
}

fn told<T>(outcome: Result<T, Error>, tell: impl FnOnce(T) -> Value) -> Value {
    let (name, detail) = match outcome {
        Ok(value) => return tell(value),
        Err(Error::Failed(detail)) => ("failed", detail),
        Err(Error::Refused(detail)) => ("refused", detail),
        Err(Error::LimitExceeded(detail)) => ("limit-exceeded", detail),
        Err(Error::Unavailable(detail)) => ("unavailable", detail),
    };
    json!({ "error": name, "detail": detail })
}

fn spelled(rows: &Rows) -> Value {
    let row = |row: &Vec<SqlValue>| row.iter().map(from_sql).collect::<Vec<Value>>();
    json!({
        "columns": rows.columns,
        "rows": rows.rows.iter().map(row).collect::<Vec<_>>(),
        "changed": rows.changed,
        "last-insert-rowid": rows.last_insert_rowid,
    })
}

fn from_sql(value: &SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => json!(number),
        SqlValue::Real(number) => json!({ "real": format!("{number:?}") }),
        SqlValue::Text(text) => json!(text),
        SqlValue::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "blob": digits })
        }
    }
}

fn statement(spelled: &Value) -> Statement {
    let parts = spelled.as_array().map_or(&[][..], Vec::as_slice);
    Statement { query: text(parts, 0).to_owned(), parameters: values(list(parts, 1)) }
}

fn values(spelled: &[Value]) -> Vec<SqlValue> {
    spelled.iter().map(to_sql).collect()
}

fn to_sql(value: &Value) -> SqlValue {
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(number) = value.as_i64() {
        SqlValue::Integer(number)
    } else if let Some(text) = value.as_str() {
        SqlValue::Text(text.to_owned())
    } else if let Some(number) = member("real") {
        SqlValue::Real(number.parse().unwrap_or(f64::NAN))
    } else if let Some(digits) = member("blob") {
        let digit =
            |at: usize| digits.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok());
        SqlValue::Blob((0..digits.len()).step_by(2).filter_map(digit).collect())
    } else {
        SqlValue::Null
    }
}
