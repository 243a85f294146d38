//! Statements that an object may not use, each with its reason.

use super::{Home, get, put, settle};
use crate::storage::object::{ObjectFile, SqlError};

/// What was said to a statement that is refused.
fn refused(file: &mut ObjectFile, query: &str) -> String {
    match file.exec(query, &[]) {
        Err(SqlError::Refused(reason)) => reason.to_string(),
        other => panic!("{query}: {other:?}"),
    }
}

/// A file with something in it, in the middle of a turn.
fn in_a_turn(home: &Home) -> ObjectFile {
    let mut file = home.file();
    put(&mut file, "k", b"settled");
    file.exec("CREATE TABLE t(x)", &[]).unwrap();
    settle(&mut file);
    put(&mut file, "k", b"turn");
    file
}

#[test]
fn transactions_by_hand_are_refused_and_change_nothing() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for query in [
        "BEGIN",
        "begin immediate",
        "BEGIN EXCLUSIVE",
        "COMMIT",
        "END",
        "END TRANSACTION",
        "ROLLBACK",
        "/* x */ -- y\n COMMIT",
        "SAVEPOINT s",
        "SAVEPOINT batch",
        "RELEASE s",
        "RELEASE batch",
        "ROLLBACK TO s",
        "ROLLBACK TRANSACTION TO SAVEPOINT batch",
    ] {
        let reason = refused(&mut file, query);
        assert!(reason.contains("a turn is the transaction"), "{query}: {reason}");
    }
    file.discard_turn();
    assert_eq!(get(&mut file, "k").unwrap(), b"settled");
}

#[test]
fn other_files_are_refused() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    let elsewhere = home.folder.path().join("elsewhere.sqlite");
    let path = elsewhere.display();
    for query in [
        format!("ATTACH '{path}' AS e"),
        "ATTACH ':memory:' AS m".to_owned(),
        "DETACH main".to_owned(),
        "CREATE TEMP TABLE t(x)".to_owned(),
        "CREATE TEMPORARY VIEW v AS SELECT 1".to_owned(),
        "VACUUM".to_owned(),
        "vacuum main".to_owned(),
        format!("VACUUM INTO '{path}'"),
        format!("-- x\n/* y */ VACUUM INTO '{path}'"),
    ] {
        let reason = refused(&mut file, &query);
        assert!(reason.contains("not for objects"), "{query}: {reason}");
    }
    // However it is spelled, and between turns, too.
    settle(&mut file);
    for query in [
        format!(";VACUUM INTO '{path}'"),
        format!("\u{feff}VACUUM INTO '{path}'"),
        format!("\u{c}VACUUM INTO '{path}'"),
        format!("EXPLAIN VACUUM INTO '{path}'"),
        format!("; ; /**/ VACUUM INTO '{path}'"),
        format!("SELECT writefile('{path}', 'x')"),
        "SELECT load_extension('x')".to_owned(),
        "SELECT readfile('/etc/passwd')".to_owned(),
    ] {
        let _ = file.exec(&query, &[]);
        assert!(!elsewhere.exists(), "{query}");
    }
    assert_eq!(get(&mut file, "k").unwrap(), b"turn");
}

#[test]
fn pragmas_that_do_more_than_look_are_refused() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for name in [
        "journal_mode",
        "journal_mode = DELETE",
        "main.journal_mode = OFF",
        "synchronous",
        "synchronous = FULL",
        "locking_mode = NORMAL",
        "writable_schema = ON",
        "page_size = 512",
        "wal_checkpoint",
        "wal_checkpoint(TRUNCATE)",
        "user_version = 3",
        "schema_version = 1",
        "foreign_keys = OFF",
        "cache_size = -1000000",
        "max_page_count = 4000000000",
        "temp_store = FILE",
        "auto_vacuum = FULL",
        "incremental_vacuum",
        "mmap_size = 1000000000",
        "integrity_check",
        "trusted_schema = ON",
        "recursive_triggers",
        "optimize",
        "database_list",
    ] {
        let reason = refused(&mut file, &format!("PRAGMA {name}"));
        assert!(reason.contains("table_info"), "{name}: {reason}");
    }
    for query in ["SELECT * FROM pragma_journal_mode", "SELECT * FROM pragma_database_list"] {
        assert!(file.exec(query, &[]).is_err(), "{query}");
    }
}

