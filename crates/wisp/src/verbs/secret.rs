//! `wisp secret`: values that functions get in their environment, and nobody else gets to see.

use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Parser};
use jiff::tz::TimeZone;
use wisp_core::model::Fqn;
use wisp_wire::document::SecretPut;

use crate::cli::{self, Session, Usage, Verb};

/// Keep secrets for functions: encrypted, injected into their environment, never shown
#[derive(Parser)]
enum Secret {
    Set(Set),
    List(List),
    Delete(Delete),
}

/// Set a secret; the next activation of each function that has it sees the new value
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp secret set db-password < password.txt\n  printf %s \"$TOKEN\" | wisp secret set token\n  \
                  wisp secret set tls-key --from-file key.pem\n\nThen: wisp action update api --secret DB_PASSWORD=db-password"
)]
struct Set {
    /// Its name
    name: String,
    /// The value. Better from standard input, which is read if this is absent: shells remember their arguments
    value: Option<String>,
    /// Take the value from a file, as it is
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    from_file: Option<PathBuf>,
}

/// List the names of secrets
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp secret list\n  wisp secret list --output json")]
struct List {}

/// Delete a secret
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp secret delete db-password")]
struct Delete {
    /// Its name
    name: String,
}

/// `wisp secret`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, secret: Secret) -> anyhow::Result<()> {
    match secret {
        Secret::Set(set) => set.run(&session).await,
        Secret::List(List {}) => list(&session).await,
        Secret::Delete(Delete { name }) => {
            let deleted = session.client()?.delete_secret(&top_level(&session, &name)?).await;
            let deleted = deleted.with_context(|| format!("Unable to delete secret '{name}'"))?;
            session.out().done(&format!("deleted secret {name}"), &deleted)
        }
    }
}

impl Set {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self { name, value, from_file } = self;
        let full = top_level(session, &name)?;
        let value = match (value, from_file) {
            (Some(value), _) => value,
            (None, Some(file)) => std::fs::read_to_string(&file)
                .with_context(|| format!("Unable to read '{}' as text", file.display()))?,
            (None, None) => from_stdin()?,
        };
        let set = session.client()?.set_secret(&full, &SecretPut { value }).await;
        let set = set.with_context(|| format!("Unable to set secret '{name}'"))?;
        session.out().done(&format!("set secret {name}"), &set)
    }
}

/// Standard input, without the line break that `echo` adds.
fn from_stdin() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        eprintln!("Type the value, then Ctrl-D:");
    }
    let mut value = String::new();
    io::stdin()
        .read_to_string(&mut value)
        .context("Unable to read the value from standard input")?;
    Ok(value.strip_suffix('\n').map(str::to_owned).unwrap_or(value))
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let secrets = session.client()?.secrets(&session.namespace()?).await;
    let (secrets, out) = (secrets.context("Unable to obtain the list of secrets")?, session.out());
    if !out.for_people() {
        return out.document(&secrets);
    }
    out.line(&format!("{}secrets{:#}", cli::BOLD, cli::BOLD))?;
    let zone = TimeZone::system();
    secrets.iter().try_for_each(|secret| {
        let set = cli::clock(secret.updated as i64, &zone, cli::SECONDS);
        out.line(&format!("{:<50} set {set}", secret.name))
    })
}

/// A secret belongs to a namespace, not to a package.
fn top_level(session: &Session, name: &str) -> anyhow::Result<Fqn> {
    let full = session.entity(name)?;
    match full.package() {
        None => Ok(full),
        Some(_) => Err(Usage(format!(
            "'{name}' is not the name of a secret: they are not in packages"
        ))
        .into()),
    }
}
