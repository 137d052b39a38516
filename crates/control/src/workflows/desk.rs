//! Activities: tasks that workers outside ask for.

use std::{
    collections::{BTreeMap, HashMap},
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
    held::{Held, Open},
    machines::key,
};
use crate::{control::Control, resolve::require};

/// Tasks that nobody has taken, by activity. What is here is in the journal too.
#[derive(Default)]
pub(crate) struct Desk(Mutex<HashMap<String, Arc<Queue>>>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

/// Tasks in the order in which they came, each once.
#[derive(Default)]
struct Waiting {
    order: BTreeMap<i64, (String, u64)>,
    places: HashMap<(String, u64), i64>,
}

impl Waiting {
    fn push_back(&mut self, task: (String, u64)) {
        let last = self.order.last_key_value().map_or(0, |(place, _)| *place);
        self.put(last + 1, task);
    }

    fn push_front(&mut self, task: (String, u64)) {
        let first = self.order.first_key_value().map_or(0, |(place, _)| *place);
        self.put(first - 1, task);
    }

    fn put(&mut self, place: i64, task: (String, u64)) {
        if !self.places.contains_key(&task) {
            self.places.insert(task.clone(), place);
            self.order.insert(place, task);
        }
    }

    fn pop_front(&mut self) -> Option<(String, u64)> {
        let (_, task) = self.order.pop_first()?;
        self.places.remove(&task);
        Some(task)
    }

    fn remove(&mut self, task: &(String, u64)) {
        if let Some(place) = self.places.remove(task) {
            self.order.remove(&place);
        }
    }
}

impl Desk {
    fn queue(&self, activity: &str) -> Arc<Queue> {
        self.queues().entry(activity.to_owned()).or_default().clone()
    }

    /// A task that its execution no longer waits for.
    fn forget(&self, activity: &str, task: &(String, u64)) {
        let queue = self.queues().get(activity).cloned();
        if let Some(queue) = queue {
            queue.waiting().remove(task);
        }
        self.tidy(activity);
    }

    /// Removes a queue that has nothing and that nobody asks.
    fn tidy(&self, activity: &str) {
        let mut queues = self.queues();
        let idle = |queue: &Arc<Queue>| Arc::strong_count(queue) == 1 && queue.waiting().order.is_empty();
        if queues.get(activity).is_some_and(idle) {
            queues.remove(activity);
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self) -> (String, u64) {
        loop {
            let more = self.more.notified();
            let (task, left) = {
                let mut waiting = self.waiting();
                (waiting.pop_front(), !waiting.order.is_empty())
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

/// A worker that asks a queue; the queue goes with the last of them if nothing is in it.
struct Asking<'a> {
    desk: &'a Desk,
    activity: String,
    queue: Option<Arc<Queue>>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.queue = None;
        self.desk.tidy(&self.activity);
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

    /// Takes tasks off the desk that an execution no longer waits for.
    pub(super) fn forget_tasks(&self, execution: &str, held: &mut Held) {
        for (arn, id) in std::mem::take(&mut held.untaken) {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let activity = key(&held.run.namespace, name);
            self.inner.workflows.desk.forget(&activity, &(execution.to_owned(), id));
        }
    }

    /// A task of an activity, as soon as there is one; none if there is none for long.
    pub async fn activity_task(&self, caller: &Identity, arn: &str, worker: Option<String>) -> Result<Option<Work>> {
        require(caller, Right::Activate)?;
        let (_, activity) = self.describe_activity(caller, arn).await?;
        let (desk, activity) = (&self.inner.workflows.desk, key(&caller.namespace, &activity.name));
        let asking = Asking {
            desk,
            queue: Some(desk.queue(&activity)),
            activity,
        };
        let Some(queue) = asking.queue.as_deref() else {
            return Ok(None);
        };
        let patience = Duration::from_secs(self.inner.workflows.settings.poll_seconds);
        let late = self.inner.clock.sleep(patience);
        tokio::pin!(late);
        loop {
            let (execution, id) = tokio::select! {
                task = queue.take() => task,
                () = &mut late => return Ok(None),
                () = self.inner.workflows.stopped() => return Ok(None),
            };
            let mut taken = Taken(queue, Some((execution.clone(), id)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: u64) -> (String, u64) {
        ("one".to_owned(), id)
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_leaves_nothing_behind() {
        let desk = Desk::default();
        let queue = desk.queue("work");
        (1..=3).for_each(|id| queue.waiting().push_back(task(id)));
        queue.waiting().push_back(task(2));
        assert_eq!(queue.take().await, task(1));
        queue.waiting().push_front(task(1));
        desk.forget("work", &task(2));
        assert_eq!((queue.take().await, queue.take().await), (task(1), task(3)));
        queue.waiting().push_back(task(4));
        drop(queue);
        desk.forget("work", &task(4));
        assert!(desk.queues().is_empty());
    }
}
