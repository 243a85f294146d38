//! Objects on standard output: lines for people, or JSON.

use crate::clock;
use crate::commands::kv::printable;
use crate::guest::object::orders::ask::{Listed, Shown};
use std::io::{Result, Write};

/// A list that is written while it is made.
pub(super) struct List<'o> {
    out: &'o mut dyn Write,
    json: bool,
    is_first: bool,
}

impl<'o> List<'o> {
    /// A list on `out`.
    pub(super) fn new(out: &'o mut dyn Write, json: bool) -> Self {
        Self { out, json, is_first: true }
    }

    /// One object.
    pub(super) fn object(&mut self, listed: &Listed) -> Result<()> {
        if !self.json {
            return writeln!(self.out, "{}", line(listed));
        }
        let comma = if self.is_first { "[" } else { "," };
        self.is_first = false;
        write!(self.out, "{comma}\n  {}", serde_json::to_string(listed)?)
    }

    /// After the last object.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.json {
            writeln!(self.out, "{}", if self.is_first { "[]" } else { "\n]" })?;
        }
        self.out.flush()
    }
}

/// Class, name, whether it is live, size and alarm between tabs.
fn line(listed: &Listed) -> String {
    let Listed { class, name, id, live, bytes, alarm_ms, problem } = listed;
    let name = name.as_ref().map_or_else(|| format!("(id {id})"), |name| printable(name));
    let live = if *live { "live" } else { "-" };
    let last = match (problem, alarm_ms) {
        (Some(problem), _) => format!("unreadable: {}", printable(problem)),
        (None, Some(at_ms)) => due(*at_ms),
        (None, None) => String::new(),
    };
    format!("{class}\t{name}\t{live}\t{bytes} bytes\t{last}").trim_end().to_owned()
}

fn due(at_ms: u64) -> String {
    let left_ms = at_ms.saturating_sub(clock::now_ms());
    if left_ms == 0 {
        "alarm due".to_owned()
    } else {
        format!("alarm in {} s", left_ms.div_ceil(1_000))
    }
}

/// What one object stores.
pub(super) fn shown(out: &mut dyn Write, shown: &Shown, json: bool) -> Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string_pretty(shown)?);
    }
    let Shown { id, class, name, live, bytes, contents } = shown;
    writeln!(out, "class   {class}")?;
    writeln!(out, "name    {}", printable(name))?;
    writeln!(out, "id      {id}")?;
    writeln!(out, "live    {}", if *live { "yes" } else { "no" })?;
    writeln!(out, "bytes   {bytes}")?;
    match contents.alarm {
        None => writeln!(out, "alarm   none")?,
        Some(alarm) => {
            let (at, tried) = (due(alarm.due_ms), alarm.retry_count);
            let at = at.trim_start_matches("alarm ");
            writeln!(out, "alarm   {at} (at {} ms, tried {tried} times)", alarm.due_ms)?;
        }
    }
    writeln!(out, "keys    {}", contents.key_count)?;
    for key in &contents.keys {
        writeln!(out, "  {}\t{} bytes", printable(&key.key), key.bytes)?;
    }
    let more =
        contents.key_count.saturating_sub(u64::try_from(contents.keys.len()).unwrap_or_default());
    if more > 0 {
        writeln!(out, "  and {more} more; --json shows up to {}", super::KEYS_SHOWN_JSON)?;
    }
    writeln!(out, "tables  {}", contents.tables.len())?;
    for table in &contents.tables {
        match table.rows {
            Some(rows) => writeln!(out, "  {}\t{rows} rows", printable(&table.name))?,
            None => writeln!(out, "  {}\tcannot be counted", printable(&table.name))?,
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::{Listed, line};

    #[test]
    fn terminal_gets_no_commands_from_a_name() {
        let listed = Listed {
            class: "counter".to_owned(),
            name: Some("a\x1b[2J\tb".to_owned()),
            id: "00".to_owned(),
            live: true,
            bytes: 4096,
            alarm_ms: Some(1),
            problem: None,
        };
        assert_eq!(line(&listed), "counter\ta\\u{1b}[2J\\tb\tlive\t4096 bytes\talarm due");
    }
}
