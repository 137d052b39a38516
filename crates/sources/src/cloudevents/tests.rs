#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};
use wisp_core::{
    Code, Result,
    ports::{Delivery, Event, EventSource, Subscription},
};

use super::{CloudEvents, FEEDS};

fn receive(headers: &[(&str, &str)], body: &str, trusted: bool) -> Result<Vec<Event>> {
    let settings = json!({"token": "t"});
    let Subscription::Receiver(receiver) = CloudEvents.open(&FEEDS[0], settings.as_object().unwrap()).unwrap() else {
        panic!("CloudEvents are received")
    };
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let delivery = Delivery {
        headers: &headers,
        body: body.as_bytes(),
    };
    receiver.receive(&delivery, 0, trusted)
}

fn check(headers: &[(&str, &str)], body: &str, id: &str, expected: Value) {
    let events = receive(headers, body, true).unwrap();
    let said: Value = serde_json::from_str(events[0].data.get()).unwrap();
    assert_eq!((events.len(), events[0].id.as_str(), said), (1, id, expected));
}

#[test]
fn structured_and_binary_mode_say_the_same() {
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "datacontenttype": "application/json", "data": {"n": 1}});
    let kind = ("content-type", "application/cloudevents+json; charset=UTF-8");
    check(&[kind], &event.to_string(), "/s\n1", event.clone());
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
        ("content-type", "application/json"),
        ("host", "x"),
    ];
    check(&headers, r#"{"n": 1}"#, "/s\n1", event);
}

#[test]
fn binary_data_and_escaped_attributes() {
    let base = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
    let plain = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"});
    let merged = |more: Value| {
        let mut event = plain.as_object().unwrap().clone();
        event.extend(more.as_object().unwrap().clone());
        Value::Object(event)
    };
    check(&with(&[]), "", "/s\n1", plain.clone());
    check(
        &with(&[("ce-subject", "Euro%20%E2%82%AC")]),
        "",
        "/s\n1",
        merged(json!({"subject": "Euro €"})),
    );
    check(
        &with(&[("content-type", "text/plain")]),
        "hi",
        "/s\n1",
        merged(json!({"datacontenttype": "text/plain", "data": "hi"})),
    );
    check(
        &with(&[("content-type", "image/png")]),
        "hi",
        "/s\n1",
        merged(json!({"datacontenttype": "image/png", "data_base64": "aGk="})),
    );
}

#[test]
fn a_batch_has_many() {
    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t"});
    let kind = [("content-type", "application/cloudevents-batch+json")];
    let events = receive(&kind, &json!([event("1"), event("2")]).to_string(), true).unwrap();
    assert_eq!(
        events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(),
        ["/s\n1", "/s\n2"]
    );
    assert!(receive(&kind, "[]", true).unwrap().is_empty());
    assert!(
        receive(&kind, &json!([event("1"), event("")]).to_string(), true).is_err(),
        "one wrong one refuses all"
    );
}

#[test]
fn what_is_no_cloudevent_is_refused() {
    let kind = [("content-type", "application/cloudevents+json")];
    for (body, message) in [
        (json!({}), "The CloudEvent has no attribute specversion."),
        (
            json!({"specversion": "0.3"}),
            "The CloudEvent has specversion '0.3'; this platform reads 1.0.",
        ),
        (
            json!({"specversion": "1.0", "type": "t"}),
            "The CloudEvent has no attribute source.",
        ),
        (
            json!({"specversion": "1.0", "type": "t", "source": "s"}),
            "The CloudEvent has no attribute id.",
        ),
        (
            json!({"specversion": "1.0", "type": "t", "source": "s", "id": "1", "Bad": 1}),
            "'Bad' is not the name of a CloudEvent's attribute.",
        ),
        (
            json!({"specversion": "1.0", "type": "t", "source": "s", "id": "1", "a": {}}),
            "The CloudEvent's attribute a is not a plain value.",
        ),
        (
            json!({"specversion": "1.0", "type": "t", "data": 1, "data_base64": "x"}),
            "The CloudEvent has both data and data_base64.",
        ),
    ] {
        assert_eq!(receive(&kind, &body.to_string(), true).unwrap_err().message(), message);
    }
    let code = |headers: &[(&str, &str)]| receive(headers, "{}", true).unwrap_err().code();
    assert_eq!(
        code(&[("content-type", "application/json")]),
        Code::UnsupportedMediaType
    );
}

#[test]
fn senders_prove_that_they_may() {
    let event = r#"{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}"#;
    let kind = ("content-type", "application/cloudevents+json");
    let code = |headers: &[(&str, &str)]| {
        receive(headers, event, false)
            .map(|events| events.len())
            .map_err(|error| error.code())
    };
    assert_eq!(code(&[kind]), Err(Code::Unauthenticated));
    assert_eq!(code(&[kind, ("authorization", "Bearer x")]), Err(Code::Unauthenticated));
    assert_eq!(code(&[kind, ("authorization", "bearer t")]), Ok(1));
}
