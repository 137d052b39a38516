use serde::{Deserialize, Serialize};

use super::{
    Failure,
    event::{Micros, Parent, Payload, Started, Tags},
};

/// How an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It is under way.
    Running,
    /// It has succeeded.
    Completed,
    /// It begins anew. Asked for by orchestrators; no instance stays so.
    ContinuedAsNew,
    /// It has failed.
    Failed,
    /// It was given up.
    Canceled,
    /// Somebody has ended it.
    Terminated,
    /// It has not had its first turn.
    Pending,
    /// Somebody has it wait.
    Suspended,
}

/// All of them, with their names and numbers in the Durable Task protocol.
pub const STATUSES: [(Status, &str, i32); 8] = [
    (Status::Running, "Running", 0),
    (Status::Completed, "Completed", 1),
    (Status::ContinuedAsNew, "ContinuedAsNew", 2),
    (Status::Failed, "Failed", 3),
    (Status::Canceled, "Canceled", 4),
    (Status::Terminated, "Terminated", 5),
    (Status::Pending, "Pending", 6),
    (Status::Suspended, "Suspended", 7),
];

impl Status {
    /// Whether nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Status::Completed | Status::Failed | Status::Canceled | Status::Terminated
        )
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let row = STATUSES.iter().find(|(status, ..)| *status == self);
        row.map_or("Running", |(_, name, _)| name)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        let row = STATUSES.iter().find(|(status, ..)| *status == self);
        row.map_or(0, |(.., number)| *number)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        let row = STATUSES.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        row.map(|(status, ..)| *status)
    }

    /// The one of this number.
    pub fn numbered(number: i32) -> Option<Self> {
        let row = STATUSES.iter().find(|(.., known)| *known == number);
        row.map(|(status, ..)| *status)
    }
}

/// An entity that an instance has for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The critical section.
    pub section: String,
    /// The entity.
    pub entity: String,
}

/// An orchestration beside its history. Small: it is written with every turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its orchestrator.
    pub name: String,
    /// The orchestrator's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its executions whose answers it still takes; the last is the one that runs. A rewind adds one, a beginning anew leaves one.
    pub executions: Vec<String>,
    /// How it stands.
    pub status: Status,
    /// When it was created.
    pub created: Micros,
    /// When it last changed.
    pub updated: Micros,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Micros>,
    /// When it begins, if it was to begin later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Micros>,
    /// What it says about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<String>,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Payload,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// Who waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What it has for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// Whether the orchestrator is to say what its history was without what failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewinding: bool,
    /// Whether it needs a turn though nothing has happened: its history was replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nudged: bool,
}

impl Instance {
    /// One that has had no turn.
    pub fn new(started: &Started, at: Micros) -> Self {
        Self {
            id: started.instance.clone(),
            name: started.name.clone(),
            version: started.version.clone(),
            executions: started.execution.iter().cloned().collect(),
            status: Status::Pending,
            created: at,
            updated: at,
            completed: None,
            scheduled: started.scheduled,
            custom_status: None,
            output: None,
            failure: None,
            parent: started.parent.clone(),
            tags: started.tags.clone(),
            held: Vec::new(),
            rewinding: false,
            nudged: false,
        }
    }

    /// The execution that runs.
    pub fn execution(&self) -> Option<&str> {
        self.executions.last().map(String::as_str)
    }

    /// Whether what was asked for by this execution still counts.
    pub fn takes(&self, execution: Option<&str>) -> bool {
        execution.is_none_or(|asked| self.executions.iter().any(|own| own == asked))
    }
}
