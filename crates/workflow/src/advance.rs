use std::collections::HashSet;
use std::sync::Arc;

use crate::Limits;
use crate::execution::{Doing, Effect, Event, Execution, Frame, FrameId, Outcome, Status};
use crate::history::{Details, HistoryEvent, HistoryKind};
use crate::interpreter::{Interpreter, fields_size};
use crate::machine::Machine;

/// What a turn has brought: to be stored, in one commit, with the execution's new state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// Events that the history grows by.
    pub history: Vec<HistoryEvent>,
    /// What to do now.
    pub effects: Vec<Effect>,
    /// Whether the turn was cut at [`Limits::states_per_turn`]: call again with a [`Tick`](crate::execution::EventKind::Tick).
    pub more: bool,
}

/// Takes an execution as far as it goes after these events.
///
/// The same execution and events give the same turn. Events that came together are best given together: they make one
/// turn. An event for an effect that is over changes nothing.
pub fn advance(machine: &Machine, execution: &mut Execution, events: &[Event], limits: &Limits) -> Turn {
    advance_while(machine, execution, events, limits, &|| true)
}

/// As [`advance`], cut before the next state as soon as `patient` is no longer true: a turn then ends elsewhere, and the
/// execution all the same.
pub fn advance_while(
    machine: &Machine,
    execution: &mut Execution,
    events: &[Event],
    limits: &Limits,
    patient: &dyn Fn() -> bool,
) -> Turn {
    let mut interpreter = Interpreter {
        machine,
        execution,
        limits,
        history: Vec::new(),
        effects: Vec::new(),
    };
    let mut budget = limits.states_per_turn.max(1);
    interpreter.run(&mut budget, patient);
    for event in events {
        interpreter.take(event);
        interpreter.run(&mut budget, patient);
    }
    Turn {
        more: interpreter.execution.is_ready(),
        history: interpreter.history,
        effects: settle(interpreter.effects),
    }
}

/// Drops timers that were set and forgotten in the same turn.
fn settle(mut effects: Vec<Effect>) -> Vec<Effect> {
    let set: HashSet<(u64, i64)> = effects.iter().filter_map(set_timer).collect();
    let both: HashSet<(u64, i64)> = effects
        .iter()
        .filter_map(clear_timer)
        .filter(|timer| set.contains(timer))
        .collect();
    let dropped = |timer: Option<(u64, i64)>| timer.is_some_and(|timer| both.contains(&timer));
    effects.retain(|effect| !dropped(set_timer(effect).or(clear_timer(effect))));
    effects
}

fn set_timer(effect: &Effect) -> Option<(u64, i64)> {
    match effect {
        Effect::SetTimer { id, at_ms } => Some((*id, *at_ms)),
        _ => None,
    }
}

fn clear_timer(effect: &Effect) -> Option<(u64, i64)> {
    match effect {
        Effect::ClearTimer { id, at_ms } => Some((*id, *at_ms)),
        _ => None,
    }
}

impl Interpreter<'_> {
    /// Lets every frame that can go on do so, until none can or the budget is spent.
    fn run(&mut self, budget: &mut u32, patient: &dyn Fn() -> bool) {
        while *budget > 0 && self.execution.status == Status::Running {
            if self.is_full() {
                return self.exhaust();
            }
            let Some(id) = self.execution.ready.pop_front() else {
                return;
            };
            match self.frame(id).map(|frame| &frame.doing) {
                Some(Doing::Entering) => self.enter(id),
                Some(Doing::Working) => {
                    *budget = if patient() { *budget - 1 } else { 0 };
                    self.work(id);
                }
                _ => {}
            }
        }
    }

    /// The first event: the flow begins.
    pub(crate) fn begin(&mut self) {
        let execution = &mut *self.execution;
        execution.started_ms = execution.now_ms;
        let details = Details::Started {
            input: execution.input.clone(),
            role_arn: execution.identity.role_arn.clone(),
            version_arn: execution.identity.version_arn.clone(),
            alias_arn: execution.identity.alias_arn.clone(),
        };
        self.set_deadline();
        self.append(0, HistoryKind::ExecutionStarted, details);
        let root = FrameId(0);
        let execution = &mut *self.execution;
        let frame = match &execution.entry {
            None => Frame::new(None, execution.start, execution.input.clone(), 0),
            Some(entry) => Frame {
                variable_bytes: fields_size(&entry.variables),
                variables: Some(Arc::new(entry.variables.clone())),
                ..Frame::new(None, entry.state, entry.input.clone(), 0)
            },
        };
        execution.frames.insert(root, frame);
        self.execution.ready.push_back(root);
    }

    /// Limits the execution's own time from now on.
    pub(crate) fn set_deadline(&mut self) {
        let seconds = match (self.machine.timeout_seconds(), self.execution.express) {
            (said, true) => Some(self.limits.express_seconds.min(said.unwrap_or(u64::MAX))),
            (seconds, _) => seconds,
        };
        if let Some(seconds) = seconds {
            let id = self.execution.next_effect();
            self.execution.deadline = Some(id);
            self.move_timer(id, i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
        }
    }

    /// The execution is over: nothing that it waits for matters.
    pub(crate) fn finish(&mut self, previous: u64, kind: HistoryKind, details: Details, outcome: Outcome) {
        self.append_last(previous, kind, details);
        let frames: Vec<FrameId> = self.execution.frames.keys().copied().collect();
        for id in frames {
            self.halt(id);
        }
        if let Some(id) = self.execution.deadline.take() {
            self.drop_timer(id);
        }
        self.execution.ready.clear();
        if outcome.status == Status::Succeeded {
            self.execution.frames.clear();
        }
        self.execution.status = outcome.status;
        self.execution.outcome = Some(outcome.clone());
        self.effects.push(Effect::Finish { outcome });
    }

    fn exhaust(&mut self) {
        let limit = self.limits.history_events;
        let cause = format!("The execution reached the maximum number of history events ({limit}).");
        let previous = self.execution.last_event;
        self.finish_failed(previous, Some("States.Runtime".to_owned()), Some(cause));
    }

    pub(crate) fn finish_failed(&mut self, previous: u64, error: Option<String>, cause: Option<String>) {
        self.finish_without(previous, HistoryKind::ExecutionFailed, Status::Failed, error, cause);
    }

    pub(crate) fn finish_without(
        &mut self,
        previous: u64,
        kind: HistoryKind,
        status: Status,
        error: Option<String>,
        cause: Option<String>,
    ) {
        let details = Details::Failure {
            error: error.clone(),
            cause: cause.clone(),
        };
        let outcome = Outcome {
            status,
            output: None,
            error,
            cause,
        };
        self.finish(previous, kind, details, outcome);
    }
}
