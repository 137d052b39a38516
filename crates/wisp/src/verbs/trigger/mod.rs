//! `wisp trigger`: channels of events, and the feeds that fill them.

pub mod feed;
mod put;

use anstream::eprintln;
use anyhow::Context;
use clap::{Args, Parser};
use serde_json::{Value, json};
use wisp_wire::client::Collection;

use crate::cli::{self, Pages, Params, Session, Verb};

/// Work with triggers
#[derive(Parser)]
enum Trigger {
    Fire(Fire),
    Create(put::Create),
    Update(put::Update),
    Get(Get),
    Delete(Delete),
    List(List),
}

/// Fire a trigger
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp trigger fire uploads -p file a.png\n  wisp trigger fire uploads -P event.json"
)]
struct Fire {
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
    #[command(flatten)]
    params: Params,
}

/// Show a trigger; of one with a feed, what the feed says
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp trigger get uploads\n  wisp trigger get uploads rules\n  \
                        wisp trigger get uploads --summary"
)]
struct Get {
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
    /// Show only this field
    #[arg(value_name = "FIELD_FILTER")]
    field: Option<String>,
    /// Summarize it; parameters with * are bound
    #[arg(long, short)]
    summary: bool,
}

/// Delete a trigger, and tell its feed
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp trigger delete uploads")]
struct Delete {
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
}

/// List the triggers of a namespace
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp trigger list\n  wisp trigger list --limit 100 --name-sort")]
struct List {
    /// `/namespace`
    #[arg(value_name = "NAMESPACE")]
    place: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

/// `wisp trigger`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, trigger: Trigger) -> anyhow::Result<()> {
    match trigger {
        Trigger::Fire(fire) => fire.run(&session).await,
        Trigger::Create(create) => create.run(&session).await,
        Trigger::Update(update) => update.run(&session).await,
        Trigger::Get(get) => get.run(&session).await,
        Trigger::Delete(delete) => delete.run(&session).await,
        Trigger::List(list) => list.run(&session).await,
    }
}

impl Fire {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (name, out) = (session.entity(&self.name)?, session.out());
        let fired = session.client()?.fire(&name, self.params.object()).await;
        let id = fired.with_context(|| format!("Unable to fire trigger '{}'", self.name))?;
        let document = json!({ "activationId": id });
        let name = name.absolute();
        match &id {
            Some(id) => out.done(&format!("triggered {name} with id {id}"), &document),
            None if out.for_people() => out.line(&format!(
                "trigger {name} did not fire as it is not associated with an active rule"
            )),
            None => out.document(&document),
        }
    }
}

impl Get {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name, out) = (session.client()?, session.entity(&self.name)?, session.out());
        let got = client.get(Collection::Triggers, &name).await;
        let document: Value = got.with_context(|| format!("Unable to get trigger '{}'", self.name))?;
        if self.summary {
            let namespace = document["namespace"].as_str().unwrap_or_default();
            return out.line(&cli::summary(
                "trigger",
                &format!("/{namespace}/{}", name.name()),
                &document,
            ));
        }
        if let Some(field) = &self.field {
            let text = format!("got trigger {}, displaying field {field}", self.name);
            return out.got(&text, cli::field(&document, field)?);
        }
        match feed::of(&document) {
            None => out.got(&format!("got trigger {}", self.name), &document),
            Some(feed) => out.document(&feed::call(session, &client, feed, feed::Event::Read, &name, None).await?),
        }
    }
}

impl Delete {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name) = (session.client()?, session.entity(&self.name)?);
        let got = client.get(Collection::Triggers, &name).await;
        let document: Value = got.with_context(|| format!("Unable to get trigger '{}'", self.name))?;
        if let Some(feed) = feed::of(&document) {
            // A feed that is broken or gone must not make its triggers immortal.
            if let Err(error) = feed::call(session, &client, feed, feed::Event::Delete, &name, None).await {
                eprintln!("warning: {error:#}; the trigger is deleted all the same");
            }
        }
        let deleted = client.delete(Collection::Triggers, &name).await;
        let document: Value = deleted.with_context(|| format!("Unable to delete trigger '{}'", self.name))?;
        session.out().done(&format!("deleted trigger {}", self.name), &document)
    }
}

impl List {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let place = session.place(self.place.as_deref())?;
        let listed = cli::list(
            session.out(),
            &session.client()?,
            Collection::Triggers,
            &place,
            &self.pages,
        )
        .await;
        listed.with_context(|| {
            format!(
                "Unable to obtain the list of triggers for namespace '{}'",
                place.namespace
            )
        })
    }
}
