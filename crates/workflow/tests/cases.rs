//! Recorded executions, when a variable says where they are: `WISP_ASL_CASES` is a folder with `asl-core.json`,
//! `asl-full.json` and `asl-core-history.json`.
#![allow(clippy::unwrap_used)] // a failed test says why by itself

use std::path::{Path, PathBuf};

use serde_json::Value;
use wisp_workflow::simulate::{Case, Report, run};

mod judge;

use judge::Tiers;

#[test]
fn recorded_executions_end_alike() {
    let Some(folder) = std::env::var_os("WISP_ASL_CASES").map(PathBuf::from) else {
        eprintln!("skipped: WISP_ASL_CASES names no folder of recorded executions");
        return;
    };
    let histories = read(&folder.join("asl-core-history.json"));
    for file in ["asl-core.json", "asl-full.json"] {
        let mut tiers = Tiers::default();
        for case in &read(&folder.join(file)) {
            if case["needs"].as_array().is_none_or(Vec::is_empty) {
                let history = histories.iter().find(|history| history["id"] == case["id"]);
                tiers.judge(case, history.map(|history| &history["events"]), &simulate(case));
            }
        }
        println!("{file}: {tiers}");
        assert!(tiers.ends_agree(), "{file}: {tiers}");
    }
}

fn read(path: &Path) -> Vec<Value> {
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn simulate(case: &Value) -> Report {
    let case: Case = serde_json::from_value(case.clone()).unwrap();
    run(&case).unwrap()
}
