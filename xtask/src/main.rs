//! `cargo xtask check`: what the compiler cannot hold the repository to.
//!
//! Each check is one file of [`checks`] and one line of its table. This crate depends on no other of the workspace,
//! so that it builds in seconds and stays usable while they do not compile.

mod checks;
mod tree;

use std::process::ExitCode;

use checks::{CHECKS, Check};
use tree::Tree;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((verb, names)) if verb == "check" => check(names),
        _ => {
            eprintln!("usage: cargo xtask check [NAME…]\n\nchecks:");
            for check in CHECKS {
                eprintln!("  {:13} {}", check.name, check.about);
            }
            ExitCode::from(2)
        }
    }
}

/// Runs the named checks, or all.
fn check(names: &[String]) -> ExitCode {
    if let Some(unknown) = names
        .iter()
        .find(|name| !CHECKS.iter().any(|check| check.name == **name))
    {
        let known: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        eprintln!("there is no check '{unknown}'; available: {}", known.join(", "));
        return ExitCode::from(2);
    }
    let chosen = CHECKS
        .iter()
        .filter(|check| names.is_empty() || names.iter().any(|name| name == check.name));
    let (passed, failed): (Vec<_>, Vec<_>) = chosen.partition(|check| report(check));
    println!("xtask: {} passed, {} failed", passed.len(), failed.len());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs one check and prints what it found; whether that was nothing.
fn report(check: &Check) -> bool {
    let problems = Tree::here()
        .and_then(|tree| (check.run)(&tree))
        .unwrap_or_else(|error| vec![format!("{error:#}")]);
    println!(
        "{:4} {}: {}",
        if problems.is_empty() { "ok" } else { "FAIL" },
        check.name,
        check.about
    );
    for problem in &problems {
        println!("       {problem}");
    }
    problems.is_empty()
}
