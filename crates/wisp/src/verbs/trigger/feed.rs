use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Value, value::RawValue};
use wisp_core::model::Fqn;
use wisp_wire::client::{Client, Invoke, Invoked, Pair};

use crate::cli::{self, FunctionFailed, Session, Waiting};

/// What a feed is told. The client drives the protocol: OpenWhisk's server knows nothing of feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A trigger was made.
    Create,
    /// Somebody wants to see its settings.
    Read,
    /// Its settings change.
    Update,
    /// It is about to be deleted.
    Delete,
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Event::Create => "CREATE",
            Event::Read => "READ",
            Event::Update => "UPDATE",
            Event::Delete => "DELETE",
        }
    }
}

/// The feed of a trigger's document.
pub fn of(document: &Value) -> Option<&str> {
    cli::annotation(document, "feed")
        .and_then(Value::as_str)
        .filter(|feed| !feed.is_empty())
}

/// Calls a feed about a trigger and returns its activation's record. A feed that fails is shown and ends the verb.
pub async fn call(
    session: &Session,
    client: &Client,
    feed: &str,
    event: Event,
    trigger: &Fqn,
    params: Option<&BTreeMap<String, Box<RawValue>>>,
) -> anyhow::Result<Value> {
    let failed = || {
        format!(
            "Unable to configure trigger '{}' through its feed '{feed}'",
            trigger.name()
        )
    };
    let payload = payload(params, event, trigger, &session.key()?);
    let invoked = {
        let _waiting = Waiting::new(format!("waiting for feed {feed}"));
        client
            .invoke(&session.entity(feed)?, &payload, Invoke::blocking())
            .await
    };
    let (status, reason) = match invoked.with_context(failed)? {
        Invoked::Ended { status: 200, body, .. } => return Ok(body),
        Invoked::Ended { status, body, .. } => match &body["response"]["result"]["error"] {
            Value::String(reason) => (status, reason.clone()),
            other => (status, other.to_string()),
        },
        Invoked::Accepted { id } => (202, format!("it has not finished yet, with id {id}")),
    };
    let text = format!("{}: {reason}", failed());
    Err(FunctionFailed { text, status }.into())
}

/// The parameters with those of the protocol laid over them.
fn payload(
    params: Option<&BTreeMap<String, Box<RawValue>>>,
    event: Event,
    trigger: &Fqn,
    key: &str,
) -> BTreeMap<String, Box<RawValue>> {
    let mut payload = params.cloned().unwrap_or_default();
    for (name, value) in [
        ("lifecycleEvent", event.as_str()),
        ("triggerName", &trigger.absolute()),
        ("authKey", key),
    ] {
        payload.insert(name.to_owned(), Pair::new(name, &value.into()).value);
    }
    payload
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_protocol_overrides_parameters_of_the_same_name() {
        let params = BTreeMap::from([
            ("cron".to_owned(), Pair::new("", &json!("* * * * *")).value),
            ("authKey".to_owned(), Pair::new("", &json!("stolen")).value),
        ]);
        let payload = payload(Some(&params), Event::Create, &"_/t".parse().unwrap(), "u:k");
        let expected =
            json!({"authKey": "u:k", "cron": "* * * * *", "lifecycleEvent": "CREATE", "triggerName": "/_/t"});
        assert_eq!(serde_json::to_value(payload).unwrap(), expected);
    }

    #[test]
    fn a_feed_is_an_annotation() {
        let annotated = |value: Value| json!({"annotations": [{"key": "feed", "value": value}]});
        assert_eq!(
            of(&annotated(json!("/whisk.system/alarms/alarm"))),
            Some("/whisk.system/alarms/alarm")
        );
        assert_eq!(
            (of(&annotated(json!(""))), of(&annotated(json!(true))), of(&json!({}))),
            (None, None, None)
        );
    }
}
