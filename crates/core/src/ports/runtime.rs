use async_trait::async_trait;
use serde::Serialize;
use std::time::Duration;

use crate::{
    Error, Result,
    model::{Annotations, CodeRef, Isolation, Json, Millis, Outcome},
};

use super::{Network, Pieces};

/// A kind that this machine can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// Its name, such as `nodejs:20`.
    pub name: String,
    /// Whether `<family>:default` means this one.
    pub default: bool,
    /// Other names that clients use for it, such as `nodejs:14`.
    pub aliases: Vec<String>,
    /// Whether actions of this kind must name their entry point.
    pub requires_main: bool,
    /// What runs it, for people: the interpreter's path and version.
    pub provider: String,
    /// The levels that it can run at, its own first and stronger ones after it; never empty.
    pub levels: Vec<Isolation>,
}

impl Kind {
    /// The level that it runs at unless something else is asked for.
    pub fn isolation(&self) -> Isolation {
        self.levels.first().copied().unwrap_or(Isolation::Process)
    }
}

/// The limits of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceLimits {
    /// Memory, in MB.
    pub memory: u64,
    /// Activations at the same time.
    pub concurrency: u64,
    /// What it can reach.
    pub network: Network,
    /// What keeps it from everything else; one of its kind's levels.
    pub isolation: Isolation,
}

/// What an instance is best started with beside its kind, in the words of its language; those of one lineage can take
/// each other's place. The default one fits every action of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lineage(pub String);

/// What turns a started instance into one of an action.
#[derive(Clone, Debug)]
pub struct Init {
    /// The namespace that the instance belongs to from now on.
    pub namespace: String,
    /// The action's name, without package.
    pub name: String,
    /// The code; of size zero if there is none.
    pub code: CodeRef,
    /// The entry point; `main` unless the user named one.
    pub main: String,
    /// Whether its image is a plain web server, which is not asked to initialise itself.
    pub plain: bool,
    /// The environment: `__OW_*` and the action's init parameters, values already text.
    pub environment: Vec<(String, String)>,
    /// The action's annotations, which may grant or ask for something that only its language knows.
    pub annotations: Annotations,
    /// Longest initialisation.
    pub timeout: Duration,
    /// Bytes of logs kept.
    pub log_limit: u64,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The arguments.
    pub value: Json,
    /// `activation_id`, `action_name`, `deadline` …: each becomes `__OW_<UPPER>` in the function's environment.
    pub context: Vec<(&'static str, String)>,
    /// Longest run.
    pub timeout: Duration,
    /// Bytes of logs kept.
    pub log_limit: u64,
    /// Bytes of result kept.
    pub result_limit: u64,
    /// The bodies that are streams; without it, the whole body is part of the result.
    pub pieces: Option<Pieces>,
}

/// How a run or an initialisation ended.
#[derive(Debug)]
pub struct Ran {
    /// What it returned, or how it failed; none for an initialisation that succeeded.
    pub outcome: Option<Outcome>,
    /// What was written meanwhile, oldest first.
    pub logs: Vec<Line>,
    /// Whether lines are missing because the limit was reached.
    pub truncated: bool,
}

/// What making an instance ready for its action took, part by part; zero for what was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Until the sandbox had executed the program.
    pub sandbox: Duration,
    /// From there until the runtime in it waited for code.
    pub runtime: Duration,
    /// Until the code was there: fetched, unpacked, visible inside. Part of the initialisation.
    pub code: Duration,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was read.
    pub at: Millis,
    /// Where it was written.
    pub stream: Stream,
    /// The text, without its line end.
    pub text: String,
}

/// A function's output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word in log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// A family of kinds: how to find its interpreters and start instances of them.
#[async_trait]
pub trait Language: Send + Sync {
    /// The family's name, such as `nodejs`.
    fn family(&self) -> &'static str;

    /// The kinds that this machine can run; empty when the interpreter is missing.
    fn kinds(&self) -> &[Kind];

    /// Starts an instance that belongs to no action yet: a stem cell.
    async fn start(&self, kind: &Kind, limits: InstanceLimits) -> Result<Box<dyn Instance>>;

    /// What instances for this code, in this namespace, are best started with, by what is known of it so far.
    fn lineage(&self, _kind: &Kind, _namespace: &str, _code: &CodeRef) -> Lineage {
        Lineage::default()
    }

    /// Starts an instance of a lineage, which belongs to no action yet, but only serves code of that lineage.
    async fn start_of(&self, kind: &Kind, limits: InstanceLimits, _lineage: &Lineage) -> Result<Box<dyn Instance>> {
        self.start(kind, limits).await
    }

    /// Starts an instance of a container image. [`Code::Image`](crate::Code::Image) when it cannot be had, or not started.
    async fn start_image(&self, kind: &Kind, _limits: InstanceLimits, image: &str) -> Result<Box<dyn Instance>> {
        Err(Error::internal(format!(
            "the kind '{}' does not run the image '{image}'",
            kind.name
        )))
    }
}

/// A started instance.
///
/// * [`init`](Self::init) and [`run`](Self::run) never outlive their timeouts.
/// * The function's failure is an [`Outcome`], never an [`Error`](crate::Error).
/// * All that the function wrote before it replied is in the logs of that run.
/// * After an outcome that does not keep the instance, only [`stop`](Self::stop) may be called.
#[async_trait]
pub trait Instance: Send + Sync {
    /// Has it do ahead, while nobody waits for it, what its first activation would else wait for. May return before that
    /// is done.
    async fn rehearse(&self) {}

    /// Specialises the instance, once.
    async fn init(&self, init: &Init) -> Result<Ran>;

    /// Runs once; up to the instance's concurrency at the same time.
    async fn run(&self, run: &Run) -> Result<Ran>;

    /// Whether its functions can read a request's body while it arrives.
    fn reads_streams(&self) -> bool {
        false
    }

    /// What its start, and the placing of its code, took.
    fn stages(&self) -> Stages {
        Stages::default()
    }

    /// Keeps it from using the processor while nobody uses it; a frozen instance can be stopped, but must be
    /// [thawed](Self::thaw) before anything else. Idempotent.
    ///
    /// # Errors
    /// When its processes evade that: then it is best ended.
    async fn freeze(&self) -> Result<()> {
        Ok(())
    }

    /// Lets it go on. Idempotent.
    async fn thaw(&self) -> Result<()> {
        Ok(())
    }

    /// Bytes of memory in use that nothing but an end gives back; none where nobody counts.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// Whether it has not ended by itself meanwhile: one that has serves nobody.
    fn is_alive(&self) -> bool;

    /// Ends the instance and all its processes; idempotent.
    async fn stop(&self);
}
