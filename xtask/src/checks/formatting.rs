use std::process::Command;

use anyhow::{Context, Result};

use crate::tree::Tree;

/// `cargo fmt` does not visit modules that a macro declares, so every file is named.
pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let output = Command::new("rustfmt")
        .args(["--check", "--files-with-diff", "--edition", "2024"])
        .args(tree.files(".rs"))
        .current_dir(tree.root())
        .output()
        .context("running rustfmt")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let root = format!("{}/", tree.root().display());
    let files = String::from_utf8(output.stdout)?;
    let mut problems: Vec<String> = files
        .lines()
        .map(|path| path.strip_prefix(&root).unwrap_or(path))
        .map(|path| format!("{path}: not formatted; run `rustfmt --edition 2024 {path}`"))
        .collect();
    problems.sort();
    problems.dedup();
    if problems.is_empty() && !output.status.success() {
        problems.push(format!("rustfmt: {}", complaint.trim()));
    }
    Ok(problems)
}
