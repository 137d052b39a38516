//! The truth table of the comparison operators, and a recorded one if `WISP_ASL_CASES` names its folder.

use std::{env, fs, path::Path};

use serde_json::{Map, Value};
use wisp_workflow::query::{Bounds, Chance, Scope, choice};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn rows(file: &Path) -> Outcome<Vec<Value>> {
    let table: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    Ok(table["cases"].as_array().cloned().ok_or("a table has cases")?)
}

/// The rows that the rules judge otherwise than expected.
fn wrong(rows: &[Value]) -> Vec<String> {
    let (variables, chance) = (Map::new(), Chance::new(1));
    let judged = rows.iter().filter_map(|row| {
        let scope = Scope {
            input: &row["input"],
            context: &Value::Null,
            variables: &variables,
            result: None,
            error_output: None,
            now_ms: 0,
            chance: &chance,
            bounds: Bounds::default(),
        };
        let holds = choice::holds(&row["rule"], &scope);
        (holds.clone().ok() != row["expect"].as_bool()).then(|| format!("{row} gave {holds:?}"))
    });
    judged.collect()
}

#[test]
fn every_operator_holds_for_its_type_alone() -> Outcome {
    let rows = rows(Path::new("tests/tables/choice.json"))?;
    assert_eq!(wrong(&rows), Vec::<String>::new());
    Ok(())
}

#[test]
fn recorded_rows_are_judged_alike() -> Outcome {
    let Some(folder) = env::var_os("WISP_ASL_CASES") else {
        return Ok(());
    };
    let rows = rows(&Path::new(&folder).join("asl-choice.json"))?;
    assert_eq!(wrong(&rows), Vec::<String>::new());
    Ok(())
}

#[test]
fn the_table_has_every_operator() -> Outcome {
    let rows = rows(Path::new("tests/tables/choice.json"))?;
    let operators: std::collections::HashSet<_> = rows.iter().filter_map(|row| row["op"].as_str()).collect();
    assert_eq!(operators.len(), 39 + 3);
    Ok(())
}

#[test]
fn a_variable_that_is_missing_is_a_fault() {
    let row = serde_json::json!({"rule": {"Variable": "$.v", "StringEquals": "a"}, "input": {}, "expect": false});
    let wrong = wrong(&[row]);
    let cause = "Invalid path '$.v': The choice state's condition path references an invalid value.";
    assert!(wrong[0].contains(cause), "{wrong:?}");
}

#[test]
fn patterns_are_matched_in_linear_time() {
    let (text, pattern) = ("a".repeat(1 << 18), format!("*{}b*", "a".repeat(1 << 17)));
    let rule = serde_json::json!({"Variable": "$", "StringMatches": pattern});
    // With time that grows by the product of the lengths this would take minutes.
    let row = serde_json::json!({"rule": rule, "input": text, "expect": false});
    assert_eq!(wrong(&[row]), Vec::<String>::new());
}
