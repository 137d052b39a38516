//! What letters make of an instance or an entity.

use wisp_core::{Code, Error, Result, model::Millis};
use wisp_workflow::orchestration::{
    Action, Ask, Completed, Decision, Entity, Failure, Kind, Message, Report, Started, Status, complete,
};

use super::{
    Settings,
    carrier::Ending,
    commit::Commit,
    kept::{Flight, Kept, Subject, Work, micros},
    letter::Letter,
};
use crate::workflows::uuid;

impl Kept {
    /// Reads a letter. The inner outcome is the answer to whoever sent it; an error means that nothing can be committed.
    pub(super) fn take_letter(
        &mut self,
        letter: &Letter,
        settings: &Settings,
        now: Millis,
        commit: &mut Commit,
    ) -> Result<Result<()>> {
        match letter {
            Letter::Start(started, replaceable, _) => self.start(started, replaceable, now, commit),
            Letter::Say(message, _) => self.say(message, settings, now, commit),
            Letter::Rewind(message, _) => match &self.subject {
                Subject::Instance(instance, _) if instance.status == Status::Failed => {
                    self.say(message, settings, now, commit)
                }
                Subject::Instance(instance, _) => Ok(Err(Error::new(
                    Code::Conflict,
                    format!(
                        "'{}' is {}: only what has failed can be rewound",
                        self.id,
                        instance.status.name()
                    ),
                ))),
                _ => Ok(Err(self.missing())),
            },
            Letter::Decided(number, done) => self.decide(*number, &done.value, settings, now, commit).map(Ok),
            Letter::Reported(number, done) => self.report(*number, &done.value, now, commit).map(Ok),
            Letter::Finished(id, done) => self.finish(id, &done.value, now, commit).map(Ok),
            Letter::Fired(timer, _) => self.fire(timer, now, commit).map(Ok),
            Letter::Lost(number) | Letter::Shelved(number) => {
                self.flight = self.flight.take().filter(|flight| flight.number != *number);
                Ok(Ok(()))
            }
            Letter::Release(_) => {
                if let Subject::Entity(entity) = &mut self.subject {
                    (entity.lock, commit.changed) = (None, true);
                }
                Ok(Ok(()))
            }
            Letter::Resumed(_) => {
                let open = self.open.iter().map(|(id, activity)| (id.clone(), activity.clone()));
                commit.begin.extend(open);
                Ok(Ok(()))
            }
            Letter::Arrived => Ok(Ok(())),
        }
    }

    /// That nothing is here.
    pub(super) fn missing(&self) -> Error {
        Error::new(
            Code::NotFound,
            format!("there is no orchestration '{}' in '{}'", self.id, self.hub.name),
        )
    }

    fn start(
        &mut self,
        started: &Started,
        replaceable: &[Status],
        now: Millis,
        commit: &mut Commit,
    ) -> Result<Result<()>> {
        let status = match &self.subject {
            Subject::Instance(instance, _) => Some(instance.status),
            _ => None,
        };
        if let Some(status) = status.filter(|status| !replaceable.contains(status)) {
            let message = format!(
                "there is an orchestration '{}' already; it is {}",
                self.id,
                status.name()
            );
            return Ok(Err(Error::new(Code::Conflict, message)));
        }
        if status.is_some_and(|status| !status.is_over()) {
            let ended = Kind::ExecutionTerminated {
                output: None,
                recurse: false,
            };
            self.hear(Message::new(micros(now), ended), now, false, commit)?;
            self.settle(0, now, commit)?;
        }
        let kind = Kind::ExecutionStarted(Box::new(started.clone()));
        self.hear(Message::new(micros(now), kind), now, false, commit)?;
        Ok(Ok(()))
    }

    fn say(&mut self, message: &Message, settings: &Settings, now: Millis, commit: &mut Commit) -> Result<Result<()>> {
        let is_operation = matches!(message.event.kind, Kind::EntitySignaled(_));
        if matches!(self.subject, Subject::Absent) && self.inbox.is_empty() && !is_operation {
            return Ok(Err(self.missing()));
        }
        if self.inbox.len() >= settings.inbox_messages {
            let message = format!(
                "'{}' has {} messages that wait, as many as it may have",
                self.id, settings.inbox_messages
            );
            let refusal = Error::new(Code::Throttled, message);
            return Ok(Err(refusal.with("limit", "orchestrations.inbox_messages")));
        }
        self.hear(message.clone(), now, false, commit)?;
        Ok(Ok(()))
    }

    /// The flight of this number, if that is what is under way.
    fn land(&mut self, number: u64) -> Option<Work> {
        let Flight { work, .. } = self.flight.take_if(|flight| flight.number == number)?;
        Some(work)
    }

    fn decide(
        &mut self,
        number: u64,
        decision: &Decision,
        settings: &Settings,
        now: Millis,
        commit: &mut Commit,
    ) -> Result<()> {
        let (Some(Work::Turn(turn)), Subject::Instance(instance, past)) = (self.land(number), &mut self.subject) else {
            return Ok(());
        };
        let events = past.len() + turn.events.len() + decision.actions.len();
        let decision = match events > settings.history_events && !begins_anew(decision) {
            true => too_long(settings.history_events),
            false => decision.clone(),
        };
        let outcome = complete(instance, turn, decision, micros(now), &uuid().replace('-', ""));
        self.apply(outcome, now, commit)
    }

    fn report(&mut self, number: u64, report: &Report, now: Millis, commit: &mut Commit) -> Result<()> {
        let (Some(Work::Batch(batch)), Subject::Entity(entity)) = (self.land(number), &mut self.subject) else {
            return Ok(());
        };
        let entity: &mut Entity = entity;
        let outcome = entity.complete(&batch, report.clone(), micros(now), &uuid().replace('-', ""));
        self.apply(outcome, now, commit)
    }

    /// Records how an activity has ended, once.
    fn finish(&mut self, id: &str, ending: &Ending, now: Millis, commit: &mut Commit) -> Result<()> {
        let Some(activity) = self.open.remove(id) else {
            return Ok(());
        };
        commit.turn.settled.push(id.to_owned());
        commit.changed = true;
        let task = activity.task;
        let kind = match ending {
            Ok(result) => Kind::TaskCompleted {
                task,
                result: result.clone(),
            },
            Err(failure) => Kind::TaskFailed {
                task,
                failure: Some(failure.clone()),
            },
        };
        self.hear(
            Message::answer(activity.execution, micros(now), kind),
            now,
            false,
            commit,
        )
    }
}

/// Whether a decision leaves the history behind.
fn begins_anew(decision: &Decision) -> bool {
    let asks = decision.actions.iter().map(|action| &action.kind);
    asks.into_iter()
        .any(|ask| matches!(ask, Ask::ContinueAsNew { .. } | Ask::Rewind { .. } | Ask::Complete(_)))
}

/// The end of an instance whose history would be too long.
fn too_long(most: usize) -> Decision {
    let message = format!(
        "The history would have more than {most} events, which is orchestrations.history_events. Let it continue as new."
    );
    let completed = Completed {
        status: Status::Failed,
        result: None,
        failure: Some(Box::new(Failure::lasting("HistoryTooLong", message))),
    };
    Decision {
        actions: vec![Action {
            id: -1,
            kind: Ask::Complete(completed),
        }],
        custom_status: None,
    }
}
