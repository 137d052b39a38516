use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wisp_core::model::{ActionLimits, Activation, ActivationId, Annotations, Millis, Response};

use crate::invoke::Call;

/// How a step ended, as far as what it is a step of needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Its id.
    pub id: ActivationId,
    duration: u64,
    memory: Option<u64>,
    /// How.
    pub response: Response,
    /// What the branch that it ends gives to its fork: its own result does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Map<String, Value>>,
}

impl From<&Activation> for Ended {
    fn from(activation: &Activation) -> Self {
        let limits = activation.annotations.get("limits");
        Self {
            id: activation.activation_id,
            duration: activation.duration.unwrap_or(0),
            memory: limits.and_then(|limits| limits.get("memory")?.as_u64()),
            response: activation.response.clone(),
            outcome: None,
        }
    }
}

impl Ended {
    /// With what it gives to a fork.
    pub fn giving(self, outcome: Option<Map<String, Value>>) -> Self {
        Self { outcome, ..self }
    }
}

/// What the steps of a sequence or composition amount to so far.
pub(crate) struct Steps {
    ids: Vec<ActivationId>,
    duration: u64,
    memory: Option<u64>,
    /// How the last one ended.
    pub response: Response,
    /// What the last one gives to a fork.
    pub outcome: Option<Map<String, Value>>,
}

impl Steps {
    /// No step yet; `response` is what the first one receives.
    pub fn new(response: Response) -> Self {
        Self {
            ids: Vec::new(),
            duration: 0,
            memory: None,
            response,
            outcome: None,
        }
    }

    /// Whether nothing has run yet.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The last one.
    pub fn last(&self) -> Option<ActivationId> {
        self.ids.last().copied()
    }

    /// How many have ended.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Adds a step that has ended.
    pub fn add(&mut self, ended: Ended) {
        self.ids.push(ended.id);
        self.duration += ended.duration;
        self.memory = self.memory.max(ended.memory);
        self.response = ended.response;
        self.outcome = ended.outcome;
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
