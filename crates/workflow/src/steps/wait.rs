use serde_json::Value;

use super::Work;
use crate::execution::{Doing, FrameId};
use crate::failure::Failure;
use crate::fields::{View, effective, pass};
use crate::flow::{Leave, Step};
use crate::interpreter::Interpreter;
use crate::machine::{Amount, State, Wait};
use crate::moment;
use crate::query::{Fault, jsonata, path};

/// A year; nothing waits longer.
const LONGEST_MS: i64 = 366 * 86_400_000;

pub(super) fn work(work: Work, fields: &Wait) -> Result<Step, Failure> {
    let delay_ms = delay_ms(work.state, &work.view, fields).map_err(|fault| work.fault(fault))?;
    if delay_ms <= 0 {
        return leave(&work);
    }
    let timer = work.turn.set_timer(work.id, delay_ms);
    if let Some(frame) = work.turn.frame_mut(work.id) {
        frame.doing = Doing::Sleeping { timer };
    }
    Ok(Step::Stay)
}

/// The moment has come.
pub(crate) fn over(turn: &mut Interpreter, id: FrameId) -> Result<Step, Failure> {
    Work::new(turn, id).map_or(Ok(Step::Stay), |work| leave(&work))
}

fn leave(work: &Work) -> Result<Step, Failure> {
    let closed = pass(work.state, &work.view).map_err(|fault| work.fault(fault))?;
    Ok(Step::Leave(Leave::to(work.state.next, closed)))
}

/// Milliseconds from now; not positive for a moment that is over.
pub(crate) fn delay_ms(state: &State, view: &View, fields: &Wait) -> Result<i64, Fault> {
    let delay = match fields {
        Wait::Seconds(seconds) => seconds_of(state, view, seconds)?.saturating_mul(1000),
        Wait::Timestamp(timestamp) => timestamp_of(state, view, timestamp)?.saturating_sub(view.now_ms),
    };
    if delay > LONGEST_MS {
        return Err(Fault::runtime("Wait state delay is too long."));
    }
    Ok(delay)
}

fn seconds_of(state: &State, view: &View, seconds: &Amount) -> Result<i64, Fault> {
    let value = value(state, view, seconds, "Seconds", jsonata::Type::Number)?;
    let whole = value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0).then_some(float as i64)
    });
    match (seconds, whole) {
        (_, Some(whole)) if whole >= 0 => Ok(whole),
        (Amount::Path(path), Some(_)) => Err(Fault::runtime(format!(
            "The SecondsPath parameter references a negative value: {path} == {value}"
        ))),
        (Amount::Path(path), None) => Err(Fault::runtime(format!(
            "The SecondsPath parameter cannot be parsed as a long value: {path} == {}",
            plain(&value)
        ))),
        (Amount::Literal(_), Some(_)) => Err(Fault::evaluation(
            "Seconds",
            format!("The Seconds field references a negative value: {value}"),
        )),
        (Amount::Literal(_), None) => Err(Fault::evaluation(
            "Seconds",
            format!("The Seconds field cannot be parsed as a long value: {}", plain(&value)),
        )),
    }
}

fn timestamp_of(state: &State, view: &View, timestamp: &Amount) -> Result<i64, Fault> {
    let value = value(state, view, timestamp, "Timestamp", jsonata::Type::String)?;
    let parsed = value.as_str().and_then(moment::parse);
    parsed.ok_or_else(|| match timestamp {
        Amount::Path(path) => Fault::runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: \
             {path} == {}",
            plain(&value)
        )),
        Amount::Literal(_) => Fault::evaluation(
            "Timestamp",
            format!(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {}",
                plain(&value)
            ),
        ),
    })
}

fn value(state: &State, view: &View, amount: &Amount, field: &str, expected: jsonata::Type) -> Result<Value, Fault> {
    match amount {
        Amount::Path(text) => {
            let effective = effective(state, view)?;
            path::read(text, &view.over(&effective))
        }
        Amount::Literal(Value::String(text)) if jsonata::is_expression(text) => {
            jsonata::render_as(&Value::String(text.clone()), field, expected, &view.scope())
        }
        Amount::Literal(literal) => Ok(literal.clone()),
    }
}

/// Text without its quotation marks, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
