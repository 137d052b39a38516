use serde_json::Value;

use super::{examiner::Examiner, fields::Language, map, place::Place, recovery, template};
use crate::query::{intrinsic::Call, jsonata, path, timestamp};

/// What the value of a field must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Any,
    Text,
    Texts,
    Boolean,
    Object,
    Array,
    /// An array with something in it.
    Filled,
    OneOf(&'static [&'static str]),
    /// A whole number between these two.
    Integer(i64, i64),
    /// A number between these two.
    Number(f64, f64),
    Timestamp,
    Path,
    NullablePath,
    ReferencePath,
    ResultPath,
    PathOrCall,
    Template,
    Assign,
    /// The literal result of a Pass.
    Result,
    Errors,
    Label,
    Items,
    Condition,
}

/// Whether a value has its shape. In JSONata an expression may stand for any number, text or array.
pub(super) fn examine(examiner: &mut Examiner, shape: Shape, value: &Value, at: &Place, language: Language) {
    let is_expression = language == Language::Jsonata && value.as_str().is_some_and(jsonata::is_expression);
    match shape {
        Shape::Any => {}
        Shape::Text => expect(examiner, value.is_string(), "String", at),
        Shape::Boolean => expect(examiner, value.is_boolean(), "Boolean", at),
        Shape::Object => expect(examiner, value.is_object(), "Object", at),
        Shape::Array => expect(examiner, value.is_array(), "Array", at),
        Shape::Filled => filled(examiner, value, at),
        Shape::OneOf(names) => one_of(examiner, value, names, at),
        Shape::Integer(..) | Shape::Number(..) | Shape::Items | Shape::Texts if is_expression => {}
        Shape::Texts => {
            let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            expect(examiner, texts, "Array of strings", at);
        }
        Shape::Integer(least, most) => integer(examiner, value, least, most, at),
        Shape::Number(least, most) => {
            let fits = value.as_f64().is_some_and(|number| (least..=most).contains(&number));
            let most = if most == f64::MAX {
                String::new()
            } else {
                format!(" and at most {most}")
            };
            range(examiner, fits, &format!("a number of at least {least}{most}"), at);
        }
        Shape::Timestamp if is_expression => {}
        Shape::Timestamp => timestamp(examiner, value, at),
        Shape::NullablePath if value.is_null() => {}
        Shape::ResultPath if value.is_null() => {}
        Shape::Path | Shape::NullablePath => path(examiner, value, at),
        Shape::ReferencePath => reference(examiner, value, |_| true, at),
        Shape::ResultPath => reference(examiner, value, |root| root == &path::Root::Input, at),
        Shape::PathOrCall => path_or_call(examiner, value, at),
        Shape::Template if language == Language::JsonPath => template::examine(examiner, value, at),
        Shape::Template => {}
        Shape::Assign => template::assignments(examiner, value, at, language),
        Shape::Result => template::result(examiner, value, at),
        Shape::Errors => recovery::errors(examiner, value, at),
        Shape::Label => map::label(examiner, value, at),
        Shape::Items => {
            let fits = value.is_array() || value.is_object();
            expect(examiner, fits, "Array, Object or JSONata expression", at);
        }
        Shape::Condition => {
            let fits = is_expression || value.is_boolean();
            expect(examiner, fits, "Boolean or JSONata expression", at);
        }
    }
}

fn expect(examiner: &mut Examiner, fits: bool, expected: &str, at: &Place) {
    if !fits {
        examiner.fail(
            at,
            format!("Expected value of type {expected}"),
            format!("Give a value of type {expected}."),
        );
    }
}

fn range(examiner: &mut Examiner, fits: bool, expected: &str, at: &Place) {
    if !fits {
        examiner.fail(at, format!("Value must be {expected}"), format!("Give {expected}."));
    }
}

fn filled(examiner: &mut Examiner, value: &Value, at: &Place) {
    match value.as_array() {
        Some(items) if items.is_empty() => {
            examiner.fail(at, "Value cannot be empty", "Give at least one item.");
        }
        items => expect(examiner, items.is_some(), "Array", at),
    }
}

fn one_of(examiner: &mut Examiner, value: &Value, names: &[&str], at: &Place) {
    if !value.as_str().is_some_and(|value| names.contains(&value)) {
        let names = names.join(", ");
        examiner.fail(
            at,
            format!("Value must be one of: [{names}]"),
            format!("Write one of {names}."),
        );
    }
}

fn integer(examiner: &mut Examiner, value: &Value, least: i64, most: i64, at: &Place) {
    // 2.0 is a whole number, as JSON has only one kind.
    let whole = value.as_f64().filter(|number| number.fract() == 0.0);
    let fits = whole.is_some_and(|number| (least as f64..=most as f64).contains(&number));
    let most = if most == i64::MAX {
        String::new()
    } else {
        format!(" and at most {most}")
    };
    range(examiner, fits, &format!("a whole number of at least {least}{most}"), at);
}

fn timestamp(examiner: &mut Examiner, value: &Value, at: &Place) {
    if value.as_str().and_then(timestamp::parse).is_none() {
        let remedy = "Write a moment as 2024-03-14T01:59:00Z, with a T, seconds and a zone.";
        examiner.fail(at, "String does not match RFC3339 timestamp", remedy);
    }
}

fn parsed(value: &Value) -> Result<path::Path, String> {
    let text = value.as_str().ok_or("it is not a string")?;
    path::Path::parse(text).map_err(|malformed| malformed.to_string())
}

pub(super) fn path(examiner: &mut Examiner, value: &Value, at: &Place) {
    if let Err(why) = parsed(value) {
        let remedy = format!("Write a path such as $.order.id or $$.Execution.Id: {why}.");
        examiner.fail(at, "Value is not a valid JSONPath", remedy);
    }
}

fn reference(examiner: &mut Examiner, value: &Value, may_start: impl Fn(&path::Root) -> bool, at: &Place) {
    let why = match parsed(value) {
        Err(why) => why,
        Ok(path) if !path.is_reference() => "it may select several values".into(),
        Ok(path) if !may_start(path.root()) => "it does not start at the input".into(),
        Ok(_) => return,
    };
    let remedy = format!("Write a path to one place, such as $.order.items[0]: {why}.");
    examiner.fail(at, "Value is not a Reference Path", remedy);
}

fn path_or_call(examiner: &mut Examiner, value: &Value, at: &Place) {
    let text = value.as_str().unwrap_or_default();
    if path::Path::parse(text).is_err() && Call::parse(text).is_err() {
        let remedy = "Write a path such as $.why, or a call such as States.Format('{}', $.why).";
        examiner.fail(at, "Value is not a valid JSONPath or intrinsic function call", remedy);
    }
}
