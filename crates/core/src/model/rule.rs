use serde::{Deserialize, Serialize};

use super::{Annotations, Fqn, Millis, Version};

/// Invokes an action at every event of a trigger. Its status is in the [`Trigger`](super::Trigger).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Full name: `ns/name`.
    pub fqn: Fqn,
    /// The trigger listened to.
    pub trigger: Fqn,
    /// The action invoked.
    pub action: Fqn,
    /// Raised by every update.
    pub version: Version,
    /// Stored and echoed; grants nothing.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    pub updated: Millis,
}
