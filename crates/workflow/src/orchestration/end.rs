use std::{collections::BTreeMap, sync::Arc};

use super::{
    Completed, Event, Failure, Instance, Kind, Message, Outcome, Post, Started, Status,
    event::{Call, Micros, Payload},
    instance::Held,
};

/// Ends an instance: its history is closed, its entities are released, and whoever waits hears of it.
pub(super) fn end(instance: &mut Instance, completed: Completed, outcome: &mut Outcome, now: Micros) {
    (instance.status, instance.output) = (completed.status, completed.result.clone());
    instance.failure = completed.failure.clone();
    (instance.updated, instance.completed) = (now, Some(now));
    (instance.rewinding, instance.nudged) = (false, false);
    outcome.untimed = true;
    outcome.events.push(Event::outside(now, Kind::TurnCompleted));
    outcome
        .events
        .push(Event::outside(now, Kind::ExecutionCompleted(completed)));
    outcome
        .posts
        .extend(instance.held.iter().map(|held| held.unlock(&instance.id, now)));
    outcome.posts.extend(announce(instance, now));
}

/// Ends an instance, and what it started if that is wanted, because somebody wants so.
pub(super) fn terminate(
    instance: &mut Instance,
    past: &[Arc<Event>],
    output: &Payload,
    recurse: bool,
    outcome: &mut Outcome,
    now: Micros,
) {
    if recurse {
        let ended = Kind::ExecutionTerminated {
            output: output.clone(),
            recurse,
        };
        let children = open_children(past.iter().map(AsRef::as_ref)).into_values();
        outcome
            .posts
            .extend(children.map(|(child, _)| Message::new(now, ended.clone()).to(child)));
    }
    let completed = Completed {
        status: Status::Terminated,
        result: output.clone(),
        failure: None,
    };
    end(instance, completed, outcome, now);
}

/// What whoever waits for an instance is told of its end.
pub(super) fn announce(instance: &Instance, now: Micros) -> Option<Post> {
    let parent = instance.parent.as_ref()?;
    let task = parent.task;
    let kind = match instance.status {
        Status::Completed => Kind::ChildCompleted {
            task,
            result: instance.output.clone(),
        },
        status => {
            let ended = || {
                let message = format!("The instance '{}' has ended as {}.", instance.id, status.name());
                Box::new(Failure::lasting("OrchestrationEnded", message))
            };
            let failure = Some(instance.failure.clone().unwrap_or_else(ended));
            Kind::ChildFailed { task, failure }
        }
    };
    Some(Message::answer(parent.execution.clone(), now, kind).to(&parent.instance))
}

/// The answer to whoever wants to start an instance whose id another has.
pub(super) fn refuse(started: &Started, now: Micros) -> Option<Post> {
    let parent = started.parent.as_ref()?;
    let message = format!("There is an instance '{}' that has not ended.", started.instance);
    let kind = Kind::ChildFailed {
        task: parent.task,
        failure: Some(Box::new(Failure::lasting("OrchestrationAlreadyExists", message))),
    };
    Some(Message::answer(parent.execution.clone(), now, kind).to(&parent.instance))
}

/// Instances that were asked for and whose success a history does not tell, by the number of the action: their ids, and what
/// they run.
pub(super) fn open_children<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<i32, (String, Call)> {
    let mut open = BTreeMap::new();
    for event in events {
        match &event.kind {
            Kind::ChildCreated { instance, call } => {
                open.insert(event.id, (instance.clone(), call.clone()));
            }
            Kind::ChildCompleted { task, .. } | Kind::ChildFailed { task, .. } => {
                open.remove(task);
            }
            _ => {}
        }
    }
    open
}

impl Held {
    /// Gives the entity back.
    pub(super) fn unlock(&self, parent: &str, now: Micros) -> Post {
        let kind = Kind::UnlockSent {
            section: self.section.clone(),
            target: Some(self.entity.clone()),
            parent: Some(parent.to_owned()),
        };
        Message::new(now, kind).to(&self.entity)
    }
}
