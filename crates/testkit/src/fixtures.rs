//! Valid values of the model, as plain as can be.

use std::sync::Arc;

use wisp_core::model::{
    Accepted, Activation, ActivationId, Annotations, Caller, Chain, Delivery, EntityName, Fqn, Json, Millis, Response,
    Status, Version,
};

/// A namespace.
pub fn namespace(name: &str) -> EntityName {
    EntityName::namespace(name).unwrap()
}

/// A JSON text.
pub fn json(text: &str) -> Json {
    serde_json::from_str::<Box<serde_json::value::RawValue>>(text)
        .unwrap()
        .into()
}

/// The record of a successful activation of an action, `name` or `package/name`, in a namespace.
pub fn activation(namespace: &str, action: &str, id: u128, start: Millis) -> Activation {
    let path: Fqn = format!("{namespace}/{action}").parse().unwrap();
    let mut annotations = Annotations::new();
    annotations.set("path", path.to_string());
    annotations.set("kind", "nodejs:20");
    Activation {
        namespace: self::namespace(namespace),
        name: path.entity().clone(),
        version: Version::default(),
        subject: "somebody".into(),
        activation_id: ActivationId::from_bits(id),
        cause: None,
        start,
        end: Some(start + 5),
        duration: Some(5),
        response: Response::new(Status::Success, json(r#"{"greeting":"hello"}"#)),
        logs: vec!["2023-11-14T22:13:20.123000000Z stdout: hello".into()],
        annotations,
        publish: false,
    }
}

/// A promise to run an action of a namespace.
pub fn accepted(namespace: &str, id: u128, at: Millis) -> Accepted {
    Accepted {
        id: ActivationId::from_bits(id),
        action: format!("{namespace}/greet").parse().unwrap(),
        payload: json(r#"{"name":"stranger"}"#),
        caller: Caller {
            namespace: self::namespace(namespace),
            subject: "somebody".into(),
        },
        sealed_key: Some("sealed".into()),
        transaction: "tid".into(),
        at,
        chain: Chain::default(),
        delivery: None,
    }
}

/// A promise to deliver an event to an action of a namespace.
pub fn delivery(namespace: &str, id: u128, at: Millis) -> Accepted {
    let name = |name: &str| format!("{namespace}/{name}").parse().unwrap();
    let delivery = Delivery {
        rule: name("onEvent"),
        trigger: name("event"),
        attempt: 1,
        faults: 0,
        taken: at,
        not_before: 0,
        order: None,
        attempts: Vec::new(),
        letter: false,
    };
    Accepted {
        delivery: Some(Arc::new(delivery)),
        ..accepted(namespace, id, at)
    }
}

/// The record of an activation whose function failed.
pub fn failed(namespace: &str, action: &str, id: u128, start: Millis) -> Arc<Activation> {
    Arc::new(Activation {
        response: Response::failure(Status::ApplicationError, "no"),
        ..activation(namespace, action, id, start)
    })
}

/// The same record behind a pointer, as the ports take it.
pub fn shared(namespace: &str, action: &str, id: u128, start: Millis) -> Arc<Activation> {
    Arc::new(activation(namespace, action, id, start))
}
