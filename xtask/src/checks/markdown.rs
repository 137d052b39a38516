use anyhow::Result;
use pulldown_cmark::{Event, Parser, Tag};

use crate::tree::Tree;

/// Ends by which a word in backquotes is known as a file of the repository.
const FILES: &[&str] = &[".rs", ".toml", ".md", ".yaml", ".sh"];

pub fn check(tree: &Tree) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in tree.files(".md") {
        let text = tree.read(file)?;
        for (line, path) in paths(&text, |first| tree.has(first)) {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let here = resolve(folder, &path);
            if !here.as_deref().is_some_and(|path| tree.has(path)) && !tree.has(path.trim_start_matches("./")) {
                problems.push(format!("{file}:{line}: '{path}' does not exist"));
            }
        }
    }
    Ok(problems)
}

/// Paths that a text names, with their lines: targets of links, and words in backquotes that begin with a folder of
/// the root or end like a source file.
fn paths(text: &str, at_root: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        let found = match &event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => linked(dest_url),
            Event::Code(code) => quoted(code, &at_root),
            _ => None,
        };
        let line = text[..range.start].matches('\n').count() + 1;
        paths.extend(found.map(|path| (line, path.to_owned())));
    }
    paths
}

/// The path of a link that stays in the repository.
fn linked(target: &str) -> Option<&str> {
    let path = target.split('#').next().unwrap_or_default();
    let elsewhere = path.contains("://") || path.starts_with("mailto:");
    (!elsewhere && !path.is_empty()).then_some(path)
}

/// The path that a word in backquotes is, if it is one.
fn quoted(code: &str, at_root: impl Fn(&str) -> bool) -> Option<&str> {
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let (first, rest) = code.strip_prefix("./").unwrap_or(code).split_once('/')?;
    let source = FILES.iter().any(|end| code.ends_with(end));
    let ours = !first.is_empty() && !first.starts_with("..") && at_root(first) && !rest.starts_with('/');
    (plain && !code.starts_with('/') && (ours || source)).then_some(code)
}

/// A path seen from a folder, as a path from the root; none if it leaves it.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_quoted_paths_are_found() {
        let text = "See [a](docs/a.md#part), `crates/core/`\nand `x/y.rs`; not [b](https://x.y/z), `a/b`, `GET /x`.";
        let found = paths(text, |first| first == "crates");
        let expected = [(1, "docs/a.md"), (1, "crates/core/"), (2, "x/y.rs")];
        assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
    }

    #[test]
    fn paths_are_seen_from_their_file() {
        assert_eq!(
            resolve("docs/errors", "../guide/./a.md").as_deref(),
            Some("docs/guide/a.md")
        );
        assert_eq!(resolve("docs", "../../x"), None);
    }
}
