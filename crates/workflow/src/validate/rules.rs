use serde_json::{Map, Value};

use super::{
    examiner::Examiner,
    fields::{self, Language},
    machine::required,
    place::Place,
    shape, state,
};
use crate::query::{
    choice::{Kind, Operator},
    timestamp,
};

/// The rules of a Choice state.
pub(super) fn examine(examiner: &mut Examiner, state: &Value, at: &Place, language: Language) {
    let at = at.field("Choices");
    for (index, rule) in state["Choices"].as_array().into_iter().flatten().enumerate() {
        let at = at.item(index);
        let Some(fields) = rule.as_object() else {
            examiner.fail(
                &at,
                "Expected value of type Object",
                "A rule is an object with a comparison and Next.",
            );
            continue;
        };
        match language {
            Language::Jsonata => {
                required(examiner, fields, &["Condition", "Next"], &at);
                state::fields(examiner, fields, &[fields::RULE], &at, language);
            }
            Language::JsonPath => {
                required(examiner, fields, &["Next"], &at);
                comparison(examiner, fields, fields::RULE, &at);
            }
        }
    }
}

/// A rule of JSONPath: one of `And`, `Or`, `Not`, or `Variable` with one operator.
fn comparison(examiner: &mut Examiner, rule: &Map<String, Value>, table: &[fields::Field], at: &Place) {
    let is_operator = |name: &String| is_logical(name) || name.parse::<Operator>().is_ok();
    let (operators, others): (Map<_, _>, Map<_, _>) = rule
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .partition(|(name, _)| is_operator(name));
    let plain = others.iter().filter(|(name, _)| *name != "Variable");
    let plain: Map<_, _> = plain.map(|(name, value)| (name.clone(), value.clone())).collect();
    state::fields(examiner, &plain, &[table], at, Language::JsonPath);
    let [(name, operand)] = operators.iter().collect::<Vec<_>>()[..] else {
        let remedy =
            "Give one comparison, such as \"Variable\": \"$.total\", \"NumericLessThan\": 10, or one of And, Or, Not.";
        return examiner.fail(at, "A rule must have exactly one comparison operator", remedy);
    };
    match others.get("Variable") {
        Some(_) if is_logical(name) => {
            examiner.fail(
                at,
                format!("'Variable' cannot stand beside '{name}'"),
                "Move it into the nested rules.",
            );
        }
        Some(variable) => shape::path(examiner, variable, &at.field("Variable")),
        None if !is_logical(name) => required(examiner, rule, &["Variable"], at),
        None => {}
    }
    let at = at.field(name);
    match name.parse() {
        Ok(operator) => self::operand(examiner, &operator, operand, &at),
        Err(()) if name == "Not" => nested(examiner, operand, &at),
        Err(()) => match operand.as_array() {
            Some(rules) if !rules.is_empty() => {
                let rules = rules.iter().enumerate();
                rules.for_each(|(index, rule)| nested(examiner, rule, &at.item(index)));
            }
            Some(_) => examiner.fail(&at, "Value cannot be empty", "Give at least one rule."),
            None => examiner.fail(&at, "Expected value of type Array", "Give an array of rules."),
        },
    }
}

fn is_logical(name: &str) -> bool {
    matches!(name, "And" | "Or" | "Not")
}

/// A rule within `And`, `Or` or `Not`, which goes nowhere itself.
fn nested(examiner: &mut Examiner, rule: &Value, at: &Place) {
    match rule.as_object() {
        Some(rule) => comparison(examiner, rule, fields::NESTED_RULE, at),
        None => examiner.fail(
            at,
            "Expected value of type Object",
            "A rule is an object with a comparison.",
        ),
    }
}

/// What an operator compares with.
fn operand(examiner: &mut Examiner, operator: &Operator, operand: &Value, at: &Place) {
    let (fits, expected) = match operator {
        Operator::Compare { by_path: true, .. } => return shape::path(examiner, operand, at),
        Operator::Is(_) => (operand.is_boolean(), "Boolean"),
        Operator::Matches => (operand.is_string(), "String"),
        Operator::Compare { kind, .. } => match kind {
            Kind::Numeric => (operand.is_number(), "Number"),
            Kind::Boolean => (operand.is_boolean(), "Boolean"),
            Kind::Timestamp => {
                let fits = operand.as_str().is_some_and(|text| timestamp::parse(text).is_some());
                (fits, "Timestamp")
            }
            _ => (operand.is_string(), "String"),
        },
    };
    if !fits {
        let remedy = format!("Give a value of type {expected}, or use the operator whose name ends in Path.");
        examiner.fail(at, format!("Expected value of type {expected}"), remedy);
    } else if operand.as_str().is_some_and(|text| text.starts_with("$.")) {
        let message = format!("{operand} is compared as a text, not as a path");
        examiner.warn(
            "NO_PATH",
            at,
            message,
            "To compare with a value of the input, let the operator end in Path.",
        );
    }
}
