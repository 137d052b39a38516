use std::rc::Rc;

use jsonata_core::{
    evaluator::{Evaluator, EvaluatorError},
    value::JValue,
};
use serde_json::Value;

use super::json::to_jsonata;
use crate::query::{Chance, Scope, intrinsic};

type Outcome = Result<JValue, EvaluatorError>;

/// The longest array that `$range` makes, as that of `States.ArrayRange`.
const MAX_RANGE: usize = 1000;

/// Gives an evaluator the functions that state machines have beside JSONata's, and takes the moment and the dice from
/// the scope.
pub(super) fn register(evaluator: &mut Evaluator, scope: &Scope) -> Result<(), EvaluatorError> {
    let chance = Rc::new(Chance::new(scope.chance.next()));
    let (dice, ids, cards) = (chance.clone(), chance.clone(), chance);
    let (now, most) = (scope.now_ms, scope.bounds.bytes);
    evaluator.register_fn("partition", |arguments: &[JValue]| partition(arguments))?;
    evaluator.register_fn("range", |arguments: &[JValue]| range(arguments))?;
    evaluator.register_fn("hash", |arguments: &[JValue]| hash(arguments))?;
    evaluator.register_fn("parse", |arguments: &[JValue]| parse(arguments))?;
    evaluator.register_fn("uuid", move |_: &[JValue]| Ok(ids.uuid().into()))?;
    evaluator.register_fn_override("random", move |arguments: &[JValue]| {
        Ok(match arguments.first().and_then(JValue::as_f64) {
            Some(seed) => seeded(seed).into(),
            None => dice.unit().into(),
        })
    })?;
    evaluator.register_fn_override("shuffle", move |arguments: &[JValue]| Ok(shuffle(arguments, &cards)))?;
    evaluator.register_fn_override("pad", move |arguments: &[JValue]| pad(arguments, most))?;
    evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(now.into()))?;
    evaluator.register_fn_override("now", move |_: &[JValue]| Ok(moment(now).into()))?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        Err(failure("T1006: Attempted to invoke a non-function"))
    })
}

/// A number of `0.0..1.0` by its seed, as `java.util.Random` makes its first double: definitions that were tried on the
/// service get the same one.
fn seeded(seed: f64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let next = |state: u64| state.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
    let first = next((seed as i64 as u64 ^ MULTIPLIER) & MASK);
    let second = next(first);
    (((first >> 22) << 27) + (second >> 21)) as f64 / (1_u64 << 53) as f64
}

/// A moment as JSONata writes it.
fn moment(now_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(now_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

fn failure(why: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(why.into())
}

fn number(arguments: &[JValue], at: usize, function: &str) -> Result<f64, EvaluatorError> {
    let number = arguments.get(at).and_then(JValue::as_f64);
    number.ok_or_else(|| {
        failure(format!(
            "T0410: Argument {} of function {function} is not a number",
            at + 1
        ))
    })
}

/// An argument of a function of JSONata's own that is not of its type.
fn mismatch(argument: usize, function: &str) -> EvaluatorError {
    failure(format!(
        "T0410: Argument {argument} of function {function} does not match function signature"
    ))
}

/// The items in an order that the dice choose.
fn shuffle(arguments: &[JValue], chance: &Chance) -> JValue {
    match arguments.first() {
        Some(JValue::Array(items)) => {
            let mut items = items.to_vec();
            for at in (1..items.len()).rev() {
                items.swap(at, (chance.unit() * (at + 1) as f64) as usize);
            }
            JValue::array(items)
        }
        None | Some(JValue::Undefined) => JValue::Undefined,
        Some(one) => JValue::array(vec![one.clone()]),
    }
}

/// A text of this width; JSONata's own would make gigabytes.
fn pad(arguments: &[JValue], most: usize) -> Outcome {
    let text = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::String(text)) => text,
        Some(_) => return Err(mismatch(1, "pad")),
    };
    let width = arguments
        .get(1)
        .and_then(JValue::as_f64)
        .ok_or_else(|| mismatch(2, "pad"))?;
    let missing = (width.abs() - text.chars().count() as f64).max(0.0);
    if missing > most as f64 {
        return Err(failure(format!("$pad would make a string of more than {most} bytes")));
    }
    let filling = arguments
        .get(2)
        .and_then(JValue::as_str)
        .filter(|filling| !filling.is_empty());
    let padding: String = filling.unwrap_or(" ").chars().cycle().take(missing as usize).collect();
    Ok(if width < 0.0 {
        padding + text
    } else {
        text.to_string() + &padding
    }
    .into())
}

/// Chunks of an array, as arrays.
fn partition(arguments: &[JValue]) -> Outcome {
    let Some(items) = arguments.first().filter(|items| !items.is_undefined()) else {
        return Ok(JValue::Undefined);
    };
    let items = items
        .as_array()
        .ok_or_else(|| failure("T0410: Argument 1 of function partition is not an array"))?;
    let size = number(arguments, 1, "partition")?.round();
    if size.is_nan() || size < 1.0 {
        return Err(failure("The size of a chunk of $partition must be above 0"));
    }
    let chunks = items.chunks(size as usize).map(|chunk| JValue::array(chunk.to_vec()));
    Ok(JValue::array(chunks.collect()))
}

/// Numbers up to and with the end. It is a sequence: one alone is that number, none is undefined.
fn range(arguments: &[JValue]) -> Outcome {
    let [start, end, step] = [0, 1, 2].map(|at| number(arguments, at, "range"));
    let (start, end, step) = (start?, end?, step?);
    if step == 0.0 || !(end - start).is_finite() {
        return Err(failure("The step of $range must not be 0"));
    }
    let count = ((end - start) / step).floor() + 1.0;
    if count > MAX_RANGE as f64 {
        return Err(failure(format!("$range would have more than {MAX_RANGE} items")));
    }
    let numbers = (0..count.max(0.0) as usize).map(|at| JValue::from(start + step * at as f64));
    Ok(JValue::sequence(numbers.collect()))
}

/// The digest of a text, in hexadecimal digits.
fn hash(arguments: &[JValue]) -> Outcome {
    let text = |at: usize| arguments.get(at).and_then(JValue::as_str);
    let Some(data) = text(0) else {
        return match arguments.first() {
            None | Some(JValue::Undefined) => Ok(JValue::Undefined),
            Some(_) => Err(failure("T0410: Argument 1 of function hash is not a string")),
        };
    };
    let digest = intrinsic::digest(data, text(1).unwrap_or("SHA-256"));
    digest.map(JValue::from).map_err(failure)
}

/// The value that a text of JSON spells.
fn parse(arguments: &[JValue]) -> Outcome {
    match arguments.first() {
        None | Some(JValue::Undefined) => Ok(JValue::Undefined),
        Some(JValue::String(text)) => {
            let value: Value =
                serde_json::from_str(text).map_err(|error| failure(format!("'{text}' is not JSON: {error}")))?;
            Ok(to_jsonata(&value))
        }
        Some(_) => Err(failure("T0410: Argument 1 of function parse is not a string")),
    }
}
