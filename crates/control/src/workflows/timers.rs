use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::Notify;
use wisp_core::{
    Error, Result,
    model::Millis,
    ports::journal::{Due, Timer},
};
use wisp_workflow::execution::EventKind;

use super::held::EXPIRY;
use crate::{buckets, control::Control, orchestrations::is_ours};

/// Timers that are read at once: they share a few commits.
const MOST: usize = 1024;

/// Longest sleep, in milliseconds. The clock on the wall may be set while nobody looks.
const LONGEST: u64 = 30_000;

/// Pause after a failure of the store, in milliseconds.
const PAUSE: u64 = 1000;

/// Longest pause before an execution that cannot be told of its timer is told again, in milliseconds.
const SELDOM: u64 = 3_600_000;

/// Wakes whoever waits for the next timer when an earlier one is set.
#[derive(Default)]
pub(crate) struct Alarm {
    next: Mutex<Millis>,
    notify: Notify,
    firing: Mutex<HashSet<(String, Timer)>>,
}

impl Alarm {
    /// A timer was set.
    pub fn set(&self, at: Millis) {
        if at < *self.next.lock().unwrap_or_else(PoisonError::into_inner) {
            self.notify.notify_one();
        }
    }

    /// Timers that are due, and of which nobody need be told once more.
    fn firing(&self) -> MutexGuard<'_, HashSet<(String, Timer)>> {
        self.firing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a timer fires now, and not since before.
    fn fires(&self, due: &Due) -> bool {
        self.firing().insert(name_of(due))
    }

    fn expect(&self, next: Millis) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

fn name_of(due: &Due) -> (String, Timer) {
    (due.execution.clone(), due.timer.clone())
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
        // Those that are told of are gone from the index when their turns are committed, and not before.
        let known = self.inner.workflows.alarm.firing().len();
        let due = journal.due(now, MOST + known).await?;
        let more = due.len() == MOST + known;
        let due: Vec<Due> = due
            .into_iter()
            .filter(|due| self.inner.workflows.alarm.fires(due))
            .collect();
        if !due.is_empty() {
            let control = self.clone();
            self.inner.tasks.spawn(Box::pin(async move {
                join_all(due.into_iter().map(|due| control.see_fired(due))).await;
                // One that fired too early was set again for its moment, and perhaps passed over.
                control.inner.workflows.alarm.notify.notify_one();
            }));
        }
        if more {
            return Ok(0);
        }
        let next = journal.next_timer(now).await?.unwrap_or(Millis::MAX);
        self.inner.workflows.alarm.expect(next);
        Ok(next.saturating_sub(self.inner.clock.now()).min(LONGEST))
    }

    /// Fires a timer, however long its execution takes to hear of it: others do not wait for that. One that nobody takes is tried
    /// again by itself, ever more seldom.
    async fn see_fired(&self, due: Due) {
        match self.fire_timer(&due).await {
            Ok(()) => drop(self.inner.workflows.alarm.firing().remove(&name_of(&due))),
            Err(error) => {
                let control = self.clone();
                let again = async move { control.fire_again(due, error).await };
                self.inner.tasks.spawn(Box::pin(again));
            }
        }
    }

    async fn fire_again(&self, due: Due, first: Error) {
        let (mut failed, mut pause) = (Err(first), PAUSE);
        while let Err(error) = failed {
            tracing::error!(
                execution = due.execution,
                ?error,
                "an execution was not told of its timer"
            );
            tokio::select! {
                () = self.inner.clock.sleep(Duration::from_millis(pause)) => {}
                () = self.inner.workflows.stopped() => return,
            }
            pause = (2 * pause).min(SELDOM);
            failed = self.fire_timer(&due).await;
        }
        self.inner.workflows.alarm.firing().remove(&name_of(&due));
        self.inner.workflows.alarm.notify.notify_one();
    }

    async fn fire_timer(&self, due: &Due) -> Result<()> {
        if is_ours(&due.execution) {
            return self.fire_instance_timer(due).await;
        }
        if buckets::is_ours(&due.execution) {
            return self.wake_scope(&due.execution).await;
        }
        if due.timer.id == EXPIRY {
            return self.inner.workflows.journal.delete(&due.execution).await;
        }
        let id = due.timer.id.parse().unwrap_or_default();
        self.tell(&due.execution, EventKind::TimerFired { id }).await
    }
}
