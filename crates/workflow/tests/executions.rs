//! Executions of every kind of state, with their ends and their histories: `id<cause:type` for each event.
#![allow(clippy::unwrap_used)] // a failed test says why by itself

use serde_json::{Value, json};
use wisp_workflow::simulate::{Case, run};

#[test]
fn executions_end_and_tell_as_in_the_table() {
    let table: Vec<Value> = serde_json::from_str(include_str!("tables/executions.json")).unwrap();
    assert!(table.len() > 30);
    for row in table {
        let case: Case = serde_json::from_value(row.clone()).unwrap();
        let report = json!(run(&case).unwrap());
        for field in ["status", "output", "error", "cause"] {
            assert_eq!(report[field], row["expect"][field], "{field} of {}", row["id"]);
        }
        let events = report["history"].as_array().unwrap().iter();
        let told = events.map(|event| {
            format!(
                "{}<{}:{}",
                event["id"],
                event["previousEventId"],
                event["type"].as_str().unwrap()
            )
        });
        assert_eq!(
            told.collect::<Vec<_>>().join(" "),
            row["history"],
            "history of {}",
            row["id"]
        );
    }
}
