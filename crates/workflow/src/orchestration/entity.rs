use serde::{Deserialize, Serialize};

use super::{
    Event, Failure, Inbox, Kind, Message, Next, Outcome, Started,
    event::{LockRequest, Micros, Operation, Payload},
};

/// An entity: a value with operations that are done one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Its id: `@name@key`.
    pub id: String,
    /// Its value; none before the first operation that sets it, and after one that deletes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Payload,
    /// When it was created.
    pub created: Micros,
    /// When it last changed.
    pub modified: Micros,
    /// Who has it for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
}

/// A critical section that has an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// The critical section.
    pub section: String,
    /// The orchestration in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Operations for an entity's code, and the messages that they come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The operations: events of the kinds `EntitySignaled` and `EntityCalled`.
    pub operations: Vec<Event>,
    /// Ids of their messages, in the same order.
    pub taken: Vec<String>,
}

/// What an entity's code made of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How each operation ended, in their order; those without one are done again.
    pub results: Vec<Result<Payload, Option<Box<Failure>>>>,
    /// Its value from now on.
    pub state: Payload,
    /// What else it asks for.
    pub wishes: Vec<Wish>,
    /// Why the batch as a whole could not be done: every operation fails so.
    pub failure: Option<Box<Failure>>,
}

/// What an entity can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// An operation of another.
    Signal(Operation),
    /// An orchestration.
    Start(Box<Started>),
}

impl Entity {
    /// One without a value.
    pub fn new(id: &str, at: Micros) -> Self {
        Self {
            id: id.to_owned(),
            state: None,
            created: at,
            modified: at,
            lock: None,
        }
    }

    /// The name of its code.
    pub fn name(&self) -> &str {
        self.id.trim_start_matches('@').split('@').next().unwrap_or_default()
    }

    /// What it does next: locks are given and taken at once, operations are gathered for its code.
    pub fn next(&mut self, inbox: &Inbox, most: usize, now: Micros) -> Next<Batch> {
        if let Some(outcome) = self.release(inbox) {
            return Next::Settle(outcome);
        }
        let (mut batch, mut wake) = (Batch::default(), None::<Micros>);
        for (id, message) in inbox {
            match &message.event.kind {
                Kind::EntitySignaled(operation) | Kind::EntityCalled(operation) => {
                    if let Some(at) = operation.scheduled.filter(|at| *at > now) {
                        wake = Some(wake.map_or(at, |known| known.min(at)));
                    } else if self.serves(operation) && batch.operations.len() < most {
                        batch.operations.push(message.event.clone());
                        batch.taken.push(id.clone());
                    }
                }
                // Operations that came before it are done before it.
                Kind::LockRequested(request) if self.lock.is_none() && batch.operations.is_empty() => {
                    return Next::Settle(self.give(id, request, now));
                }
                Kind::LockRequested(_) => {
                    if self.lock.is_none() {
                        break;
                    }
                }
                // Nothing else is for an entity.
                _ => return Next::Settle(done(id)),
            }
        }
        match batch.operations.is_empty() {
            true => Next::Wait(wake),
            false => Next::Work(batch),
        }
    }

    /// Whether an operation may be done now: of a locked entity, only its owner's.
    fn serves(&self, operation: &Operation) -> bool {
        let owner = self.lock.as_ref().map(|lock| &lock.owner);
        owner.is_none_or(|owner| owner.is_some() && *owner == operation.parent)
    }

    /// Gives it to a critical section, which then asks for the next one, or has all.
    fn give(&mut self, id: &str, request: &LockRequest, now: Micros) -> Outcome {
        self.lock = Some(Lock {
            section: request.section.clone(),
            owner: request.parent.clone(),
        });
        let mut outcome = done(id);
        let position = request.position + 1;
        let post = match (request.entities.get(position), &request.parent) {
            (Some(next), _) => {
                let onward = LockRequest {
                    position,
                    ..request.clone()
                };
                Some(Message::new(now, Kind::LockRequested(onward)).to(next))
            }
            (None, Some(parent)) => {
                let section = request.section.clone();
                Some(Message::new(now, Kind::LockGranted { section }).to(parent))
            }
            (None, None) => None,
        };
        outcome.posts.extend(post);
        outcome
    }

    /// Takes it back from a critical section that is over, which also asks for it no longer.
    fn release(&mut self, inbox: &Inbox) -> Option<Outcome> {
        let (id, over) = inbox.iter().find_map(|(id, message)| match &message.event.kind {
            Kind::UnlockSent { section, .. } => Some((id, section)),
            _ => None,
        })?;
        if self.lock.as_ref().is_some_and(|lock| lock.section == *over) {
            self.lock = None;
        }
        let asked =
            |message: &Message| matches!(&message.event.kind, Kind::LockRequested(request) if request.section == *over);
        let mut outcome = done(id);
        outcome.taken.extend(
            inbox
                .iter()
                .filter(|(_, message)| asked(message))
                .map(|(id, _)| id.clone()),
        );
        Some(outcome)
    }

    /// What comes of a batch: the value, answers to those who wait, and what the entity asks for. `fresh` is a name that nothing
    /// had before.
    pub fn complete(&mut self, batch: &Batch, report: Report, now: Micros, fresh: &str) -> Outcome {
        let results = match &report.failure {
            Some(failure) => vec![Err(Some(failure.clone())); batch.operations.len()],
            None => {
                self.state = report.state;
                report.results
            }
        };
        self.modified = now;
        let mut outcome = Outcome {
            taken: batch.taken.iter().take(results.len()).cloned().collect(),
            ..Outcome::default()
        };
        for (event, result) in batch.operations.iter().zip(results) {
            let Kind::EntityCalled(operation) = &event.kind else {
                continue;
            };
            let request = operation.request.clone();
            let kind = match result {
                Ok(output) => Kind::EntityCompleted { request, output },
                Err(failure) => Kind::EntityFailed { request, failure },
            };
            let answer = Message::answer(operation.parent_execution.clone(), now, kind);
            outcome
                .posts
                .extend(operation.parent.as_ref().map(|parent| answer.to(parent)));
        }
        let wishes = report.wishes.into_iter().enumerate();
        outcome
            .posts
            .extend(wishes.map(|(nth, wish)| wish.post(now, &format!("{fresh}{nth:08x}"))));
        outcome
    }
}

impl Wish {
    fn post(self, now: Micros, fresh: &str) -> super::Post {
        match self {
            Wish::Signal(mut operation) => {
                if operation.request.is_empty() {
                    operation.request = fresh.to_owned();
                }
                let target = operation.target.clone().unwrap_or_default();
                Message::new(now, Kind::EntitySignaled(operation)).to(target)
            }
            Wish::Start(mut started) => {
                if started.instance.is_empty() {
                    started.instance = fresh.to_owned();
                }
                started.execution = Some(fresh.to_owned());
                let instance = started.instance.clone();
                Message::new(now, Kind::ExecutionStarted(started)).to(instance)
            }
        }
    }
}

fn done(id: &str) -> Outcome {
    Outcome {
        taken: vec![id.to_owned()],
        ..Outcome::default()
    }
}
