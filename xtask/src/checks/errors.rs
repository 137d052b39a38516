use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::tree::Tree;

/// Where the table of codes stands.
const TABLE: &str = "crates/core/src/error.rs";
/// Where the pages are.
const PAGES: &str = "docs/errors/";
/// What every page answers.
const SECTIONS: [&str; 3] = ["## Cause", "## How to see it", "## Remedy"];

pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let table = tree.read(TABLE)?;
    let codes = codes(&table);
    ensure!(
        !codes.is_empty(),
        "{TABLE}: found no line like `NotFound = \"WSP-0404\", 404, retry false;`"
    );
    let mut problems = Vec::new();
    for (name, id) in &codes {
        let path = format!("{PAGES}{id}.md");
        match tree.read(&path) {
            Ok(page) => problems.extend(flaws(&path, &page, name, id)),
            Err(_) => problems.push(format!("{path} is missing: {TABLE} has {name}")),
        }
    }
    let expected: BTreeSet<String> = codes.iter().map(|(_, id)| format!("{PAGES}{id}.md")).collect();
    let pages = tree.files(".md").filter(|path| path.starts_with(PAGES));
    let orphans = pages.filter(|path| !expected.contains(*path));
    problems.extend(orphans.map(|path| format!("{path}: {TABLE} has no such code")));
    Ok(problems)
}

/// Name and id of every row: `NotFound = "WSP-0404", 404, retry false;`.
fn codes(table: &str) -> Vec<(&str, &str)> {
    let row = |line| -> Option<(&str, &str)> {
        let (name, rest) = str::trim(line).split_once(" = \"")?;
        let (id, rest) = rest.split_once('"')?;
        (rest.contains(", retry ") && id.starts_with("WSP-")).then_some((name, id))
    };
    table.lines().filter_map(row).collect()
}

/// What a page lacks.
fn flaws(path: &str, page: &str, name: &str, id: &str) -> Vec<String> {
    let title = format!("# {id} {name}");
    let first = page.lines().next().unwrap_or_default();
    let titled = (first != title).then(|| format!("{path}: begins with '{first}'; must be '{title}'"));
    let absent = SECTIONS
        .into_iter()
        .filter(|section| !page.lines().any(|line| line == *section));
    titled
        .into_iter()
        .chain(absent.map(|section| format!("{path}: has no section '{section}'")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_table_are_found() {
        let table = "enum Code {\n    /// Text.\n    NotFound = \"WSP-0404\", 404, retry false;\n let x = \"WSP-1\";";
        assert_eq!(codes(table), [("NotFound", "WSP-0404")]);
    }

    #[test]
    fn a_page_has_its_title_and_sections() {
        let good = "# WSP-1 A\n\n## Cause\n## How to see it\n## Remedy\n";
        assert!(flaws("p", good, "A", "WSP-1").is_empty());
        assert_eq!(
            flaws("p", &good.replace("## Remedy", ""), "A", "WSP-1"),
            ["p: has no section '## Remedy'"]
        );
        assert_eq!(
            flaws("p", good, "B", "WSP-1"),
            ["p: begins with '# WSP-1 A'; must be '# WSP-1 B'"]
        );
    }
}
