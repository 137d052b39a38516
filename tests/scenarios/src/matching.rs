use std::{
    cmp::Ordering,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use regex_lite::Regex;
use serde_json::Value;

/// How far a time of the server may be from ours.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3600);

/// Holds a value (none: it is absent) against a pattern; what differs, with its place.
///
/// An object must have the pattern's fields and may have more; an array must have as many items; anything else must
/// be equal. Instead of a value a pattern may be
///
/// | word | matches |
/// |---|---|
/// | `$any`, `$absent` | anything that is there; nothing |
/// | `$id` | an activation id |
/// | `$ms` | a time about now, in milliseconds |
/// | `$int`, `$string`, `$object` | a value of that type |
/// | `$re …`, `$lacks …` | a text in which the regular expression is found; one without this part |
/// | `{$has: [p, …]}`, `{$lacks: [p, …]}` | an array with an item for each pattern; with none for any |
/// | `{$length: n}` | an array, object or text of this length; fields may stand beside it |
/// | `{$min: n}`, `{$max: n}`, `{$above: n}` | a number at least, at most, above |
/// | `{$not: p}` | anything but this |
pub fn differences(pattern: &Value, value: Option<&Value>, place: &str, found: &mut Vec<String>) {
    let matches = match (pattern, value) {
        (Value::String(word), value) if word.starts_with('$') => by_word(word, value),
        (Value::Object(pattern), value) => {
            let (operators, fields): (Vec<_>, Vec<_>) = pattern.iter().partition(|(key, _)| key.starts_with('$'));
            let values = value.and_then(Value::as_object);
            for (key, pattern) in fields.iter().filter(|_| values.is_some()) {
                let value = values.and_then(|values| values.get(*key));
                differences(pattern, value, &format!("{place}/{key}"), found);
            }
            operators
                .iter()
                .all(|(word, argument)| by_operator(word, argument, value))
                && (values.is_some() || fields.is_empty() && !operators.is_empty())
        }
        (Value::Array(items), Some(Value::Array(values))) if items.len() == values.len() => {
            for (index, (item, value)) in items.iter().zip(values).enumerate() {
                differences(item, Some(value), &format!("{place}/{index}"), found);
            }
            return;
        }
        (pattern, value) => value.is_some_and(|value| equal(pattern, value)),
    };
    if !matches {
        let value = value.map_or("nothing".into(), shortened);
        found.push(format!("{place}: expected {}, found {value}", shortened(pattern)));
    }
}

/// Whether a value is as a pattern says.
fn matches(pattern: &Value, value: &Value) -> bool {
    let mut found = Vec::new();
    differences(pattern, Some(value), "", &mut found);
    found.is_empty()
}

fn by_word(word: &str, value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str);
    match word {
        "$any" => value.is_some(),
        "$absent" => value.is_none(),
        "$int" => value.is_some_and(|value| value.is_i64() || value.is_u64()),
        "$string" => text.is_some(),
        "$object" => value.is_some_and(Value::is_object),
        "$id" => {
            text.is_some_and(|text| text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        }
        "$ms" => value.and_then(Value::as_u64).is_some_and(is_about_now),
        _ => text.is_some_and(|text| match word.split_once(' ') {
            Some(("$re", pattern)) => Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)),
            Some(("$lacks", part)) => !text.contains(part),
            _ => false,
        }),
    }
}

fn by_operator(word: &str, argument: &Value, value: Option<&Value>) -> bool {
    let Some(value) = value else { return false };
    let items = || value.as_array().map_or(&[][..], Vec::as_slice);
    let patterns = || argument.as_array().map_or(&[][..], Vec::as_slice);
    let among = |pattern: &Value| items().iter().any(|item| matches(pattern, item));
    match word {
        "$has" => patterns().iter().all(among),
        "$lacks" => value.is_array() && !patterns().iter().any(among),
        "$length" => length(value) == argument.as_u64(),
        "$min" => order(value, argument).is_some_and(Ordering::is_ge),
        "$max" => order(value, argument).is_some_and(Ordering::is_le),
        "$above" => order(value, argument).is_some_and(Ordering::is_gt),
        "$not" => !matches(argument, value),
        _ => false,
    }
}

