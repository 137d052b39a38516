use serde_json::{Number, Value};

/// 2^53: below, doubles are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Makes all numbers of a value what JavaScript makes of them when it reads and writes it: doubles, of which whole ones have
/// no fraction. A function in Python would see the difference.
pub(super) fn to_doubles(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(double) = double(number) {
                *number = double;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(to_doubles),
        Value::Object(fields) => fields.values_mut().for_each(to_doubles),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What becomes of a number, if it is not the same.
fn double(number: &Number) -> Option<Number> {
    let value = number.as_f64()?;
    match value.fract() == 0.0 && value.abs() < EXACT {
        true if number.is_f64() => Some(Number::from(value as i64)),
        true => None,
        false => Number::from_f64(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_doubles() {
        for (given, expected) in [
            (json!(1), "1"),
            (json!({ "n": [1.0, -0.0, 0.5] }), r#"{"n":[1,0,0.5]}"#),
            (json!(9_007_199_254_740_993_u64), "9007199254740992.0"),
            (json!(1e300), "1e+300"),
        ] {
            let mut value = given;
            to_doubles(&mut value);
            assert_eq!(value.to_string(), expected);
        }
    }
}
