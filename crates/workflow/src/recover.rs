//! What happens to a failure: another try, a catcher, or up to the frame's parent.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::execution::{Doing, Effect, FrameId, Link, Stage};
use crate::failure::Failure;
use crate::fields::{Assigned, View, assign, insert, output};
use crate::flow::Leave;
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
use crate::machine::{Catcher, Kind, Language, Next, State};
use crate::query::{Fault, Scope};
use crate::steps;

impl Interpreter<'_> {
    /// The frame's state has failed.
    pub fn fail(&mut self, id: FrameId, failure: Failure) {
        if failure.is_terminal() && !self.is_taken_above(id, &failure) {
            let previous = self.frame(id).map_or(0, |frame| frame.last);
            return self.finish_failed(previous, failure.error, failure.cause);
        }
        let (mut at, mut failure) = (id, failure);
        loop {
            self.tell(at, &failure);
            match self.recover(at, &failure) {
                Ok(true) => return,
                Ok(false) => {}
                Err(another) => {
                    failure = another.quietly();
                    self.tell(at, &failure);
                }
            }
            let Some(frame) = self.frame(at) else { return };
            let Some(link) = frame.parent else {
                let previous = frame.last;
                return self.finish_failed(previous, failure.error, failure.cause);
            };
            if !matches!(frame.doing, Doing::Fanning(_)) {
                self.halt(at);
            }
            if steps::tolerated(self, at, link, &failure) {
                return;
            }
            at = link.frame;
            failure = failure.of_child(matches!(
                self.state(at).map(|state| &state.kind),
                Some(Kind::Parallel(_))
            ));
        }
    }

    fn is_taken_above(&self, id: FrameId, failure: &Failure) -> bool {
        let takes = |state: &State| {
            state.retry.iter().any(|entry| failure.is_taken_by(&entry.errors))
                || state.catch.iter().any(|entry| failure.is_taken_by(&entry.errors))
        };
        let mut next = Some(id);
        while let Some(id) = next {
            if self.state(id).is_some_and(takes) {
                return true;
            }
            next = self.frame(id).and_then(|frame| frame.parent).map(|link| link.frame);
        }
        false
    }

    /// The events that a failure leaves before anything is done about it.
    fn tell(&mut self, id: FrameId, failure: &Failure) {
        let Some(state) = self.state(id) else { return };
        if let Some(location) = &failure.evaluation {
            let details = Details::Evaluation {
                error: failure.error.clone().unwrap_or_default(),
                cause: failure.cause.clone().unwrap_or_default(),
                location: location.clone(),
                state: state.name.clone(),
            };
            self.record_beside(id, HistoryKind::EvaluationFailed, details);
        }
        match state.kind {
            Kind::Parallel(_) if !failure.quiet => self.record(id, HistoryKind::ParallelStateFailed, Details::None),
            Kind::Map(_) if !failure.quiet => self.record(id, HistoryKind::MapStateFailed, Details::None),
            _ => 0,
        };
    }

    /// Whether a retrier or a catcher takes it.
    fn recover(&mut self, id: FrameId, failure: &Failure) -> Result<bool, Failure> {
        let Some(state) = self.state(id) else { return Ok(false) };
        if self.retry(id, state, failure) {
            return Ok(true);
        }
        match state.catch.iter().position(|entry| failure.is_taken_by(&entry.errors)) {
            Some(index) => self.catch(id, state, index, failure).map(|()| true),
            None => Ok(false),
        }
    }

    /// The first retrier that takes the error decides, by its own count.
    fn retry(&mut self, id: FrameId, state: &State, failure: &Failure) -> bool {
        let Some(index) = state.retry.iter().position(|entry| failure.is_taken_by(&entry.errors)) else {
            return false;
        };
        let retrier = &state.retry[index];
        let chance = self.execution.draw().unit();
        let Some(frame) = self.frame_mut(id) else { return false };
        frame.tries.resize(state.retry.len(), 0);
        let tries = frame.tries[index];
        if tries >= retrier.max_attempts {
            return false;
        }
        frame.tries[index] += 1;
        frame.retries += 1;
        self.drop_children(id);
        let timer = self.set_timer(id, retrier.delay_ms(tries, chance));
        if let Some(frame) = self.frame_mut(id) {
            frame.doing = Doing::Pausing { timer };
        }
        true
    }

    fn catch(&mut self, id: FrameId, state: &State, index: usize, failure: &Failure) -> Result<(), Failure> {
        let Some(view) = self.view(id) else { return Ok(()) };
        let catcher = &state.catch[index];
        let caught = caught(state.language, catcher, index, &view, failure);
        let (output, assigned) = caught.map_err(|fault| self.fault(id, fault))?;
        if self.is_too_large(&output) {
            return Err(Failure::too_large(&state.name));
        }
        self.check_assigned(id, &assigned)?;
        self.drop_children(id);
        self.leave(id, Leave::to(Next::To(catcher.next), (output, assigned)));
        Ok(())
    }

    /// Takes back everything that the frame waits for. It stays, for a redrive.
    pub fn halt(&mut self, id: FrameId) {
        let Some(frame) = self.frame_mut(id) else { return };
        let doing = match &mut frame.doing {
            Doing::Fanning(fan) => {
                let run = fan
                    .run
                    .as_mut()
                    .map(|run| (run.stage, std::mem::take(&mut run.children)));
                if let Some((stage, children)) = run {
                    self.stop_run(stage, children.into_keys());
                }
                return;
            }
            doing => std::mem::replace(doing, Doing::Halted),
        };
        match doing {
            Doing::Sleeping { timer } | Doing::Pausing { timer } => self.drop_timer(timer),
            Doing::Calling(call) => {
                self.release(call.id);
                call.timeout
                    .into_iter()
                    .chain(call.heartbeat.map(|(timer, _)| timer))
                    .for_each(|timer| self.drop_timer(timer));
            }
            _ => {}
        }
    }

    /// Cancels a task whose end is still awaited.
    pub fn release(&mut self, task: u64) {
        if self.execution.waiting.remove(&task).is_some() {
            self.effects.push(Effect::CancelTask { id: task });
        }
    }

    fn stop_run(&mut self, stage: Stage, children: impl Iterator<Item = u64>) {
        if let Stage::Reading(task) | Stage::Writing(task) = stage {
            self.release(task);
        }
        for id in children {
            if self.execution.waiting.remove(&id).is_some() {
                self.effects.push(Effect::StopChild { id });
            }
        }
    }

    /// Forgets everything below a frame.
    pub fn drop_children(&mut self, id: FrameId) {
        self.halt(id);
        for child in self.children(id) {
            self.drop_children(child);
            self.execution.frames.remove(&child);
        }
    }

    pub fn children(&self, id: FrameId) -> Vec<FrameId> {
        let below = |link: Option<Link>| link.is_some_and(|link| link.frame == id);
        let frames = self.execution.frames.iter();
        frames
            .filter(|(_, frame)| below(frame.parent))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Ends everything below a frame but one child, telling what was going on.
    pub fn abort_children(&mut self, id: FrameId, but: FrameId) {
        for child in self.children(id) {
            if child != but {
                self.abort(child);
            }
        }
    }

    fn abort(&mut self, id: FrameId) {
        self.abort_children(id, id);
        let (Some(frame), Some(state)) = (self.frame(id), self.state(id)) else {
            return;
        };
        let kind = match (&frame.doing, &state.kind) {
            (Doing::Entering | Doing::Halted, _) => None,
            (_, Kind::Task(_)) => Some(HistoryKind::TaskStateAborted),
            (_, Kind::Wait(_)) => Some(HistoryKind::WaitStateAborted),
            (_, Kind::Parallel(_)) => Some(HistoryKind::ParallelStateAborted),
            (_, Kind::Map(_)) => Some(HistoryKind::MapStateAborted),
            _ => None,
        };
        if let Some(kind) = kind {
            self.record(id, kind, Details::None);
        }
        steps::iteration_aborted(self, id);
        self.halt(id);
    }
}

/// A catcher's output and variables.
pub(crate) fn caught(
    language: Language,
    catcher: &Catcher,
    index: usize,
    view: &View,
    failure: &Failure,
) -> Result<(Arc<Value>, Assigned), Fault> {
    let error = Arc::new(failure.output());
    let assigns = catcher.assign.as_ref();
    if language == Language::JSONPath {
        let assigned = assign(language, assigns, "Assign", &view.over(&error))?;
        return Ok((insert(&catcher.result_path, view, error)?, assigned));
    }
    let place = format!("Catch[{index}]/");
    let scope = Scope {
        error_output: Some(&error),
        ..view.scope()
    };
    let output = output(catcher.output.as_ref(), &format!("{place}Output"), &scope)?;
    let assigned = assign(language, assigns, &format!("{place}Assign"), &scope)?;
    Ok((output.unwrap_or(error), assigned))
}

impl Failure {
    /// The error output: what a catcher sees.
    pub fn output(&self) -> Value {
        let text = |text: &Option<String>| Value::String(text.clone().unwrap_or_default());
        let mut output = Map::new();
        output.insert("Error".to_owned(), text(&self.error));
        output.insert("Cause".to_owned(), text(&self.cause));
        Value::Object(output)
    }
}
