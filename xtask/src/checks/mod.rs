//! The checks, one file each.

mod dependencies;
mod errors;
mod formatting;
mod layers;
mod markdown;
mod time;
mod words;

use crate::tree::Tree;

/// A check of the repository.
pub struct Check {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Finds what is wrong: each problem with its place and what would be right.
    pub run: fn(&Tree) -> anyhow::Result<Vec<String>>,
}

/// All checks, in the order in which they run.
pub const CHECKS: &[Check] = &[
    Check {
        name: "layers",
        about: "every Cargo.toml keeps to the arrows of layers.toml",
        run: layers::check,
    },
    Check {
        name: "dependencies",
        about: "every direct dependency stands once, with a reason",
        run: dependencies::check,
    },
    Check {
        name: "time",
        about: "decisions take time and tasks from the ports only",
        run: time::check,
    },
    Check {
        name: "errors",
        about: "every error code has its page in docs/errors, and no other has",
        run: errors::check,
    },
    Check {
        name: "markdown",
        about: "every path in a Markdown file exists",
        run: markdown::check,
    },
    Check {
        name: "words",
        about: "no path or host of a single machine is written down",
        run: words::check,
    },
    Check {
        name: "formatting",
        about: "every Rust file is formatted",
        run: formatting::check,
    },
];
