use serde_json::{Map, Value};
use wisp_core::model::{Activation, Annotations, Millis, Outcome, Response};
use wisp_workflow::composer::Line;

use crate::{
    invoke::{Call, object},
    record,
};

/// What there is to tell of one call of a conductor, for its record.
pub(super) struct Told {
    /// When it began.
    pub start: Millis,
    /// What was logged.
    pub lines: Vec<String>,
    /// Bytes of logs that are still kept.
    left: usize,
    /// What the sandbox said of itself, if it ran.
    sandbox: Option<Annotations>,
}

impl Told {
    pub fn new(call: &Call, start: Millis, lines: Vec<String>) -> Self {
        let most = usize::try_from(call.resolved.action.limits.logs << 20).unwrap_or(usize::MAX);
        let used = lines.iter().map(String::len).sum();
        Self {
            start,
            lines,
            left: most.saturating_sub(used),
            sandbox: None,
        }
    }

    /// Adds what was logged here.
    pub fn log(&mut self, lines: Vec<Line>, now: Millis) {
        for line in lines {
            let stream = if line.error { "stderr" } else { "stdout" };
            self.push(format!("{} {stream}: {}", timestamp(now), line.text));
        }
    }

    /// Adds what was logged in the sandbox.
    pub fn ran(&mut self, activation: &Activation) {
        activation.logs.iter().for_each(|line| self.push(line.clone()));
        let first = self.sandbox.get_or_insert_with(|| activation.annotations.clone());
        if let Some(timeout) = activation.annotations.get("timeout") {
            first.set("timeout", timeout.clone());
        }
    }

    fn push(&mut self, line: String) {
        // Once a line has no room, the log ends.
        self.left = self.left.saturating_sub(line.len());
        if self.left > 0 {
            self.lines.push(line);
        }
    }

    /// The record.
    pub fn record(self, call: &Call, response: Response, now: Millis) -> Activation {
        let mut activation = record::without_worker(call, response, self.start, now.max(self.start));
        for annotation in self.sandbox.iter().flat_map(Annotations::iter) {
            if annotation.key != "waitTime" {
                activation.annotations.insert(annotation.clone());
            }
        }
        activation.logs = self.lines;
        activation
    }
}

/// The response that an answer is, as if a sandbox had given it.
pub(super) fn response(answer: Map<String, Value>, limit: u64) -> Response {
    let failed = answer.contains_key("error");
    let text = Value::Object(answer).to_string();
    let size = text.len() as u64;
    if size > limit {
        let kept = text.floor_char_boundary(usize::try_from(limit).unwrap_or(usize::MAX));
        let start = text.get(..kept).unwrap_or_default().to_owned();
        return Outcome::ResultTooLarge { size, limit, start }.response();
    }
    let Ok(result) = serde_json::value::RawValue::from_string(text) else {
        return Outcome::Exited.response();
    };
    match failed {
        true => Outcome::ApplicationError(result.into()).response(),
        false => Outcome::Success(result.into()).response(),
    }
}

/// The result of an activation, if it is an object.
pub(super) fn result(activation: &Activation) -> Map<String, Value> {
    object(&activation.response.result).unwrap_or_default()
}

/// A time as logs have it: 30 columns, of which three decimals are known.
fn timestamp(at: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(at).unwrap_or_default()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
