use serde_json::Value;

use super::{Amount, Resource, StateId};

/// What a state's type adds.
#[derive(Debug)]
pub enum Kind {
    /// Calls something.
    Task(Task),
    /// Runs branches at once.
    Parallel(Parallel),
    /// Runs one flow for each item.
    Map(Box<Map>),
    /// Passes on.
    Pass(Pass),
    /// Waits.
    Wait(Wait),
    /// Decides.
    Choice(Choice),
    /// Ends well.
    Succeed,
    /// Ends badly.
    Fail(Fail),
}

impl Kind {
    /// The `Type` field.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Task(_) => "Task",
            Kind::Parallel(_) => "Parallel",
            Kind::Map(_) => "Map",
            Kind::Pass(_) => "Pass",
            Kind::Wait(_) => "Wait",
            Kind::Choice(_) => "Choice",
            Kind::Succeed => "Succeed",
            Kind::Fail(_) => "Fail",
        }
    }
}

/// A Task's own fields.
#[derive(Debug)]
pub struct Task {
    /// What it calls.
    pub resource: Resource,
    /// `TimeoutSeconds`, from scheduling to end.
    pub timeout: Option<Amount>,
    /// `HeartbeatSeconds`, between signs of life.
    pub heartbeat: Option<Amount>,
    /// `Credentials`, a template.
    pub credentials: Option<Value>,
}

/// A Parallel's own fields.
#[derive(Debug)]
pub struct Parallel {
    /// Where each branch begins.
    pub branches: Vec<StateId>,
}

/// A Map's own fields.
#[derive(Debug)]
pub struct Map {
    /// Where each iteration begins.
    pub start: StateId,
    /// Whether iterations are threads of this execution or executions of their own.
    pub mode: MapMode,
    /// `ItemsPath`, or `None` for the whole input.
    pub items_path: Option<String>,
    /// `Items` (JSONata).
    pub items: Option<Value>,
    /// `ItemSelector`, or the older `Parameters`.
    pub selector: Option<Value>,
    /// `MaxConcurrency`; 0 is no limit.
    pub max_concurrency: Option<Amount>,
    /// `ToleratedFailureCount`.
    pub tolerated_count: Option<Amount>,
    /// `ToleratedFailurePercentage`, 0 to 100.
    pub tolerated_percentage: Option<Amount>,
    /// `Label`, a part of the map run's ARN.
    pub label: Option<String>,
    /// `ItemReader`.
    pub reader: Option<Reader>,
    /// `ItemBatcher`, as it stands.
    pub batcher: Option<Batcher>,
    /// `ResultWriter`.
    pub writer: Option<Writer>,
}

/// Where the iterations of a Map run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapMode {
    /// In this execution and its history.
    Inline,
    /// Each as an execution of its own, in a map run.
    Distributed {
        /// `ExecutionType: EXPRESS`.
        express: bool,
    },
}

/// `ItemReader`: items come from outside.
#[derive(Debug)]
pub struct Reader {
    /// `arn:aws:states:::s3:getObject` or `…:s3:listObjectsV2`.
    pub resource: Resource,
    /// `Parameters` or `Arguments`: bucket, key, prefix.
    pub parameters: Option<Value>,
    /// `ReaderConfig`, as it stands.
    pub config: Value,
    /// `ReaderConfig.MaxItems`.
    pub max_items: Option<Amount>,
}

/// `ItemBatcher`: several items for each child.
#[derive(Debug)]
pub struct Batcher {
    /// `MaxItemsPerBatch`.
    pub max_items: Option<Amount>,
    /// `MaxInputBytesPerBatch`.
    pub max_bytes: Option<Amount>,
    /// `BatchInput`, a template.
    pub input: Option<Value>,
}

/// `ResultWriter`: results go outside.
#[derive(Debug)]
pub struct Writer {
    /// `arn:aws:states:::s3:putObject`, or none when only `WriterConfig` is given.
    pub resource: Option<Resource>,
    /// `Parameters` or `Arguments`: bucket, prefix.
    pub parameters: Option<Value>,
    /// `WriterConfig`, as it stands.
    pub config: Value,
}

/// A Pass's own fields.
#[derive(Debug)]
pub struct Pass {
    /// `Result`, as it stands (JSONPath).
    pub result: Option<Value>,
}

/// A Wait's own fields: one of them.
#[derive(Debug)]
pub enum Wait {
    /// `Seconds` or `SecondsPath`.
    Seconds(Amount),
    /// `Timestamp` or `TimestampPath`.
    Timestamp(Amount),
}

/// A Choice's own fields.
#[derive(Debug)]
pub struct Choice {
    /// `Choices`, the first that holds decides.
    pub rules: Vec<Rule>,
    /// `Default`.
    pub default: Option<StateId>,
}

/// One of `Choices`.
#[derive(Debug)]
pub struct Rule {
    /// The rule as it stands: a comparison, or `Condition`.
    pub test: Value,
    /// Where it leads.
    pub next: StateId,
    /// Its `Assign`.
    pub assign: Option<Value>,
    /// Its `Output` (JSONata).
    pub output: Option<Value>,
}

/// A Fail's own fields.
#[derive(Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Amount>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Amount>,
}
