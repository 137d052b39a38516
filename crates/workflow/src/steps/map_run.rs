//! Distributed Maps: each item, or batch of items, is an execution of its own; together they are a map run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map as Object, Value};

use super::{Work, fan, iteration, map};
use crate::execution::{Child, Effect, Fan, FrameId, Item, ItemRead, Outcome, ResultWrite, Run, Stage, Status};
use crate::failure::Failure;
use crate::fields::{effective, integer, refuse};
use crate::flow::Step;
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
use crate::machine::{Amount, Batcher, Kind, Language, Map, MapMode, Reader, Writer};
use crate::query::{Fault, Scope, jsonata, template};
use crate::respond::End;

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

/// Renders a template of a reader, a writer or a batcher.
fn render(turn: &mut Interpreter, id: FrameId, value: Option<&Value>, field: &str) -> Result<Value, Failure> {
    let (Some(value), Some(view), Some(state)) = (value, turn.view(id), turn.state(id)) else {
        return Ok(Value::Object(Object::new()));
    };
    let rendered = effective(state, &view).and_then(|input| match state.language {
        Language::JSONPath => template::render(value, &view.over(&input)),
        Language::JSONata => jsonata::render(value, field, &view.scope()),
    });
    rendered.map_err(|fault| turn.fault(id, fault))
}

fn read(turn: &mut Interpreter, id: FrameId, reader: &Reader, input: &Arc<Value>) -> Result<Step, Failure> {
    let parameters = render(turn, id, reader.parameters.as_ref(), "ItemReader/Arguments")?;
    let max_items = match &reader.max_items {
        None => None,
        Some(amount) => {
            let Some(view) = turn.view(id) else {
                return Ok(Step::Stay);
            };
            let most = integer(amount, "MaxItems", &view.over(input)).map_err(|fault| turn.fault(id, fault))?;
            if most < 0 {
                let failure = Failure::named("States.ItemReaderFailed", "field MaxItems must be positive");
                return Err(failed(turn, id, failure));
            }
            u64::try_from(most).ok().filter(|most| *most > 0)
        }
    };
    let effect = turn.execution.next_effect();
    let Some(state) = turn.state(id) else {
        return Ok(Step::Stay);
    };
    turn.effects.push(Effect::ReadItems(ItemRead {
        id: effect,
        state: state.name.clone(),
        resource: reader.resource.to_string(),
        parameters,
        config: reader.config.clone(),
        max_items,
    }));
    wait(turn, id, effect, Stage::Reading(effect));
    Ok(Step::Stay)
}

fn wait(turn: &mut Interpreter, id: FrameId, effect: u64, stage: Stage) {
    turn.execution.waiting.insert(effect, id);
    if let Some(run) = run_of(turn, id) {
        run.stage = stage;
    }
}

fn run_of<'t>(turn: &'t mut Interpreter, id: FrameId) -> Option<&'t mut Run> {
    fan::of(turn, id)?.run.as_mut()
}

fn fields<'m>(turn: &Interpreter<'m>, id: FrameId) -> Option<&'m Map> {
    match &turn.state(id)?.kind {
        Kind::Map(map) => Some(map),
        _ => None,
    }
}

/// A read of items or a write of results has ended.
pub(crate) fn answered(turn: &mut Interpreter, id: FrameId, effect: u64, end: End) {
    turn.execution.waiting.remove(&effect);
    let Some(stage) = run_of(turn, id).map(|run| std::mem::replace(&mut run.stage, Stage::Running)) else {
        return;
    };
    let step = match (stage, end) {
        (Stage::Reading(_), End::Succeeded(items)) => take_items(turn, id, items),
        (Stage::Writing(_), End::Succeeded(result)) => succeed(turn, id, Arc::new(result)),
        (stage, End::Failed { error, cause } | End::TimedOut { error, cause }) => {
            Err(not_moved(turn, id, stage, error, cause))
        }
        (stage, End::Refused { cause }) => Err(not_moved(turn, id, stage, None, Some(cause))),
        (Stage::Running, _) => Ok(Step::Stay),
    };
    turn.take_step(id, step);
}

fn not_moved(
    turn: &mut Interpreter,
    id: FrameId,
    stage: Stage,
    error: Option<String>,
    cause: Option<String>,
) -> Failure {
    let name = match stage {
        Stage::Writing(_) => "States.ResultWriterFailed",
        _ => "States.ItemReaderFailed",
    };
    failed(turn, id, Failure::new(error.or(Some(name.to_owned())), cause))
}

