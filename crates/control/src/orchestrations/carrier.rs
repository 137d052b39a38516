use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;
use wisp_core::Result;
use wisp_workflow::orchestration::{Activity, Batch, Decision, Event, Failure, Payload, Report};

use super::Hub;
use crate::control::Control;

/// The seam between orchestrations and whoever runs their code: one carrier for each kind of hub.
///
/// The driver of an instance calls it when a turn, an activity or a batch of operations is to be done, and waits for as long as it
/// takes; it commits what comes back. A carrier keeps nothing: after a restart of the server everything that was under way is
/// asked for again.
///
/// * What the user's code does, failing included, is data: a [`Decision`] that completes as failed, an [`Ending`] with a
///   failure, a [`Report`]. An error means that the code was not run, or nobody knows what came of it; the same work then is
///   asked for again after a pause (`orchestrations.retry_seconds`).
/// * [`Code::Throttled`](wisp_core::Code::Throttled) says that there is no room: the work is let go from memory, and the carrier
///   has it asked for when there is. [`Code::Conflict`](wisp_core::Code::Conflict) says of an activity that it is at it already.
/// * A turn or a batch is asked for again too when the server ended before its result was committed. An activity likewise: who
///   can tell, by [`Task::id`], that it has run already returns what it returned.
/// * Of one instance, at most one turn is under way, and of one entity one batch; of its activities any number.
///
/// Hubs by their names: `actions` is carried by actions of the namespace, all others by workers that connect.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Runs one turn of an orchestrator.
    async fn turn(&self, control: &Control, work: Arc<TurnWork>) -> Result<Done<Decision>>;

    /// Runs an activity.
    async fn activity(&self, control: &Control, work: Arc<Task>) -> Result<Done<Ending>>;

    /// Does operations of an entity, one after the other.
    async fn entity(&self, control: &Control, work: Arc<BatchWork>) -> Result<Done<Report>>;
}

/// How an activity has ended.
pub type Ending = std::result::Result<Payload, Box<Failure>>;

/// A turn of an orchestrator.
#[derive(Clone, Debug)]
pub struct TurnWork {
    /// Where.
    pub hub: Hub,
    /// The instance.
    pub instance: String,
    /// Its execution: changes when it begins anew.
    pub execution: Option<String>,
    /// The orchestrator.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The whole history before this turn.
    pub past: Vec<Arc<Event>>,
    /// What is new. The first event is the turn's start, with the time that the orchestrator takes for now.
    pub new: Vec<Event>,
}

/// An activity to run.
#[derive(Clone, Debug)]
pub struct Task {
    /// Where.
    pub hub: Hub,
    /// The instance that waits for it.
    pub instance: String,
    /// What to call with what, and the number of the action that asks for it.
    pub activity: Activity,
}

impl Task {
    /// Names this call among all: the same again when it is asked for again, and never another's.
    pub fn id(&self) -> String {
        format!("{}/{}", self.hub.key(&self.instance), self.activity.key())
    }
}

/// Operations of an entity.
#[derive(Clone, Debug)]
pub struct BatchWork {
    /// Where.
    pub hub: Hub,
    /// The entity's id: `@name@key`.
    pub entity: String,
    /// The name of its code.
    pub name: String,
    /// Its value.
    pub state: Payload,
    /// What is to be done.
    pub batch: Batch,
}

/// Something done, and who wants to hear when it is recorded.
#[derive(Debug)]
pub struct Done<T> {
    /// What came of it.
    pub value: T,
    /// Hears when it is recorded; an error if it never is. Dropped when nobody waited for the work any more.
    pub receipt: Option<oneshot::Sender<Result<()>>>,
}

impl<T> From<T> for Done<T> {
    fn from(value: T) -> Self {
        Self { value, receipt: None }
    }
}
