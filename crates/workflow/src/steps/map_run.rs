//! Distributed Maps: each item, or batch of items, is an execution of its own; together they are a map run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::batch::batches;
use super::transfer::{read, write};
use super::{Work, fan, iteration};
use crate::execution::{
    Child, Doing, Effect, Fan, Frame, FrameId, Item, Items, Outcome, Pace, Results, Run, Stage, Status,
};
use crate::failure::Failure;
use crate::flow::Step;
use crate::history::{Details, HistoryKind};
use crate::interpreter::{Interpreter, size};
use crate::machine::{Kind, Map, MapMode, Writer};

/// Begins the map run of a Map that has begun.
pub(super) fn begin(work: Work, fields: &Map, input: &Arc<Value>) -> Result<Step, Failure> {
    let (id, turn) = (work.id, work.turn);
    let chance = turn.execution.draw();
    let arn = arn(
        &turn.execution.identity.machine_arn,
        fields.label.clone().unwrap_or_else(|| chance.uuid()),
        &chance.uuid(),
    );
    let effect = turn.execution.next_effect();
    turn.record(id, HistoryKind::MapRunStarted, Details::MapRun { arn: arn.clone() });
    if let Some(fan) = fan::of(turn, id) {
        fan.run = Some(Run {
            id: effect,
            arn,
            stage: Stage::Running,
            children: BTreeMap::new(),
            source: None,
            redrives: 0,
        });
    }
    match &fields.reader {
        Some(reader) => read(turn, id, reader, input),
        None => run(turn, id, fields),
    }
}

fn arn(machine_arn: &str, label: String, run: &str) -> String {
    format!(
        "{}/{label}:{run}",
        machine_arn.replacen(":stateMachine:", ":mapRun:", 1)
    )
}

pub(super) fn run_of<'t>(turn: &'t mut Interpreter, id: FrameId) -> Option<&'t mut Run> {
    fan::of(turn, id)?.run.as_mut()
}

pub(super) fn fields<'m>(turn: &Interpreter<'m>, id: FrameId) -> Option<&'m Map> {
    match &turn.state(id)?.kind {
        Kind::Map(map) => Some(map),
        _ => None,
    }
}

/// All items are there: selects, batches, begins.
pub(super) fn run(turn: &mut Interpreter, id: FrameId, map: &Map) -> Result<Step, Failure> {
    let items = fan::of(turn, id)
        .map(|fan| std::mem::take(&mut fan.items))
        .unwrap_or_default();
    let items = Arc::unwrap_or_clone(items).0;
    let mut selected = Vec::with_capacity(items.len());
    for item in items {
        let value = iteration::input(turn, id, &item)?;
        selected.push(Item { value, ..item });
    }
    if let Some(batcher) = &map.batcher {
        selected = batches(turn, id, batcher, selected)?;
    }
    let total = selected.len();
    let Some(fan) = fan::of(turn, id) else {
        return Ok(Step::Stay);
    };
    (fan.results, fan.bytes) = (Results::of(total), 0);
    fan.items = Arc::new(Items(selected));
    let (concurrency, tolerance) = (fan.limit, fan.tolerance);
    if let Some(run) = &fan.run {
        let (id, arn) = (run.id, run.arn.clone());
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let pace = Pace { concurrency, tolerance };
        turn.effects.push(Effect::StartMapRun { id, arn, total, pace });
    }
    proceed(turn, id)
}

/// A run keeps to something else from now on.
pub(crate) fn paced(turn: &mut Interpreter, run: u64, pace: Pace) {
    let has_run = |frame: &Frame| matches!(&frame.doing, Doing::Fanning(fan) if fan.run.as_ref().is_some_and(|known| known.id == run));
    let found = turn.execution.frames.iter().find(|(_, frame)| has_run(frame));
    let Some(id) = found.map(|(id, _)| *id) else { return };
    let most = turn.limits.distributed_concurrency;
    let Some(fan) = fan::of(turn, id) else { return };
    // As in a definition, 0 is as many as there may be.
    fan.limit = Some(pace.concurrency)
        .filter(|limit| *limit > 0)
        .unwrap_or(most)
        .min(most);
    fan.tolerance = pace.tolerance;
    let begun = fan.run.as_ref().is_some_and(|run| run.stage == Stage::Running) && !fan.items.0.is_empty();
    if begun {
        let step = proceed(turn, id);
        turn.take_step(id, step);
    }
}

