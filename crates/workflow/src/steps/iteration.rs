//! Iterations of an inline Map.

use std::sync::Arc;

use serde_json::Value;

use super::fan;
use crate::execution::{FrameId, Item, Link};
use crate::failure::Failure;
use crate::fields::effective;
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
use crate::machine::{Kind, Language, Map, MapMode};
use crate::query::{jsonata, template};

/// What an iteration over this item is given.
pub(super) fn input(turn: &mut Interpreter, id: FrameId, item: &Item) -> Result<Arc<Value>, Failure> {
    let (Some(view), Some(state)) = (turn.view_with(id, Some(item), None), turn.state(id)) else {
        return Ok(item.value.clone());
    };
    let selector = match &state.kind {
        Kind::Map(map) => map.selector.as_ref(),
        _ => None,
    };
    let Some(selector) = selector else {
        return Ok(item.value.clone());
    };
    let rendered = match state.language {
        Language::JSONata => jsonata::render(selector, "ItemSelector", &view.scope()),
        Language::JSONPath => {
            effective(state, &view).and_then(|effective| template::render(selector, &view.over(&effective)))
        }
    };
    let rendered = rendered.map_err(|fault| turn.fault(id, fault))?;
    match turn.is_too_large(&rendered) {
        true => Err(Failure::too_large_for(&state.name)),
        false => Ok(Arc::new(rendered)),
    }
}

/// Begins as many iterations as may go on, caused by this event. Whether any has begun.
pub(super) fn begin_more(turn: &mut Interpreter, id: FrameId, cause: u64) -> bool {
    let Some(map) = inline(turn, id) else { return false };
    let mut any = false;
    while let Some(item) = next(turn, id) {
        match input(turn, id, &item) {
            Ok(input) => begin(turn, id, map, item, input, cause),
            Err(failure) => {
                turn.abort_children(id, id);
                turn.fail(id, failure);
                return true;
            }
        }
        any = true;
    }
    any
}

fn inline<'m>(turn: &Interpreter<'m>, id: FrameId) -> Option<&'m Map> {
    match &turn.state(id)?.kind {
        Kind::Map(map) if map.mode == MapMode::Inline => Some(map),
        _ => None,
    }
}

fn next(turn: &mut Interpreter, id: FrameId) -> Option<Item> {
    let fan = fan::of(turn, id)?;
    if fan.running >= fan.limit {
        return None;
    }
    let item = fan.items.0.get(fan.begun as usize).cloned()?;
    fan.begun += 1;
    fan.running += 1;
    Some(item)
}

fn begin(turn: &mut Interpreter, id: FrameId, map: &Map, item: Item, input: Arc<Value>, cause: u64) {
    let index = item.index;
    let child = fan::begin(turn, id, index, map.start, input, cause);
    if let Some(frame) = turn.frame_mut(child) {
        frame.item = Some(Arc::new(item));
    }
    told(turn, child, Link { frame: id, index }, HistoryKind::MapIterationStarted);
}

/// Tells what has become of an iteration; branches of a Parallel have no such events.
pub(super) fn told(turn: &mut Interpreter, child: FrameId, link: Link, kind: HistoryKind) {
    if let Some(state) = turn.state(link.frame)
        && matches!(state.kind, Kind::Map(_))
    {
        let details = Details::Iteration {
            name: state.name.clone(),
            index: link.index,
        };
        turn.record(child, kind, details);
    }
}

/// Whether an inline Map bears one more failed iteration.
pub(super) fn bears(turn: &mut Interpreter, id: FrameId) -> bool {
    if inline(turn, id).is_none() {
        return false;
    }
    let Some(fan) = fan::of(turn, id) else { return false };
    let total = u32::try_from(fan.items.0.len()).unwrap_or(u32::MAX);
    let bears = !fan.tolerance.exceeded(fan.failed + 1, total);
    if bears {
        fan.failed += 1;
    }
    bears
}
