//! Hands work to carriers, and what comes of it back to the driver.

use std::{sync::Arc, time::Duration};

use wisp_core::{Code, Error};
use wisp_workflow::orchestration::{Activity, Batch, Turn};

use super::{
    carrier::{BatchWork, Task, TurnWork},
    kept::{Kept, Subject},
    letter::Letter,
};
use crate::control::Control;

impl Kept {
    /// A turn, for whoever runs it.
    pub(super) fn turn_work(&self, turn: &Turn) -> Option<TurnWork> {
        let Subject::Instance(instance, past) = &self.subject else {
            return None;
        };
        Some(TurnWork {
            hub: self.hub.clone(),
            instance: self.id.clone(),
            execution: instance.execution().map(str::to_owned),
            name: instance.name.clone(),
            version: instance.version.clone(),
            past: past.clone(),
            new: turn.events.clone(),
        })
    }

    /// A batch, for whoever does it.
    pub(super) fn batch_work(&self, batch: &Batch) -> Option<BatchWork> {
        let Subject::Entity(entity) = &self.subject else {
            return None;
        };
        Some(BatchWork {
            hub: self.hub.clone(),
            entity: self.id.clone(),
            name: entity.name().to_owned(),
            state: entity.state.clone(),
            batch: batch.clone(),
        })
    }
}

impl Control {
    pub(super) async fn carry_turn(&self, key: &str, number: u64, work: Arc<TurnWork>) {
        let carrier = self.inner.orchestrations.carrier(&work.hub);
        match carrier.turn(self, work).await {
            Ok(done) => self.hand(key, Letter::Decided(number, done)),
            Err(error) if error.code() == Code::Throttled => self.hand(key, Letter::Shelved(number)),
            Err(error) => self.lose(key, number, &error).await,
        }
    }

    pub(super) async fn carry_batch(&self, key: &str, number: u64, work: Arc<BatchWork>) {
        let carrier = self.inner.orchestrations.carrier(&work.hub);
        match carrier.entity(self, work).await {
            Ok(done) => self.hand(key, Letter::Reported(number, done)),
            Err(error) if error.code() == Code::Throttled => self.hand(key, Letter::Shelved(number)),
            Err(error) => self.lose(key, number, &error).await,
        }
    }

    /// Has work asked for again, after a pause.
    async fn lose(&self, key: &str, number: u64, error: &Error) {
        if self.pause_work(key, error).await {
            self.hand(key, Letter::Lost(number));
        }
    }

    /// Begins an activity; it is begun again until it has ended. One that there is no room for is begun when there is.
    pub(super) fn begin_activity(&self, kept: &Kept, id: String, activity: Activity) {
        let task = Arc::new(Task {
            hub: kept.hub.clone(),
            instance: kept.id.clone(),
            activity,
        });
        let (control, key) = (self.clone(), kept.key.clone());
        self.inner.tasks.spawn(Box::pin(async move {
            let carrier = control.inner.orchestrations.carrier(&task.hub);
            loop {
                match carrier.activity(&control, task.clone()).await {
                    Ok(done) => return control.hand(&key, Letter::Finished(id, done)),
                    Err(error) if matches!(error.code(), Code::Throttled | Code::Conflict) => return,
                    Err(error) if !control.pause_work(&key, &error).await => return,
                    Err(_) => {}
                }
            }
        }));
    }

    /// Pauses before work is asked for again; false if the server ends, whose next run asks for it.
    async fn pause_work(&self, key: &str, error: &Error) -> bool {
        let workflows = &self.inner.workflows;
        if !workflows.is_stopping() {
            tracing::warn!(
                instance = key,
                ?error,
                "work of an orchestration could not be done; it is asked for again"
            );
            let pause = Duration::from_secs(self.inner.orchestrations.settings.retry_seconds);
            tokio::select! {
                () = self.inner.clock.sleep(pause) => {}
                () = workflows.stopped() => {}
            }
        }
        !workflows.is_stopping()
    }
}
