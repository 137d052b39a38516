//! WebAssembly for tests: compiled when it is needed, by the compiler that builds the tests.

#![allow(clippy::expect_used)]

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Programs by source and target.
type Programs = BTreeMap<(String, String), Vec<u8>>;

/// What was compiled already.
static COMPILED: Mutex<Programs> = Mutex::new(Programs::new());

/// Compiles a Rust program that needs no crates, for a target such as `wasm32-wasip1`; panics if that is not possible.
pub fn compile(source: &str, target: &str) -> Vec<u8> {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (source.to_owned(), target.to_owned());
    compiled.entry(key).or_insert_with(|| run(source, target)).clone()
}

fn run(source: &str, target: &str) -> Vec<u8> {
    let place = std::env::temp_dir().join(format!("wisp-wasm-{}-{target}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory for the compiler");
    let (from, to) = (place.join("program.rs"), place.join("program.wasm"));
    fs::write(&from, source).expect("the source is written");
    let options = [
        "--edition=2024",
        "--target",
        target,
        "-Copt-level=1",
        "-Cstrip=symbols",
        "-o",
    ];
    let output = Command::new("rustc")
        .args(options)
        .args([&to, &from])
        .output()
        .expect("rustc runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{target} is not installed (make prepare), or: {said}"
    );
    let code = fs::read(&to).expect("the compiler wrote a program");
    fs::remove_dir_all(&place).expect("the directory is removed");
    code
}
