use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::tree::{Manifest, Tree};

/// Sections of a manifest, and whether only tests see them.
const SECTIONS: [(&str, bool); 3] = [
    ("dependencies", false),
    ("build-dependencies", false),
    ("dev-dependencies", true),
];

pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let rules = tree.read_toml("layers.toml")?;
    let manifests = tree.manifests()?;
    let mut problems = missing(&rules, &manifests)?;
    for manifest in &manifests {
        problems.extend(violations(&rules, manifest)?);
    }
    Ok(problems)
}

/// Rows of the table without a crate.
fn missing(rules: &toml::Table, manifests: &[Manifest]) -> Result<Vec<String>> {
    let crates: BTreeSet<_> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let rows = section(rules, "layers")?.keys();
    Ok(rows
        .filter(|row| !crates.contains(row.as_str()))
        .map(|row| format!("layers.toml: there is no crate '{row}'; remove its row"))
        .collect())
}

/// Dependencies of one crate that the rules do not permit.
fn violations(rules: &toml::Table, manifest: &Manifest) -> Result<Vec<String>> {
    let Manifest { path, name, .. } = manifest;
    let layers = section(rules, "layers")?;
    let Some(arrows) = layers.get(name) else {
        return Ok(vec![format!(
            "{path}: layers.toml has no row for '{name}'; add what it may depend on"
        )]);
    };
    let arrows = names(arrows);
    let in_tests = section(rules, "dev")?.get("everywhere").map(names).unwrap_or_default();
    let placement = section(rules, "placement")?;
    let mut problems = Vec::new();
    for (section, dev) in SECTIONS {
        for (dependency, _) in manifest.dependencies(section) {
            let ours = dependency.strip_prefix("wisp-").unwrap_or(dependency);
            if layers.contains_key(ours) {
                let permitted = arrows.contains(ours) || dev && in_tests.contains(ours);
                if !permitted {
                    problems.push(format!("{path}: '{name}' must not depend on '{ours}' ([{section}])"));
                }
            } else if let Some(homes) = placement.get(dependency).map(names)
                && !homes.contains(name.as_str())
            {
                let homes = Vec::from_iter(homes).join(", ");
                problems.push(format!("{path}: '{dependency}' belongs in {homes} only ([{section}])"));
            }
        }
    }
    Ok(problems)
}

fn section<'a>(rules: &'a toml::Table, name: &str) -> Result<&'a toml::Table> {
    rules
        .get(name)
        .and_then(toml::Value::as_table)
        .with_context(|| format!("layers.toml: no section [{name}]"))
}

fn names(value: &toml::Value) -> BTreeSet<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(name: &str, manifest: &str) -> Vec<String> {
        let rules = r#"
            layers = { core = [], wire = ["core"], store = ["core"], testkit = ["core"] }
            dev = { everywhere = ["testkit"] }
            placement = { fjall = ["store"] }
        "#;
        let manifest = Manifest {
            path: "m".into(),
            name: name.into(),
            table: manifest.parse().unwrap(),
        };
        violations(&rules.parse().unwrap(), &manifest).unwrap()
    }

    #[test]
    fn arrows_of_the_table_are_kept() {
        assert!(
            check(
                "wire",
                "[dependencies]\nwisp-core.workspace = true\nserde.workspace = true"
            )
            .is_empty()
        );
        let against = "[dependencies]\nwisp-store.workspace = true";
        assert_eq!(
            check("wire", against),
            ["m: 'wire' must not depend on 'store' ([dependencies])"]
        );
        let hidden = "[target.'cfg(unix)'.dependencies]\nwisp-store.workspace = true";
        assert_eq!(check("wire", hidden).len(), 1);
        assert_eq!(
            check("new", ""),
            ["m: layers.toml has no row for 'new'; add what it may depend on"]
        );
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        assert!(check("wire", "[dev-dependencies]\nwisp-testkit.workspace = true").is_empty());
        assert_eq!(check("wire", "[dependencies]\nwisp-testkit.workspace = true").len(), 1);
    }

    #[test]
    fn libraries_stay_where_they_belong() {
        let fjall = "[dev-dependencies]\nfjall.workspace = true";
        assert!(check("store", fjall).is_empty());
        assert_eq!(
            check("wire", fjall),
            ["m: 'fjall' belongs in store only ([dev-dependencies])"]
        );
    }
}
