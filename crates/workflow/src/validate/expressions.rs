use serde_json::{Map, Value};

use super::{examiner::Examiner, place::Place};
use crate::query::jsonata::{self, Flaw};

/// Fields whose texts are no expressions, or that hold machines of their own.
const APART: [&str; 5] = ["Branches", "Comment", "ItemProcessor", "Iterator", "QueryLanguage"];

/// Every text of a JSONata state that is, or seems to be, an expression.
pub(super) fn examine(examiner: &mut Examiner, state: &Map<String, Value>, at: &Place) {
    let fields = state.iter().filter(|(name, _)| !APART.contains(&name.as_str()));
    fields.for_each(|(name, value)| walk(examiner, value, &at.field(name), name == "Catch"));
}

fn walk(examiner: &mut Examiner, value: &Value, at: &Place, caught: bool) {
    match value {
        Value::String(text) => examine_text(examiner, text, at, caught),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| walk(examiner, item, &at.item(index), caught));
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "Comment");
            fields.for_each(|(name, value)| walk(examiner, value, &at.field(name), caught));
        }
        _ => {}
    }
}

fn examine_text(examiner: &mut Examiner, text: &str, at: &Place, caught: bool) {
    if !text.starts_with("{%") && !text.ends_with("%}") {
        return;
    }
    let remedy = "Write an expression as {% $states.input.total > 10 %}.";
    let inner = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
    let Some(inner) = inner.filter(|inner| is_set_off(inner)) else {
        let message = "A JSONata expression stands between '{% ' and ' %}', with nothing around them";
        return examiner.fail(at, message, remedy);
    };
    match jsonata::check(inner.trim(), caught) {
        Err(Flaw::Invalid(why)) => examiner.fail_with("INVALID_JSONATA_EXPRESSION", at, why, remedy),
        Err(Flaw::Refers(name)) => {
            let message = format!("Reference to '{name}' at the top level is not supported.");
            let remedy =
                "Read $states.input, $states.result, $states.context or a variable; $states.errorOutput in a catcher.";
            examiner.fail_with("UNSUPPORTED_JSONATA_EXPRESSION", at, message, remedy);
        }
        Ok(()) => {}
    }
}

/// Whether one blank, or a line of its own, separates the expression from its marks.
fn is_set_off(inner: &str) -> bool {
    let expression = inner.trim();
    let (before, after) = match inner.split_once(expression) {
        Some(around) if !expression.is_empty() => around,
        _ => return false,
    };
    let fits = |blanks: &str| blanks == " " || blanks.starts_with('\n') || blanks.starts_with("\r\n");
    fits(before) && fits(after)
}
