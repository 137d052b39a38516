//! Validation: our own table of faults, and recorded verdicts if `WISP_ASL_CASES` names their folder.

use std::{env, error::Error, fs, path::Path};

use serde_json::{Value, json};
use wisp_workflow::validate::{Kind, Report, validate, validate_state};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn rows(file: &Path) -> Outcome<Vec<Value>> {
    let table: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    Ok(table["cases"].as_array().cloned().ok_or("a table has cases")?)
}

fn report(row: &Value) -> Report {
    // The recordings do not carry the type that a machine was created with, but name it.
    let named = row["id"].as_str().is_some_and(|id| id.contains("TestSfnApiExpress"));
    let kind = if named || row["type"] == "EXPRESS" {
        Kind::Express
    } else {
        Kind::Standard
    };
    let definition = &row["definition"];
    match definition.as_str() {
        Some(text) => validate(text, kind),
        None => validate(&definition.to_string(), kind),
    }
}

/// The faults as `CODE at /place: message`.
fn faults(report: &Report) -> Vec<String> {
    let shown = report.diagnostics.iter();
    shown
        .map(|found| format!("{} at {}: {}", found.code, found.place(), found.message))
        .collect()
}

#[test]
fn each_fault_is_found_at_its_place() -> Outcome {
    for row in rows(Path::new("tests/tables/validation.json"))? {
        let report = report(&row);
        assert_eq!(json!(faults(&report)), row["faults"], "{}", row["id"]);
        for found in &report.diagnostics {
            assert!(
                found.remedy.ends_with('.') && found.remedy.contains(' '),
                "{}: {}",
                row["id"],
                found.remedy
            );
        }
    }
    Ok(())
}

#[test]
fn recorded_executions_have_valid_definitions() -> Outcome {
    let Some(folder) = env::var_os("WISP_ASL_CASES") else {
        return Ok(());
    };
    let rows = rows(&Path::new(&folder).join("asl-full.json"))?;
    let wrong = rows
        .iter()
        .map(|row| (&row["id"], report(row)))
        .filter(|(_, report)| !report.is_valid());
    let wrong: Vec<_> = wrong.map(|(id, report)| (id, faults(&report))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn recorded_verdicts_are_the_same() -> Outcome {
    let Some(folder) = env::var_os("WISP_ASL_CASES") else {
        return Ok(());
    };
    let mut wrong = Vec::new();
    for (file, same) in [
        (
            "statelint.json",
            (|row, report| row["problems"] == report.errors().count()) as fn(&Value, &Report) -> bool,
        ),
        ("asl-validator.json", |row, report| row["valid"] == report.is_valid()),
        ("asl-validation.json", same_answer),
    ] {
        let rows = rows(&Path::new(&folder).join(file))?;
        wrong.extend(rows.iter().filter_map(|row| {
            let report = report(row);
            (!same(row, &report)).then(|| format!("{file} {}: {:#?}", row["id"], faults(&report)))
        }));
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// Whether the report is the recorded answer: the diagnostics, or the exception where its message is known.
fn same_answer(row: &Value, report: &Report) -> bool {
    if let Some(response) = row.get("response") {
        let result = if report.is_valid() { "OK" } else { "FAIL" };
        return response["result"] == result && response["diagnostics"] == json!(report.diagnostics);
    }
    match (report.refusal(), row["message"].as_str()) {
        (Some(refusal), Some(message)) => message.replace("<partition>", "aws").ends_with(&refusal),
        (refusal, _) => refusal.is_some() == row["error"].is_string(),
    }
}

#[test]
fn a_state_is_examined_alone() {
    let state = json!({"Type": "Parallel", "Branches": [], "Next": "Elsewhere"}).to_string();
    let report = validate_state(&state, Kind::Standard);
    let message = "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Value cannot be empty at \
                   /States/StateName/Branches'";
    assert_eq!(report.refusal().as_deref(), Some(message));
}

#[test]
fn recorded_states_are_valid() -> Outcome {
    let Some(folder) = env::var_os("WISP_ASL_CASES") else {
        return Ok(());
    };
    for row in rows(&Path::new(&folder).join("asl-teststate.json"))? {
        let definition = row["request"]["definition"]
            .as_str()
            .ok_or("a request has a definition")?;
        let report = match row["request"].get("stateName") {
            Some(_) => validate(definition, Kind::Standard),
            None => validate_state(definition, Kind::Standard),
        };
        assert!(report.is_valid(), "{}: {:#?}", row["id"], faults(&report));
    }
    Ok(())
}
