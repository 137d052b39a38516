use serde_json::json;
use wisp_core::model::{Activation, Annotations, Millis, Response};

use crate::invoke::Call;

/// The record of a call that no worker ran: the platform itself did, or nobody could.
pub(crate) fn without_worker(call: &Call, response: Response, start: Millis, end: Millis) -> Activation {
    Activation {
        annotations: annotations(call, start),
        name: call.resolved.action.fqn.entity().clone(),
        version: call.resolved.action.version,
        namespace: call.caller.namespace.clone(),
        subject: call.caller.subject.clone(),
        activation_id: call.id,
        cause: call.cause,
        start,
        end: Some(end),
        duration: Some(end.saturating_sub(start)),
        response,
        logs: Vec::new(),
        publish: false,
    }
}

fn annotations(call: &Call, start: Millis) -> Annotations {
    let action = &call.resolved.action;
    let mut annotations = Annotations::new();
    annotations.set("path", action.fqn.to_string());
    annotations.set("waitTime", start.saturating_sub(call.at));
    annotations.set("kind", action.exec.kind());
    annotations.set("timeout", false);
    annotations.set("limits", json!(action.limits));
    if call.cause.is_some() {
        annotations.set("causedBy", "sequence");
    }
    if let Some(binding) = &call.resolved.binding {
        annotations.set("binding", binding.to_string());
    }
    annotations
}
