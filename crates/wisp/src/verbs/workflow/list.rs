use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use wisp_wire::client::Client;

use super::names::{Names, short};
use crate::cli::{BOLD, Session, Usage};

/// List state machines, the executions of one, or durable sequences and compositions
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp workflow list\n  wisp workflow list order\n  wisp workflow list order --status failed --limit 10\n  wisp workflow list --compositions --status running"
)]
pub struct List {
    /// The state machine whose executions are wanted
    machine: Option<String>,
    /// Durable sequences and compositions, 200 at most
    #[arg(long, conflicts_with = "machine")]
    compositions: bool,
    /// Only executions of this status: running, succeeded, failed, timed_out, aborted
    #[arg(long)]
    status: Option<String>,
    /// Show no more than this many
    #[arg(long, value_name = "LIMIT", default_value_t = 100)]
    limit: usize,
}

impl List {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        if self.status.is_some() && self.machine.is_none() && !self.compositions {
            return Err(
                Usage("--status is about the executions of a state machine, or about --compositions".into()).into(),
            );
        }
        let (title, entries) = match &self.machine {
            None if self.compositions => {
                let (namespace, status) = (session.namespace()?, self.status.as_deref());
                let found = client.compositions(&namespace, status, self.limit.min(200)).await;
                (
                    "compositions",
                    found.context("Unable to obtain the list of durable sequences and compositions")?,
                )
            }
            None => {
                let found = pages(&client, "ListStateMachines", json!({}), "stateMachines", self.limit).await;
                (
                    "state machines",
                    found.context("Unable to obtain the list of state machines")?,
                )
            }
            Some(machine) => {
                let arn = Names::of(session, &client).await?.machine(machine);
                let status = self.status.map(|status| status.to_uppercase());
                let input = json!({ "stateMachineArn": arn, "statusFilter": status });
                let found = pages(&client, "ListExecutions", input, "executions", self.limit).await;
                (
                    "executions",
                    found.with_context(|| format!("Unable to obtain the executions of '{machine}'"))?,
                )
            }
        };
        if !out.for_people() {
            return out.document(&entries);
        }
        out.line(&format!("{BOLD}{title}{BOLD:#}"))?;
        entries.iter().try_for_each(|entry| out.line(&line(entry)))
    }
}

fn line(entry: &Value) -> String {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    let (name, about) = match entry.get("status") {
        Some(_) if entry.get("activationId").is_some() => {
            (format!("{} {}", text("activationId"), text("action")), text("status"))
        }
        Some(_) => (short(text("executionArn")), text("status")),
        None => (text("name").to_owned(), text("type")),
    };
    format!("{name:<70} {}", about.to_lowercase().replace('_', " "))
}

/// The entries of a list, page after page.
async fn pages(
    client: &Client,
    operation: &str,
    mut input: Value,
    entries: &str,
    most: usize,
) -> anyhow::Result<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    while all.len() < most {
        input["maxResults"] = (most - all.len()).min(1000).into();
        let mut page = client.states(operation, &input).await?;
        all.extend(page[entries].as_array().cloned().unwrap_or_default());
        input["nextToken"] = page["nextToken"].take();
        if input["nextToken"].is_null() {
            break;
        }
    }
    Ok(all)
}
