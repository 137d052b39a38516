use std::{sync::Arc, time::Duration};

use serde_json::json;
use wisp_core::{
    Result,
    model::{Activation, Annotations, Invocation, Isolation, Millis, Outcome},
    ports::Line,
};

use crate::{start::Start, worker::Inner};

/// What is known of an activation when it has ended.
#[derive(Default)]
pub(crate) struct Ended {
    /// When its initialisation or run began.
    pub start: Millis,
    /// When it ended.
    pub end: Millis,
    /// How long the initialisation took, if there was one.
    pub init: Option<Duration>,
    /// How long the run took, if there was one.
    pub run: Option<Duration>,
    /// How it came by its instance, if it did.
    pub how: Option<Start>,
    /// How it ended; none only before it has.
    pub outcome: Option<Outcome>,
    /// What it wrote.
    pub logs: Vec<Line>,
    /// Whether lines are missing.
    pub truncated: bool,
}

impl Ended {
    /// The end of an invocation that found no instance.
    pub fn without_run(outcome: Outcome, now: Millis) -> Self {
        Self {
            start: now,
            end: now,
            outcome: Some(outcome),
            ..Self::default()
        }
    }

    /// Notes when it ended.
    pub fn end(&mut self, now: Millis) {
        self.end = now.max(self.start);
    }
}

impl Inner {
    /// Writes the record of an activation, unless it is a part of one, and returns it.
    pub async fn finish(&self, invocation: Invocation, ended: Ended) -> Result<Arc<Activation>> {
        let wait = ended.start.saturating_sub(invocation.at);
        let annotations = annotations(&invocation, &ended, wait);
        let outcome = ended.outcome.unwrap_or(Outcome::Exited);
        let Invocation {
            id,
            action,
            caller,
            cause,
            part,
            ..
        } = invocation;
        let response = outcome.response();
        self.meters
            .activation(&action, response.status, wait, ended.init, ended.run);
        if let Some(how) = &ended.how {
            self.meters.start(&action, how);
        }
        let activation = Arc::new(Activation {
            namespace: caller.namespace,
            name: action.fqn.entity().clone(),
            version: action.version,
            subject: caller.subject,
            activation_id: id,
            cause,
            start: ended.start,
            end: Some(ended.end),
            duration: Some(ended.end - ended.start),
            response,
            logs: log_lines(&ended.logs, ended.truncated, action.limits.logs << 20),
            annotations,
            publish: false,
        });
        if !part {
            self.activations.finish(activation.clone()).await?;
        }
        Ok(activation)
    }
}

fn annotations(invocation: &Invocation, ended: &Ended, wait: u64) -> Annotations {
    let action = &invocation.action;
    let mut annotations = Annotations::new();
    annotations.set("path", action.fqn.to_string());
    annotations.set("waitTime", wait);
    if let Some(init) = ended.init {
        annotations.set("initTime", init.as_millis() as u64);
    }
    if let Some(start) = ended.how.as_ref().and_then(|how| how.annotation(ended.run)) {
        annotations.set("start", start);
    }
    annotations.set("kind", action.exec.kind());
    annotations.set(Isolation::ANNOTATION, invocation.isolation.as_str());
    annotations.set("timeout", ended.outcome.as_ref().is_some_and(Outcome::timed_out));
    annotations.set("limits", json!(action.limits));
    if invocation.cause.is_some() {
        annotations.set("causedBy", "sequence");
    }
    if let Some(binding) = &invocation.binding {
        annotations.set("binding", binding.to_string());
    }
    annotations
}

/// Lines as OpenWhisk keeps them: an ISO-8601 timestamp of 30 columns, the stream, the text.
fn log_lines(lines: &[Line], truncated: bool, limit: u64) -> Vec<String> {
    let mut logs: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}: {}", timestamp(line.at), line.stream.as_str(), line.text))
        .collect();
    if truncated {
        logs.push(format!(
            "Logs were truncated because the total bytes size exceeds the limit of {limit} bytes."
        ));
    }
    logs
}

/// A time with nine decimals, of which three are known.
fn timestamp(at: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(at as i64).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wisp_core::ports::Stream;

    #[test]
    fn log_lines_have_the_columns_that_clients_cut() {
        let line = Line {
            at: 1_700_000_000_123,
            stream: Stream::Stdout,
            text: "hello".into(),
        };
        let lines = log_lines(&[line], true, 10);
        assert_eq!(lines[0], "2023-11-14T22:13:20.123000000Z stdout: hello");
        assert_eq!(
            lines[1],
            "Logs were truncated because the total bytes size exceeds the limit of 10 bytes."
        );
    }
}
