use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Result,
    model::{Activation, Invocation},
};

/// Brings an invocation to a worker, and its end back.
///
/// On one machine this is a call; in a cluster it is a queue. Either way:
/// * The invocation reaches one worker, and the returned activation is already recorded, unless it is a part of one.
/// * What the function did wrong is in the activation; an [`Error`](crate::Error) means that it did not run, with
///   [`Code::Unavailable`](crate::Code::Unavailable) when there is no room for it.
/// * Dropping the future does not stop the run.
/// * [`Invocation::after`] says where its input is in memory: a preference, for which nothing waits.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Runs one invocation and returns its record. An `accepted` one is not refused for lack of room: it waits.
    async fn run(&self, invocation: Invocation, accepted: bool) -> Result<Arc<Activation>>;
}
