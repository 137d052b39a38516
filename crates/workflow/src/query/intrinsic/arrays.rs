use std::collections::HashSet;

use serde_json::Value;

use super::functions::integer;
use crate::query::Chance;

/// The longest array that `States.ArrayRange` makes.
const MAX_RANGE: usize = 1000;

fn array(value: &Value) -> Result<&[Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{value} is not an array"))
}

pub(super) fn partition(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let size = usize::try_from(integer(&arguments[1])?).ok().filter(|size| *size > 0);
    let size = size.ok_or("the size of a chunk must be above 0")?;
    Ok(array(&arguments[0])?.chunks(size).map(<[Value]>::to_vec).collect())
}

pub(super) fn contains(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let wanted = canonical(&arguments[1]);
    Ok(array(&arguments[0])?
        .iter()
        .any(|item| canonical(item) == wanted)
        .into())
}

/// The end is part of it.
pub(super) fn range(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let (start, end) = (integer(&arguments[0])?, integer(&arguments[1])?);
    let step = Some(integer(&arguments[2])?).filter(|step| *step != 0);
    let step = step.ok_or("the step must not be 0")?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step))
        .take_while(|number| if step > 0 { *number <= end } else { *number >= end });
    let numbers: Vec<Value> = numbers.take(MAX_RANGE + 1).map(Value::from).collect();
    if numbers.len() > MAX_RANGE {
        return Err(format!("the range has more than {MAX_RANGE} items"));
    }
    Ok(numbers.into())
}

pub(super) fn item(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let (items, index) = (array(&arguments[0])?, integer(&arguments[1])?);
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.cloned()
        .ok_or_else(|| format!("the index {index} is outside an array of {} items", items.len()))
}

pub(super) fn length(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    Ok(array(&arguments[0])?.len().into())
}

pub(super) fn unique(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let mut seen = HashSet::new();
    let items = array(&arguments[0])?.iter();
    Ok(items.filter(|item| seen.insert(canonical(item))).cloned().collect())
}

/// A text that two values share if they are equal: fields in the order of their names, numbers by value.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .into_iter()
                .map(|(name, value)| format!("{name:?}:{}", canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => (float as i64).to_string(),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}
