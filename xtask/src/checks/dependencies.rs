use std::collections::BTreeSet;

use anyhow::Result;

use crate::tree::{Manifest, Tree};

/// A reason shorter than this says nothing.
const LEAST_REASON: usize = 3;

pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let manifests = tree.manifests()?;
    let mut problems = unexplained(&tree.read("Cargo.toml")?);
    problems.extend(unused(&tree.read_toml("Cargo.toml")?, &manifests));
    for manifest in &manifests {
        problems.extend(strays(manifest));
    }
    Ok(problems)
}

/// Third-party lines of `[workspace.dependencies]` that end without a comment.
fn unexplained(root: &str) -> Vec<String> {
    let lines = root
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != "[workspace.dependencies]")
        .skip(1);
    let section = lines.take_while(|(_, line)| !line.starts_with('['));
    let entries = section.filter(|(_, line)| line.contains('=') && !line.trim_start().starts_with('#'));
    let third_party = entries.filter(|(_, line)| !line.contains("path ="));
    third_party
        .filter(|(_, line)| {
            line.rsplit_once("# ")
                .is_none_or(|(_, reason)| reason.trim().len() < LEAST_REASON)
        })
        .map(|(index, line)| {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            format!(
                "Cargo.toml:{}: '{name}' has no reason; end its line with `# what it is for`",
                index + 1
            )
        })
        .collect()
}

/// Entries of the root that no crate uses.
fn unused(root: &toml::Table, manifests: &[Manifest]) -> Vec<String> {
    let sections = ["dependencies", "build-dependencies", "dev-dependencies"];
    let all = manifests
        .iter()
        .flat_map(|manifest| sections.map(|section| manifest.dependencies(section)));
    let used: BTreeSet<&str> = all.flatten().map(|(name, _)| name).collect();
    let entries = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let entries = entries
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::keys);
    entries
        .filter(|name| !used.contains(name.as_str()) && !name.starts_with("wisp"))
        .map(|name| format!("Cargo.toml: no crate uses '{name}'; remove its line"))
        .collect()
}

/// What a crate's manifest does by itself instead of by the workspace.
fn strays(manifest: &Manifest) -> Vec<String> {
    let inherits = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    let path = &manifest.path;
    let mut problems = Vec::new();
    for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
        for (name, value) in manifest.dependencies(section) {
            if !inherits(value) {
                problems.push(format!(
                    "{path}: write `{name}.workspace = true`, and its version in the root Cargo.toml"
                ));
            }
        }
    }
    if !manifest.table.get("lints").is_some_and(inherits) {
        problems.push(format!("{path}: add `[lints]` with `workspace = true`"));
    }
    problems
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_dependency_needs_a_reason() {
        let root = "[workspace.dependencies]\nours = { path = \"x\" }\n# a heading\ngood = \"1\" # keeps the good\nbad = \"1\"\n[profile.dev]\nx = 1";
        let expected = "Cargo.toml:5: 'bad' has no reason; end its line with `# what it is for`";
        assert_eq!(unexplained(root), [expected]);
    }

    #[test]
    fn a_dependency_is_used_and_inherited() {
        let root = "[workspace.dependencies]\na = \"1\"\nb = \"1\"".parse().unwrap();
        let table = "lints.workspace = true\n[dependencies]\na = \"2\"".parse().unwrap();
        let manifest = Manifest {
            path: "m".into(),
            name: "m".into(),
            table,
        };
        assert_eq!(
            strays(&manifest),
            ["m: write `a.workspace = true`, and its version in the root Cargo.toml"]
        );
        assert_eq!(
            unused(&root, &[manifest]),
            ["Cargo.toml: no crate uses 'b'; remove its line"]
        );
    }
}
