//! SQL: values, bounds, and what a statement that fails leaves behind.

use super::{Home, close, get, put, settle};
use crate::storage::object::{ObjectFile, Rows, SqlError, SqlValue};
use rusqlite::types::Value;
use selvedge_contract::limits::{
    SQL_MS_MAX, SQL_PARAMETERS_MAX, SQL_PATTERN_BYTES_MAX, SQL_RESULT_BYTES_MAX, SQL_ROWS_MAX,
    SQL_STATEMENT_BYTES_MAX, SQL_STATEMENTS_MAX,
};
use std::time::{Duration, Instant};

/// A statement that never ends by itself.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

fn exec(file: &mut ObjectFile, query: &str) -> Rows {
    file.exec(query, &[]).unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn numbers(file: &mut ObjectFile, query: &str) -> Vec<i64> {
    let rows = exec(file, query).rows;
    let number = |row: Vec<Value>| match row.as_slice() {
        [Value::Integer(number)] => *number,
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(number).collect()
}

fn failed(outcome: Result<Rows, SqlError>) -> String {
    match outcome {
        Err(SqlError::Failed(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn slow(outcome: &Result<Rows, SqlError>) -> bool {
    matches!(outcome, Err(SqlError::TooSlow))
}

fn limit(outcome: Result<Rows, SqlError>) -> String {
    match outcome {
        Err(SqlError::LimitExceeded(bound)) => bound.to_string(),
        other => panic!("{other:?}"),
    }
}

fn batch(file: &mut ObjectFile, queries: &[&str]) -> Result<Vec<Rows>, SqlError> {
    file.batch(queries.iter().map(|query| (*query, &[][..])))
}

#[test]
fn all_types_of_values_come_back() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Real(-0.1),
        Value::Real(f64::INFINITY),
        Value::Real(f64::MAX),
        Value::Text(String::new()),
        Value::Text("a\0b é \u{10ffff}".to_owned()),
        Value::Blob(Vec::new()),
        Value::Blob(vec![0, 255, 0]),
    ];
    for value in &values {
        let rows = file.exec("INSERT INTO t(v) VALUES (?1)", &[SqlValue(value.clone())]).unwrap();
        assert_eq!((rows.changed, rows.columns.len()), (1, 0));
    }
    settle(&mut file);
    close(file);
    let mut file = home.file();
    let rows = exec(&mut file, "SELECT v, typeof(v) AS type FROM t ORDER BY id");
    assert_eq!(rows.columns, ["v", "type"]);
    assert_eq!(rows.changed, 0);
    for (row, value) in rows.rows.iter().zip(&values) {
        assert_eq!(&row[0], value);
    }
    // What SQLite has no value for.
    let nan = file.exec("SELECT ?1", &[SqlValue(Value::Real(f64::NAN))]).unwrap();
    assert_eq!(nan.rows, [[Value::Null]]);
    let no_text = exec(&mut file, "SELECT CAST(x'ff61' AS TEXT)");
    assert_eq!(no_text.rows, [[Value::Text("\u{fffd}a".to_owned())]]);
}

#[test]
fn rows_tell_what_changed() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    let inserted = exec(&mut file, "INSERT INTO t(v) VALUES (1), (2), (3)");
    assert_eq!((inserted.changed, inserted.last_insert_rowid), (3, 3));
    let returned = exec(&mut file, "UPDATE t SET v = v + 1 WHERE id > 1 RETURNING v");
    assert_eq!((returned.changed, returned.rows.len()), (2, 2));
    assert_eq!(exec(&mut file, "DELETE FROM t WHERE id = 9").changed, 0);
    assert_eq!(exec(&mut file, "SELECT 1").changed, 0);
    assert_eq!(exec(&mut file, "CREATE TABLE u(x)").changed, 0);
    assert_eq!(exec(&mut file, "DELETE FROM t").changed, 3);
}

#[test]
fn number_of_parameters_has_to_fit() {
    let home = Home::new();
    let mut file = home.file();
    let value = || SqlValue(Value::Integer(1));
    assert!(failed(file.exec("SELECT ?1, ?2", &[value()])).contains('2'));
    assert!(failed(file.exec("SELECT 1", &[value()])).contains("1 values"));
    let names: Vec<String> = (1..=SQL_PARAMETERS_MAX).map(|index| format!("?{index}")).collect();
    let most: Vec<SqlValue> = names.iter().map(|_| value()).collect();
    let sum = format!("SELECT {}", names.join(" + "));
    assert_eq!(file.exec(&sum, &most).unwrap().rows, [[Value::Integer(100)]]);
    failed(file.exec("SELECT ?101", &[]));
    let gaps = file.exec("SELECT ?2", &[SqlValue(Value::Null), value()]).unwrap();
    assert_eq!(gaps.rows, [[Value::Integer(1)]]);
}

#[test]
fn statement_that_fails_leaves_the_rest_of_the_turn() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"v");
    exec(&mut file, "CREATE TABLE t(x UNIQUE CHECK (x < 9))");
    exec(&mut file, "INSERT INTO t VALUES (1)");
    assert!(failed(file.exec("INSERT INTO t VALUES (2), (1)", &[])).contains("UNIQUE"));
    assert!(failed(file.exec("INSERT INTO t VALUES (3), (9)", &[])).contains("CHECK"));
    assert!(failed(file.exec("SELEC 1", &[])).contains("syntax"));
    assert!(failed(file.exec("SELECT * FROM nowhere", &[])).contains("nowhere"));
    failed(file.exec("", &[]));
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1]);
    settle(&mut file);
    close(file);
    let mut file = home.file();
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1]);
    assert_eq!(get(&mut file, "k").unwrap(), b"v");
}

