use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};
use wisp_workflow::query::{Bounds, Chance, Scope, choice};

use super::rows;
use crate::cli::Session;

/// Prints for each case whether its rule holds for its input.
pub fn run(session: &Session, file: &Path) -> Result<()> {
    for row in rows(file)? {
        session.out().line(&judge(&row).to_string())?;
    }
    Ok(())
}

fn judge(row: &Value) -> Value {
    let (none, chance) = (Map::new(), Chance::new(0));
    let scope = Scope {
        input: &row["input"],
        context: &row["context"],
        variables: row["variables"].as_object().unwrap_or(&none),
        result: None,
        error_output: None,
        now_ms: 0,
        chance: &chance,
        bounds: Bounds::default(),
    };
    match choice::holds(&row["rule"], &scope) {
        Ok(holds) => json!({ "result": holds }),
        Err(fault) => json!({"error": fault.error, "cause": fault.cause}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_judged_by_its_rule_and_input() {
        let row = json!({"rule": {"Variable": "$.n", "NumericLessThan": 3}, "input": {"n": 2}, "expect": false});
        assert_eq!(judge(&row), json!({"result": true}));
        let row = json!({"rule": {"Variable": "$.n", "IsNull": true}, "input": {}});
        assert_eq!(judge(&row)["error"], "States.Runtime");
    }
}
