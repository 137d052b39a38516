#![allow(clippy::unwrap_used, clippy::panic)]

use ring::hmac;
use serde_json::{Value, json};
use wisp_core::{
    Code, Result,
    ports::{Delivery, Event, EventSource, Subscription},
};

use super::{Webhook, feeds::FEEDS};

const NOW: u64 = 1_700_000_000_000;

fn receive(feed: &str, settings: Value, headers: &[(&str, String)], body: &str) -> Result<Vec<Event>> {
    let feed = FEEDS.iter().find(|known| known.name == feed).unwrap();
    let settings = Webhook.check(feed, settings.as_object().unwrap(), None).unwrap();
    let Subscription::Receiver(receiver) = Webhook.open(feed, &settings).unwrap() else {
        panic!("a webhook is received")
    };
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let delivery = Delivery {
        headers: &headers,
        body: body.as_bytes(),
    };
    receiver.receive(&delivery, NOW, false)
}

fn sign(secret: &str, message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, message.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(events: &[Event]) -> Vec<(String, Value)> {
    let said = |event: &Event| (event.id.clone(), serde_json::from_str(event.data.get()).unwrap());
    events.iter().map(said).collect()
}

#[test]
fn github_signs_the_body_and_names_deliveries() {
    let body = r#"{"action":"opened"}"#;
    // The example of the sender's documentation, computed with another program.
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let settings = json!({"secret": "It's a Secret to Everybody"});
    let events = receive(
        "github",
        settings.clone(),
        &[("x-hub-signature-256", known.into())],
        "Hello, World!",
    )
    .unwrap();
    assert_eq!(said(&events)[0].1["body"], "Hello, World!");
    let headers = [
        (
            "x-hub-signature-256",
            format!("sha256={}", sign("It's a Secret to Everybody", body)),
        ),
        ("x-github-delivery", "d-1".into()),
    ];
    let events = said(&receive("github", settings.clone(), &headers, body).unwrap());
    assert_eq!(events[0].0, "d-1");
    assert_eq!(events[0].1["action"], "opened");
    assert_eq!(events[0].1["__ow_headers"]["x-github-delivery"], "d-1");
    for wrong in [body.replace("opened", "closed"), String::new()] {
        assert_eq!(
            receive("github", settings.clone(), &headers, &wrong)
                .unwrap_err()
                .code(),
            Code::Unauthenticated
        );
    }
    assert_eq!(
        receive("github", settings, &[], body).unwrap_err().code(),
        Code::Unauthenticated
    );
}

#[test]
fn gitlab_sends_the_secret() {
    let token = |token: &str| [("x-gitlab-token", token.to_owned()), ("idempotency-key", "k".into())];
    let events = said(&receive("gitlab", json!({"secret": "s"}), &token("s"), "{}").unwrap());
    assert_eq!(events[0].0, "k");
    assert_eq!(
        events[0].1["__ow_headers"].get("x-gitlab-token"),
        None,
        "it is not passed on"
    );
    assert!(receive("gitlab", json!({"secret": "s"}), &token("t"), "{}").is_err());
}

#[test]
fn stripe_signs_time_and_body() {
    let body = r#"{"id":"evt_1","type":"charge.succeeded"}"#;
    let seconds = NOW / 1_000;
    let header = |seconds: u64| {
        let signature = sign("whsec", &format!("{seconds}.{body}"));
        [(
            "stripe-signature",
            format!("t={seconds},v1={},v1={signature},v0=x", "0".repeat(64)),
        )]
    };
    let settings = json!({"secret": "whsec"});
    let events = said(&receive("stripe", settings.clone(), &header(seconds - 299), body).unwrap());
    assert_eq!(events[0].0, "evt_1");
    for (headers, message) in [
        (header(seconds - 301), "The signature is too old."),
        (
            [("stripe-signature", format!("t={seconds},v1={}", sign("other", body)))],
            "The signature is not valid.",
        ),
        ([("stripe-signature", "v1=x".into())], "The signature has no time."),
    ] {
        assert_eq!(
            receive("stripe", settings.clone(), &headers, body)
                .unwrap_err()
                .message(),
            message
        );
    }
}

#[test]
fn a_generic_signature_is_where_and_how_the_user_says() {
    let settings = json!({"secret": "s", "header": "X-Sig", "prefix": "v1:", "idHeader": "X-Id"});
    let headers = [("x-sig", format!("v1:{}", sign("s", "[1]"))), ("x-id", "7".into())];
    let events = said(&receive("generic", settings, &headers, "[1]").unwrap());
    assert_eq!((events[0].0.as_str(), &events[0].1["body"]), ("7", &json!([1])));
    let headers = [("x-signature", sign("s", "a"))];
    let (first, second) = (
        receive("generic", json!({"secret": "s"}), &headers, "a").unwrap(),
        receive("generic", json!({"secret": "s"}), &headers, "a").unwrap(),
    );
    assert_eq!(first[0].id, second[0].id, "a body names itself");
    assert!(receive("generic", json!({"secret": "s"}), &[("x-signature", "zz".into())], "a").is_err());
}
