use serde_json::Value;
use wisp_core::model::{Json, Outcome};

use super::{
    super::{
        outcome::{developer_error, of_result},
        protocol::{Kind, Message},
    },
    exchange::Answer,
};

/// What an answer to `/run` means: OpenWhisk's table.
///
/// Beyond it, an answer of unknown length (chunked) is taken, too: some servers send nothing else.
pub fn outcome(answer: Answer, limit: u64) -> Outcome {
    if answer.status == 200 {
        return of_result(message(answer), limit);
    }
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(object)) if object.contains_key("error") => match raw(&text) {
            Some(json) => Outcome::DeveloperError(json),
            None => Outcome::InvalidResult(text),
        },
        Ok(Value::Object(object)) => developer_error(&Value::Object(object).to_string()),
        _ => Outcome::InvalidResult(text),
    }
}

/// Why an initialisation failed, in the runtime's words.
pub fn init_failure(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(mut object)) => match object.remove("error") {
            Some(Value::String(reason)) => reason,
            Some(reason) => reason.to_string(),
            None => text,
        },
        _ if text.is_empty() => format!("/init was answered with status {}.", answer.status),
        _ => text,
    }
}

/// An answer's body as a result.
pub fn message(answer: Answer) -> Message {
    Message {
        kind: Kind::Result,
        token: None,
        size: answer.size,
        text: answer.body,
    }
}

/// JSON text as a result.
pub fn raw(text: &str) -> Option<Json> {
    let raw: Result<Box<serde_json::value::RawValue>, _> = serde_json::from_str(text);
    raw.ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            content_type: None,
            size: body.len() as u64,
            body: body.into(),
        }
    }

    #[test]
    fn answers_mean_what_openwhisk_says_they_mean() {
        for (status, body, expected) in [
            (200, r#"{"a":1}"#, r#"success {"a":1}"#),
            (200, "[1]", "success [1]"),
            (200, r#"{"error":"x"}"#, r#"application {"error":"x"}"#),
            (200, "\"text\"", "invalid \"text\""),
            (200, "", "invalid "),
            (502, r#"{"error":"boom"}"#, r#"developer {"error":"boom"}"#),
            (500, r#"{"why":"x"}"#, r#"developer {"error":"{\"why\":\"x\"}"}"#),
            (404, "nothing", "invalid nothing"),
        ] {
            let read = match outcome(answer(status, body), 100) {
                Outcome::Success(json) => format!("success {json}"),
                Outcome::ApplicationError(json) => format!("application {json}"),
                Outcome::DeveloperError(json) => format!("developer {json}"),
                Outcome::InvalidResult(text) => format!("invalid {text}"),
                other => panic!("{other:?}"),
            };
            assert_eq!(read, expected, "{status} {body}");
        }
        assert!(matches!(
            outcome(answer(200, r#"{"a":"long"}"#), 5),
            Outcome::ResultTooLarge { size: 12, limit: 5, .. }
        ));
    }

    #[test]
    fn failures_of_initialisation_are_told_in_the_runtimes_words() {
        for (body, expected) in [
            (r#"{"error":"no main"}"#, "no main"),
            (r#"{"error":{"a":1}}"#, r#"{"a":1}"#),
            ("plain", "plain"),
            ("", "/init was answered with status 502."),
        ] {
            assert_eq!(init_failure(&answer(502, body)), expected);
        }
    }
}
