use std::sync::Arc;

use serde_json::Value;

use super::{Work, fan, iteration, map_run};
use crate::execution::{Doing, Fan, Item, Items, Results, Tolerance};
use crate::failure::Failure;
use crate::fields::{View, effective, integer, number, refuse};
use crate::flow::Step;
use crate::history::{Details, HistoryKind};
use crate::machine::{Amount, Language, Map, MapMode, State};
use crate::query::{Fault, Scope, jsonata, path};

/// Reads the items and begins the first iterations.
pub(super) fn work(work: Work, fields: &Map) -> Result<Step, Failure> {
    if fields.reader.is_some() && fields.mode == MapMode::Inline {
        let cause = "An ItemReader reads items for a Map of mode DISTRIBUTED only.";
        return Err(work.fault(Fault::runtime(cause)));
    }
    let effective = effective(work.state, &work.view).map_err(|fault| work.fault(fault))?;
    let items = match fields.reader {
        Some(_) => Vec::new(),
        None => items(work.state, &work.view, fields, &effective).map_err(|fault| work.fault(fault))?,
    };
    let limit = limit(&work, fields, &effective).map_err(|fault| work.fault(fault))?;
    let length = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let started = work
        .turn
        .record(work.id, HistoryKind::MapStateStarted, Details::Length(length));
    let tolerance = tolerance(fields, &work.view.over(&effective)).map_err(|fault| work.fault(fault))?;
    let fan = Fan {
        results: Results::of(items.len()),
        items: Arc::new(Items(items)),
        limit,
        tolerance,
        ..Fan::default()
    };
    if let Some(frame) = work.turn.frame_mut(work.id) {
        frame.doing = Doing::Fanning(Box::new(fan));
    }
    match fields.mode {
        MapMode::Distributed { .. } => map_run::begin(work, fields, &effective),
        MapMode::Inline => {
            let begun = iteration::begin_more(work.turn, work.id, started);
            match begun {
                true => Ok(Step::Stay),
                false => fan::complete(work.turn, work.id, HistoryKind::MapStateSucceeded),
            }
        }
    }
}

/// The items, in either language.
pub(crate) fn items(state: &State, view: &View, fields: &Map, effective: &Arc<Value>) -> Result<Vec<Item>, Fault> {
    let value = match state.language {
        Language::JSONata => from_items(view, fields)?,
        Language::JSONPath => from_path(view, fields, effective)?,
    };
    match value {
        Value::Object(fields) => Ok(entries(fields)),
        Value::Array(values) => Ok(listed(values, None)),
        other => Err(Fault::evaluation(
            "Items",
            format!("Map state input must be an array but was: {other}"),
        )),
    }
}

fn from_items(view: &View, fields: &Map) -> Result<Value, Fault> {
    match &fields.items {
        Some(items) => jsonata::render_as(items, "Items", jsonata::Type::Array, &view.scope()),
        None if view.input.is_array() => Ok((*view.input).clone()),
        None => Err(Fault {
            error: "States.QueryEvaluationError",
            cause: format!("Map state input must be an array but was: {}", view.input),
            location: None,
        }),
    }
}

fn from_path(view: &View, fields: &Map, effective: &Arc<Value>) -> Result<Value, Fault> {
    let reference = fields.items_path.as_deref().unwrap_or("$");
    let value = path::read(reference, &view.over(effective))?;
    match value.is_array() {
        true => Ok(value),
        false => {
            let shown = reference
                .strip_prefix('$')
                .filter(|rest| rest.starts_with('$'))
                .unwrap_or(reference);
            Err(Fault::runtime(format!(
                "Reference path \"{shown}\" must point to array."
            )))
        }
    }
}

/// Items of an array, from this object or bucket.
pub(super) fn listed(values: Vec<Value>, source: Option<&Arc<str>>) -> Vec<Item> {
    let items = (0..).zip(values).map(|(index, value)| Item {
        index,
        value: Arc::new(value),
        key: None,
        source: source.cloned(),
    });
    items.collect()
}

/// Items of an object: its fields.
fn entries(fields: serde_json::Map<String, Value>) -> Vec<Item> {
    let items = (0..).zip(fields).map(|(index, (key, value))| Item {
        index,
        value: Arc::new(value),
        key: Some(key),
        source: None,
    });
    items.collect()
}

/// How many iterations may go on at once.
fn limit(work: &Work, fields: &Map, effective: &Arc<Value>) -> Result<u32, Fault> {
    let most = match fields.mode {
        MapMode::Inline => work.turn.limits.inline_concurrency,
        MapMode::Distributed { .. } => work.turn.limits.distributed_concurrency,
    };
    let asked = asked_concurrency(fields, &work.view.over(effective))?;
    Ok(if asked == 0 { most } else { asked.min(most) })
}

/// `MaxConcurrency`; 0 if the definition sets no limit.
pub(crate) fn asked_concurrency(fields: &Map, scope: &Scope) -> Result<u32, Fault> {
    let Some(amount) = &fields.max_concurrency else {
        return Ok(0);
    };
    let asked = integer(amount, "MaxConcurrency", scope)?;
    if asked < 0 {
        let cause = format!("Expected non-negative integer for MaxConcurrency, but got {asked} instead.");
        return Err(refuse(amount, "MaxConcurrency", cause));
    }
    Ok(u32::try_from(asked).unwrap_or(u32::MAX))
}

/// How many iterations may fail.
pub(crate) fn tolerance(fields: &Map, scope: &Scope) -> Result<Tolerance, Fault> {
    let count = fields
        .tolerated_count
        .as_ref()
        .map(|amount| tolerated_count(amount, scope))
        .transpose()?;
    let percentage = fields
        .tolerated_percentage
        .as_ref()
        .map(|amount| tolerated_percentage(amount, scope))
        .transpose()?;
    Ok(Tolerance { count, percentage })
}

fn tolerated_count(amount: &Amount, scope: &Scope) -> Result<u32, Fault> {
    let count = integer(amount, "ToleratedFailureCount", scope)?;
    if count < 0 {
        return Err(refuse(
            amount,
            "ToleratedFailureCount",
            "ToleratedFailureCount cannot be negative.",
        ));
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn tolerated_percentage(amount: &Amount, scope: &Scope) -> Result<f64, Fault> {
    const FIELD: &str = "ToleratedFailurePercentage";
    let value = number(amount, FIELD, scope)?;
    let parsed = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (parsed, amount) {
        (Some(share), _) if (0.0..=100.0).contains(&share) => Ok(share),
        (Some(_), _) => Err(refuse(
            amount,
            FIELD,
            "ToleratedFailurePercentage must be between 0 and 100.",
        )),
        (None, Amount::Path(path)) => Err(Fault::runtime(format!(
            "The ToleratedFailurePercentagePath field refers to value {value} which is not a valid float: {path}"
        ))),
        (None, Amount::Literal(_)) => Err(refuse(
            amount,
            FIELD,
            format!("The {FIELD} field must be a number, but was: {value}"),
        )),
    }
}
