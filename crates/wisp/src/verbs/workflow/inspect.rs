use anyhow::Result;
use serde_json::{Value, json};
use wisp_workflow::inspect::{Inspected, Inspection, Mocked, inspect};

use crate::cli::{BOLD, Session};

/// Tries one state of a definition and shows its data after each field.
pub(super) fn run(session: &Session, definition: Value, state: &str, input: Value, mocks: &Value) -> Result<()> {
    let inspected = inspect(&Inspection {
        definition,
        state: Some(state.to_owned()),
        context: json!({"Execution": {"Input": input}, "State": {"Name": state, "RetryCount": 0}}),
        input,
        variables: serde_json::Map::new(),
        mock: mock(&mocks[state][0]),
        retries: 0,
        now_ms: 0,
        seed: 0,
    })?;
    match session.out().for_people() {
        true => print(session, &inspected),
        false => session.out().document(&inspected),
    }
}

/// The first mocked outcome.
fn mock(outcome: &Value) -> Option<Mocked> {
    let word = |name: &str| outcome["throw"][name].as_str().map(str::to_owned);
    match outcome.get("return") {
        Some(result) => Some(Mocked::Result(result.clone())),
        None => outcome.get("throw").map(|_| Mocked::Failure {
            error: word("Error"),
            cause: word("Cause"),
        }),
    }
}

fn print(session: &Session, inspected: &Inspected) -> Result<()> {
    let out = session.out();
    for (stage, value) in &inspected.inspection_data {
        out.line(&format!("{BOLD}{stage:<20}{BOLD:#} {value}"))?;
    }
    let status = json!(inspected.status);
    let told = [inspected.error.as_deref(), inspected.cause.as_deref()];
    let told: Vec<&str> = [status.as_str()].into_iter().chain(told).flatten().collect();
    out.line(&format!("{BOLD}{:<20}{BOLD:#} {}", "status", told.join(": ")))?;
    if let Some(output) = &inspected.output {
        out.line(&format!("{BOLD}{:<20}{BOLD:#} {output}", "output"))?;
    }
    match &inspected.next_state {
        Some(next) => out.line(&format!("{BOLD}{:<20}{BOLD:#} {next}", "next")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mocks_are_results_or_failures() {
        assert_eq!(mock(&json!({"return": null})), Some(Mocked::Result(json!(null))));
        let failure = Mocked::Failure {
            error: Some("Busy".to_owned()),
            cause: None,
        };
        assert_eq!(mock(&json!({"throw": {"Error": "Busy"}})), Some(failure));
        assert_eq!(mock(&Value::Null), None);
    }
}
