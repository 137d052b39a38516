//! `wisp orchestration`: orchestrators as code whose functions are actions.

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::{Value, json};
use wisp_wire::client::Client;

use crate::cli::{self, Quiet, Session, Verb};

/// How often the end of an instance is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Work with orchestrations: instances of orchestrators that are actions
#[derive(Parser)]
enum Orchestration {
    /// Start an orchestration
    #[command(
        after_help = "Examples:\n  wisp orchestration start chain --input '{\"n\": 1}' --wait\n  \
                            wisp orchestration start approval --id order-7"
    )]
    Start(Start),
    /// Show how an orchestration stands
    #[command(after_help = "Examples:\n  wisp orchestration show order-7\n  wisp orchestration show order-7 --history")]
    Show(Show),
    /// List orchestrations, the newest first
    #[command(after_help = "Examples:\n  wisp orchestration list\n  wisp orchestration list --status Running,Failed")]
    List(List),
    /// Tell an orchestration of an event
    #[command(after_help = "Examples:\n  wisp orchestration raise order-7 approval --input '{\"approved\": true}'")]
    Raise(Raise),
    /// End an orchestration, and what it started
    #[command(after_help = "Examples:\n  wisp orchestration terminate order-7 --reason 'not needed'")]
    Terminate(Told),
    /// Have an orchestration wait; what happens to it meanwhile waits too
    #[command(after_help = "Examples:\n  wisp orchestration suspend order-7")]
    Suspend(Told),
    /// Let an orchestration go on
    #[command(after_help = "Examples:\n  wisp orchestration resume order-7")]
    Resume(Told),
    /// Start an orchestration that has ended once more, with the same input
    #[command(
        after_help = "Examples:\n  wisp orchestration restart order-7\n  wisp orchestration restart order-7 --same-id"
    )]
    Restart(Restart),
    /// Forget an orchestration that has ended
    #[command(
        visible_alias = "delete",
        after_help = "Examples:\n  wisp orchestration purge order-7"
    )]
    Purge(One),
}

#[derive(Args)]
struct Start {
    /// The orchestrator
    name: String,
    /// Id of the instance; made when it is not given
    #[arg(long)]
    id: Option<String>,
    /// Its input: JSON
    #[arg(long)]
    input: Option<String>,
    /// Wait for its end and show its output
    #[arg(long)]
    wait: bool,
}

#[derive(Args)]
struct Show {
    /// Its id
    id: String,
    /// With all that happened to it
    #[arg(long)]
    history: bool,
}

#[derive(Args)]
struct List {
    /// Only those of these statuses: Pending, Running, Suspended, Completed, Failed, Terminated
    #[arg(long, default_value = "")]
    status: String,
    /// At most so many
    #[arg(long, default_value_t = 30)]
    limit: u32,
}

#[derive(Args)]
struct Raise {
    /// Id of the instance
    id: String,
    /// The event's name
    event: String,
    /// Its content: JSON
    #[arg(long)]
    input: Option<String>,
}

#[derive(Args)]
struct Told {
    /// Id of the instance
    id: String,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Args)]
struct Restart {
    /// Id of the instance
    id: String,
    /// In its place, instead of under a new id
    #[arg(long)]
    same_id: bool,
}

#[derive(Args)]
struct One {
    /// Id of the instance
    id: String,
}

/// `wisp orchestration`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, orchestration: Orchestration) -> anyhow::Result<()> {
    match orchestration {
        Orchestration::Start(start) => start.run(&session).await,
        Orchestration::Show(show) => show.run(&session).await,
        Orchestration::List(list) => list.run(&session).await,
        Orchestration::Raise(raise) => raise.run(&session).await,
        Orchestration::Terminate(told) => told.run(&session, "terminate", "terminated").await,
        Orchestration::Suspend(told) => told.run(&session, "suspend", "suspended").await,
        Orchestration::Resume(told) => told.run(&session, "resume", "resumed").await,
        Orchestration::Restart(restart) => restart.run(&session).await,
        Orchestration::Purge(one) => one.run(&session).await,
    }
}

