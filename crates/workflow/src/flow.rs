//! How a frame goes through its states: in, to work, out, and on.

use std::sync::Arc;

use serde_json::Value;

use crate::execution::{Doing, FrameId, Outcome, Status};
use crate::failure::Failure;
use crate::fields::Assigned;
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
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
        let mut variables = self.variables(id);
        Arc::make_mut(&mut variables).extend(assigned);
        if let Some(frame) = self.frame_mut(id) {
            frame.variables = Some(variables);
        }
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