/// Begins children up to the limit, or ends the run when there are none left.
fn proceed(turn: &mut Interpreter, id: FrameId) -> Result<Step, Failure> {
    let Some(map) = fields(turn, id) else {
        return Ok(Step::Stay);
    };
    while let Some(item) = next(turn, id) {
        start(turn, id, map, item);
    }
    let Some(fan) = fan::of(turn, id) else {
        return Ok(Step::Stay);
    };
    if fan.running > 0 {
        return Ok(Step::Stay);
    }
    match &map.writer {
        Some(Writer { resource: Some(_), .. }) => write(turn, id, map),
        _ => {
            let results = fan.results.values();
            succeed(turn, id, Arc::new(Value::Array(results)))
        }
    }
}

/// The next item without a result that no child works on.
fn next(turn: &mut Interpreter, id: FrameId) -> Option<Item> {
    let fan: &mut Fan = fan::of(turn, id)?;
    if fan.running >= fan.limit {
        return None;
    }
    while let Some(item) = fan.items.0.get(fan.begun as usize).cloned() {
        fan.begun += 1;
        if fan.results.has(item.index) == Some(false) {
            fan.running += 1;
            return Some(item);
        }
    }
    None
}

fn start(turn: &mut Interpreter, id: FrameId, map: &Map, item: Item) {
    let effect = turn.execution.next_effect();
    let name = turn.execution.draw().uuid();
    turn.execution.waiting.insert(effect, id);
    let Some(run) = run_of(turn, id) else { return };
    run.children.insert(effect, item.index);
    let machine_name = run.arn.rsplit(':').nth(1).unwrap_or_default().to_owned();
    let child = Child {
        id: effect,
        run: run.id,
        index: item.index,
        start: map.start,
        machine_name,
        name,
        input: item.value,
        express: map.mode == MapMode::Distributed { express: true },
    };
    turn.effects.push(Effect::StartChild(child));
}

/// An execution of the run has ended.
pub(crate) fn child_ended(turn: &mut Interpreter, id: FrameId, effect: u64, outcome: Outcome) {
    turn.execution.waiting.remove(&effect);
    let most = turn.limits.expressions.together;
    let Some(fan) = fan::of(turn, id) else { return };
    let Some(index) = fan.run.as_mut().and_then(|run| run.children.remove(&effect)) else {
        return;
    };
    fan.running = fan.running.saturating_sub(1);
    let step = match (outcome.status, outcome.output) {
        (Status::Succeeded, Some(output)) => {
            let bytes = size(&output);
            match fan.gather(index, output, bytes, most) {
                true => proceed(turn, id),
                false => {
                    let failure = fan::too_much(turn, id);
                    Err(failed(turn, id, failure))
                }
            }
        }
        _ => {
            fan.failed += 1;
            let total = u32::try_from(fan.items.0.len()).unwrap_or(u32::MAX);
            match fan.tolerance.exceeded(fan.failed, total) {
                false => proceed(turn, id),
                true => {
                    let cause = "The specified tolerated failure threshold was exceeded";
                    let failure = Failure::named("States.ExceedToleratedFailureThreshold", cause);
                    Err(failed(turn, id, failure))
                }
            }
        }
    };
    turn.take_step(id, step);
}

pub(super) fn succeed(turn: &mut Interpreter, id: FrameId, result: Arc<Value>) -> Result<Step, Failure> {
    turn.record(id, HistoryKind::MapRunSucceeded, Details::None);
    if let Some(run) = run_of(turn, id).map(|run| run.id) {
        let status = Status::Succeeded;
        turn.effects.push(Effect::FinishMapRun { id: run, status });
    }
    fan::succeed(turn, id, HistoryKind::MapStateSucceeded, result)
}

/// The run has failed, and so does its state.
pub(super) fn failed(turn: &mut Interpreter, id: FrameId, failure: Failure) -> Failure {
    let details = Details::Failure {
        error: failure.error.clone(),
        cause: failure.cause.clone(),
    };
    turn.record(id, HistoryKind::MapRunFailed, details);
    turn.halt(id);
    if let Some(run) = run_of(turn, id).map(|run| run.id) {
        let status = Status::Failed;
        turn.effects.push(Effect::FinishMapRun { id: run, status });
    }
    failure
}

/// Begins the children of a run again that have no result. Whether the frame has a run that had begun.
pub(crate) fn redriven(turn: &mut Interpreter, id: FrameId) -> bool {
    let Some(fan) = fan::of(turn, id) else { return false };
    let Some(run) = &mut fan.run else { return false };
    if run.stage != Stage::Running || fan.items.0.is_empty() {
        return false;
    }
    run.redrives += 1;
    let details = Details::MapRunRedriven {
        arn: run.arn.clone(),
        count: run.redrives,
    };
    (fan.begun, fan.running, fan.failed) = (0, 0, 0);
    turn.record(id, HistoryKind::MapRunRedriven, details);
    let step = proceed(turn, id);
    turn.take_step(id, step);
    true
}
