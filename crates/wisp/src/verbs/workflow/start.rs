use std::{io::Read, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};
use wisp_wire::client::Client;

use super::names::{Names, short};
use crate::cli::{Quiet, Session};

/// How often the end of an execution is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Start an execution
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow start order --input '{\"id\": 7}'\n  \
                        wisp workflow start order --input-file order.json --name order-7 --wait\n  \
                        wisp workflow start ping --sync")]
pub struct Start {
    /// The state machine, or a version or an alias of it: order, order:3, order:live
    machine: String,
    /// Name of the execution; starting it again with the same input gives the same execution
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    input: Input,
    /// Wait for its end and show its output
    #[arg(long)]
    wait: bool,
    /// Run an Express machine and show its output
    #[arg(long, conflicts_with = "wait")]
    sync: bool,
}

/// The input that an execution, or its first step, is given
#[derive(Args)]
pub struct Input {
    /// Its input: JSON
    #[arg(long, conflicts_with = "input_file")]
    input: Option<String>,
    /// File with its input; - is standard input
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
}

impl Start {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = session.client()?;
        let mut input = Map::new();
        let arn = Names::of(session, &client).await?.machine(&self.machine);
        input.insert("stateMachineArn".into(), arn.into());
        input.extend(self.name.clone().map(|name| ("name".to_owned(), name.into())));
        input.extend(self.input.text()?.map(|text| ("input".to_owned(), text.into())));
        let operation = if self.sync {
            "StartSyncExecution"
        } else {
            "StartExecution"
        };
        let started = client.states(operation, &input.into()).await;
        let started = started.with_context(|| format!("Unable to start '{}'", self.machine))?;
        match self.sync {
            true => show_end(session, &started),
            false => begun(session, &client, &started, self.wait).await,
        }
    }
}

/// Shows what was started or, with `wait`, how it has ended.
pub async fn begun(session: &Session, client: &Client, started: &Value, wait: bool) -> anyhow::Result<()> {
    let arn = started["executionArn"].as_str().unwrap_or_default();
    match wait {
        true => show_end(session, &end_of(client, arn).await?),
        false => session.out().done(&format!("started {}", short(arn)), started),
    }
}

/// Shows how an execution has ended; fails if it did not succeed.
fn show_end(session: &Session, ended: &Value) -> anyhow::Result<()> {
    match session.out().for_people() {
        true => print_end(session, ended)?,
        false => session.out().document(ended)?,
    }
    match ended["status"] == "SUCCEEDED" {
        true => Ok(()),
        false => Err(Quiet(1).into()),
    }
}

impl Input {
    /// The text, if one is given.
    pub fn text(&self) -> anyhow::Result<Option<String>> {
        match &self.input_file {
            None => Ok(self.input.clone()),
            Some(file) if file.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .context("Unable to read standard input")?;
                Ok(Some(text))
            }
            Some(file) => {
                let text = std::fs::read_to_string(file);
                text.map(Some)
                    .with_context(|| format!("Unable to read '{}'", file.display()))
            }
        }
    }
}

/// An execution when it has ended.
async fn end_of(client: &Client, arn: &str) -> anyhow::Result<Value> {
    loop {
        let found = client
            .states("DescribeExecution", &json!({ "executionArn": arn }))
            .await?;
        if found["status"] != "RUNNING" {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows how an execution ended: its output, or its error.
pub fn print_end(session: &Session, ended: &Value) -> anyhow::Result<()> {
    let out = session.out();
    let text = |field: &str| ended[field].as_str().unwrap_or_default();
    let name = short(text("executionArn"));
    match ended["status"].as_str().unwrap_or_default() {
        "SUCCEEDED" => {
            out.ok(&format!("{name} succeeded"))?;
            let output: Value = serde_json::from_str(text("output")).unwrap_or_default();
            out.document(&output)
        }
        "RUNNING" => out.ok(&format!("{name} is running")),
        status => {
            let status = status.to_lowercase().replace('_', " ");
            out.line(&format!("{name} {status}: {} {}", text("error"), text("cause")))
        }
    }
}
