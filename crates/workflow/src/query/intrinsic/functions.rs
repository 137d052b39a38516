use std::ops::RangeInclusive;

use serde_json::Value;

use super::{
    arrays,
    parse::{Argument, Call, unescape},
    texts,
};
use crate::query::{Chance, Fault, Scope, allowance::Allowance};

/// One intrinsic function: how many arguments it takes, and what it makes of them.
#[derive(Debug)]
pub struct Function {
    /// With the prefix `States.`.
    pub name: &'static str,
    pub(super) arity: RangeInclusive<usize>,
    value: fn(&[Value], &Chance) -> Result<Value, String>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! functions {
    ($($name:literal $arity:expr => $value:expr,)+) => {
        /// All intrinsic functions.
        pub static FUNCTIONS: &[Function] = &[$(Function { name: $name, arity: $arity, value: $value },)+];
    };
}

const ANY: usize = usize::MAX;

functions! {
    "States.Array" 0..=ANY => |arguments, _| Ok(arguments.to_vec().into()),
    "States.ArrayPartition" 2..=2 => arrays::partition,
    "States.ArrayContains" 2..=2 => arrays::contains,
    "States.ArrayRange" 3..=3 => arrays::range,
    "States.ArrayGetItem" 2..=2 => arrays::item,
    "States.ArrayLength" 1..=1 => arrays::length,
    "States.ArrayUnique" 1..=1 => arrays::unique,
    "States.Format" 1..=ANY => texts::format,
    "States.StringSplit" 2..=2 => texts::split,
    "States.StringToJson" 1..=1 => texts::to_json,
    "States.JsonToString" 1..=1 => |arguments, _| Ok(arguments[0].to_string().into()),
    "States.Base64Encode" 1..=1 => texts::encode,
    "States.Base64Decode" 1..=1 => texts::decode,
    "States.Hash" 2..=2 => texts::hash,
    "States.JsonMerge" 3..=3 => merge,
    "States.MathAdd" 2..=2 => add,
    "States.MathRandom" 2..=3 => random,
    "States.UUID" 0..=0 => |_, chance| Ok(chance.uuid().into()),
}

impl Call {
    /// What the call gives.
    ///
    /// # Errors
    /// As [`call`](super::call).
    pub(super) fn value(&self, scope: &Scope, allowance: &Allowance) -> Result<Value, Fault> {
        let is_format = self.function.name == "States.Format";
        let arguments = self.arguments.iter().enumerate().map(|(at, argument)| match argument {
            Argument::Text(text) if is_format && at == 0 => Ok(text.clone().into()),
            Argument::Text(text) => Ok(unescape(text).into()),
            Argument::Literal(value) => Ok(value.clone()),
            Argument::Call(call) => call.value(scope, allowance),
            Argument::Path(text, path) => {
                let value = path.select(scope).map_err(|_| self.missing(text, scope.input));
                allowance.take(value?)
            }
        });
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        let value = (self.function.value)(&arguments, scope.chance).map_err(|why| Fault {
            error: "States.IntrinsicFailure",
            cause: format!("The function '{}' had the following error: {why}", self.text),
            location: None,
        });
        allowance.take(value?)
    }

    fn missing(&self, path: &str, input: &Value) -> Fault {
        Fault::runtime(format!(
            "The function '{}' had the following error: The JsonPath argument for the field '{path}' could not be \
             found in the input '{input}'",
            self.text
        ))
    }
}

/// An argument as a whole number; fractions are rounded, halves up.
pub(super) fn integer(value: &Value) -> Result<i64, String> {
    // Adding a half first would round what lies just below one, too.
    let rounded = |number: f64| number.floor() + f64::from(number - number.floor() >= 0.5);
    value
        .as_i64()
        .or_else(|| {
            value
                .as_f64()
                .map(rounded)
                .filter(|number| number.abs() < 9e15)
                .map(|number| number as i64)
        })
        .ok_or_else(|| format!("{value} is not a number, or too large for one"))
}

fn add(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let sum = integer(&arguments[0])?.checked_add(integer(&arguments[1])?);
    Ok(sum.ok_or("the sum is too large for a number")?.into())
}

fn random(arguments: &[Value], chance: &Chance) -> Result<Value, String> {
    let (start, end) = (integer(&arguments[0])?, integer(&arguments[1])?);
    let width = end.checked_sub(start).filter(|width| *width > 0);
    let width = width.ok_or_else(|| format!("the end {end} must be above the start {start}"))?;
    let unit = match arguments.get(2) {
        Some(seed) => Chance::new(integer(seed)? as u64).unit(),
        None => chance.unit(),
    };
    Ok((start + (unit * width as f64) as i64).into())
}

fn merge(arguments: &[Value], _: &Chance) -> Result<Value, String> {
    let [Value::Object(left), Value::Object(right), deep] = arguments else {
        return Err("the first two arguments must be objects".into());
    };
    if deep != &Value::Bool(false) {
        return Err("the third argument must be false: only shallow merging is supported".into());
    }
    let mut merged = left.clone();
    merged.extend(right.clone());
    Ok(merged.into())
}
