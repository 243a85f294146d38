//! Values with their types, on a platform whose only numbers are reals.
//!
//! There an integer and a real look alike, and what is over 2^53 is rounded. So a statement that reads
//! is asked for its integers as text, which begins with a mark, as all other text then does.

/// What the text of an integer begins with.
pub(super) const INTEGER: char = 'i';
/// What a text begins with.
pub(super) const TEXT: char = 't';
/// What stands beside a real in what a RETURNING is asked for besides.
pub(super) const REAL: char = 'r';

/// A statement that gives the rows of `text`, which reads and has so many columns, with marks.
///
/// Both limits stand there so that SQLite does not merge the statements into one (rule 13 of
/// `flattenSubquery`): each value is computed once, in the order of the statement's own rows.
pub fn typed(text: &str, columns: usize) -> String {
    let list = |of: &dyn Fn(usize) -> String| (0..columns).map(of).collect::<Vec<_>>().join(",");
    let names = list(&|at| format!("c{at}"));
    let marked = list(&|at| {
        format!(
            "CASE typeof(c{at})WHEN'integer'THEN'{INTEGER}'||c{at} WHEN'text'THEN'{TEXT}'||c{at} ELSE c{at} END"
        )
    });
    format!(
        "WITH _selvedge_row({names})AS(SELECT*FROM(\n{text}\n)LIMIT -1)SELECT {marked} FROM _selvedge_row LIMIT -1"
    )
}

#[cfg(test)]
mod tests {
    use super::typed;
    use crate::limits::SQL_COLUMNS_MAX;

    #[test]
    fn every_column_is_marked() {
        assert_eq!(
            typed("SELECT 1", 1),
            "WITH _selvedge_row(c0)AS(SELECT*FROM(\nSELECT 1\n)LIMIT -1)SELECT \
             CASE typeof(c0)WHEN'integer'THEN'i'||c0 WHEN'text'THEN't'||c0 ELSE c0 END \
             FROM _selvedge_row LIMIT -1"
        );
        assert!(typed("", SQL_COLUMNS_MAX).len() < 10_000);
    }
}