/// How a number stands to a bound, which may be the text of a saved one.
fn order(value: &Value, bound: &Value) -> Option<Ordering> {
    let bound = bound.as_f64().or_else(|| bound.as_str()?.parse().ok());
    value.as_f64()?.partial_cmp(&bound?)
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.chars().count(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

/// Equality of JSON, where `1` is `1.0`.
pub fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

fn is_about_now(milliseconds: u64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.abs_diff(Duration::from_millis(milliseconds)) < CLOCK_TOLERANCE
}

/// A value for a message, not longer than a few lines.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(pattern: Value, value: Value, expected: &[&str]) {
        let mut found = Vec::new();
        differences(&pattern, Some(&value), "", &mut found);
        assert_eq!(found, expected, "{pattern} against {value}");
    }

    #[test]
    fn objects_may_have_more_and_arrays_may_not() {
        check(json!({"a": 1}), json!({"a": 1.0, "b": 2}), &[]);
        check(json!({"a": 1}), json!({"a": 2}), &["/a: expected 1, found 2"]);
        check(
            json!({"a": {"b": 1}}),
            json!({"a": {}}),
            &["/a/b: expected 1, found nothing"],
        );
        check(json!([1]), json!([1, 2]), &[": expected [1], found [1,2]"]);
        check(json!([{"a": 1}]), json!([{"a": 2}]), &["/0/a: expected 1, found 2"]);
        check(json!({"a": null}), json!({}), &["/a: expected null, found nothing"]);
    }

    #[test]
    fn words_match_kinds_of_values() {
        check(json!({"a": "$absent"}), json!({}), &[]);
        check(
            json!({"a": "$absent"}),
            json!({"a": null}),
            &["/a: expected \"$absent\", found null"],
        );
        check(json!("$id"), json!("0123456789abcdef0123456789abcdef"), &[]);
        check(json!("$id"), json!("0123"), &[": expected \"$id\", found \"0123\""]);
        check(json!("$re ^a+$"), json!("aaa"), &[]);
        check(json!("$re ^a+$"), json!("b"), &[": expected \"$re ^a+$\", found \"b\""]);
        check(json!("$lacks b"), json!("aaa"), &[]);
        check(
            json!("$lacks b"),
            json!("abc"),
            &[": expected \"$lacks b\", found \"abc\""],
        );
        check(json!("$ms"), json!(12), &[": expected \"$ms\", found 12"]);
        check(
            json!("$unknown"),
            json!("$unknown"),
            &[": expected \"$unknown\", found \"$unknown\""],
        );
    }

    #[test]
    fn operators_look_into_arrays_and_numbers() {
        check(json!({"$has": [{"k": 1}]}), json!([{"k": 2}, {"k": 1, "v": 0}]), &[]);
        check(
            json!({"$has": [3]}),
            json!([1]),
            &[": expected {\"$has\":[3]}, found [1]"],
        );
        check(json!({"$lacks": [3]}), json!([1]), &[]);
        check(
            json!({"$lacks": [1]}),
            json!([1]),
            &[": expected {\"$lacks\":[1]}, found [1]"],
        );
        check(json!({"$length": 2, "$has": [1]}), json!([1, 2]), &[]);
        check(json!({"$min": 2, "$max": 3}), json!(2.5), &[]);
        check(json!({"$above": "1"}), json!(2), &[]);
        check(
            json!({"$above": "2"}),
            json!(2),
            &[r#": expected {"$above":"2"}, found 2"#],
        );
        check(json!({"$min": 2}), json!(1), &[": expected {\"$min\":2}, found 1"]);
        check(
            json!({"$min": 2}),
            json!("x"),
            &[": expected {\"$min\":2}, found \"x\""],
        );
        check(json!({"$not": 2}), json!(1), &[]);
        check(json!({"$length": 1, "a": 1}), json!({"a": 1}), &[]);
        check(
            json!({"$length": 1, "a": 1}),
            json!({"a": 2}),
            &["/a: expected 1, found 2"],
        );
        check(json!({"a": 1}), json!([]), &[": expected {\"a\":1}, found []"]);
    }
}
