use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{
    names::Names,
    start::{Input, begun},
};
use crate::cli::Session;

/// Repeat an execution from a step on, as a new one, with another input if you like
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow fork order:order-7 --at Ship\n  \
                        wisp workflow fork order:order-7 --at Ship --input '{\"address\": \"here\"}' --name order-7b --wait\n  \
                        wisp workflow fork order:order-7 --event 12")]
pub struct Fork {
    /// The execution: MACHINE:NAME
    execution: String,
    /// The state to begin with, as it was entered the last time
    #[arg(long, value_name = "STATE", required_unless_present = "event")]
    at: Option<String>,
    /// The event of its history to begin with, by which a state was entered
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    event: Option<u64>,
    /// Name of the new execution
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    input: Input,
    /// Wait for its end and show its output
    #[arg(long)]
    wait: bool,
}

impl Fork {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = session.client()?;
        let fork = json!({
            "executionArn": Names::of(session, &client).await?.execution(&self.execution),
            "stateName": self.at,
            "eventId": self.event,
            "name": self.name,
            "input": self.input.text()?,
        });
        let started = client.states("ForkExecution", &fork).await;
        let started = started.with_context(|| format!("Unable to fork '{}'", self.execution))?;
        begun(session, &client, &started, self.wait).await
    }
}
