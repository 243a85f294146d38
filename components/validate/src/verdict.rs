//! What is wrong with a document. Nothing in here knows of HTTP.

use jsonschema::Validator;
use std::sync::LazyLock;

/// Most complaints about one document: enough to mend it, and a bound for the answer.
const COMPLAINTS_MAX: usize = 50;

/// The schema, compiled once and used for every request that this instance answers.
static ORDER: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("order.schema.json"))
        .map_err(|error| format!("the schema is no JSON: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| format!("the schema is no schema: {error}"))
});

/// Something that is wrong with a document.
#[derive(Debug, PartialEq, serde::Serialize)]
pub(crate) struct Complaint {
    /// Where, as a JSON pointer; empty for the document itself.
    pointer: String,
    /// Why.
    reason: String,
}

/// What is wrong with `document`; nothing where it is an order.
pub(crate) fn complaints(document: &[u8]) -> Vec<Complaint> {
    let whole = |reason| vec![Complaint { pointer: String::new(), reason }];
    let order = match &*ORDER {
        Ok(order) => order,
        Err(error) => return whole(error.clone()),
    };
    let document: serde_json::Value = match serde_json::from_slice(document) {
        Ok(document) => document,
        Err(error) => return whole(format!("not JSON: {error}")),
    };
    order
        .iter_errors(&document)
        .take(COMPLAINTS_MAX)
        .map(|error| Complaint {
            pointer: error.instance_path().as_str().to_owned(),
            // Without the value, which the sender has, and which may be long.
            reason: error.masked().to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{COMPLAINTS_MAX, complaints};
    use serde_json::{Value, json};

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
        assert!(reasons.iter().any(|reason| reason.contains("\"qty\"")), "{reasons:?}");
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
        assert!(found.iter().all(|complaint| complaint.reason.len() < 200), "{:?}", found[0]);
    }
}
