use std::{collections::HashMap, path::PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{
    drawing::{self, Look},
    names::Names,
    show,
};
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
                (show::definition(session, execution).await?, looks(&events))
            }
            None => (definition(session, &self.machine).await?, HashMap::new()),
        };
        if !session.out().for_people() {
            return session
                .out()
                .document(&json!({ "definition": definition, "states": looks }));
        }
        let svg = drawing::svg(&definition, &looks);
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

/// How each state of an execution is, by its name. A state that was entered again is as it was last.
fn looks(events: &[Value]) -> HashMap<String, Look> {
    let mut looks = HashMap::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        let name = |field: &str| event[field]["name"].as_str().map(str::to_owned);
        match kind {
            "FailStateEntered" => looks.extend(name("stateEnteredEventDetails").map(|name| (name, Look::Failed))),
            _ if kind.ends_with("StateEntered") => {
                looks.extend(name("stateEnteredEventDetails").map(|name| (name, Look::Running)));
            }
            _ if kind.ends_with("StateExited") => {
                looks.extend(name("stateExitedEventDetails").map(|name| (name, Look::Succeeded)));
            }
            "ExecutionFailed" => end(&mut looks, Look::Failed),
            "ExecutionAborted" | "ExecutionTimedOut" => end(&mut looks, Look::Aborted),
            _ => {}
        }
    }
    looks
}

/// States that the end of the execution found running.
fn end(looks: &mut HashMap<String, Look>, end: Look) {
    looks
        .values_mut()
        .filter(|look| **look == Look::Running)
        .for_each(|look| *look = end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_as_their_last_events_say() {
        let entered = |kind: &str, name: &str| json!({ "type": kind, "stateEnteredEventDetails": { "name": name } });
        let exited = |kind: &str, name: &str| json!({ "type": kind, "stateExitedEventDetails": { "name": name } });
        let mut events = vec![
            entered("PassStateEntered", "A"),
            exited("PassStateExited", "A"),
            entered("TaskStateEntered", "B"),
        ];
        let found = looks(&events);
        assert_eq!((found["A"], found["B"]), (Look::Succeeded, Look::Running));
        events.push(json!({ "type": "ExecutionFailed" }));
        let found = looks(&events);
        assert_eq!((found["A"], found["B"]), (Look::Succeeded, Look::Failed));
    }
}
