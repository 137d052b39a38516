//! What Parallel and inline Map share: children that run at once and are joined.

use std::sync::Arc;

use serde_json::Value;

use super::{Work, iteration};
use crate::execution::{Doing, Fan, Frame, FrameId, Link};
use crate::failure::Failure;
use crate::fields::close;
use crate::flow::{Leave, Step};
use crate::history::{Details, HistoryKind};
use crate::interpreter::{Interpreter, size};
use crate::machine::{Kind, StateId};

/// Begins a child of a frame, caused by this event.
pub(super) fn begin(
    turn: &mut Interpreter,
    parent: FrameId,
    index: u32,
    start: StateId,
    input: Arc<Value>,
    cause: u64,
) -> FrameId {
    let id = turn.execution.next_frame();
    let link = Link { frame: parent, index };
    turn.execution
        .frames
        .insert(id, Frame::new(Some(link), start, input, cause));
    turn.execution.ready.push_back(id);
    id
}

pub(super) fn of<'t>(turn: &'t mut Interpreter, id: FrameId) -> Option<&'t mut Fan> {
    match &mut turn.frame_mut(id)?.doing {
        Doing::Fanning(fan) => Some(fan),
        _ => None,
    }
}

/// A child has gone through its last state.
pub(crate) fn ended(turn: &mut Interpreter, id: FrameId, link: Link, output: Arc<Value>) {
    iteration::told(turn, id, link, HistoryKind::MapIterationSucceeded);
    let Some(child) = turn.execution.frames.remove(&id) else {
        return;
    };
    let most = turn.limits.expressions.together;
    let fits = of(turn, link.frame).is_none_or(|fan| {
        let bytes = size(&output);
        fan.gather(link.index, output, bytes, most)
    });
    if !fits {
        turn.abort_children(link.frame, link.frame);
        let failure = too_much(turn, link.frame);
        return turn.take_step(link.frame, Err(failure));
    }
    joined(turn, link.frame, &child);
}

/// The results of a state's children are too large together, long before its own output could be measured.
pub(super) fn too_much(turn: &Interpreter, id: FrameId) -> Failure {
    Failure::too_large(turn.state(id).map_or("", |state| &state.name))
}

/// One child fewer: another begins, or the state is done.
fn joined(turn: &mut Interpreter, parent: FrameId, child: &Frame) {
    if let Some(frame) = turn.frame_mut(parent) {
        (frame.last, frame.before) = (child.last, child.before);
    }
    let Some(fan) = of(turn, parent) else { return };
    fan.running = fan.running.saturating_sub(1);
    if iteration::begin_more(turn, parent, child.before) {
        return;
    }
    if of(turn, parent).is_some_and(|fan| fan.running == 0) {
        let kind = match turn.state(parent).map(|state| &state.kind) {
            Some(Kind::Parallel(_)) => HistoryKind::ParallelStateSucceeded,
            _ => HistoryKind::MapStateSucceeded,
        };
        let step = complete(turn, parent, kind);
        turn.take_step(parent, step);
    }
}

/// The state has succeeded with the results of its children.
pub(super) fn complete(turn: &mut Interpreter, id: FrameId, kind: HistoryKind) -> Result<Step, Failure> {
    let results = of(turn, id).map(|fan| std::mem::take(&mut fan.results));
    let result = Arc::new(Value::Array(results.unwrap_or_default().values()));
    succeed(turn, id, kind, result)
}

pub(super) fn succeed(
    turn: &mut Interpreter,
    id: FrameId,
    kind: HistoryKind,
    result: Arc<Value>,
) -> Result<Step, Failure> {
    turn.record(id, kind, Details::None);
    let Some(work) = Work::new(turn, id) else {
        return Ok(Step::Stay);
    };
    let closed = close(work.state, &work.view, result).map_err(|fault| work.fault(fault).quietly())?;
    let mut leave = Leave::to(work.state.next, closed);
    leave.beside = true;
    Ok(Step::Leave(leave))
}

/// A child has failed. Whether its parent bears it; if not, the other children are ended.
pub(crate) fn tolerated(turn: &mut Interpreter, id: FrameId, link: Link, failure: &Failure) -> bool {
    if !failure.is_terminal() {
        iteration::told(turn, id, link, HistoryKind::MapIterationFailed);
    }
    let Some(child) = turn.frame(id).cloned() else {
        return false;
    };
    if iteration::bears(turn, link.frame) {
        turn.drop_children(id);
        turn.execution.frames.remove(&id);
        joined(turn, link.frame, &child);
        return true;
    }
    turn.abort_children(link.frame, id);
    if let Some(frame) = turn.frame_mut(link.frame) {
        (frame.last, frame.before) = (child.last, child.before);
    }
    false
}

/// Tells that an iteration was ended.
pub(crate) fn iteration_aborted(turn: &mut Interpreter, id: FrameId) {
    if let Some(link) = turn.frame(id).and_then(|frame| frame.parent) {
        iteration::told(turn, id, link, HistoryKind::MapIterationAborted);
    }
}