fn take_items(turn: &mut Interpreter, id: FrameId, items: Value) -> Result<Step, Failure> {
    let Value::Array(items) = items else {
        let failure = Failure::named("States.ItemReaderFailed", "Attempting to map over non-iterable node.");
        return Err(failed(turn, id, failure));
    };
    if let Some(fan) = fan::of(turn, id) {
        fan.results = vec![None; items.len()];
        fan.items = map::listed(items);
    }
    match fields(turn, id) {
        Some(map) => run(turn, id, map),
        None => Ok(Step::Stay),
    }
}

/// All items are there: selects, batches, begins.
fn run(turn: &mut Interpreter, id: FrameId, map: &Map) -> Result<Step, Failure> {
    let items = fan::of(turn, id)
        .map(|fan| std::mem::take(&mut fan.items))
        .unwrap_or_default();
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
    fan.results = vec![None; total];
    fan.items = selected;
    if let Some(run) = &fan.run {
        let (id, arn) = (run.id, run.arn.clone());
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        turn.effects.push(Effect::StartMapRun { id, arn, total });
    }
    proceed(turn, id)
}

fn batches(turn: &mut Interpreter, id: FrameId, batcher: &Batcher, items: Vec<Item>) -> Result<Vec<Item>, Failure> {
    let input = batcher
        .input
        .as_ref()
        .map(|input| render(turn, id, Some(input), "ItemBatcher/BatchInput"))
        .transpose()?;
    let limits = turn.view(id).map(|view| batch_limits(batcher, &view.scope()));
    let (most, bytes) = match limits {
        Some(limits) => limits.map_err(|fault| turn.fault(id, fault))?,
        None => return Ok(items),
    };
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
    Ok(map::listed(batches.collect()))
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
            let results = fan.results.iter().flatten().map(|result| (**result).clone()).collect();
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
    while let Some(item) = fan.items.get(fan.begun as usize).cloned() {
        fan.begun += 1;
        if fan.results.get(item.index as usize).is_some_and(Option::is_none) {
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
    let Some(fan) = fan::of(turn, id) else { return };
    let Some(index) = fan.run.as_mut().and_then(|run| run.children.remove(&effect)) else {
        return;
    };
    fan.running = fan.running.saturating_sub(1);
    let step = match (outcome.status, outcome.output) {
        (Status::Succeeded, Some(output)) => {
            if let Some(slot) = fan.results.get_mut(index as usize) {
                *slot = Some(output);
            }
            proceed(turn, id)
        }
        _ => {
            fan.failed += 1;
            let total = u32::try_from(fan.items.len()).unwrap_or(u32::MAX);
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

fn write(turn: &mut Interpreter, id: FrameId, map: &Map) -> Result<Step, Failure> {
    let Some(Writer {
        resource: Some(resource),
        parameters,
        config,
    }) = &map.writer
    else {
        return Ok(Step::Stay);
    };
    let parameters = render(turn, id, parameters.as_ref(), "ResultWriter/Arguments")?;
    let effect = turn.execution.next_effect();
    let Some(state) = turn.state(id) else {
        return Ok(Step::Stay);
    };
    let Some(fan) = fan::of(turn, id) else {
        return Ok(Step::Stay);
    };
    let results = fan.results.iter().flatten().map(|result| (**result).clone()).collect();
    let map_run_arn = fan.run.as_ref().map(|run| run.arn.clone()).unwrap_or_default();
    turn.effects.push(Effect::WriteResults(ResultWrite {
        id: effect,
        state: state.name.clone(),
        resource: resource.to_string(),
        parameters,
        config: config.clone(),
        map_run_arn,
        results: Value::Array(results),
    }));
    wait(turn, id, effect, Stage::Writing(effect));
    Ok(Step::Stay)
}

fn succeed(turn: &mut Interpreter, id: FrameId, result: Arc<Value>) -> Result<Step, Failure> {
    turn.record(id, HistoryKind::MapRunSucceeded, Details::None);
    if let Some(run) = run_of(turn, id).map(|run| run.id) {
        let status = Status::Succeeded;
        turn.effects.push(Effect::FinishMapRun { id: run, status });
    }
    fan::succeed(turn, id, HistoryKind::MapStateSucceeded, result)
}

/// The run has failed, and so does its state.
fn failed(turn: &mut Interpreter, id: FrameId, failure: Failure) -> Failure {
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
    let Some(run) = &fan.run else { return false };
    if run.stage != Stage::Running || fan.items.is_empty() {
        return false;
    }
    let details = Details::MapRun { arn: run.arn.clone() };
    (fan.begun, fan.running, fan.failed) = (0, 0, 0);
    turn.record(id, HistoryKind::MapRunRedriven, details);
    let step = proceed(turn, id);
    turn.take_step(id, step);
    true
}
