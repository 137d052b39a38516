use serde_json::json;
use wisp_core::model::{ActionLimits, Activation, ActivationId, Annotations, Millis, Response};

use crate::invoke::Call;

/// What the steps of a sequence or composition amount to so far.
pub(crate) struct Steps {
    ids: Vec<ActivationId>,
    duration: u64,
    memory: Option<u64>,
    /// How the last one ended.
    pub response: Response,
}

impl Steps {
    /// No step yet; `response` is what the first one receives.
    pub fn new(response: Response) -> Self {
        Self {
            ids: Vec::new(),
            duration: 0,
            memory: None,
            response,
        }
    }

    /// Whether nothing has run yet.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds a step that has ended.
    pub fn add(&mut self, activation: &Activation) {
        self.ids.push(activation.activation_id);
        self.duration += activation.duration.unwrap_or(0);
        let memory = activation
            .annotations
            .get("limits")
            .and_then(|limits| limits.get("memory")?.as_u64());
        self.memory = self.memory.max(memory);
        self.response = activation.response.clone();
    }

    /// The record of the whole: its logs are the ids of its steps.
    pub fn record(self, call: &Call, start: Millis, end: Millis) -> Activation {
        let annotations = self.annotations(call, start);
        Activation {
            namespace: call.caller.namespace.clone(),
            name: call.resolved.action.fqn.entity().clone(),
            version: call.resolved.action.version,
            subject: call.caller.subject.clone(),
            activation_id: call.id,
            cause: call.cause,
            start,
            end: Some(end),
            duration: Some(self.duration),
            response: self.response,
            logs: self.ids.iter().map(ActivationId::to_string).collect(),
            annotations,
            publish: false,
        }
    }

    fn annotations(&self, call: &Call, start: Millis) -> Annotations {
        let action = &call.resolved.action;
        let limits = ActionLimits {
            memory: self.memory.unwrap_or(action.limits.memory),
            ..action.limits
        };
        let mut annotations = Annotations::new();
        annotations.set("path", action.fqn.to_string());
        annotations.set("kind", "sequence");
        annotations.set("limits", json!(limits));
        annotations.set("topmost", call.cause.is_none());
        annotations.set("waitTime", start.saturating_sub(call.at));
        if call.cause.is_some() {
            annotations.set("causedBy", "sequence");
        }
        if let Some(binding) = &call.resolved.binding {
            annotations.set("binding", binding.to_string());
        }
        if action.is_conductor() {
            annotations.set("conductor", true);
        }
        annotations
    }
}