#[test]
fn statement_that_takes_the_turn_with_it_leaves_no_half() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(x UNIQUE)");
    exec(&mut file, "INSERT INTO t VALUES (1)");
    settle(&mut file);
    for alone in [true, false] {
        put(&mut file, "half", b"v");
        let rollback = "INSERT OR ROLLBACK INTO t VALUES (1)";
        if alone {
            assert!(file.exec(rollback, &[]).is_err());
        } else {
            assert!(batch(&mut file, &["INSERT INTO t VALUES (7)", rollback]).is_err());
        }
        // Nothing more can be written, and the turn cannot be committed.
        assert!(file.put([("other", &b"v"[..])].into_iter()).is_err());
        assert!(file.exec("INSERT INTO t VALUES (3)", &[]).is_err());
        assert!(file.set_alarm(Some(super::alarm(1))).is_err());
        assert!(file.end_turn().is_err());
        file.discard_turn();
        assert_eq!((get(&mut file, "half"), get(&mut file, "other")), (None, None));
        assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1]);
    }
    put(&mut file, "k", b"v");
    settle(&mut file);
    assert_eq!(get(&mut home.after_a_kill().file(), "half"), None);
}

#[test]
fn batch_is_all_or_none() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"v");
    let all = batch(
        &mut file,
        &["CREATE TABLE t(x UNIQUE)", "INSERT INTO t VALUES (1)", "SELECT x FROM t"],
    );
    assert_eq!(all.unwrap().pop().unwrap().rows, [[Value::Integer(1)]]);
    for bad in [
        "INSERT INTO t VALUES (1)",
        "SELEC",
        "COMMIT",
        "ROLLBACK TO batch",
        "RELEASE batch",
        "SELECT ?1",
        "DELETE FROM _selvedge_keys",
    ] {
        assert!(
            batch(&mut file, &["INSERT INTO t VALUES (2)", "CREATE TABLE u(x)", bad]).is_err(),
            "{bad}"
        );
        assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1], "{bad}");
    }
    assert!(batch(&mut file, &[]).unwrap().is_empty());
    assert_eq!(
        batch(&mut file, &["SELECT 1"; SQL_STATEMENTS_MAX]).unwrap().len(),
        SQL_STATEMENTS_MAX
    );
    let many = batch(&mut file, &["SELECT 1"; SQL_STATEMENTS_MAX + 1]);
    assert!(matches!(many, Err(SqlError::LimitExceeded(_))));
    settle(&mut file);
    let after = home.after_a_kill();
    let mut killed = after.file();
    assert_eq!(numbers(&mut killed, "SELECT x FROM t"), [1]);
    assert_eq!(get(&mut killed, "k").unwrap(), b"v");
}

