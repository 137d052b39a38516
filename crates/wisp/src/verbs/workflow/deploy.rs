use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::names::Names;
use crate::cli::Session;

/// What a machine is said to run as; Wisp runs it as its namespace.
const ROLE: &str = "arn:aws:iam::000000000000:role/wisp";

/// Create a state machine, or update it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp workflow deploy order order.asl.json\n  wisp workflow deploy ping ping.json --express\n  \
                        wisp workflow deploy order order.asl.json --publish"
)]
pub struct Deploy {
    /// Its name
    name: String,
    /// File with its definition in the Amazon States Language
    file: PathBuf,
    /// Run it in memory: short, many, without history
    #[arg(long)]
    express: bool,
    /// Publish it as a version too
    #[arg(long)]
    publish: bool,
}

/// Delete a state machine; executions that run go on
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow delete order")]
pub struct Delete {
    /// Its name
    name: String,
}

impl Deploy {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self {
            name,
            file,
            express,
            publish,
        } = self;
        let definition = std::fs::read_to_string(&file);
        let definition = definition.with_context(|| format!("Unable to read '{}'", file.display()))?;
        let client = session.client()?;
        let arn = Names::of(session, &client).await?.machine(&name);
        let known = client
            .states("DescribeStateMachine", &json!({ "stateMachineArn": arn }))
            .await;
        let (done, reply) = match known {
            Ok(_) => {
                let input = json!({ "stateMachineArn": arn, "definition": definition, "publish": publish });
                ("updated", client.states("UpdateStateMachine", &input).await)
            }
            Err(_) => {
                let kind = if express { "EXPRESS" } else { "STANDARD" };
                let input = json!({ "name": name, "definition": definition, "roleArn": ROLE, "type": kind, "publish": publish });
                ("created", client.states("CreateStateMachine", &input).await)
            }
        };
        let mut reply = reply.with_context(|| format!("Unable to deploy state machine '{name}'"))?;
        reply["stateMachineArn"] = Value::from(arn);
        session.out().done(&format!("{done} state machine {name}"), &reply)
    }
}

impl Delete {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = session.client()?;
        let arn = Names::of(session, &client).await?.machine(&self.name);
        let reply = client
            .states("DeleteStateMachine", &json!({ "stateMachineArn": arn }))
            .await;
        let reply = reply.with_context(|| format!("Unable to delete state machine '{}'", self.name))?;
        session
            .out()
            .done(&format!("deleted state machine {}", self.name), &reply)
    }
}
