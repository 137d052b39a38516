//! What a map run moves in and out: items that are read, results that are written.

use std::sync::Arc;

use serde_json::{Map as Object, Value};

use super::map_run::{failed, fields, run, run_of, succeed};
use super::{fan, map};
use crate::execution::{Effect, FrameId, ItemRead, Items, ResultWrite, Results, Stage};
use crate::failure::Failure;
use crate::fields::{effective, integer};
use crate::flow::Step;
use crate::interpreter::Interpreter;
use crate::machine::{Language, Map, Reader, Writer};
use crate::query::{jsonata, template};
use crate::respond::End;

/// Renders a template of a reader, a writer or a batcher.
pub(super) fn render(
    turn: &mut Interpreter,
    id: FrameId,
    value: Option<&Value>,
    field: &str,
) -> Result<Value, Failure> {
    let (Some(value), Some(view), Some(state)) = (value, turn.view(id), turn.state(id)) else {
        return Ok(Value::Object(Object::new()));
    };
    let rendered = effective(state, &view).and_then(|input| match state.language {
        Language::JSONPath => template::render(value, &view.over(&input)),
        Language::JSONata => jsonata::render(value, field, &view.scope()),
    });
    rendered.map_err(|fault| turn.fault(id, fault))
}

pub(super) fn read(turn: &mut Interpreter, id: FrameId, reader: &Reader, input: &Arc<Value>) -> Result<Step, Failure> {
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
    let source = source(&parameters);
    turn.effects.push(Effect::ReadItems(ItemRead {
        id: effect,
        state: state.name.clone(),
        resource: reader.resource.to_string(),
        parameters,
        config: reader.config.clone(),
        max_items,
    }));
    wait(turn, id, effect, Stage::Reading(effect));
    if let Some(run) = run_of(turn, id) {
        run.source = source;
    }
    Ok(Step::Stay)
}

/// The object that a reader reads, or the bucket that it lists.
fn source(parameters: &Value) -> Option<Arc<str>> {
    let bucket = parameters["Bucket"].as_str()?;
    let object = parameters["Key"].as_str().map(|key| format!("/{key}"));
    Some(format!("S3://{bucket}{}", object.unwrap_or_default()).into())
}

fn wait(turn: &mut Interpreter, id: FrameId, effect: u64, stage: Stage) {
    turn.execution.waiting.insert(effect, id);
    if let Some(run) = run_of(turn, id) {
        run.stage = stage;
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
        (fan.results, fan.bytes) = (Results::of(items.len()), 0);
        let source = fan.run.as_ref().and_then(|run| run.source.as_ref());
        fan.items = Arc::new(Items(map::listed(items, source)));
    }
    match fields(turn, id) {
        Some(map) => run(turn, id, map),
        None => Ok(Step::Stay),
    }
}

pub(super) fn write(turn: &mut Interpreter, id: FrameId, map: &Map) -> Result<Step, Failure> {
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
    let results = fan.results.values();
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
