use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::apart;

/// What a history event tells beside its type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Details {
    /// Nothing.
    #[default]
    None,
    /// An execution began.
    Started {
        /// Its input.
        #[serde(with = "apart")]
        input: Arc<Value>,
        /// As whom it acts.
        role_arn: String,
        /// The version that it runs, if it was started by one or by an alias.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        version_arn: Option<String>,
        /// The alias that it was started by.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        alias_arn: Option<String>,
    },
    /// A state was entered.
    Entered {
        /// The state's.
        name: Arc<str>,
        /// Raw.
        #[serde(with = "apart")]
        input: Arc<Value>,
    },
    /// A state was left.
    Exited {
        /// The state's.
        name: Arc<str>,
        /// The next one's input.
        #[serde(with = "apart")]
        output: Arc<Value>,
        /// Variables that it set.
        #[serde(skip_serializing_if = "Map::is_empty", default)]
        assigned: Map<String, Value>,
    },
    /// A function or an activity was scheduled.
    Scheduled {
        /// What is called.
        resource: String,
        /// Its input.
        #[serde(with = "apart")]
        input: Arc<Value>,
        /// Of the state.
        timeout_seconds: Option<u64>,
        /// Of the state.
        heartbeat_seconds: Option<u64>,
        /// `RoleArn` of the state's credentials.
        credentials: Option<Value>,
    },
    /// A worker took an activity's task.
    Worker {
        /// Its name.
        name: Option<String>,
    },
    /// An execution, a function or an activity succeeded.
    Output {
        /// Its result.
        #[serde(with = "apart")]
        output: Arc<Value>,
    },
    /// Something failed.
    Failure {
        /// Name of the error.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
    /// A call of a service was scheduled.
    TaskScheduled {
        /// The service.
        service: String,
        /// Its API, with the pattern.
        api: String,
        /// Where.
        region: String,
        /// What is sent.
        #[serde(with = "apart")]
        parameters: Arc<Value>,
        /// Of the state.
        timeout_seconds: Option<u64>,
        /// Of the state.
        heartbeat_seconds: Option<u64>,
        /// `RoleArn` of the state's credentials.
        credentials: Option<Value>,
    },
    /// A service took it, or answered.
    Task {
        /// The service.
        service: String,
        /// Its API, with the pattern.
        api: String,
        /// The answer.
        #[serde(with = "apart::option", skip_serializing_if = "Option::is_none", default)]
        output: Option<Arc<Value>>,
    },
    /// A call of a service failed.
    TaskFailure {
        /// The service.
        service: String,
        /// Its API, with the pattern.
        api: String,
        /// Name of the error.
        error: Option<String>,
        /// Its story.
        cause: Option<String>,
    },
    /// A Map has so many items.
    Length(u32),
    /// An iteration of a Map.
    Iteration {
        /// The Map state's.
        name: Arc<str>,
        /// From zero.
        index: u32,
    },
    /// A map run.
    MapRun {
        /// Its ARN.
        arn: String,
    },
    /// A map run was redriven.
    MapRunRedriven {
        /// Its ARN.
        arn: String,
        /// For the how many-th time.
        count: u32,
    },
    /// A JSONata expression failed.
    Evaluation {
        /// Name of the error.
        error: String,
        /// Its story.
        cause: String,
        /// The field.
        location: Option<String>,
        /// The state's name.
        state: Arc<str>,
    },
    /// The execution was redriven, for the how many-th time.
    Redriven(u32),
}

impl Details {
    /// Whether there is nothing to tell.
    pub fn is_none(&self) -> bool {
        matches!(self, Details::None)
    }

