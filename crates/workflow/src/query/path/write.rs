use serde_json::{Map, Value};

use super::{Path, Root, parse::Step};
use crate::query::{
    Fault,
    depth::{MAX_DEPTH, bounded},
};

/// `document` with `value` at the reference path of a `ResultPath`; missing objects on the way are made.
///
/// # Errors
/// `States.Runtime` when the path is no reference path of the input; `States.ResultPathMatchFailure` when it leads
/// through something that is neither object nor array, or to an item that an array does not have.
pub fn write(reference: &str, mut document: Value, value: Value) -> Result<Value, Fault> {
    let path = Path::parse(reference)
        .ok()
        .filter(|path| path.is_reference() && path.root == Root::Input)
        .ok_or_else(|| Fault::runtime(format!("'{reference}' is not a Reference Path")))?;
    let place = (path.steps.len() <= MAX_DEPTH).then(|| place(&mut document, &path.steps));
    match place.flatten() {
        Some(place) => *place = value,
        None => {
            return Err(Fault {
                error: "States.ResultPathMatchFailure",
                cause: format!("Unable to apply ReferencePath {reference} to input {document}"),
                location: None,
            });
        }
    }
    bounded(document)
}

/// Where the steps lead from `value`, made if it is missing.
fn place<'v>(mut value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    for (at, step) in steps.iter().enumerate() {
        // What is made on the way is an object; the document itself is never replaced by one.
        if at > 0 && value.is_null() {
            *value = Value::Object(Map::new());
        }
        value = match (step, value) {
            (Step::Names(names), Value::Object(fields)) => fields.entry(names.first()?).or_insert(Value::Null),
            (Step::Indices(indices), Value::Array(items)) => {
                let index = usize::try_from(*indices.first()?).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    Some(value)
}
