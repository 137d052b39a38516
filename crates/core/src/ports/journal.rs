//! The log of durable executions, and what is written to it.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Result, model::Millis};

/// Where an execution is listed, and what lists show of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The list that it stands in; without NUL.
    pub scope: String,
    /// A word to filter by; without NUL.
    pub status: String,
    /// When it started: lists show the newest first. The same for all turns, until one begins its history afresh.
    pub started: Millis,
    /// What a list shows of it. Kept apart from the state, which may be large.
    pub summary: Bytes,
}

/// When to wake an execution, and what for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// When.
    pub at: Millis,
    /// Its name within its execution; without NUL.
    pub id: String,
}

/// A value that states, events and effects of an execution refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its name within its execution, which says what is in it: the same name is the same value. Without NUL.
    pub name: String,
    /// The value.
    pub body: Bytes,
}

/// Work that a turn asks for, kept until a later turn settles it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its name within its execution; without NUL.
    pub id: String,
    /// What to do.
    pub body: Bytes,
}

/// Work that a turn of one execution leaves at another, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The other execution; without NUL.
    pub execution: String,
    /// What is left; it stays until a turn of the other execution settles it.
    pub effect: Effect,
}

/// What one turn of an execution changes: all of it in one commit.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The execution; without NUL, unique in the journal.
    pub execution: String,
    /// How many turns of it were committed before; with 0, this one creates it.
    pub after: u64,
    /// Where it is listed from now on, if that changes. A first turn must say it.
    pub place: Option<Place>,
    /// Its state from now on.
    pub state: Bytes,
    /// Whether its history begins afresh: the events of earlier turns are forgotten.
    pub afresh: bool,
    /// Values that are stored once, beside it, and stay as long as the execution.
    pub payloads: Vec<Payload>,
    /// What is added to its history.
    pub events: Vec<Bytes>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// Ids of effects that need not be done any more.
    pub settled: Vec<String>,
    /// What is left at other executions.
    pub posts: Vec<Post>,
    /// Timers that are set.
    pub timers: Vec<Timer>,
    /// Timers that are no longer wanted, or have fired.
    pub cancelled: Vec<Timer>,
    /// Whether the commit waits for the disk. If not, the turn survives the end of this process, but power loss only
    /// after the engine's next sync.
    pub synced: bool,
}

/// An execution as it was left by its last turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Turns committed.
    pub turns: u64,
    /// Events in its history.
    pub events: u64,
    /// Where it is listed.
    pub place: Place,
    /// Its state.
    pub state: Bytes,
}

/// A page of executions, newest start first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The list.
    pub scope: String,
    /// Only those of this status.
    pub status: Option<String>,
    /// Only those that come after this one: start and name of the last of the page before.
    pub after: Option<(Millis, String)>,
    /// How many at most.
    pub limit: usize,
}

/// An execution in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub execution: String,
    /// Where it stands.
    pub place: Place,
}

/// A timer whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The execution to wake.
    pub execution: String,
    /// The timer.
    pub timer: Timer,
}

/// The log of durable executions: their states, their histories, what they wait for.
///
/// * A turn is committed whole or not at all. One that does not follow the last (by `after`) is
///   [`Code::Conflict`](crate::Code::Conflict): of two who both hold an execution, one finds out.
/// * What a turn leaves at another execution is there in the same commit, whatever that one does meanwhile.
/// * Turns of different executions that are committed at the same time share a sync.
/// * Events are read in the order in which they were appended, each under its number, from 0.
/// * Timers are found by time, and executions with effects by name, without reading any other.
/// * What is stored means nothing to the journal.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Commits a turn.
    async fn commit(&self, turn: Turn) -> Result<()>;

    /// An execution.
    async fn load(&self, execution: &str) -> Result<Option<Execution>>;

    /// A value of an execution.
    async fn payload(&self, execution: &str, name: &str) -> Result<Option<Bytes>>;

    /// Effects of an execution that are not settled, by id.
    async fn effects(&self, execution: &str) -> Result<Vec<Effect>>;

    /// Timers of an execution, earliest first.
    async fn timers(&self, execution: &str) -> Result<Vec<Timer>>;

    /// At most `limit` events: from number `from` on, or, when `backwards`, from it down.
    async fn events(&self, execution: &str, from: u64, limit: usize, backwards: bool) -> Result<Vec<Bytes>>;

    /// A page of executions.
    async fn list(&self, page: &Page) -> Result<Vec<Listed>>;

    /// How many executions of a status there are, by scope. Reads an index of all of them: for starts.
    async fn census(&self, status: &str) -> Result<Vec<(String, u64)>>;

    /// Names of at most `limit` executions that have effects not settled, in order, after the given one.
    async fn pending(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>>;

    /// At most `limit` timers that are due at `now`, earliest first. They stay until a turn cancels them.
    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>>;

    /// When the earliest timer is due that is later than `now`.
    async fn next_timer(&self, now: Millis) -> Result<Option<Millis>>;

    /// Removes an execution with all that belongs to it, and what was left at it even if it is not there.
    async fn delete(&self, execution: &str) -> Result<()>;
}