#[test]
fn rows_are_bounded() {
    let home = Home::new();
    let mut file = home.file();
    let some = |count: usize| format!("{ENDLESS} SELECT i FROM n LIMIT {count}");
    assert_eq!(exec(&mut file, &some(SQL_ROWS_MAX)).rows.len(), SQL_ROWS_MAX);
    assert!(limit(file.exec(&some(SQL_ROWS_MAX + 1), &[])).contains("10000 rows"));
    assert_eq!(numbers(&mut file, "SELECT 7"), [7]);
}

#[test]
fn bytes_of_a_result_are_bounded_for_a_batch_as_a_whole() {
    let home = Home::new();
    let mut file = home.file();
    let mebibyte = "SELECT zeroblob(1048576)";
    assert_eq!(batch(&mut file, &[mebibyte; 15]).unwrap().len(), 15);
    assert!(matches!(batch(&mut file, &[mebibyte; 17]), Err(SqlError::LimitExceeded(_))));
    let more = SQL_RESULT_BYTES_MAX + 1;
    assert!(limit(file.exec(&format!("SELECT zeroblob({more})"), &[])).contains("16777216"));
    let many = format!("{ENDLESS} SELECT randomblob(2000) FROM n LIMIT 9000");
    assert!(limit(file.exec(&many, &[])).contains("16777216"));
}

#[test]
fn value_that_no_result_could_hold_is_not_made() {
    let home = Home::new();
    let mut file = home.file();
    limit(file.exec("SELECT length(zeroblob(999999999))", &[]));
    limit(file.exec("SELECT length(hex(zeroblob(400000000)))", &[]));
    exec(&mut file, "CREATE TABLE t(x)");
    limit(file.exec("INSERT INTO t VALUES (zeroblob(100000000))", &[]));
    assert_eq!(numbers(&mut file, "SELECT count(*) FROM t"), [0]);
}

#[test]
fn statement_over_a_bound_writes_nothing() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(x)");
    exec(&mut file, "INSERT INTO t VALUES (0)");
    let many = format!("INSERT INTO t {ENDLESS} SELECT i FROM n LIMIT 10001 RETURNING x");
    limit(file.exec(&many, &[]));
    let large =
        format!("INSERT INTO t {ENDLESS} SELECT i FROM n LIMIT 20 RETURNING zeroblob(1000000)");
    limit(file.exec(&large, &[]));
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [0]);
    assert_eq!(exec(&mut file, "UPDATE t SET x = 1 RETURNING x").rows, [[Value::Integer(1)]]);
    settle(&mut file);
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1]);
}

#[test]
fn length_of_a_statement_is_bounded() {
    let home = Home::new();
    let mut file = home.file();
    let sized = |bytes: usize| format!("SELECT 7{}", " ".repeat(bytes - "SELECT 7".len()));
    assert_eq!(numbers(&mut file, &sized(SQL_STATEMENT_BYTES_MAX)), [7]);
    assert!(limit(file.exec(&sized(SQL_STATEMENT_BYTES_MAX + 1), &[])).contains("100000"));
}

#[test]
fn reading_without_an_end_is_stopped_and_spares_the_turn() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"v");
    let begun = Instant::now();
    assert!(slow(&file.exec(&format!("{ENDLESS} SELECT sum(i) FROM n"), &[])));
    assert!(begun.elapsed() < Duration::from_millis(SQL_MS_MAX * 3), "{:?}", begun.elapsed());
    assert_eq!(get(&mut file, "k").unwrap(), b"v");
    exec(&mut file, "CREATE TABLE t(x)");
    settle(&mut file);
    let after = home.after_a_kill();
    assert_eq!(get(&mut after.file(), "k").unwrap(), b"v");
}

#[test]
fn writing_without_an_end_is_stopped_and_leaves_no_half() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(x)");
    settle(&mut file);
    put(&mut file, "k", b"v");
    let endless = format!("INSERT INTO t {ENDLESS} SELECT i FROM n WHERE i < 3 OR i % 2 > 2");
    assert!(slow(&file.exec(&endless, &[])));
    // SQLite may have taken the turn with it. Then it is not committed either.
    let kept = file.end_turn().is_ok();
    file.discard_turn();
    assert_eq!(get(&mut file, "k").is_some(), kept);
    assert_eq!(numbers(&mut file, "SELECT count(*) FROM t"), [0]);
    exec(&mut file, "INSERT INTO t VALUES (5)");
    settle(&mut file);
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [5]);
}

