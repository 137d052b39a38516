use serde_json::Value;

use super::{
    examiner::Examiner,
    fields::{self, Language},
    machine::required,
    place::Place,
    state,
};

/// The names that the language itself gives to errors.
const RESERVED: [&str; 17] = [
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// The retriers and catchers of a state.
pub(super) fn examine(examiner: &mut Examiner, state: &Value, at: &Place, language: Language) {
    for (list, required) in [("Retry", &["ErrorEquals"][..]), ("Catch", &["ErrorEquals", "Next"])] {
        let table = if list == "Retry" {
            fields::RETRIER
        } else {
            fields::CATCHER
        };
        let at = at.field(list);
        let all = state[list].as_array().map(Vec::as_slice).unwrap_or_default();
        for (index, one) in all.iter().enumerate() {
            let at = at.item(index);
            let Some(fields) = one.as_object() else {
                examiner.fail(
                    &at,
                    "Expected value of type Object",
                    "Give an object with the field ErrorEquals.",
                );
                continue;
            };
            self::required(examiner, fields, required, &at);
            state::fields(examiner, fields, &[table], &at, language);
            catch_all(examiner, one, index + 1 == all.len(), &at);
            delay(examiner, one, &at);
        }
    }
}

/// `States.ALL` stands alone, in the last of them.
fn catch_all(examiner: &mut Examiner, one: &Value, is_last: bool, at: &Place) {
    let Some(errors) = one["ErrorEquals"].as_array() else {
        return;
    };
    if errors.iter().any(|error| error == "States.ALL") && (errors.len() > 1 || !is_last) {
        let message = "States.ALL must appear alone, and in the last element";
        examiner.fail(
            &at.field("ErrorEquals"),
            message,
            "Move it to an element of its own at the end.",
        );
    }
}

fn delay(examiner: &mut Examiner, retrier: &Value, at: &Place) {
    let interval = retrier["IntervalSeconds"].as_f64().unwrap_or(1.0);
    if retrier["MaxDelaySeconds"]
        .as_f64()
        .is_some_and(|most| most > 0.0 && most <= interval)
    {
        let remedy = format!("Give more than the {interval} seconds of the first interval.");
        examiner.fail(
            &at.field("MaxDelaySeconds"),
            "MaxDelaySeconds must be greater than IntervalSeconds",
            remedy,
        );
    }
}

/// What `ErrorEquals` holds: names, of which only the language's own start with `States.`.
pub(super) fn errors(examiner: &mut Examiner, value: &Value, at: &Place) {
    let Some(names) = value.as_array() else {
        return examiner.fail(at, "Expected value of type Array", "Give an array of error names.");
    };
    if names.is_empty() {
        examiner.fail(
            at,
            "Value cannot be empty",
            "Give at least one error name, such as States.ALL.",
        );
    }
    for (index, name) in names.iter().enumerate() {
        let at = at.item(index);
        match name.as_str() {
            None => examiner.fail(&at, "Expected value of type String", "Give an error name."),
            Some(name) if name.starts_with("States.") && !RESERVED.contains(&name) => {
                let message = format!("'{name}' is not an error of the States Language");
                let remedy = format!(
                    "Names of your own do not start with 'States.'; the reserved are {}.",
                    RESERVED.join(", ")
                );
                examiner.fail(&at, message, remedy);
            }
            Some(_) => {}
        }
    }
}
