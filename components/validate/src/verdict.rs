//! What is wrong with a document. Nothing in here knows of HTTP.

use boon::{CompileError, Compiler, ErrorKind, SchemaIndex, Schemas, ValidationError};
use serde_json::Value;
use std::sync::LazyLock;

/// Most complaints about one document: enough to mend it, and a bound for the answer.
const COMPLAINTS_MAX: usize = 50;
/// Longest reason, in characters: some name keys of the document.
const REASON_CHARS_MAX: usize = 200;

/// A schema, ready to judge.
struct Judge {
    schemas: Schemas,
    order: SchemaIndex,
}

/// The schema, compiled once and used for every request that this instance answers.
static JUDGE: LazyLock<Result<Judge, String>> = LazyLock::new(|| {
    // A schema's name is a URL. Nothing is fetched from it.
    const NAME: &str = "https://schemas.example/order.schema.json";
    let schema: Value = serde_json::from_str(include_str!("order.schema.json"))
        .map_err(|error| format!("the schema is no JSON: {error}"))?;
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let no_schema = |error: CompileError| format!("the schema is no schema: {error}");
    compiler.add_resource(NAME, schema).map_err(no_schema)?;
    let order = compiler.compile(NAME, &mut schemas).map_err(no_schema)?;
    Ok(Judge { schemas, order })
});

/// Something that is wrong with a document.
#[derive(Debug, PartialEq, serde::Serialize)]
pub(crate) struct Complaint {
    /// Where, as a JSON pointer; empty for the document itself.
    pointer: String,
    /// Why.
    reason: String,
}

/// What is wrong with `document`; nothing where it is an order. An error is one of the schema's.
pub(crate) fn complaints(document: &[u8]) -> Result<Vec<Complaint>, &'static str> {
    let judge = JUDGE.as_ref().map_err(String::as_str)?;
    let document: Value = match serde_json::from_slice(document) {
        Ok(document) => document,
        Err(error) => {
            let reason = format!("not JSON: {error}");
            return Ok(vec![Complaint { pointer: String::new(), reason }]);
        }
    };
    let mut found = Vec::new();
    if let Err(error) = judge.schemas.validate(&document, judge.order) {
        gather(&error, &mut found);
    }
    Ok(found)
}

/// An error is a tree, from the schema down to the keywords that failed; these say what is wrong.
fn gather(error: &ValidationError<'_, '_>, found: &mut Vec<Complaint>) {
    if found.len() == COMPLAINTS_MAX {
        return;
    }
    if error.causes.is_empty() {
        found.push(Complaint {
            pointer: error.instance_location.to_string(),
            reason: reason(&error.kind),
        });
    }
    for cause in &error.causes {
        gather(cause, found);
    }
}

fn reason(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        // Without the value, which the sender has, and which may be long.
        ErrorKind::Pattern { want, .. } => format!("does not match pattern {want}"),
        other => other.to_string().chars().take(REASON_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPLAINTS_MAX, Complaint};
    use serde_json::{Value, json};

    fn complaints(document: &[u8]) -> Vec<Complaint> {
        super::complaints(document).expect("the schema is one")
    }

    fn order() -> Value {
        json!({ "customer": { "email": "a@b.c" }, "items": [{ "sku": "ABC-1", "qty": 2 }] })
    }

    fn pointers(document: &Value) -> Vec<String> {
        complaints(document.to_string().as_bytes()).into_iter().map(|c| c.pointer).collect()
    }

    #[test]
    fn an_order_is_valid() {
        assert_eq!(complaints(order().to_string().as_bytes()), []);
    }

    #[test]
    fn each_complaint_points_at_its_place() {
        let mut wrong = order();
        wrong["items"][0]["qty"] = json!(0);
        wrong["customer"]["email"] = json!("nobody");
        wrong["shipping"] = json!("by foot");
        let mut found = pointers(&wrong);
        found.sort();
        assert_eq!(found, ["/customer/email", "/items/0/qty", "/shipping"]);
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_named() {
        let mut wrong = order();
        wrong["items"][0] = json!({ "sku": "ABC-1", "prize": 3 });
        let reasons: Vec<_> =
            complaints(wrong.to_string().as_bytes()).into_iter().map(|c| c.reason).collect();
        assert!(reasons.iter().any(|reason| reason.contains("qty")), "{reasons:?}");
        assert!(reasons.iter().any(|reason| reason.contains("prize")), "{reasons:?}");
    }

    #[test]
    fn text_that_is_no_json_is_refused_with_its_place() {
        for text in ["", "{", "{\"items\":}", "\u{0}"] {
            let found = complaints(text.as_bytes());
            assert!(found[0].reason.starts_with("not JSON: "), "{found:?}");
        }
    }

    #[test]
    fn values_are_not_repeated_and_complaints_are_bounded() {
        let long = "x".repeat(10_000);
        let mut wrong = order();
        wrong["items"] = json!(vec![json!({ "sku": long, "qty": 0 }); 200]);
        let found = complaints(wrong.to_string().as_bytes());
        assert_eq!(found.len(), COMPLAINTS_MAX);
        assert!(found.iter().all(|complaint| complaint.reason.len() <= 200), "{:?}", found[0]);
    }
}
