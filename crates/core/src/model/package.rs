use serde::{Deserialize, Serialize};

use super::{Annotations, EntityName, Fqn, Millis, Parameters, Version};

/// A package of actions, or a binding: a package of another one's actions with parameters of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Full name: `ns/name`.
    pub fqn: Fqn,
    /// The package that this one is a binding to.
    pub binding: Option<Binding>,
    /// Parameters that all actions of the package receive.
    pub parameters: Parameters,
    /// Raised by every update.
    pub version: Version,
    /// Whether other namespaces may read and invoke what is in it.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    pub updated: Millis,
}

/// The provider of a bound package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The provider's namespace.
    pub namespace: EntityName,
    /// The provider's name.
    pub name: EntityName,
}

impl Binding {
    /// The provider's full name.
    pub fn fqn(&self) -> Fqn {
        Fqn::new(self.namespace.clone(), None, self.name.clone())
    }
}
