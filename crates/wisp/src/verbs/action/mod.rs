//! `wisp action`: functions and sequences.

mod archive;
pub mod artifact;
mod get;
mod invoke;
mod put;
pub mod web;

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::Value;
use wisp_wire::client::Collection;

use crate::cli::{self, Pages, Session, Verb};

/// Work with actions
#[derive(Parser)]
enum Action {
    Create(put::Create),
    Update(put::Update),
    Invoke(invoke::Invoke),
    Get(get::Get),
    Delete(Delete),
    List(List),
}

/// Delete an action
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp action delete hello")]
struct Delete {
    /// Its name
    #[arg(value_name = "ACTION_NAME")]
    name: String,
}

/// List the actions of a namespace or a package
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp action list\n  wisp action list tools --name-sort\n  \
                        wisp action list /whisk.system/utils\n  wisp action list --count"
)]
struct List {
    /// `/namespace`, or a package
    #[arg(value_name = "NAMESPACE | PACKAGE_NAME")]
    place: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

/// `wisp action`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create(create) => create.run(&session).await,
        Action::Update(update) => update.run(&session).await,
        Action::Invoke(invoke) => invoke.run(&session).await,
        Action::Get(get) => get.run(&session).await,
        Action::Delete(delete) => delete.run(&session).await,
        Action::List(list) => list.run(&session).await,
    }
}

impl Delete {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let name = session.entity(&self.name)?;
        let gone: anyhow::Result<Value> = session
            .client()?
            .delete(Collection::Actions, &name)
            .await
            .map_err(anyhow::Error::new);
        let gone = gone.with_context(|| format!("Unable to delete action '{}'", self.name))?;
        session.out().done(&format!("deleted action {}", self.name), &gone)
    }
}

impl List {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let place = session.place(self.place.as_deref())?;
        let listed = cli::list(
            session.out(),
            &session.client()?,
            Collection::Actions,
            &place,
            &self.pages,
        )
        .await;
        listed.with_context(|| {
            format!(
                "Unable to obtain the list of actions for namespace '{}'",
                place.namespace
            )
        })
    }
}