/// What SQLite itself makes of an expression.
fn as_sqlite(expression: &str) -> Value {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.query_row(&format!("SELECT {expression}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn functions_in_the_place_of_sqlites_give_what_sqlites_give() {
    let values = [
        "NULL",
        "''",
        "'a'",
        "'ab'",
        "'abcabca'",
        "'é'",
        "'aéaéb'",
        "'é\u{10ffff}b'",
        "' \t a '",
        "12",
        "121.5",
        "1e300",
        "-0.1",
        "x''",
        "x'00'",
        "x'61'",
        "x'616263'",
        "x'c3a9'",
        "x'c3'",
        "x'a9'",
        "x'c3c3a9a9'",
        "CAST(x'c3a9a9' AS TEXT)",
        "CAST(x'ff61ff' AS TEXT)",
        "'a' || char(0) || 'b'",
        "char(0)",
        "zeroblob(3)",
    ];
    let home = Home::new();
    let mut file = home.file();
    let mut expressions = Vec::new();
    for first in values {
        for second in values {
            for function in ["instr", "trim", "ltrim", "rtrim"] {
                expressions.push(format!("{function}({first}, {second})"));
            }
            for third in ["NULL", "''", "'xé'", "7", "x'ff'"] {
                expressions.push(format!("replace({first}, {second}, {third})"));
            }
        }
    }
    for expression in expressions {
        for told in [format!("typeof({expression})"), format!("hex({expression})")] {
            let ours = exec(&mut file, &format!("SELECT {told}")).rows[0][0].clone();
            assert_eq!(ours, as_sqlite(&told), "{told}");
        }
    }
    // A schema may call them, too.
    exec(&mut file, "CREATE TABLE t(a, b AS (instr(a, 'x')) STORED, CHECK (trim(a, ' ') <> ''))");
    exec(&mut file, "CREATE INDEX i ON t(replace(a, 'x', 'y'))");
    exec(&mut file, "INSERT INTO t(a) VALUES ('ax')");
    assert_eq!(numbers(&mut file, "SELECT b FROM t WHERE replace(a, 'x', 'y') = 'ay'"), [2]);
}

#[test]
fn one_call_of_a_function_cannot_take_long() {
    let home = Home::new();
    let mut file = home.file();
    let (hay, needle) = ("zeroblob(16000000)", "CAST(zeroblob(8000000) || x'01' AS BLOB)");
    let letters = "replace(hex(zeroblob(4000000)), '0', 'a')";
    let half = "replace(hex(zeroblob(2000000)), '0', 'a')";
    // Characters of two bytes and more, 40 000 of them.
    let many = "(WITH RECURSIVE n(i) AS (SELECT 256 UNION ALL SELECT i + 1 FROM n LIMIT 40000)
        SELECT group_concat(char(i), '') FROM n)";
    for statement in [
        format!("SELECT instr({hay}, {needle})"),
        format!("SELECT instr({letters}, {half} || 'b')"),
        format!("SELECT length(replace({letters}, {half} || 'b', 'c'))"),
        format!("SELECT length(trim({letters}, {many}))"),
        format!("SELECT length(trim({letters} || 'c', {many} || 'a'))"),
        format!(
            "SELECT length(ltrim({letters}, {many} || 'a')), length(rtrim({letters}, {many} || 'a'))"
        ),
    ] {
        let begun = Instant::now();
        exec(&mut file, &statement);
        assert!(begun.elapsed() < Duration::from_secs(3), "{statement}: {:?}", begun.elapsed());
    }
    limit(file.exec(&format!("SELECT replace({letters}, 'a', '0123456789')"), &[]));
}

#[test]
fn pattern_is_bounded() {
    let home = Home::new();
    let mut file = home.file();
    let pattern = "%".repeat(SQL_PATTERN_BYTES_MAX);
    for word in ["LIKE", "GLOB"] {
        exec(&mut file, &format!("SELECT 'a' {word} '{pattern}'"));
        let said = failed(file.exec(&format!("SELECT 'a' {word} '{pattern}%'"), &[]));
        assert!(said.contains("pattern"), "{said}");
    }
}

#[test]
fn time_is_that_of_a_batch_as_a_whole() {
    let home = Home::new();
    let mut file = home.file();
    // Each takes less than a call may.
    let one = format!("{ENDLESS} SELECT sum(i) FROM (SELECT i FROM n LIMIT 300000)");
    let begun = Instant::now();
    exec(&mut file, &one);
    let alone = begun.elapsed();
    let times = usize::try_from(SQL_MS_MAX).unwrap() * 3
        / usize::try_from(alone.as_millis()).unwrap().max(1)
        + 2;
    let begun = Instant::now();
    let all = batch(&mut file, &vec![&*one; times.min(SQL_STATEMENTS_MAX)]);
    assert!(
        matches!(all, Err(SqlError::TooSlow)),
        "{times} of {alone:?} took {:?}",
        begun.elapsed()
    );
    assert!(begun.elapsed() < Duration::from_millis(SQL_MS_MAX * 2), "{:?}", begun.elapsed());
}

#[test]
fn full_object_refuses_statements_that_store_and_lets_others_pass() {
    let home = Home::with_room_for(1 << 20);
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(x)");
    settle(&mut file);
    let mut stored = 0;
    let said = loop {
        match file.exec("INSERT INTO t VALUES (zeroblob(50000))", &[]) {
            Ok(_) => stored += 1,
            Err(SqlError::LimitExceeded(bound)) => break bound.to_string(),
            Err(other) => panic!("{other}"),
        }
        settle(&mut file);
    };
    assert!(said.contains("1048576") && (20..=22).contains(&stored), "{stored}: {said}");
    assert_eq!(numbers(&mut file, "SELECT count(*) FROM t"), [stored]);
    assert_eq!(exec(&mut file, "DELETE FROM t WHERE rowid <= 5").changed, 5);
    exec(&mut file, "INSERT INTO t VALUES (1)");
    settle(&mut file);
    assert_eq!(numbers(&mut file, "SELECT count(*) FROM t"), [stored - 4]);
}

#[test]
fn one_statement_cannot_take_an_object_far_over_its_bound() {
    let home = Home::with_room_for(1 << 20);
    let mut file = home.file();
    exec(&mut file, "CREATE TABLE t(x)");
    exec(&mut file, "INSERT INTO t VALUES (1)");
    settle(&mut file);
    let much = format!("INSERT INTO t {ENDLESS} SELECT randomblob(10000) FROM n LIMIT 1000");
    assert!(matches!(file.exec(&much, &[]), Err(SqlError::LimitExceeded(_) | SqlError::File(_))));
    file.discard_turn();
    assert_eq!(numbers(&mut file, "SELECT x FROM t"), [1]);
    put(&mut file, "k", b"v");
    settle(&mut file);
    close(file);
    assert!(std::fs::metadata(home.path()).unwrap().len() < 1 << 21);
}

#[test]
fn full_text_search_and_rtree_work_across_turns() {
    let home = Home::new();
    let mut file = home.file();
    exec(&mut file, "CREATE VIRTUAL TABLE words USING fts5(word)");
    exec(&mut file, "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)");
    settle(&mut file);
    for index in 0..50 {
        exec(&mut file, &format!("INSERT INTO words VALUES ('word{index} common')"));
        exec(&mut file, &format!("INSERT INTO boxes VALUES ({index}, {index}, {index} + 1)"));
        if index == 20 {
            file.discard_turn();
        }
        settle(&mut file);
    }
    close(file);
    let mut file = home.file();
    let found = numbers(&mut file, "SELECT count(*) FROM words WHERE words MATCH 'common'");
    assert_eq!(found, [49]);
    assert_eq!(numbers(&mut file, "SELECT id FROM boxes WHERE x0 > 47.5 ORDER BY id"), [48, 49]);
    exec(&mut file, "INSERT INTO words(words) VALUES ('optimize')");
    exec(&mut file, "INSERT INTO words(words) VALUES ('integrity-check')");
    exec(&mut file, "DROP TABLE words");
    exec(&mut file, "DROP TABLE boxes");
    settle(&mut file);
}