#[test]
fn looking_at_the_schema_is_allowed() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    file.exec("CREATE INDEX i ON t(x)", &[]).unwrap();
    for (query, least) in [
        ("PRAGMA table_info(t)", 1),
        ("PRAGMA main.table_xinfo(t)", 1),
        ("PRAGMA TABLE_LIST", 2),
        ("PRAGMA index_list(t)", 1),
        ("PRAGMA index_info(i)", 1),
        ("PRAGMA index_xinfo(i)", 1),
        ("PRAGMA foreign_key_list(t)", 0),
        ("SELECT * FROM pragma_table_info('t')", 1),
        ("SELECT sql FROM sqlite_schema WHERE name = 't'", 1),
        ("EXPLAIN QUERY PLAN SELECT * FROM t", 1),
    ] {
        let rows = file.exec(query, &[]).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert!(rows.rows.len() >= least, "{query}");
    }
}

#[test]
fn tables_of_the_host_are_refused() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for query in [
        "SELECT * FROM _selvedge_keys",
        "SELECT count(*) FROM _selvedge_keys",
        "SELECT key FROM main._Selvedge_Keys AS mine",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM _selvedge_alarm)",
        "WITH a AS (SELECT * FROM _selvedge_object) SELECT * FROM a",
        "SELECT x FROM t JOIN _selvedge_alarm",
        "INSERT INTO _selvedge_alarm VALUES (1, 2, 3, 4)",
        "INSERT INTO t SELECT value FROM _selvedge_keys",
        "REPLACE INTO \"_selvedge_keys\" VALUES ('k', 'v')",
        "UPDATE _selvedge_keys SET value = 'v'",
        "DELETE FROM _selvedge_keys",
        "DELETE FROM [_selvedge_object]",
        "DROP TABLE _selvedge_keys",
        "DROP TABLE IF EXISTS `_SELVEDGE_alarm`",
        "ALTER TABLE _selvedge_keys RENAME TO mine",
        "ALTER TABLE _selvedge_keys ADD COLUMN more",
        "ALTER TABLE _selvedge_keys DROP COLUMN value",
        "CREATE TABLE _selvedge_mine(x)",
        "CREATE VIEW _selvedge_mine AS SELECT 1",
        "CREATE INDEX i ON _selvedge_keys(value)",
        "CREATE TRIGGER r AFTER INSERT ON _selvedge_keys BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE _selvedge_mine USING fts5(x)",
        "ANALYZE _selvedge_keys",
    ] {
        let reason = refused(&mut file, query);
        assert!(reason.to_lowercase().contains("_selvedge_"), "{query}: {reason}");
        assert_eq!(get(&mut file, "k").unwrap(), b"turn", "{query}");
    }
    settle(&mut file);
    assert_eq!(file.alarm().unwrap(), None);
}

#[test]
fn no_detour_leads_to_the_tables_of_the_host() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    // These may be made, since nobody looks into them then; using them is judged.
    for (make, using) in [
        ("CREATE VIEW v AS SELECT * FROM _selvedge_keys", "SELECT * FROM v"),
        (
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM _selvedge_keys; END",
            "INSERT INTO t VALUES (1)",
        ),
        (
            "CREATE VIRTUAL TABLE f USING fts5(key, content='_selvedge_keys')",
            "INSERT INTO f(f) VALUES ('rebuild')",
        ),
        ("CREATE TABLE g(x REFERENCES _selvedge_keys(key))", "INSERT INTO g VALUES ('k')"),
        ("CREATE TABLE h(x, y AS (x + 1))", "ALTER TABLE h RENAME TO _selvedge_h"),
    ] {
        let made = file.exec(make, &[]);
        let used = file.exec(using, &[]);
        assert!(used.is_err(), "{make}: {made:?}; {using}: {used:?}");
        assert_eq!(get(&mut file, "k").unwrap(), b"turn", "{using}");
    }
}

