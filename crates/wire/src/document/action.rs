use serde::{Deserialize, Serialize};
use wisp_core::model::{Action, ActionLimits, Annotations, Exec, Fqn, Millis, Parameters, Version};

/// An action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionDoc {
    /// `ns`, or `ns/pkg`: where the action is, even if it was reached through a binding.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What runs.
    pub exec: ExecDoc,
    /// Annotations.
    pub annotations: Annotations,
    /// Bound parameters.
    pub parameters: Parameters,
    /// Limits.
    pub limits: ActionLimits,
    /// Its version.
    pub version: Version,
    /// Echoed only.
    pub publish: bool,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
    /// The binding that it was reached through, when no code was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
}

/// What an action runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecDoc {
    /// The kind.
    pub kind: String,
    /// Text, or base64; absent when it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The entry point, if the user named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// The image of a blackbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether the code is base64; absent for sequences only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<bool>,
    /// The steps of a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<String>>,
}

impl ActionDoc {
    /// The document of an action, with its code if there is any to show.
    pub fn new(action: &Action, code: Option<String>) -> Self {
        Self {
            namespace: action.fqn.path(),
            name: action.fqn.name().to_owned(),
            exec: ExecDoc::new(&action.exec, code),
            annotations: action.annotations.clone(),
            parameters: action.parameters.clone(),
            limits: action.limits,
            version: action.version,
            publish: action.publish,
            updated: action.updated,
            binding: None,
        }
    }
}

impl ExecDoc {
    fn new(exec: &Exec, code: Option<String>) -> Self {
        let kind = exec.kind().to_owned();
        let main = exec.main().map(str::to_owned);
        let binary = Some(exec.binary());
        match exec {
            Exec::Code { .. } => Self {
                kind,
                code,
                main,
                binary,
                ..Self::default()
            },
            Exec::Blackbox { image, .. } => Self {
                kind,
                code,
                main,
                binary,
                image: Some(image.clone()),
                ..Self::default()
            },
            Exec::Builtin => Self {
                kind,
                binary,
                ..Self::default()
            },
            Exec::Sequence { components } => {
                let components = Some(components.iter().map(Fqn::absolute).collect());
                Self {
                    kind,
                    components,
                    ..Self::default()
                }
            }
        }
    }
}

/// An action in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionSummary {
    /// `ns`, or `ns/pkg`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Echoed only.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
    /// Limits.
    pub limits: ActionLimits,
    /// What lists show of its code.
    pub exec: ExecSummary,
}

/// What lists show of an action's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSummary {
    /// Whether it is base64.
    pub binary: bool,
}

impl From<&Action> for ActionSummary {
    fn from(action: &Action) -> Self {
        Self {
            namespace: action.fqn.path(),
            name: action.fqn.name().to_owned(),
            version: action.version,
            publish: action.publish,
            annotations: action.annotations.clone(),
            updated: action.updated,
            limits: action.limits,
            exec: ExecSummary {
                binary: action.exec.binary(),
            },
        }
    }
}
