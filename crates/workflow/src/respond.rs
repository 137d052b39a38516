//! What an event does to the frame that waits for it.

use serde_json::Value;

use crate::execution::{Doing, Effect, Event, EventKind, FrameId, Status};
use crate::failure::{MAX_CAUSE, MAX_ERROR, cut};
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
use crate::steps;

/// How something outside has ended.
pub(crate) enum End {
    Succeeded(Value),
    Failed {
        error: Option<String>,
        cause: Option<String>,
    },
    TimedOut {
        error: Option<String>,
        cause: Option<String>,
    },
    Refused {
        cause: String,
    },
}

fn short_error(error: String) -> String {
    cut(error, MAX_ERROR)
}

fn short_cause(cause: String) -> String {
    cut(cause, MAX_CAUSE)
}

impl Interpreter<'_> {
    pub fn take(&mut self, event: &Event) {
        self.execution.now_ms = self.execution.now_ms.max(event.at_ms);
        if self.execution.status == Status::Running && self.is_overdue() {
            return self.expire();
        }
        match (self.execution.status, &event.kind) {
            (Status::Running, EventKind::Started) if self.execution.last_event == 0 => self.begin(),
            (Status::Running, kind) => self.take_running(kind.clone()),
            (Status::Failed | Status::Aborted | Status::TimedOut, EventKind::Redriven) => self.redrive(),
            _ => {}
        }
    }

    fn take_running(&mut self, kind: EventKind) {
        match kind {
            EventKind::Started | EventKind::Redriven | EventKind::Tick => {}
            EventKind::TaskStarted { id, worker } => {
                self.with(id, |this, frame| steps::task::started(this, frame, worker))
            }
            EventKind::TaskSubmitted { id, output } => {
                self.with(id, |this, frame| steps::task::submitted(this, frame, output));
            }
            EventKind::TaskSucceeded { id, output } => self.end_task(id, End::Succeeded(output)),
            EventKind::TaskFailed { id, error, cause } => {
                let (error, cause) = (error.map(short_error), cause.map(short_cause));
                self.end_task(id, End::Failed { error, cause });
            }
            EventKind::TaskTimedOut { id, error, cause } => {
                let (error, cause) = (error.map(short_error), cause.map(short_cause));
                self.end_task(id, End::TimedOut { error, cause });
            }
            EventKind::TaskRefused { id, cause } => {
                let cause = short_cause(cause);
                self.end_task(id, End::Refused { cause });
            }
            EventKind::Heartbeat { id } => self.with(id, |this, frame| steps::task::heartbeat(this, frame)),
            EventKind::TimerFired { id } => self.fire(id),
            EventKind::ChildEnded { id, outcome } => {
                self.with(id, |this, frame| steps::map_run::child_ended(this, frame, id, outcome));
            }
            EventKind::MapRunPaced { id, pace } => steps::map_run::paced(self, id, pace),
            EventKind::Stopped { error, cause } => {
                let previous = self.execution.last_event;
                self.finish_without(previous, HistoryKind::ExecutionAborted, Status::Aborted, error, cause);
            }
        }
    }

    /// Does this with the frame that waits for the effect, if one does.
    fn with(&mut self, id: u64, respond: impl FnOnce(&mut Self, FrameId)) {
        if let Some(frame) = self.execution.waiting.get(&id).copied() {
            respond(self, frame);
        }
    }

    fn end_task(&mut self, id: u64, end: End) {
        self.with(id, |this, frame| match this.frame(frame).map(|frame| &frame.doing) {
            Some(Doing::Calling(call)) if call.id == id => steps::task::ended(this, frame, end),
            Some(Doing::Fanning(_)) => steps::transfer::answered(this, frame, id, end),
            _ => {}
        });
    }

    fn fire(&mut self, id: u64) {
        let Some(at_ms) = self.execution.timers.get(&id).copied() else {
            return;
        };
        if at_ms > self.now() {
            // It has moved, or came early: whoever keeps timers may have forgotten it.
            return self.effects.push(Effect::SetTimer { id, at_ms });
        }
        self.execution.timers.remove(&id);
        let Some(frame) = self.execution.waiting.get(&id).copied() else {
            return;
        };
        let Some(doing) = self.frame(frame).map(|frame| frame.doing.clone()) else {
            return;
        };
        match doing {
            Doing::Sleeping { timer } if timer == id => {
                self.execution.waiting.remove(&id);
                let step = steps::wait::over(self, frame);
                self.take_step(frame, step);
            }
            Doing::Pausing { timer } if timer == id => {
                self.execution.waiting.remove(&id);
                self.resume(frame, Doing::Working);
            }
            Doing::Calling(call) => {
                self.execution.waiting.remove(&id);
                steps::task::expired(self, frame, call.heartbeat.is_some_and(|(timer, _)| timer == id));
            }
            _ => {}
        }
    }

    fn is_overdue(&self) -> bool {
        let deadline = self.execution.deadline.and_then(|id| self.execution.timers.get(&id));
        deadline.is_some_and(|at_ms| *at_ms <= self.now())
    }

    /// The execution's own time is over.
    fn expire(&mut self) {
        let previous = self.execution.last_event;
        let error = self.execution.express.then(|| "States.Timeout".to_owned());
        self.finish_without(previous, HistoryKind::ExecutionTimedOut, Status::TimedOut, error, None);
    }

    /// Goes on where the execution was when it failed: each state at the end of a thread of control is worked on again.
    fn redrive(&mut self) {
        self.execution.status = Status::Running;
        self.execution.outcome = None;
        self.execution.redrives += 1;
        self.execution.redriven_ms = Some(self.execution.now_ms);
        self.set_deadline();
        let (previous, count) = (self.execution.last_event, self.execution.redrives);
        let event = self.append(previous, HistoryKind::ExecutionRedriven, Details::Redriven(count));
        let leaves: Vec<FrameId> = self
            .execution
            .frames
            .keys()
            .copied()
            .filter(|id| self.children(*id).is_empty())
            .collect();
        for id in leaves {
            let Some(frame) = self.frame_mut(id) else { continue };
            (frame.last, frame.before) = (event, previous);
            frame.retries = 0;
            frame.tries.clear();
            let entered = frame.entered > 0;
            if !steps::map_run::redriven(self, id) {
                self.resume(id, if entered { Doing::Working } else { Doing::Entering });
            }
        }
    }
}