    /// The details as the API gives them: payloads as JSON text.
    pub(super) fn to_json(&self, data: bool) -> Option<Value> {
        let mut out = Fields(Map::new(), data);
        match self {
            Details::None => return None,
            Details::Started {
                input,
                role_arn,
                version_arn,
                alias_arn,
            } => out
                .payload("input", input)
                .put("roleArn", role_arn)
                .some("stateMachineVersionArn", version_arn.as_deref())
                .some("stateMachineAliasArn", alias_arn.as_deref()),
            Details::Entered { name, input } => out.put("name", &**name).payload("input", input),
            Details::Exited { name, output, assigned } => {
                out.put("name", &**name).payload("output", output).assigned(assigned)
            }
            Details::Scheduled {
                resource,
                input,
                timeout_seconds,
                heartbeat_seconds,
                credentials,
            } => out
                .put("resource", resource)
                .payload("input", input)
                .limits(*timeout_seconds, *heartbeat_seconds)
                .credentials(credentials.as_ref()),
            Details::Worker { name } => out.some("workerName", name.as_deref()),
            Details::Output { output } => out.payload("output", output),
            Details::Failure { error, cause } => out.failure(error, cause),
            Details::TaskScheduled {
                service,
                api,
                region,
                parameters,
                timeout_seconds,
                heartbeat_seconds,
                credentials,
            } => out
                .task(service, api)
                .put("region", region)
                .text("parameters", parameters)
                .limits(*timeout_seconds, *heartbeat_seconds)
                .credentials(credentials.as_ref()),
            Details::Task { service, api, output } => match output {
                Some(output) => out.task(service, api).payload("output", output),
                None => out.task(service, api),
            },
            Details::TaskFailure {
                service,
                api,
                error,
                cause,
            } => out.task(service, api).failure(error, cause),
            Details::Length(length) => out.put("length", *length),
            Details::Iteration { name, index } => out.put("name", &**name).put("index", *index),
            Details::MapRun { arn } => out.put("mapRunArn", arn),
            Details::MapRunRedriven { arn, count } => out.put("mapRunArn", arn).put("redriveCount", *count),
            Details::Evaluation {
                error,
                cause,
                location,
                state,
            } => out
                .put("error", error)
                .put("cause", cause)
                .some("location", location.as_deref())
                .put("state", &**state),
            Details::Redriven(count) => out.put("redriveCount", *count),
        };
        Some(Value::Object(out.0))
    }
}

/// The object being made, and whether payloads go into it.
struct Fields(Map<String, Value>, bool);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Put>) -> &mut Self {
        self.0.insert(name.to_owned(), value.into().0);
        self
    }

    fn some(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    fn text(&mut self, name: &str, payload: &Value) -> &mut Self {
        if self.1 {
            self.put(name, payload.to_string().as_str());
        }
        self
    }

    fn payload(&mut self, name: &str, payload: &Value) -> &mut Self {
        self.text(name, payload);
        if self.1 {
            self.0.insert(format!("{name}Details"), json!({"truncated": false}));
        }
        self
    }

    fn assigned(&mut self, assigned: &Map<String, Value>) -> &mut Self {
        if !assigned.is_empty() && self.1 {
            let texts = assigned
                .iter()
                .map(|(name, value)| (name.clone(), Value::String(value.to_string())));
            self.0
                .insert("assignedVariables".to_owned(), Value::Object(texts.collect()));
            self.0
                .insert("assignedVariablesDetails".to_owned(), json!({"truncated": false}));
        }
        self
    }

    fn failure(&mut self, error: &Option<String>, cause: &Option<String>) -> &mut Self {
        self.some("error", error.as_deref()).some("cause", cause.as_deref())
    }

    fn limits(&mut self, timeout: Option<u64>, heartbeat: Option<u64>) -> &mut Self {
        for (name, seconds) in [("timeoutInSeconds", timeout), ("heartbeatInSeconds", heartbeat)] {
            if let Some(seconds) = seconds {
                self.0.insert(name.to_owned(), json!(seconds));
            }
        }
        self
    }

    fn task(&mut self, service: &str, api: &str) -> &mut Self {
        self.put("resourceType", service).put("resource", api)
    }

    fn credentials(&mut self, credentials: Option<&Value>) -> &mut Self {
        if let Some(role) = credentials.and_then(|all| all.get("RoleArn")) {
            self.0.insert("taskCredentials".to_owned(), json!({"roleArn": role}));
        }
        self
    }
}

struct Put(Value);

impl From<&str> for Put {
    fn from(text: &str) -> Self {
        Self(Value::String(text.to_owned()))
    }
}

impl From<&String> for Put {
    fn from(text: &String) -> Self {
        Self(Value::String(text.clone()))
    }
}

impl From<u32> for Put {
    fn from(number: u32) -> Self {
        Self(Value::from(number))
    }
}
