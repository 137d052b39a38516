use std::collections::{BTreeSet, HashMap};

use super::{
    Answer, HOST, HTTP, Replay,
    answer::{Asked, number, payload},
    attempt::{Attempt, numbered},
};
use crate::{
    orchestration::{
        Action, Ask, Completed, Decision, Event, Failure, Kind, Status,
        event::{Call, FROM_OUTSIDE, LockRequest, Micros, Operation},
    },
    query::timestamp,
};

/// Who runs an orchestrator's code.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its action.
    pub action: String,
    /// Names of the functions that the action's code has beside it.
    pub functions: BTreeSet<String>,
}

impl Host {
    /// Says of a call of the orchestrator which action runs it, if its name alone does not.
    fn tag(&self, mut ask: Ask) -> Ask {
        if let Ask::Task(call) | Ask::Child { call, .. } = &mut ask
            && (call.name == HTTP || self.functions.contains(&call.name))
        {
            call.tags.insert(HOST.to_owned(), self.action.clone());
        }
        ask
    }
}

impl Replay<'_> {
    /// What the instance does after a turn that the code answered so. `execution` makes the questions to entities its own.
    pub fn decide(&self, answer: &Answer, execution: &str, host: &Host) -> Decision {
        let mut actions = self.attempts_again();
        let next = self.next + actions.len() as i32;
        let end = match self.asked(answer, execution) {
            Ok(asks) => {
                let end = self.end(answer);
                let asks = asks.into_iter().skip(self.known.len()).map(|ask| host.tag(ask));
                actions.extend(numbered(next, asks.chain(end)));
                None
            }
            Err(failure) => Some(fail(failure)),
        };
        actions.extend(numbered(next, end));
        Decision {
            actions,
            custom_status: payload(&answer.custom_status),
        }
    }

    /// All that the code has asked for and that bears a number, if it begins with what it asked for before.
    fn asked(&self, answer: &Answer, execution: &str) -> Result<Vec<Ask>, Failure> {
        let mut asks = Vec::new();
        let mut locked = Vec::new();
        for asked in &answer.actions {
            let number = asks.len();
            asks.extend(ask(asked, &mut locked, || format!("{execution}:{number}"))?);
        }
        let same = self.known.iter().zip(&asks).all(|(kind, ask)| is_same(kind, ask));
        match same && (asks.len() >= self.known.len() || answer.error.is_some()) {
            true => Ok(asks),
            false => Err(Failure::lasting(
                "NonDeterminismError",
                "The orchestrator did not ask for what it had asked for before: its code has changed, or depends on more \
                 than its history.",
            )),
        }
    }

    fn end(&self, answer: &Answer) -> Option<Ask> {
        if let Some(error) = &answer.error {
            return Some(fail(Failure {
                kind: "Error".to_owned(),
                message: error.clone(),
                ..Failure::default()
            }));
        }
        let anew = answer
            .actions
            .iter()
            .find(|asked| asked.action_type == number::CONTINUE_AS_NEW);
        if let Some(asked) = anew {
            return Some(Ask::ContinueAsNew {
                input: payload(&asked.input),
                version: None,
                carried: self.unused(answer),
            });
        }
        answer.is_done.then(|| {
            Ask::Complete(Completed {
                status: Status::Completed,
                result: payload(&answer.output),
                failure: None,
            })
        })
    }

    /// Events from outside that the code did not wait for.
    fn unused(&self, answer: &Answer) -> Vec<Event> {
        let mut waits: HashMap<&str, usize> = HashMap::new();
        for asked in answer.actions.iter().filter(|asked| asked.action_type == number::WAIT) {
            *waits.entry(&asked.external_event_name).or_default() += 1;
        }
        let unused = self.raised.iter().filter(|event| match &event.kind {
            Kind::EventRaised { name, .. } => match waits.get_mut(name.as_str()) {
                Some(waits @ 1..) => {
                    *waits -= 1;
                    false
                }
                _ => true,
            },
            _ => false,
        });
        unused.map(|event| (*event).clone()).collect()
    }
}

