use serde_json::Value;

use super::Fault;

/// How deep a value may nest. What holds it (a record, a message) nests it further, and readers of JSON give up at 128;
/// a loop that wraps its input in each turn must not get there.
pub const MAX_DEPTH: usize = 100;

/// The value, if it does not nest too deep.
pub(super) fn bounded(value: Value) -> Result<Value, Fault> {
    if !nests_too_deep(&value) {
        return Ok(value);
    }
    Err(Fault::runtime(format!("A value nests deeper than {MAX_DEPTH} levels.")))
}

/// Whether a value nests deeper than [`MAX_DEPTH`]: what comes from outside must be asked, too.
pub fn nests_too_deep(value: &Value) -> bool {
    !is_within(value, MAX_DEPTH)
}

/// Whether the value has at most this many levels of arrays and objects.
fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|value| is_within(value, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_deepest_value_that_passes_has_as_many_levels() {
        let nested = |levels| (0..levels).fold(json!(1), |value, _| json!({ "a": value }));
        assert!(bounded(nested(MAX_DEPTH)).is_ok());
        assert!(bounded(nested(MAX_DEPTH + 1)).is_err());
    }
}
