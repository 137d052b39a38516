use std::sync::Arc;

use super::{
    Event, Inbox, Instance, Kind, Message, Next, Outcome, Status,
    end::{announce, refuse, terminate},
    event::{Micros, Rewound},
};

/// Events for the orchestrator, and the messages that they come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// What is new; the first says what time it is.
    pub events: Vec<Event>,
    /// Ids of the messages in it.
    pub taken: Vec<String>,
}

/// The instance that its first message makes; none if no message does.
pub fn found(inbox: &Inbox, now: Micros) -> Option<Instance> {
    inbox.values().find_map(|message| match &message.event.kind {
        Kind::ExecutionStarted(started) => Some(Instance::new(started, now)),
        Kind::ExecutionRewound(rewound) => rewound.started.as_ref().map(|started| Instance::new(started, now)),
        _ => None,
    })
}

/// What an instance does next. Changes that need no turn are made at once; what comes of them is to be committed.
///
/// Suspending, ending and replacing are such changes: they need no worker. While an instance is suspended, what arrives waits.
pub fn next(instance: &mut Instance, past: &[Arc<Event>], inbox: &Inbox, now: Micros) -> Next<Turn> {
    let unwanted = inbox.iter().filter(|(_, message)| is_unwanted(instance, message));
    let taken: Vec<String> = unwanted.map(|(id, _)| id.clone()).collect();
    if !taken.is_empty() {
        return Next::Settle(Outcome {
            taken,
            ..Outcome::default()
        });
    }
    let settled = inbox.iter().find_map(|(id, message)| {
        let mut outcome = Outcome {
            taken: vec![id.clone()],
            ..Outcome::default()
        };
        settle(instance, past, inbox, message, &mut outcome, now).then_some(outcome)
    });
    if let Some(outcome) = settled {
        return Next::Settle(outcome);
    }
    if pause(instance, inbox, now) {
        return Next::Settle(Outcome::default());
    }
    if instance.status.is_over() || instance.status == Status::Suspended {
        return Next::Wait(None);
    }
    if let Some(scheduled) = instance.scheduled.filter(|at| *at > now && past.is_empty()) {
        return Next::Wait(Some(scheduled));
    }
    match inbox.is_empty() && !instance.nudged {
        true => Next::Wait(None),
        false => Next::Work(turn(instance, inbox, now)),
    }
}

/// Whether a message comes too late.
fn is_unwanted(instance: &Instance, message: &Message) -> bool {
    match &message.event.kind {
        Kind::ExecutionStarted(_) => false,
        _ if !instance.takes(message.execution.as_deref()) => true,
        Kind::ExecutionRewound(_) | Kind::LockGranted { .. } => false,
        _ => instance.status.is_over(),
    }
}

/// Whether a message is what an instance begins with.
fn is_start_of(instance: &Instance, message: &Message) -> bool {
    match &message.event.kind {
        Kind::ExecutionStarted(started) => started.execution.as_deref() == instance.execution(),
        _ => false,
    }
}

/// Does at once what a message asks for; false if it is for the orchestrator.
fn settle(
    instance: &mut Instance,
    past: &[Arc<Event>],
    inbox: &Inbox,
    message: &Message,
    outcome: &mut Outcome,
    now: Micros,
) -> bool {
    let over = instance.status.is_over();
    match &message.event.kind {
        Kind::ExecutionStarted(started) if over => {
            *instance = Instance::new(started, now);
            (outcome.afresh, outcome.taken) = (true, Vec::new());
            true
        }
        Kind::ExecutionStarted(_) if is_start_of(instance, message) => false,
        Kind::ExecutionStarted(started) => {
            outcome.posts.extend(refuse(started, now));
            true
        }
        Kind::ExecutionTerminated { output, recurse } => {
            outcome.events = vec![Event::outside(now, Kind::TurnStarted)];
            for (id, start) in inbox.iter().filter(|(_, message)| is_start_of(instance, message)) {
                outcome.events.push(start.event.clone());
                outcome.taken.push(id.clone());
            }
            outcome.events.push(message.event.clone());
            terminate(instance, past, output, *recurse, outcome, now);
            true
        }
        Kind::ExecutionRewound(_) if instance.rewinding => false,
        Kind::ExecutionRewound(rewound) => {
            rewind(instance, inbox, rewound, outcome, now);
            true
        }
        Kind::LockGranted { section } if over => {
            let held = instance.held.iter().filter(|held| held.section == *section);
            outcome.posts.extend(held.map(|held| held.unlock(&instance.id, now)));
            true
        }
        _ => false,
    }
}

/// Takes up an instance that failed; tells whoever waits for one that did not how it ended.
fn rewind(instance: &mut Instance, inbox: &Inbox, rewound: &Rewound, outcome: &mut Outcome, now: Micros) {
    if let Some((parent, execution)) = instance.parent.as_mut().zip(rewound.parent_execution.clone()) {
        parent.execution = Some(execution);
    }
    let begun = |message: &Message| matches!(message.event.kind, Kind::ExecutionStarted(_));
    match (instance.status, &rewound.started) {
        (Status::Failed, _) => {
            (instance.rewinding, instance.status, instance.updated) = (true, Status::Running, now);
            (instance.output, instance.failure, instance.completed) = (None, None, None);
            outcome.taken.clear();
        }
        (status, _) if status.is_over() => outcome.posts.extend(announce(instance, now)),
        // It was gone, and begins from its start.
        (Status::Pending, Some(started)) if !inbox.values().any(begun) => {
            outcome
                .first
                .push(Message::new(now, Kind::ExecutionStarted(started.clone())));
        }
        _ => {}
    }
}

/// Follows the last word on whether the instance is to wait; true if that changes it.
fn pause(instance: &mut Instance, inbox: &Inbox, now: Micros) -> bool {
    let word = inbox.values().rev().find_map(|message| match message.event.kind {
        Kind::ExecutionSuspended { .. } => Some(Status::Suspended),
        Kind::ExecutionResumed { .. } => Some(Status::Running),
        _ => None,
    });
    let suspended = instance.status == Status::Suspended;
    match word {
        Some(word) if suspended != (word == Status::Suspended) && !instance.status.is_over() => {
            (instance.status, instance.updated) = (word, now);
            true
        }
        _ => false,
    }
}

/// All that there is, as one turn: the start before everything else, and a rewind alone.
fn turn(instance: &Instance, inbox: &Inbox, now: Micros) -> Turn {
    let wanted = |message: &Message| !instance.rewinding || matches!(message.event.kind, Kind::ExecutionRewound(_));
    let mut messages: Vec<(&String, &Message)> = inbox.iter().filter(|(_, message)| wanted(message)).collect();
    messages.sort_by_key(|(_, message)| !matches!(message.event.kind, Kind::ExecutionStarted(_)));
    let mut turn = Turn {
        events: vec![Event::outside(now, Kind::TurnStarted)],
        taken: Vec::new(),
    };
    for (id, message) in messages {
        turn.events.push(message.event.clone());
        turn.taken.push(id.clone());
    }
    turn
}
