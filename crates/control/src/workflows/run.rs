use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    model::{Chain, EntityName, Fqn, Millis},
    ports::journal::Place,
};
use wisp_workflow::execution::{Execution, Pace, Status};

use super::{key, nested::map_run_scope};
use crate::event::id_of;

/// An execution as it is stored: the core's state, and what the platform knows beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The core's state.
    pub execution: Execution,
    /// Its namespace.
    pub namespace: EntityName,
    /// The machine, or `machine/label` of a map run's child.
    pub machine: String,
    /// The digest of its definition.
    pub definition: String,
    /// Names what the machine was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<String>,
    /// The version that was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The alias that was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Tells it from an execution that had its name before: what it calls is called under ids made of this.
    pub nonce: String,
    /// The task of another execution that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The functions that led to its start, if one started it.
    #[serde(default, skip_serializing_if = "Chain::is_empty")]
    pub chain: Chain,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Millis>,
    /// When it was last redriven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redriven: Option<Millis>,
    /// What it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked: Option<Origin>,
    /// What the client traces it by; kept for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Its map runs, by their effects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map_runs: BTreeMap<u64, MapRun>,
    /// Whether every turn waits for the disk.
    pub strict: bool,
}

/// A task that started an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The execution's key.
    pub key: String,
    /// The task.
    pub task: u64,
    /// The map run that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<String>,
    /// How many executions led to it, one by the other.
    #[serde(default)]
    pub depth: u32,
}

/// Where an execution that repeats another one has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The other one's ARN.
    pub execution: String,
    /// The event of its history by which the step was entered.
    pub event: u64,
}

/// A map run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MapRun {
    /// Its ARN.
    pub arn: String,
    /// Its children.
    pub total: u64,
    /// What it keeps to.
    #[serde(default)]
    pub pace: Pace,
    /// How it goes.
    pub status: Status,
    /// When it began.
    pub started: Millis,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Millis>,
}

/// What lists show of an execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// When it ended.
    pub stopped: Option<Millis>,
    /// The version that was started.
    pub version: Option<u64>,
    /// The alias that was started.
    pub alias: Option<String>,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it was last redriven.
    pub redriven: Option<Millis>,
    /// The digest of its definition.
    pub definition: String,
}

impl Run {
    /// Where it is in the journal.
    pub(super) fn key(&self) -> String {
        key::of(&self.namespace, &self.machine, &self.execution.identity.name)
    }

    /// How many executions led to it, one by the other.
    pub(super) fn depth(&self) -> u32 {
        self.parent.as_ref().map_or(0, |parent| parent.depth)
    }

    /// What led to it, with itself as the last link: so functions that it calls have a key that tells of them, and what they
    /// start is known to come from here.
    pub(super) fn link(&self, key: &str) -> Chain {
        let id = id_of(&["execution", key, &self.nonce]);
        let machine = self.execution.identity.machine_name.as_str();
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._@-".contains(c) {
                c
            } else {
                '_'
            }
        };
        let name: String = machine.chars().map(plain).collect();
        match name.parse() {
            Ok(name) => self.chain.with(id, &Fqn::new(self.namespace.clone(), None, name)),
            Err(_) => self.chain.clone(),
        }
    }

    /// When it started.
    pub fn started(&self) -> Millis {
        u64::try_from(self.execution.started_ms).unwrap_or_default()
    }

    /// Where it is listed.
    pub(super) fn place(&self) -> Result<Place> {
        let summary = Summary {
            arn: self.execution.identity.arn.clone(),
            name: self.execution.identity.name.clone(),
            stopped: self.stopped,
            version: self.version,
            alias: self.alias.clone(),
            redrives: self.execution.redrives,
            redriven: self.redriven,
            definition: self.definition.clone(),
        };
        let scope = match self.parent.as_ref().and_then(|parent| parent.map_run.as_deref()) {
            Some(arn) => map_run_scope(&self.namespace, arn),
            None => key::scope(&self.namespace, &self.machine),
        };
        Ok(Place {
            scope,
            status: status(self.execution.status).to_owned(),
            started: self.started(),
            summary: encode(&summary)?.into(),
        })
    }
}

/// The name of a status, as the API has it.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Running => RUNNING,
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

/// All of them.
pub(super) const STATUSES: [&str; 5] = [RUNNING, "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

/// The status of what is not over.
pub(crate) const RUNNING: &str = "RUNNING";

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal("an execution cannot be encoded").because(error))
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(Code::Corrupted, "an execution in the journal cannot be read").because(error))
}
