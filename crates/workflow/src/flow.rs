//! How a frame goes through its states: in, to work, out, and on.

use std::sync::Arc;

use serde_json::Value;

use crate::execution::{Doing, FrameId, Outcome, Status};
use crate::failure::Failure;
use crate::fields::Assigned;
use crate::history::{Details, HistoryKind};
use crate::interpreter::{Interpreter, field_size, fields_size};
use crate::machine::Next;
use crate::steps;

/// What a state's work has come to.
pub(crate) enum Step {
    /// It is done.
    Leave(Leave),
    /// It waits for an event.
    Stay,
}

/// A state is left.
pub(crate) struct Leave {
    pub output: Arc<Value>,
    pub assigned: Assigned,
    pub next: Next,
    /// Whether the event of leaving stands beside the state's success rather than after it: Parallel and Map.
    pub beside: bool,
}

impl Leave {
    pub fn to(next: Next, (output, assigned): (Arc<Value>, Assigned)) -> Self {
        Self {
            output,
            assigned,
            next,
            beside: false,
        }
    }
}

impl Interpreter<'_> {
    pub fn enter(&mut self, id: FrameId) {
        let (Some(state), Some(frame)) = (self.state(id), self.frame(id)) else {
            return;
        };
        let details = Details::Entered {
            name: state.name.clone(),
            input: frame.input.clone(),
        };
        let event = self.record(id, HistoryKind::entered(&state.kind), details);
        let now = self.now();
        if let Some(frame) = self.frame_mut(id) {
            frame.enter(event, now);
        }
        self.resume(id, Doing::Working);
    }

    pub fn work(&mut self, id: FrameId) {
        let step = steps::work(self, id);
        self.take_step(id, step);
    }

    pub fn take_step(&mut self, id: FrameId, step: Result<Step, Failure>) {
        match step {
            Ok(Step::Stay) => {}
            Ok(Step::Leave(leave)) => self.leave(id, leave),
            Err(failure) => self.fail(id, failure),
        }
    }

    pub fn leave(&mut self, id: FrameId, leave: Leave) {
        let (Some(state), Some(frame)) = (self.state(id), self.frame(id)) else {
            return;
        };
        if !Arc::ptr_eq(&frame.input, &leave.output) && self.is_too_large(&leave.output) {
            return self.fail(id, Failure::too_large(&state.name).quietly());
        }
        if let Err(failure) = self.check_assigned(id, &leave.assigned) {
            return self.fail(id, failure.quietly());
        }
        let details = Details::Exited {
            name: state.name.clone(),
            output: leave.output.clone(),
            assigned: leave.assigned.clone(),
        };
        let kind = HistoryKind::exited(&state.kind);
        match leave.beside {
            true => self.record_beside(id, kind, details),
            false => self.record(id, kind, details),
        };
        self.assign(id, leave.assigned);
        match leave.next {
            Next::To(next) => {
                if let Some(frame) = self.frame_mut(id) {
                    frame.state = next;
                    frame.input = leave.output;
                }
                self.resume(id, Doing::Entering);
            }
            Next::End => self.end(id, leave.output),
        }
    }

    fn assign(&mut self, id: FrameId, assigned: Assigned) {
        if assigned.is_empty() {
            return;
        }
        let bytes = self.own_bytes(id, &assigned);
        // Its own are taken out of the frame, so that they change in place.
        let own = self.frame_mut(id).and_then(|frame| frame.variables.take());
        let mut variables = own.unwrap_or_else(|| self.variables(id));
        Arc::make_mut(&mut variables).extend(assigned);
        if let Some(frame) = self.frame_mut(id) {
            frame.variables = Some(variables);
            frame.variable_bytes = bytes;
        }
    }

    /// Whether these variables fit: by themselves, and beside all others of the execution.
    pub fn check_assigned(&self, id: FrameId, assigned: &Assigned) -> Result<(), Failure> {
        if assigned.is_empty() {
            return Ok(());
        }
        let frames = self.execution.frames.iter().filter(|(other, _)| **other != id);
        let others: usize = frames.map(|(_, frame)| frame.variable_bytes).sum();
        let state = self.state(id).map_or("", |state| &state.name);
        let checks = [
            (fields_size(assigned), self.limits.assign_bytes, "one Assign"),
            (
                others + self.own_bytes(id, assigned),
                self.limits.variables_bytes,
                "an execution",
            ),
        ];
        match checks.into_iter().find(|(bytes, most, _)| bytes > most) {
            Some((_, most, whose)) => Err(Failure::too_many_variables(state, most, whose)),
            None => Ok(()),
        }
    }

    /// How many bytes of variables a frame has set itself, once these are set.
    fn own_bytes(&self, id: FrameId, assigned: &Assigned) -> usize {
        let Some(frame) = self.frame(id) else { return 0 };
        let known = frame.variables.as_deref();
        let replaced = assigned.keys().filter_map(|name| Some((name, known?.get(name)?)));
        let replaced: usize = replaced.map(|(name, value)| field_size(name, value)).sum();
        frame.variable_bytes.saturating_sub(replaced) + fields_size(assigned)
    }

    /// A frame has gone through its last state.
    fn end(&mut self, id: FrameId, output: Arc<Value>) {
        let Some(frame) = self.frame(id) else { return };
        match frame.parent {
            Some(link) => steps::ended(self, id, link, output),
            None => self.succeed(frame.last, output),
        }
    }

    fn succeed(&mut self, previous: u64, output: Arc<Value>) {
        let details = Details::Output { output: output.clone() };
        let outcome = Outcome {
            status: Status::Succeeded,
            output: Some(output),
            error: None,
            cause: None,
        };
        self.finish(previous, HistoryKind::ExecutionSucceeded, details, outcome);
    }
}
