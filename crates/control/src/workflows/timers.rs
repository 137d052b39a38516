use std::{sync::Mutex, sync::PoisonError, time::Duration};

use futures_util::future::join_all;
use tokio::sync::Notify;
use wisp_core::{Result, model::Millis, ports::journal::Due};
use wisp_workflow::execution::EventKind;

use super::held::EXPIRY;
use crate::{control::Control, orchestrations::is_ours};

/// Timers that are told of at once: they share a few commits.
const MOST: usize = 1024;

/// Longest sleep, in milliseconds. The clock on the wall may be set while nobody looks.
const LONGEST: u64 = 30_000;

/// Pause after a failure of the store, in milliseconds.
const PAUSE: u64 = 1000;

/// Wakes whoever waits for the next timer when an earlier one is set.
#[derive(Default)]
pub(crate) struct Alarm {
    next: Mutex<Millis>,
    notify: Notify,
}

impl Alarm {
    /// A timer was set.
    pub fn set(&self, at: Millis) {
        if at < *self.next.lock().unwrap_or_else(PoisonError::into_inner) {
            self.notify.notify_one();
        }
    }

    fn expect(&self, next: Millis) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

impl Control {
    /// Tells executions of their timers, until the server ends: the durable index says which is next, so that nothing is looked
    /// for while nothing is due.
    pub(super) async fn watch_timers(&self) {
        loop {
            // Whoever sets a timer from now on wakes us: what it committed may be missing in what is read here.
            self.inner.workflows.alarm.expect(Millis::MAX);
            let pause = match self.fire_due().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(?error, "timers of workflows are late: the journal cannot be used");
                    PAUSE
                }
            };
            if pause > 0 {
                tokio::select! {
                    () = self.inner.clock.sleep(Duration::from_millis(pause)) => {}
                    () = self.inner.workflows.alarm.notify.notified() => {}
                    () = self.inner.workflows.stopped() => return,
                }
            }
            if self.inner.workflows.is_stopping() {
                return;
            }
        }
    }

    /// Fires what is due; returns for how many milliseconds nothing is.
    async fn fire_due(&self) -> Result<u64> {
        let (journal, now) = (&self.inner.workflows.journal, self.inner.clock.now());
        let due = journal.due(now, MOST).await?;
        if due.is_empty() {
            let next = journal.next_timer(now).await?.unwrap_or(Millis::MAX);
            self.inner.workflows.alarm.expect(next);
            return Ok(next.saturating_sub(self.inner.clock.now()).min(LONGEST));
        }
        // Those that are told of are gone from the index when their turns are committed, and not before.
        for told in join_all(due.into_iter().map(|due| self.fire_timer(due))).await {
            told?;
        }
        Ok(0)
    }

    async fn fire_timer(&self, due: Due) -> Result<()> {
        if is_ours(&due.execution) {
            return self.fire_instance_timer(due).await;
        }
        if due.timer.id == EXPIRY {
            return self.inner.workflows.journal.delete(&due.execution).await;
        }
        let id = due.timer.id.parse().unwrap_or_default();
        self.tell(&due.execution, EventKind::TimerFired { id }).await
    }
}
