//! Activities: tasks that workers outside ask for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use wisp_core::{
    Result,
    model::{Identity, Right},
};
use wisp_workflow::execution::{Effect, EventKind};

use super::{
    Exception,
    arn::{Arn, Named},
    effects::Task,
    held::Open,
    machines::key,
};
use crate::{control::Control, resolve::require};

/// Tasks that nobody has taken, by activity. What is here is in the journal too.
#[derive(Default)]
pub(crate) struct Desk(Mutex<HashMap<String, Arc<Queue>>>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<(String, u64)>>,
    more: Notify,
}

impl Desk {
    fn queue(&self, activity: &str) -> Arc<Queue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(activity.to_owned()).or_default().clone()
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(String, u64)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self) -> (String, u64) {
        loop {
            let more = self.more.notified();
            let (task, left) = {
                let mut waiting = self.waiting();
                (waiting.pop_front(), !waiting.is_empty())
            };
            if left {
                // One word is kept however many tasks came before anybody asked.
                self.more.notify_one();
            }
            match task {
                Some(task) => return task,
                None => more.await,
            }
        }
    }
}

/// A task on its way to a worker. It goes back to the desk if the worker does not get it: because it could not be written
/// down, or because the worker has gone.
struct Taken<'a>(&'a Queue, Option<(String, u64)>);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.1.take() {
            self.0.waiting().push_front(task);
            self.0.more.notify_one();
        }
    }
}

/// A task that a worker got.
#[derive(Clone, Debug)]
pub struct Work {
    /// What its end is told with.
    pub token: String,
    /// Its input: JSON text.
    pub input: String,
}

impl Control {
    /// Lays a task out for the workers of its activity.
    pub(super) async fn schedule_activity(&self, task: &Task, arn: &str) -> Option<EventKind> {
        let owner = self.owner(&task.namespace).await.ok().flatten();
        let named = owner
            .as_ref()
            .and_then(|owner| Arn::parse(arn, owner, Exception::ActivityDoesNotExist).ok());
        let refused = |cause: String| EventKind::TaskRefused {
            id: task.start.id,
            cause,
        };
        let (Some(owner), Some(Named::Activity(name))) = (owner, named.map(|arn| arn.named)) else {
            return Some(refused(format!("The activity '{arn}' does not exist.")));
        };
        match self.find_activity(&owner, &name).await {
            Ok(Some(_)) => {}
            Ok(None) => return Some(refused(format!("The activity '{arn}' does not exist."))),
            Err(error) => return Some(task.failed("States.Runtime", error.message())),
        }
        if !task.taken {
            let queue = self.inner.workflows.desk.queue(&key(&task.namespace, &name));
            queue.waiting().push_back((task.key.clone(), task.start.id));
            queue.more.notify_one();
        }
        None
    }

    /// A task of an activity, as soon as there is one; none if there is none for long.
    pub async fn activity_task(&self, caller: &Identity, arn: &str, worker: Option<String>) -> Result<Option<Work>> {
        require(caller, Right::Activate)?;
        let (_, activity) = self.describe_activity(caller, arn).await?;
        let queue = self.inner.workflows.desk.queue(&key(&caller.namespace, &activity.name));
        let patience = Duration::from_secs(self.inner.workflows.settings.poll_seconds);
        let late = self.inner.clock.sleep(patience);
        tokio::pin!(late);
        loop {
            let (execution, id) = tokio::select! {
                task = queue.take() => task,
                () = &mut late => return Ok(None),
                () = self.inner.workflows.stopped() => return Ok(None),
            };
            let mut taken = Taken(&queue, Some((execution.clone(), id)));
            let Some(work) = self.open_work(&execution, id).await? else {
                taken.1 = None;
                continue;
            };
            let started = EventKind::TaskStarted {
                id,
                worker: worker.clone(),
            };
            self.tell(&execution, started).await?;
            taken.1 = None;
            return Ok(Some(work));
        }
    }

    /// A task that is still waited for.
    async fn open_work(&self, execution: &str, id: u64) -> Result<Option<Work>> {
        let effects = self.inner.workflows.journal.effects(execution).await?;
        let Some(effect) = effects.into_iter().find(|effect| effect.id == id.to_string()) else {
            return Ok(None);
        };
        let open: Open = self.unpack(execution, &effect.body, &mut self.payloads()).await?;
        Ok(match open.effect {
            Effect::StartTask(start) => start.token.map(|token| Work {
                token,
                input: start.input.to_string(),
            }),
            _ => None,
        })
    }
}
