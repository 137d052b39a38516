use anyhow::Result;

use crate::tree::Tree;

/// What must not be written down, in two parts so that this file does not contain it, and what to do instead.
const WORDS: &[(&str, &str, &str)] = &[
    ("/wor", "k/", "say where it is in the repository"),
    ("/roo", "t/", "use $HOME, or a temporary folder"),
    ("/hom", "e/", "use $HOME, or a temporary folder"),
    ("crates", ".io", "name the crate; cargo knows its registry"),
    ("npmjs", ".org", "name the package; npm knows its registry"),
    ("pypi", ".org", "name the package; pip knows its registry"),
    ("proxy.golang", ".org", "name the module; go knows its proxy"),
    ("arti", "factory", "a mirror is the machine's business"),
];

/// Files written by tools, which name the public registry by its well-known address.
const WRITTEN_BY_TOOLS: &[&str] = &["Cargo.lock"];

pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in tree.files("").filter(|path| !WRITTEN_BY_TOOLS.contains(path)) {
        // Files that are not text hold no words.
        if let Ok(text) = tree.read(path) {
            problems.extend(found(path, &text));
        }
    }
    Ok(problems)
}

fn found(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (head, tail, instead) in WORDS {
        let word = format!("{head}{tail}");
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains(&word));
        problems.extend(lines.map(|(index, _)| format!("{path}:{}: '{word}': {instead}", index + 1)));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_with_their_line() {
        let path = format!("one\ncd /wor{}x\n", "k/");
        assert_eq!(found("f", &path).len(), 1);
        assert!(found("f", &path)[0].starts_with("f:2: "));
        assert!(found("f", "network/store is fine").is_empty());
    }
}
