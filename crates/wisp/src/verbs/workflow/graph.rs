use std::{collections::HashMap, path::PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use wisp_workflow::drawing;

use super::{names::Names, show};
use crate::cli::Session;

/// Draw a state machine, or how far an execution of it is, as SVG
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow graph order > order.svg\n  \
                        wisp workflow graph order --execution order:order-7 --file order-7.svg\n  \
                        wisp workflow graph order --execution order:order-7 --output json")]
pub struct Graph {
    /// The state machine
    machine: String,
    /// Colour its states as they are in this execution: MACHINE:NAME
    #[arg(long)]
    execution: Option<String>,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Graph {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (definition, looks) = match &self.execution {
            Some(execution) => {
                let events = show::events(session, execution, false, usize::MAX).await?;
                (show::definition(session, execution).await?, drawing::looks(&events))
            }
            None => (definition(session, &self.machine).await?, HashMap::new()),
        };
        if !session.out().for_people() {
            return session
                .out()
                .document(&json!({ "definition": definition, "states": looks }));
        }
        let svg = drawing::graph(&definition, &looks);
        match self.file {
            Some(file) => {
                std::fs::write(&file, svg).with_context(|| format!("Unable to write '{}'", file.display()))?;
                session.out().ok(&format!("drew {}", file.display()))
            }
            None => session.out().line(&svg),
        }
    }
}

async fn definition(session: &Session, machine: &str) -> anyhow::Result<Value> {
    let client = session.client()?;
    let arn = Names::of(session, &client).await?.machine(machine);
    let found = client
        .states("DescribeStateMachine", &json!({ "stateMachineArn": arn }))
        .await;
    let found = found.with_context(|| format!("Unable to obtain state machine '{machine}'"))?;
    Ok(serde_json::from_str(found["definition"].as_str().unwrap_or_default())?)
}