#[test]
fn what_a_search_index_writes_later_is_judged_too() {
    let home = Home::new();
    let mut file = home.file();
    put(&mut file, "k", b"v");
    file.exec("CREATE VIRTUAL TABLE f USING fts5(x)", &[]).unwrap();
    // The index is written when the turn ends, when no guest speaks any more.
    for table in ["f_data", "f_content", "f_docsize", "f_idx"] {
        let trigger = format!(
            "CREATE TRIGGER r_{table} AFTER INSERT ON {table}
             BEGIN INSERT INTO _selvedge_alarm VALUES (1, 2, 3, 4); END"
        );
        let _ = file.exec(&trigger, &[]);
    }
    let _ = file.exec("INSERT INTO f VALUES ('word')", &[]);
    let _ = file.batch([("INSERT INTO f VALUES ('other')", &[][..])].into_iter());
    if file.end_turn().is_err() {
        file.discard_turn();
    }
    assert_eq!(file.alarm().unwrap(), None);
}

#[test]
fn tables_of_sqlite_cannot_be_written() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for query in [
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 3, 'CREATE TABLE x(y)')",
        "UPDATE sqlite_master SET sql = ''",
        "UPDATE sqlite_schema SET name = 'mine' WHERE name = '_selvedge_keys'",
        "DELETE FROM sqlite_master",
        "DROP TABLE sqlite_master",
        "CREATE TABLE sqlite_mine(x)",
    ] {
        let outcome = file.exec(query, &[]);
        assert!(
            matches!(outcome, Err(SqlError::Failed(_) | SqlError::Refused(_))),
            "{query}: {outcome:?}"
        );
    }
    settle(&mut file);
    assert_eq!(get(&mut file, "k").unwrap(), b"turn");
}

#[test]
fn virtual_tables_that_nobody_needs_are_refused() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for module in ["fts3", "fts4", "dbstat", "bytecode", "csv"] {
        let outcome = file.exec(&format!("CREATE VIRTUAL TABLE m USING {module}(x)"), &[]);
        assert!(matches!(outcome, Err(SqlError::Refused(_))), "{module}: {outcome:?}");
    }
}

#[test]
fn several_statements_in_one_are_refused() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    for query in ["SELECT 1; SELECT 2", "INSERT INTO t VALUES (1); COMMIT", "SELECT 1;;SELECT 2"] {
        let outcome = file.exec(query, &[]);
        let said = match outcome {
            Err(error @ (SqlError::Failed(_) | SqlError::Refused(_))) => error.to_string(),
            other => panic!("{query}: {other:?}"),
        };
        assert!(said.contains("batch") || said.contains("a turn is"), "{query}: {said}");
    }
    for query in ["SELECT 1;", "SELECT 1 ; -- and a comment", "SELECT 1;;"] {
        file.exec(query, &[]).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    assert_eq!(file.exec("SELECT * FROM t", &[]).unwrap().rows.len(), 0);
}

#[test]
fn statement_spelled_like_one_of_the_hosts_is_judged() {
    let home = Home::new();
    let mut file = in_a_turn(&home);
    settle(&mut file);
    // The host has these prepared already.
    for query in [
        "SELECT value FROM _selvedge_keys WHERE key = ?1",
        "COMMIT",
        "BEGIN IMMEDIATE",
        "PRAGMA page_count",
        "DELETE FROM _selvedge_alarm",
        "SELECT scheduled_ms, due_ms, retry_count FROM _selvedge_alarm",
    ] {
        let _ = file.alarm();
        refused(&mut file, query);
        // And once more, where it might be kept prepared itself.
        refused(&mut file, query);
        refused(&mut file, &format!("/* guest */ {query}"));
    }
    assert_eq!(get(&mut file, "k").unwrap(), b"turn");
}

#[test]
fn refused_statement_says_so_where_the_object_has_no_file_yet() {
    let home = Home::new();
    let mut file = home.file();
    refused(&mut file, "COMMIT");
    refused(&mut file, "SELECT * FROM _selvedge_keys");
    put(&mut file, "k", b"v");
    settle(&mut file);
    let after = home.after_a_kill();
    assert_eq!(get(&mut after.file(), "k").unwrap(), b"v");
}