impl Start {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (namespace, client) = (session.namespace()?, session.client()?);
        let (id, input) = (self.id.as_deref(), self.input.as_deref());
        let started = client.start_orchestration(&namespace, &self.name, id, input).await;
        let started = started.with_context(|| format!("Unable to start '{}'", self.name))?;
        let id = started["id"].as_str().unwrap_or_default();
        match self.wait {
            true => show_end(session, &end_of(&client, &namespace, id).await?),
            false => session.out().done(&format!("started {id}"), &started),
        }
    }
}

/// An instance when it has ended.
async fn end_of(client: &Client, namespace: &str, id: &str) -> anyhow::Result<Value> {
    loop {
        let found = client.orchestration(namespace, id, false).await?;
        if !["Pending", "Running", "Suspended"].contains(&status(&found)) {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows how an instance has ended; fails if it did not succeed.
fn show_end(session: &Session, ended: &Value) -> anyhow::Result<()> {
    let shown = if session.out().for_people() {
        &ended["output"]
    } else {
        ended
    };
    session.out().document(shown)?;
    match status(ended) == "Completed" {
        true => Ok(()),
        false => Err(Quiet(1).into()),
    }
}

fn status(document: &Value) -> &str {
    document["runtimeStatus"].as_str().unwrap_or_default()
}

impl Show {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (namespace, client) = (session.namespace()?, session.client()?);
        let found = client.orchestration(&namespace, &self.id, self.history).await;
        let found = found.with_context(|| format!("Unable to get orchestration '{}'", self.id))?;
        session.out().document(&found)
    }
}

impl List {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let found = session
            .client()?
            .orchestrations(&session.namespace()?, &self.status, self.limit)
            .await;
        let found = found.context("Unable to obtain the list of orchestrations")?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&found);
        }
        let head = format!("{:<28} {:<11} {:<24} id", "created", "status", "orchestrator");
        out.line(&format!("{}{head}{:#}", cli::BOLD, cli::BOLD))?;
        found.iter().try_for_each(|one| {
            let text = |field: &str| one[field].as_str().unwrap_or_default();
            let (created, name) = (text("createdTime"), text("name"));
            out.line(&format!(
                "{created:<28} {:<11} {name:<24} {}",
                status(one),
                text("instanceId")
            ))
        })
    }
}

impl Raise {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, namespace) = (session.client()?, session.namespace()?);
        let raised = client
            .raise_event(&namespace, &self.id, &self.event, self.input.as_deref())
            .await;
        raised.with_context(|| format!("Unable to tell orchestration '{}'", self.id))?;
        let document = json!({ "instanceId": self.id, "event": self.event });
        session
            .out()
            .done(&format!("told {} of {}", self.id, self.event), &document)
    }
}

impl Told {
    async fn run(self, session: &Session, verb: &str, done: &str) -> anyhow::Result<()> {
        let (client, namespace) = (session.client()?, session.namespace()?);
        let told = client
            .tell_orchestration(&namespace, &self.id, verb, &self.reason)
            .await;
        told.with_context(|| format!("Unable to {verb} orchestration '{}'", self.id))?;
        session
            .out()
            .done(&format!("{done} {}", self.id), &json!({ "instanceId": self.id }))
    }
}

impl Restart {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let restarted = session
            .client()?
            .restart_orchestration(&session.namespace()?, &self.id, !self.same_id)
            .await;
        let id = restarted.with_context(|| format!("Unable to restart orchestration '{}'", self.id))?;
        session
            .out()
            .done(&format!("started {id}"), &json!({ "instanceId": id }))
    }
}

impl One {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let purged = session
            .client()?
            .purge_orchestration(&session.namespace()?, &self.id)
            .await;
        let purged = purged.with_context(|| format!("Unable to purge orchestration '{}'", self.id))?;
        session.out().done(&format!("purged {}", self.id), &purged)
    }
}
