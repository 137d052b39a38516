//! `wisp namespace`: the namespaces of a key and what they hold.

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::{Map, Value};
use wisp_wire::client::{Collection, Page};

use crate::cli::{self, Session, Verb};

/// Work with namespaces
#[derive(Parser)]
enum Namespace {
    List(List),
    Get(Get),
    Limits(Limits),
}

/// List the namespaces of the key
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp namespace list")]
struct List {}

/// List all that a namespace holds
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp namespace get\n  wisp namespace get --output json")]
struct Get {
    /// `/namespace`
    #[arg(value_name = "NAMESPACE")]
    place: Option<String>,
    /// Sort by name instead of age
    #[arg(long, short)]
    name_sort: bool,
}

/// Show the limits of the key's namespace
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp namespace limits\n  wisp namespace limits --output yaml")]
struct Limits {}

/// `wisp namespace`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, namespace: Namespace) -> anyhow::Result<()> {
    match namespace {
        Namespace::List(List {}) => list(&session).await,
        Namespace::Get(get) => everything(&session, get.place.as_deref(), get.name_sort).await,
        Namespace::Limits(Limits {}) => {
            let limits = session.client()?.limits(&session.namespace()?).await;
            session
                .out()
                .document(&limits.context("Unable to obtain the limits of the namespace")?)
        }
    }
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let got = session.client()?.namespaces().await;
    let namespaces = got.context("Unable to obtain the list of available namespaces")?;
    let out = session.out();
    if !out.for_people() {
        return out.document(&namespaces);
    }
    out.line(&format!("{}namespaces{:#}", cli::BOLD, cli::BOLD))?;
    namespaces.iter().try_for_each(|namespace| out.line(namespace))
}

/// Lists packages, actions, triggers and rules of a namespace.
pub async fn everything(session: &Session, place: Option<&str>, name_sort: bool) -> anyhow::Result<()> {
    let (client, place, out) = (session.client()?, session.place(place)?, session.out());
    let mut all = Map::new();
    let collections = [
        Collection::Packages,
        Collection::Actions,
        Collection::Triggers,
        Collection::Rules,
    ];
    for collection in collections {
        let items = cli::fetch(&client, collection, &place, Page::ALL, name_sort).await;
        let failed = || {
            format!(
                "Unable to obtain the list of {} for namespace '{}'",
                collection.as_str(),
                place.namespace
            )
        };
        all.insert(collection.as_str().to_owned(), items.with_context(failed)?.into());
    }
    if !out.for_people() {
        return out.document(&all);
    }
    out.line(&format!(
        "Entities in namespace: {}{}{:#}",
        cli::BOLD,
        place.namespace,
        cli::BOLD
    ))?;
    collections.into_iter().try_for_each(|collection| {
        let items = all.get(collection.as_str()).and_then(Value::as_array);
        cli::print(out, collection, items.map_or(&[], Vec::as_slice))
    })
}
