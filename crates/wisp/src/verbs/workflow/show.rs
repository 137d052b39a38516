use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use wisp_core::model::ActivationId;

use super::{names::Names, start::print_end};
use crate::cli::Session;

/// Show an execution, or a durable sequence or composition
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp workflow show order:order-7\n  wisp workflow show order:order-7 --output json\n  wisp workflow show 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20"
)]
pub struct Show {
    /// The execution: MACHINE:NAME; or the activation id of a durable sequence or composition
    execution: String,
}

/// Show what happened in an execution
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp workflow history order:order-7\n  wisp workflow history order:order-7 --reverse --limit 5"
)]
pub struct History {
    /// The execution: MACHINE:NAME
    execution: String,
    /// The latest first
    #[arg(long)]
    reverse: bool,
    /// Show no more than this many
    #[arg(long, value_name = "LIMIT")]
    limit: Option<usize>,
}

/// Stop an execution
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp workflow stop order:order-7\n  wisp workflow stop order:order-7 --error Cancelled --cause 'the customer called'"
)]
pub struct Stop {
    /// The execution: MACHINE:NAME
    execution: String,
    /// Name of the error that it ends with
    #[arg(long)]
    error: Option<String>,
    /// Its story
    #[arg(long)]
    cause: Option<String>,
}

/// Let an execution that failed go on from where it failed
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow redrive order:order-7")]
pub struct Redrive {
    /// The execution: MACHINE:NAME
    execution: String,
}

impl Show {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        if self.execution.parse::<ActivationId>().is_ok() {
            return show_composition(session, &self.execution).await;
        }
        let found = ask(session, "DescribeExecution", &self.execution, Value::Null).await?;
        if !session.out().for_people() {
            return session.out().document(&found);
        }
        for (name, value) in found
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_string())
        {
            session
                .out()
                .line(&format!("{name}: {}", value.as_str().unwrap_or_default()))?;
        }
        print_end(session, &found)
    }
}

/// Shows a durable sequence or composition, and its events in a line each.
async fn show_composition(session: &Session, id: &str) -> anyhow::Result<()> {
    let found = session.client()?.composition(&session.namespace()?, id).await;
    let found = found.with_context(|| format!("Unable to obtain the composition '{id}'"))?;
    let out = session.out();
    if !out.for_people() {
        return out.document(&found);
    }
    for field in ["activationId", "action", "status"] {
        out.line(&format!("{field}: {}", found[field].as_str().unwrap_or_default()))?;
    }
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    for event in found["events"].as_array().into_iter().flatten() {
        let about = [text(event, "status"), text(event, "message")].concat();
        let (name, of) = (text(event, "event"), text(event, "activationId"));
        out.line(format!("{name:<8} {of} {about}").trim_end())?;
    }
    Ok(())
}

impl History {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let events = events(session, &self.execution, self.reverse, self.limit.unwrap_or(usize::MAX)).await?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&events);
        }
        events.iter().try_for_each(|event| out.line(&line(event)))
    }
}

/// All events of an execution, or the first so many.
pub async fn events(session: &Session, execution: &str, reverse: bool, most: usize) -> anyhow::Result<Vec<Value>> {
    let (mut events, mut token) = (Vec::new(), Value::Null);
    while events.len() < most {
        let more = json!({ "reverseOrder": reverse, "maxResults": most.saturating_sub(events.len()).min(1000), "nextToken": token });
        let mut page = ask(session, "GetExecutionHistory", execution, more).await?;
        events.extend(page["events"].as_array().cloned().unwrap_or_default());
        token = page["nextToken"].take();
        if token.is_null() {
            break;
        }
    }
    Ok(events)
}

/// An event in a line: number, time, type, and what it is about.
fn line(event: &Value) -> String {
    let details = event
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, _)| name.ends_with("EventDetails"));
    let details = details.map(|(_, details)| details);
    let about = ["name", "resource", "error", "index", "length"].into_iter();
    let mut about = about.filter_map(|field| details.and_then(|details| details.get(field)));
    let about = about.next().map_or_else(String::new, |value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    });
    let time = jiff::Timestamp::from_millisecond((event["timestamp"].as_f64().unwrap_or_default() * 1000.0) as i64);
    let time = time
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system())
        .strftime("%H:%M:%S%.3f")
        .to_string();
    let kind = event["type"].as_str().unwrap_or_default();
    format!("{:>5}  {time}  {kind:<28} {about}", event["id"].to_string())
        .trim_end()
        .to_owned()
}

impl Stop {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let more = json!({ "error": self.error, "cause": self.cause });
        let reply = ask(session, "StopExecution", &self.execution, more).await?;
        session.out().done(&format!("stopped {}", self.execution), &reply)
    }
}

impl Redrive {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let reply = ask(session, "RedriveExecution", &self.execution, Value::Null).await?;
        session.out().done(&format!("redriving {}", self.execution), &reply)
    }
}

/// Carries out an operation on an execution.
async fn ask(session: &Session, operation: &str, execution: &str, more: Value) -> anyhow::Result<Value> {
    let client = session.client()?;
    let arn = Names::of(session, &client).await?.execution(execution);
    let mut input = json!({ "executionArn": arn });
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    let reply = client.states(operation, &input).await;
    reply.with_context(|| format!("{operation} of '{execution}'"))
}

/// The definition that an execution runs.
pub async fn definition(session: &Session, execution: &str) -> anyhow::Result<Value> {
    let found = ask(session, "DescribeStateMachineForExecution", execution, Value::Null).await?;
    Ok(serde_json::from_str(found["definition"].as_str().unwrap_or_default())?)
}
