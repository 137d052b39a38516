use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use wisp_workflow::validate::{Kind, validate};

use super::rows;
use crate::cli::Session;

/// Prints for each case what `ValidateStateMachineDefinition` answers, whether the definition is valid, how many faults
/// it has, and the exception with which `CreateStateMachine` refuses it.
pub fn run(session: &Session, file: &Path) -> Result<()> {
    for row in rows(file)? {
        session.out().line(&examine(&row).to_string())?;
    }
    Ok(())
}

fn examine(row: &Value) -> Value {
    let kind = match row["type"].as_str() {
        Some("EXPRESS") => Kind::Express,
        _ => Kind::Standard,
    };
    let report = match &row["definition"] {
        Value::String(text) => validate(text, kind),
        definition => validate(&definition.to_string(), kind),
    };
    let mut answer = json!({
        "result": if report.is_valid() { "OK" } else { "FAIL" },
        "diagnostics": report.diagnostics,
        "truncated": false,
        "valid": report.is_valid(),
        "problems": report.errors().count(),
    });
    if let Some(id) = row.get("id") {
        answer["id"] = id.clone();
    }
    if let Some(message) = report.refusal() {
        answer["error"] = json!("InvalidDefinition");
        answer["message"] = json!(message);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_may_be_a_text_or_an_object() {
        let valid = json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}});
        for definition in [valid.clone(), json!(valid.to_string())] {
            let answer = examine(&json!({"id": "x", "definition": definition, "error": "InvalidDefinition"}));
            assert_eq!(
                (&answer["result"], &answer["id"], answer.get("error")),
                (&json!("OK"), &json!("x"), None)
            );
        }
    }

    #[test]
    fn an_express_machine_does_not_wait() {
        let task =
            json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true});
        let definition = json!({"StartAt": "A", "States": {"A": task}});
        assert_eq!(examine(&json!({"definition": definition}))["valid"], true);
        let answer = examine(&json!({"definition": definition, "type": "EXPRESS"}));
        assert_eq!(
            (&answer["problems"], &answer["error"]),
            (&json!(1), &json!("InvalidDefinition"))
        );
    }
}
