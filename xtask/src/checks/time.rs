use anyhow::Result;

use crate::tree::Tree;

/// What reads a clock, waits, or starts work, and what to use instead.
const SOURCES: &[(&str, &str)] = &[
    ("SystemTime::now", "`Clock::now`"),
    ("Instant::now", "`Clock::elapsed`"),
    ("tokio::time", "`Clock::sleep`"),
    ("thread::sleep", "`Clock::sleep`"),
    ("tokio::spawn", "`Tasks::spawn`"),
    ("spawn_blocking", "`Tasks::spawn`"),
    ("thread::spawn", "`Tasks::spawn`"),
];

/// Crates of decisions take time and tasks from the ports only, so that they run the same under a simulated clock.
pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let rules = tree.read_toml("layers.toml")?;
    let crates = rules
        .get("time")
        .and_then(|time| time.get("from_ports"))
        .and_then(toml::Value::as_array);
    let mut problems = Vec::new();
    for name in crates.into_iter().flatten().filter_map(toml::Value::as_str) {
        let folder = format!("crates/{name}/src/");
        for path in tree.files(".rs").filter(|path| path.starts_with(&folder)) {
            problems.extend(found(path, &tree.read(path)?));
        }
    }
    Ok(problems)
}

fn found(path: &str, text: &str) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| code(line)) {
        let sources = SOURCES.iter().filter(|(source, _)| line.contains(source));
        problems.extend(sources.map(|(source, port)| format!("{path}:{}: '{source}': use {port}", index + 1)));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_but_not_in_comments() {
        let text = "// SystemTime::now is forbidden\nlet now = std::time::SystemTime::now();\n";
        assert_eq!(found("f", text), ["f:2: 'SystemTime::now': use `Clock::now`"]);
    }
}
