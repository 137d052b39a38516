use wisp_core::model::ActivationId;

use super::promises::{Promise, Promises, touch};
use crate::engines::embedded::{
    operation::{Batch, Operation, Reply, Touch},
    records::Writes,
};

/// Settles a promise, makes another, and writes records.
pub(super) struct Follow {
    pub settled: Option<ActivationId>,
    pub promise: Option<Promise>,
    pub writes: Writes,
    pub promises: Promises,
    pub reply: Reply<()>,
}

impl Operation for Follow {
    fn touches(&self) -> Touch {
        let ids = self
            .settled
            .into_iter()
            .chain(self.promise.as_ref().map(|promise| promise.id));
        let mut touched = self.writes.touched();
        touched.extend(ids.map(touch));
        Touch::These(touched)
    }

    fn stage(self: Box<Self>, batch: &mut Batch<'_>) {
        let Self {
            settled,
            promise,
            writes,
            promises,
            reply,
        } = *self;
        let database = batch.database;
        if let Err(error) = writes.check(database) {
            // Whoever asked may be gone.
            let _ = reply.send(Err(error));
            return;
        }
        let revision = writes.stage(batch);
        if let Some(open) = settled.and_then(|id| promises.open(id)) {
            batch.remove(&database.main, open.key);
        }
        let made = promise.map(|promise| promise.stage(batch, &promises));
        batch.then(true, move |outcome| {
            if outcome.is_ok() {
                writes.announce(revision);
                settled.into_iter().for_each(|id| promises.settled(id));
                made.into_iter().for_each(|(id, open)| promises.made(id, open));
            }
            let _ = reply.send(outcome);
        });
    }
}
