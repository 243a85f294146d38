//! Functions of SQL in the place of SQLite's own: the ones whose time grows with the product of their
//! arguments. SQLite asks nobody while a function runs, so that one call of these could take hours.
//! They give what SQLite's give, in a time that grows with the sum.

use memchr::memmem;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, ffi};
use selvedge_contract::limits::SQL_RESULT_BYTES_MAX;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;

/// Puts them in the place of SQLite's.
pub(super) fn replace_slow(connection: &Connection) -> rusqlite::Result<()> {
    // Innocuous, as SQLite's own are: what a schema may call.
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("instr", 2, flags, instr)?;
    connection.create_scalar_function("replace", 3, flags, replace)?;
    connection.create_scalar_function("trim", 2, flags, |it| trim(it, true, true))?;
    connection.create_scalar_function("ltrim", 2, flags, |it| trim(it, true, false))?;
    connection.create_scalar_function("rtrim", 2, flags, |it| trim(it, false, true))
}

/// A text; not always UTF-8, as in SQLite.
struct Text(Vec<u8>);

impl ToSql for Text {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// Where the second is in the first, from 1 on; 0 where it is not. In bytes where both are blobs, else
/// in characters.
fn instr(context: &Context<'_>) -> rusqlite::Result<Option<i64>> {
    let values = (context.get_raw(0), context.get_raw(1));
    let is_text = !matches!(values, (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (Some(hay), Some(needle)) = (text(values.0)?, text(values.1)?) else { return Ok(None) };
    // A character is searched for from where one begins.
    let found = match needle.first() {
        Some(first) if is_text && is_continuation(*first) => hay.starts_with(&needle).then_some(0),
        _ => memmem::find(&hay, &needle),
    };
    let Some(before) = found.and_then(|at| hay.get(..at)) else { return Ok(Some(0)) };
    let count = match is_text {
        true => {
            let is_first = |(at, byte): &(usize, &u8)| *at == 0 || !is_continuation(**byte);
            before.iter().enumerate().filter(is_first).count()
        }
        false => before.len(),
    };
    Ok(Some(i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1)))
}

/// The first, with the third in the place of each occurrence of the second.
fn replace(context: &Context<'_>) -> rusqlite::Result<Option<Text>> {
    let values = [0, 1, 2].map(|index| context.get_raw(index));
    let [whole, from, to] = values.map(text);
    let (Some(whole), Some(from)) = (whole?, from?) else { return Ok(None) };
    // SQLite looks at the first byte alone, and at the third after this.
    if from.first().is_none_or(|first| *first == 0) {
        return Ok(Some(Text(whole.into_owned())));
    }
    let Some(to) = to? else { return Ok(None) };
    let (mut made, mut rest) = (Vec::with_capacity(whole.len()), 0);
    for at in memmem::find_iter(&whole, &*from) {
        made.extend_from_slice(whole.get(rest..at).unwrap_or_default());
        made.extend_from_slice(&to);
        rest = at.saturating_add(from.len());
        if made.len() > SQL_RESULT_BYTES_MAX {
            let code = ffi::Error::new(ffi::SQLITE_TOOBIG);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
    }
    made.extend_from_slice(whole.get(rest..).unwrap_or_default());
    Ok(Some(Text(made)))
}

/// The first, without the characters at its ends that are in the second.
fn trim(context: &Context<'_>, start: bool, end: bool) -> rusqlite::Result<Option<Text>> {
    let values = (context.get_raw(0), context.get_raw(1));
    let (Some(whole), Some(set)) = (text(values.0)?, text(values.1)?) else { return Ok(None) };
    // A set ends with a zero. A character has four bytes at most.
    let set = set.split(|byte| *byte == 0).next().unwrap_or_default();
    let set: HashSet<&[u8]> = characters(set).filter(|character| character.len() <= 4).collect();
    let mut left = &*whole;
    while start
        && let Some(rest) = (1..=4).find_map(|bytes| {
            let (first, rest) = left.split_at_checked(bytes)?;
            set.contains(first).then_some(rest)
        })
    {
        left = rest;
    }
    while end
        && let Some(rest) = (1..=4).find_map(|bytes| {
            let (rest, last) = left.split_at_checked(left.len().checked_sub(bytes)?)?;
            set.contains(last).then_some(rest)
        })
    {
        left = rest;
    }
    Ok(Some(Text(left.to_vec())))
}

/// The characters of a text, as SQLite takes them apart, valid or not.
fn characters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (first, behind) = rest.split_first()?;
        let more = match *first >= 0xc0 {
            true => behind.iter().take_while(|byte| is_continuation(**byte)).count(),
            false => 0,
        };
        let (character, behind) = rest.split_at_checked(more.saturating_add(1))?;
        rest = behind;
        Some(character)
    })
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// A value as text, or the bytes of a blob; `None` for NULL.
fn text(value: ValueRef<'_>) -> rusqlite::Result<Option<Cow<'_, [u8]>>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Cow::Borrowed(bytes)),
        ValueRef::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        ValueRef::Real(number) => Some(Cow::Owned(spelled(number)?)),
    })
}

/// A real as SQLite spells it, which alone knows how.
fn spelled(number: f64) -> rusqlite::Result<Vec<u8>> {
    thread_local! {
        static SPELLER: OnceCell<Connection> = const { OnceCell::new() };
    }
    SPELLER.with(|speller| {
        let speller = match speller.get() {
            Some(speller) => speller,
            None => {
                let opened = Connection::open_in_memory()?;
                speller.get_or_init(|| opened)
            }
        };
        let mut spell = speller.prepare_cached("SELECT CAST(?1 AS TEXT)")?;
        spell.query_row([number], |row| row.get::<_, String>(0)).map(String::into_bytes)
    })
}
