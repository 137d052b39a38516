//! The comparison rules of a JSONPath Choice state.

use std::{cmp::Ordering, str::FromStr};

use serde_json::{Map, Value};

use super::{Fault, Scope, path::Path, timestamp};

/// Whether this rule of `Choices` (a comparison, `And`, `Or` or `Not`) holds.
///
/// Values of a type that the operator does not compare are not equal, never a fault.
///
/// # Errors
/// `States.Runtime` when a path of the rule leads nowhere, unless the operator is `IsPresent`.
pub fn holds(rule: &Value, scope: &Scope) -> Result<bool, Fault> {
    let Some(fields) = rule.as_object() else {
        return Ok(false);
    };
    if let Some(all) = fields.get("And").and_then(Value::as_array) {
        return any(all, |rule| Ok(!holds(rule, scope)?)).map(|one_fails| !one_fails);
    }
    if let Some(all) = fields.get("Or").and_then(Value::as_array) {
        return any(all, |rule| holds(rule, scope));
    }
    match fields.get("Not") {
        Some(rule) => holds(rule, scope).map(|holds| !holds),
        None => compare(fields, scope),
    }
}

fn any(rules: &[Value], mut holds: impl FnMut(&Value) -> Result<bool, Fault>) -> Result<bool, Fault> {
    for rule in rules {
        if holds(rule)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `Variable` with one operator.
fn compare(fields: &Map<String, Value>, scope: &Scope) -> Result<bool, Fault> {
    let operator = fields
        .iter()
        .find_map(|(name, value)| Some((name.parse().ok()?, value)));
    let Some((operator, operand)) = operator else {
        return Ok(false);
    };
    let variable = fields.get("Variable").and_then(Value::as_str).unwrap_or_default();
    let value = read(variable, scope);
    let value = match operator {
        Operator::Is(Kind::Present) => return Ok(value.is_ok() == is_true(operand)),
        _ => value?,
    };
    Ok(match operator {
        Operator::Is(kind) => kind.is_of(&value) == is_true(operand),
        Operator::Matches => match (&value, operand) {
            (Value::String(text), Value::String(pattern)) => matches(text, pattern),
            _ => false,
        },
        Operator::Compare { kind, accepts, by_path } => {
            let other = match operand {
                Value::String(path) if by_path => read(path, scope)?,
                literal => literal.clone(),
            };
            order(kind, &value, &other).is_some_and(accepts)
        }
    })
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true)
}

fn read(path: &str, scope: &Scope) -> Result<Value, Fault> {
    let value = Path::parse(path).ok().and_then(|path| path.select(scope).ok());
    value.ok_or_else(|| {
        Fault::runtime(format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        ))
    })
}

/// A comparison operator by its name in a rule.
pub(crate) enum Operator {
    /// `IsNull` …
    Is(Kind),
    /// `StringMatches`
    Matches,
    /// `NumericLessThanPath` …
    Compare {
        kind: Kind,
        accepts: fn(Ordering) -> bool,
        by_path: bool,
    },
}

/// What values can be of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Present,
    String,
    Numeric,
    Boolean,
    Timestamp,
}

impl Kind {
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Present => true,
            Self::String => value.is_string(),
            Self::Numeric => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Timestamp => value.as_str().is_some_and(|text| timestamp::parse(text).is_some()),
        }
    }
}

impl FromStr for Operator {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let kind = |name| match name {
            "Null" => Ok(Kind::Null),
            "Present" => Ok(Kind::Present),
            "String" => Ok(Kind::String),
            "Numeric" => Ok(Kind::Numeric),
            "Boolean" => Ok(Kind::Boolean),
            "Timestamp" => Ok(Kind::Timestamp),
            _ => Err(()),
        };
        if let Some(name) = name.strip_prefix("Is") {
            return kind(name).map(Self::Is);
        }
        if name == "StringMatches" {
            return Ok(Self::Matches);
        }
        let (name, by_path) = name.strip_suffix("Path").map_or((name, false), |name| (name, true));
        type Accepts = fn(Ordering) -> bool;
        let comparisons: [(&str, Accepts); 5] = [
            ("LessThanEquals", Ordering::is_le),
            ("GreaterThanEquals", Ordering::is_ge),
            ("LessThan", Ordering::is_lt),
            ("GreaterThan", Ordering::is_gt),
            ("Equals", Ordering::is_eq),
        ];
        let split = comparisons
            .into_iter()
            .find_map(|(suffix, accepts)| Some((name.strip_suffix(suffix)?, accepts)));
        let (name, accepts) = split.ok_or(())?;
        let kind = match kind(name)? {
            Kind::Boolean if accepts(Ordering::Less) || accepts(Ordering::Greater) => return Err(()),
            kind @ (Kind::String | Kind::Numeric | Kind::Boolean | Kind::Timestamp) => kind,
            Kind::Null | Kind::Present => return Err(()),
        };
        Ok(Self::Compare { kind, accepts, by_path })
    }
}

/// How two values of this kind compare; none if one is of another.
fn order(kind: Kind, left: &Value, right: &Value) -> Option<Ordering> {
    match (kind, left, right) {
        (Kind::Numeric, Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        // As Java compares strings: by UTF-16 code units.
        (Kind::String, Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (Kind::Boolean, Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Kind::Timestamp, Value::String(left), Value::String(right)) => {
            Some(timestamp::parse(left)?.cmp(&timestamp::parse(right)?))
        }
        _ => None,
    }
}

/// Whether `text` is of this pattern: `*` stands for any characters, `\*` and `\\` for themselves. In linear time: what
/// stands between two stars may always be the first of its kind.
fn matches(text: &str, pattern: &str) -> bool {
    let pieces = pieces(pattern);
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        return false;
    };
    if pieces.len() == 1 {
        return text == first;
    }
    let within = text
        .strip_prefix(first.as_str())
        .and_then(|text| text.strip_suffix(last.as_str()));
    let Some(mut rest) = within else { return false };
    pieces[1..pieces.len() - 1]
        .iter()
        .all(|piece| match rest.split_once(piece.as_str()) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
}

/// What stands between the stars of a pattern.
fn pieces(pattern: &str) -> Vec<String> {
    let (mut pieces, mut characters) = (vec![String::new()], pattern.chars().peekable());
    while let Some(c) = characters.next() {
        let escaped = match c {
            '*' => {
                pieces.push(String::new());
                continue;
            }
            '\\' => characters.next_if(|next| "*\\".contains(*next)),
            _ => None,
        };
        if let Some(piece) = pieces.last_mut() {
            piece.push(escaped.unwrap_or(c));
        }
    }
    pieces
}
