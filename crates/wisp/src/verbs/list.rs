//! `wisp list`: what a namespace holds, and what kinds of function the server runs.

use anyhow::Context;
use clap::Parser;

use super::namespace;
use crate::cli::{Session, Verb};

/// List all that a namespace holds, or the kinds that the server runs
#[derive(Parser)]
#[command(after_help = "Examples:\n  wisp list\n  wisp list /guest --name-sort\n  wisp list kinds")]
struct List {
    /// `/namespace`, or `kinds`
    #[arg(value_name = "NAMESPACE | kinds")]
    what: Option<String>,
    /// Sort by name instead of age
    #[arg(long, short)]
    name_sort: bool,
}

/// `wisp list`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, list: List) -> anyhow::Result<()> {
    match list.what.as_deref() {
        Some("kinds") => kinds(&session).await,
        place => namespace::everything(&session, place, list.name_sort).await,
    }
}

async fn kinds(session: &Session) -> anyhow::Result<()> {
    let platform = session
        .anonymous()?
        .platform()
        .await
        .context("Unable to obtain the list of kinds")?;
    let out = session.out();
    if !out.for_people() {
        return out.document(&platform.runtimes);
    }
    let kinds = platform
        .runtimes
        .iter()
        .flat_map(|(family, kinds)| kinds.iter().map(move |kind| (family, kind)));
    out.line(&format!(
        "{0}{1:<20} {2:<18} {3}{0:#}",
        crate::cli::BOLD,
        "Kind",
        "Isolation",
        "Runs on"
    ))?;
    for (family, kind) in kinds {
        let levels = kind
            .isolation
            .iter()
            .map(|level| level.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        out.line(format!("{:<20} {levels:<18} {}", kind.kind, kind.image).trim_end())?;
        let default = kind.default.then(|| format!("{family}:default"));
        let others = kind
            .aliases
            .iter()
            .filter(|alias| default.as_ref() != Some(alias))
            .cloned();
        let also: Vec<String> = default.clone().into_iter().chain(others).collect();
        if !also.is_empty() {
            out.line(&format!("  also {}", also.join(", ")))?;
        }
    }
    Ok(())
}
