use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use wisp_core::model::Millis;

use super::letter::Letter;
use crate::control::Control;

/// Longest sleep, in milliseconds. The clock on the wall may be set while nobody looks.
const LONGEST: u64 = 30_000;

/// When to wake which scope that only memory knows of.
#[derive(Default)]
pub(crate) struct Alarm {
    due: Mutex<BinaryHeap<Reverse<(Millis, String)>>>,
    earlier: Notify,
}

impl Alarm {
    /// Wakes a scope at this time.
    pub fn set(&self, at: Millis, key: &str) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let first = due.peek().is_none_or(|Reverse((first, _))| at < *first);
        due.push(Reverse((at, key.to_owned())));
        if first {
            self.earlier.notify_one();
        }
    }

    /// The scopes whose time has come, and how long it is until the next one's has.
    fn take(&self, now: Millis) -> (Vec<String>, Millis) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = Vec::new();
        while let Some(Reverse((at, _))) = due.peek() {
            if *at > now {
                return (woken, at - now);
            }
            woken.extend(due.pop().map(|Reverse((_, key))| key));
        }
        (woken, LONGEST)
    }
}

impl Control {
    /// Wakes scopes until the server ends.
    pub(crate) async fn watch_buckets(&self) {
        let alarm = &self.inner.buckets.alarm;
        while !self.inner.workflows.is_stopping() {
            let (woken, pause) = alarm.take(self.inner.clock.now());
            woken.iter().for_each(|key| self.post_scope(key, Letter::Look));
            tokio::select! {
                () = self.inner.clock.sleep(Duration::from_millis(pause.min(LONGEST))) => {}
                () = alarm.earlier.notified() => {}
                () = self.inner.workflows.stopped() => return,
            }
        }
    }
}
