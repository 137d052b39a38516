//! Batches of items for the children of a map run.

use serde_json::{Map as Object, Value};

use super::{map, transfer::render};
use crate::execution::{FrameId, Item};
use crate::failure::Failure;
use crate::fields::{effective, integer, refuse};
use crate::interpreter::Interpreter;
use crate::machine::{Amount, Batcher};
use crate::query::{Fault, Scope};

/// The same items, several in one.
pub(super) fn batches(
    turn: &mut Interpreter,
    id: FrameId,
    batcher: &Batcher,
    items: Vec<Item>,
) -> Result<Vec<Item>, Failure> {
    let input = batcher
        .input
        .as_ref()
        .map(|input| render(turn, id, Some(input), "ItemBatcher/BatchInput"))
        .transpose()?;
    let (Some(view), Some(state)) = (turn.view(id), turn.state(id)) else {
        return Ok(items);
    };
    let limits = effective(state, &view).and_then(|input| batch_limits(batcher, &view.over(&input)));
    let (most, bytes) = limits.map_err(|fault| turn.fault(id, fault))?;
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut size = 0;
    for item in items {
        let length = item.value.to_string().len() + 1;
        match batches.last_mut() {
            Some(batch) if batch.len() < most && size + length <= bytes => batch.push((*item.value).clone()),
            _ => {
                batches.push(vec![(*item.value).clone()]);
                size = 0;
            }
        }
        size += length;
    }
    let batches = batches.into_iter().map(|batch| {
        let mut all = Object::new();
        all.extend(input.iter().map(|input| ("BatchInput".to_owned(), input.clone())));
        all.insert("Items".to_owned(), Value::Array(batch));
        Value::Object(all)
    });
    Ok(map::listed(batches.collect(), None))
}

fn batch_limits(batcher: &Batcher, scope: &Scope) -> Result<(usize, usize), Fault> {
    let limit = |amount: &Option<Amount>, field: &str| match amount {
        None => Ok(usize::MAX),
        Some(amount) => match usize::try_from(integer(amount, field, scope)?) {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(refuse(amount, field, format!("{field} must be positive."))),
        },
    };
    Ok((
        limit(&batcher.max_items, "MaxItemsPerBatch")?,
        limit(&batcher.max_bytes, "MaxInputBytesPerBatch")?,
    ))
}
