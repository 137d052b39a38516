use serde::{Deserialize, Serialize};

use super::{ActionLimits, Annotations, Fqn, Millis, Parameters, Version};

/// A function, or a sequence of functions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Full name: `ns/name`, or `ns/pkg/name`.
    pub fqn: Fqn,
    /// What runs.
    pub exec: Exec,
    /// Bound parameters.
    pub parameters: Parameters,
    /// Limits of each activation.
    pub limits: ActionLimits,
    /// Raised by every update.
    pub version: Version,
    /// Stored and echoed; grants nothing (a package's does).
    pub publish: bool,
    /// Annotations, the automatic ones included.
    pub annotations: Annotations,
    /// Last change.
    pub updated: Millis,
}

impl Action {
    /// Whether its image is a plain web server: its annotation `protocol` is `http`.
    pub fn is_web_server(&self) -> bool {
        self.exec.image().is_some()
            && self
                .annotations
                .get("protocol")
                .is_some_and(|protocol| protocol == "http")
    }

    /// Whether it conducts a composition: a function whose annotation `conductor` is truthy.
    pub fn is_conductor(&self) -> bool {
        !matches!(self.exec, Exec::Sequence { .. }) && self.annotations.is_truthy("conductor")
    }
}

/// What an action runs. Kinds are names from the table of runtimes, never a closed set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exec {
    /// Code of a language on this platform.
    Code {
        /// The resolved kind, such as `nodejs:20`.
        kind: String,
        /// Where the code is.
        code: CodeRef,
        /// The entry point, if the user named one.
        main: Option<String>,
    },
    /// A container image, with code for it if it is a skeleton.
    Blackbox {
        /// The image's reference.
        image: String,
        /// Code that the image is initialised with.
        code: Option<CodeRef>,
        /// The entry point, if the user named one.
        main: Option<String>,
    },
    /// Actions one after another.
    Sequence {
        /// Their full names, in order.
        components: Vec<Fqn>,
    },
    /// A part of the platform itself, which no sandbox runs and nobody can change.
    Builtin,
}

impl Exec {
    /// The kind as documents and annotations show it.
    pub fn kind(&self) -> &str {
        match self {
            Exec::Code { kind, .. } => kind,
            Exec::Blackbox { .. } => "blackbox",
            Exec::Sequence { .. } => "sequence",
            Exec::Builtin => "builtin",
        }
    }

    /// The kind of the runtime that runs it, if one can.
    pub fn runtime(&self) -> Option<&str> {
        match self {
            Exec::Code { kind, .. } => Some(kind),
            Exec::Blackbox { .. } => Some("blackbox"),
            Exec::Sequence { .. } | Exec::Builtin => None,
        }
    }

    /// The container image that it runs in, if it has one of its own.
    pub fn image(&self) -> Option<&str> {
        match self {
            Exec::Blackbox { image, .. } => Some(image),
            _ => None,
        }
    }

    /// The stored code, if there is any.
    pub fn code(&self) -> Option<&CodeRef> {
        match self {
            Exec::Code { code, .. } => Some(code),
            Exec::Blackbox { code, .. } => code.as_ref(),
            Exec::Sequence { .. } | Exec::Builtin => None,
        }
    }

    /// The entry point, if the user named one.
    pub fn main(&self) -> Option<&str> {
        match self {
            Exec::Code { main, .. } | Exec::Blackbox { main, .. } => main.as_deref(),
            Exec::Sequence { .. } | Exec::Builtin => None,
        }
    }

    /// Whether the code is binary, that is, came as base64.
    pub fn binary(&self) -> bool {
        self.code().is_some_and(|code| code.binary)
    }
}

/// Code in the blob store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeRef {
    /// SHA-256 of the blob, in lower-case hexadecimal: the decoded bytes of a binary, else the UTF-8 text.
    pub digest: String,
    /// Size of the blob, in bytes.
    pub size: u64,
    /// Whether the user sent base64, and gets base64 back.
    pub binary: bool,
}
