//! What a turn works with: the machine, the execution, and what it has told and asked for so far.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::Limits;
use crate::execution::{Doing, Effect, Execution, Frame, FrameId, Item};
use crate::failure::Failure;
use crate::fields::View;
use crate::history::{Details, HistoryEvent, HistoryKind};
use crate::machine::{Machine, State};
use crate::query::Fault;

pub(crate) struct Interpreter<'a> {
    pub machine: &'a Machine,
    pub execution: &'a mut Execution,
    pub limits: &'a Limits,
    pub history: Vec<HistoryEvent>,
    pub effects: Vec<Effect>,
}

impl<'a> Interpreter<'a> {
    pub fn now(&self) -> i64 {
        self.execution.now_ms
    }

    pub fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.execution.frames.get(&id)
    }

    pub fn frame_mut(&mut self, id: FrameId) -> Option<&mut Frame> {
        self.execution.frames.get_mut(&id)
    }

    pub fn state(&self, id: FrameId) -> Option<&'a State> {
        self.machine.state(self.frame(id)?.state)
    }

    /// Lets the frame go on when those before it have.
    pub fn resume(&mut self, id: FrameId, doing: Doing) {
        if let Some(frame) = self.frame_mut(id) {
            frame.doing = doing;
            self.execution.ready.push_back(id);
        }
    }

    /// Adds an event of this frame to the history, after its latest one. Gives the event's id.
    pub fn record(&mut self, id: FrameId, kind: HistoryKind, details: Details) -> u64 {
        let previous = self.frame(id).map_or(0, |frame| frame.last);
        self.record_after(previous, id, kind, details)
    }

    /// Adds an event that names as its cause the one which the frame's latest event names: the service begins some
    /// events together, and those of one beginning name the same cause.
    pub fn record_beside(&mut self, id: FrameId, kind: HistoryKind, details: Details) -> u64 {
        let previous = self.frame(id).map_or(0, |frame| frame.before);
        self.record_after(previous, id, kind, details)
    }

    pub fn record_after(&mut self, previous: u64, id: FrameId, kind: HistoryKind, details: Details) -> u64 {
        let event = self.append(previous, kind, details);
        if let Some(frame) = self.frame_mut(id) {
            (frame.before, frame.last) = (previous, event);
        }
        event
    }

    /// Adds an event, unless there is room for only the last one.
    pub fn append(&mut self, previous: u64, kind: HistoryKind, details: Details) -> u64 {
        if !self.is_full() {
            self.append_last(previous, kind, details);
        }
        self.execution.last_event
    }

    pub fn append_last(&mut self, previous: u64, kind: HistoryKind, details: Details) {
        self.execution.last_event += 1;
        self.history.push(HistoryEvent {
            id: self.execution.last_event,
            previous,
            at_ms: self.execution.now_ms,
            kind,
            details,
        });
    }

    /// Whether the history has room for one event only, which must be the execution's end.
    pub fn is_full(&self) -> bool {
        !self.execution.express && self.execution.last_event + 1 >= self.limits.history_events
    }

    /// Sets a timer that this frame waits for.
    pub fn set_timer(&mut self, id: FrameId, after_ms: i64) -> u64 {
        let timer = self.execution.next_effect();
        self.execution.waiting.insert(timer, id);
        self.move_timer(timer, after_ms);
        timer
    }

    /// Sets a timer, which may be set already, to so long after now.
    pub fn move_timer(&mut self, id: u64, after_ms: i64) {
        self.clear_timer(id);
        let at_ms = self.now().saturating_add(after_ms);
        self.execution.timers.insert(id, at_ms);
        self.effects.push(Effect::SetTimer { id, at_ms });
    }

    fn clear_timer(&mut self, id: u64) {
        if let Some(at_ms) = self.execution.timers.remove(&id) {
            self.effects.push(Effect::ClearTimer { id, at_ms });
        }
    }

    /// Forgets a timer, and who waits for it.
    pub fn drop_timer(&mut self, id: u64) {
        self.clear_timer(id);
        self.execution.waiting.remove(&id);
    }

    /// What expressions of the frame's state see.
    pub fn view(&mut self, id: FrameId) -> Option<View> {
        let item = self.item(id);
        self.view_with(id, item.as_deref(), None)
    }

    /// As [`view`](Self::view), with this item and token in the context object.
    pub fn view_with(&mut self, id: FrameId, item: Option<&Item>, token: Option<&str>) -> Option<View> {
        let chance = self.execution.draw();
        let frame = self.frame(id)?;
        let state = self.machine.state(frame.state)?;
        let context = match state.reads_context {
            true => self.execution.context(frame, state, item, token),
            false => Value::Null,
        };
        Some(View {
            input: frame.input.clone(),
            context,
            variables: self.variables(id),
            now_ms: self.now(),
            chance,
            bounds: self.limits.expressions,
        })
    }

    /// The variables that a frame sees: its own, or those of the nearest that has some.
    pub fn variables(&self, id: FrameId) -> Arc<Map<String, Value>> {
        self.nearest(id, |frame| frame.variables.clone()).unwrap_or_default()
    }

    fn item(&self, id: FrameId) -> Option<Arc<Item>> {
        self.nearest(id, |frame| frame.item.clone())
    }

    fn nearest<T>(&self, id: FrameId, find: impl Fn(&Frame) -> Option<T>) -> Option<T> {
        let mut frame = self.frame(id)?;
        loop {
            if let Some(found) = find(frame) {
                return Some(found);
            }
            frame = self.frame(frame.parent?.frame)?;
        }
    }

    /// A fault of an expression as a failure of the frame's state.
    pub fn fault(&self, id: FrameId, fault: Fault) -> Failure {
        let name = self.state(id).map_or("", |state| &state.name);
        Failure::of_query(fault, name, self.frame(id).map_or(0, |frame| frame.entered))
    }

    /// Whether a payload is larger than the limit.
    pub fn is_too_large(&self, payload: &Value) -> bool {
        count(payload, self.limits.payload_bytes).is_err()
    }
}

/// Bytes of a value as JSON.
pub(crate) fn size(value: &Value) -> usize {
    // It cannot fail: keys are texts, and there is room for every byte.
    count(value, usize::MAX).unwrap_or(usize::MAX)
}

/// The same, if they are no more than so many.
fn count(value: &Value, most: usize) -> serde_json::Result<usize> {
    let mut counter = Counter { count: 0, most };
    serde_json::to_writer(&mut counter, value).map(|()| counter.count)
}

/// Bytes of a field of an object as JSON, with what separates it from the next.
pub(crate) fn field_size(name: &str, value: &Value) -> usize {
    name.len() + 4 + size(value)
}

/// Those of many.
pub(crate) fn fields_size(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| field_size(name, value)).sum()
}

/// Counts bytes that are written to it, and takes no more than so many.
struct Counter {
    count: usize,
    most: usize,
}

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.count += bytes.len();
        match self.count <= self.most {
            true => Ok(bytes.len()),
            false => Err(std::io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