/// The end of an instance whose code could not be run.
pub fn failed(failure: Failure) -> Decision {
    let kind = fail(failure);
    Decision {
        actions: vec![Action { id: FROM_OUTSIDE, kind }],
        custom_status: None,
    }
}

fn fail(failure: Failure) -> Ask {
    Ask::Complete(Completed {
        status: Status::Failed,
        result: None,
        failure: Some(Box::new(failure)),
    })
}

/// What an action of the packages asks for. One that frees entities asks once for each.
fn ask(asked: &Asked, locked: &mut Vec<(String, String)>, request: impl Fn() -> String) -> Result<Vec<Ask>, Failure> {
    let call = |name: &str| Call {
        name: name.to_owned(),
        version: asked.version.clone(),
        input: payload(&asked.input),
        ..Call::default()
    };
    let child = || Ask::Child {
        instance: asked.instance_id.clone().unwrap_or_default(),
        call: call(&asked.function_name),
    };
    let operation = || Operation {
        request: request(),
        operation: asked.operation.clone(),
        input: payload(&asked.input),
        target: asked.instance_id.clone(),
        ..Operation::default()
    };
    let again = |ask: Ask| match &asked.retry_options {
        Some(policy) => Attempt::first(policy.clone(), ask),
        None => ask,
    };
    Ok(vec![match asked.action_type {
        number::ACTIVITY | number::ACTIVITY_WITH_RETRY => again(Ask::Task(call(&asked.function_name))),
        number::CHILD | number::CHILD_WITH_RETRY => again(child()),
        number::TIMER => Ask::Timer {
            fire_at: moment(asked)?,
        },
        number::CALL_ENTITY => Ask::Call(operation()),
        number::SIGNAL_ENTITY => Ask::Signal(operation()),
        number::CALL_HTTP => Ask::Task(Call {
            input: payload(&asked.http_request),
            ..call(HTTP)
        }),
        number::LOCK => {
            let entities = asked.lock_set.iter();
            let entities: Vec<String> = entities
                .map(|entity| format!("@{}@{}", entity.name.to_lowercase(), entity.key))
                .collect();
            let section = asked.lock_request_id.clone();
            locked.extend(entities.iter().map(|entity| (section.clone(), entity.clone())));
            Ask::Lock(LockRequest {
                section,
                entities,
                ..LockRequest::default()
            })
        }
        number::UNLOCK => {
            let freed = locked
                .drain(..)
                .map(|(section, target)| Ask::Unlock { section, target });
            return Ok(freed.collect());
        }
        number::WAIT | number::CONTINUE_AS_NEW => return Ok(Vec::new()),
        other => {
            return Err(Failure::lasting(
                "NotSupported",
                format!("The orchestrator asks for an action of type {other}, which is not known."),
            ));
        }
    }])
}

fn moment(asked: &Asked) -> Result<Micros, Failure> {
    let text = asked.fire_at.as_deref().unwrap_or_default();
    let moment = timestamp::parse(text);
    moment.map(|moment| moment.as_microsecond()).ok_or_else(|| {
        Failure::lasting(
            "ValueError",
            format!("A timer is to fire at '{text}', which is no date and time of RFC 3339."),
        )
    })
}

/// Whether something that is asked for is what was asked for at this place before.
fn is_same(known: &Kind, ask: &Ask) -> bool {
    match (known, ask) {
        (Kind::TaskScheduled(before), Ask::Task(now))
        | (Kind::ChildCreated { call: before, .. }, Ask::Child { call: now, .. }) => before.name == now.name,
        (Kind::EntityCalled(before), Ask::Call(now)) | (Kind::EntitySignaled(before), Ask::Signal(now)) => {
            (&before.target, &before.operation) == (&now.target, &now.operation)
        }
        (Kind::TimerCreated { .. }, Ask::Timer { .. })
        | (Kind::LockRequested(_), Ask::Lock(_))
        | (Kind::UnlockSent { .. }, Ask::Unlock { .. }) => true,
        _ => false,
    }
}
