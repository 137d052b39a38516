use std::time::Duration;

use serde_json::Value;
use wisp_core::model::Fqn;
use wisp_workflow::orchestration::Failure;

use super::call::{Answered, Request, failure};
use crate::{control::Control, event::id_of, orchestrations::Task};

/// The status of an answer that is not ready yet.
const ACCEPTED: u64 = 202;

/// Pause before it is asked for again, if the answer does not say.
const PAUSE: Duration = Duration::from_secs(30);

impl Control {
    /// Makes an orchestrator's request to the web, from a sandbox of its action: what may be reached is decided there. While the
    /// answer says that there is none yet, it is asked for again where it says; no sandbox waits meanwhile.
    pub(super) async fn fetch(&self, work: &Task, host: &Fqn, mut wanted: Value) -> Answered<Value> {
        if !wanted["tokenSource"].is_null() {
            return Ok(Err(no_token()));
        }
        let mut round: u64 = 0;
        loop {
            let id = id_of(&["http", &work.id(), &round.to_string()]);
            let request = Request {
                kind: "http",
                name: "",
                body: Value::Null,
                input: wanted.clone(),
                session: &work.instance,
            };
            let answer = match self.ask(id, &work.hub.namespace, host, request).await? {
                Ok(reply) => reply.value,
                Err(failure) => return Ok(Err(failure)),
            };
            let waits = wanted["asynchronousPatternEnabled"] != Value::Bool(false);
            let next = header(&answer, "location").filter(|_| waits && answer["statusCode"] == ACCEPTED);
            let Some(next) = next else {
                return Ok(Ok(answer));
            };
            wanted["uri"] = next.into();
            wanted["method"] = "GET".into();
            wanted["content"] = Value::Null;
            self.inner.clock.sleep(pause(&answer)).await;
            round += 1;
        }
    }
}

fn header<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let headers = answer["headers"].as_object()?;
    let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_str())
}

fn pause(answer: &Value) -> Duration {
    let seconds = header(answer, "retry-after").and_then(|text| text.parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs)
}

fn no_token() -> Box<Failure> {
    failure(
        "NotSupported",
        "A request with a token source cannot be made: this platform has no managed identities.",
    )
}
