use serde::{Deserialize, Serialize};
use wisp_core::model::{Action, Annotations, Binding, EntityName, Millis, Package, Parameters, Version};

/// A package or binding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageDoc {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The provider of a binding; `{}` for a package.
    #[serde(default)]
    pub binding: BindingDoc,
    /// Parameters; of a binding, laid over its provider's.
    pub parameters: Parameters,
    /// Its version.
    pub version: Version,
    /// Whether others may use it.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
    /// The actions in it that are not feeds, when it was asked for alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<PackageAction>>,
    /// The actions in it that are feeds, when it was asked for alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feeds: Option<Vec<PackageAction>>,
}

/// The provider of a binding, or an object without fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingDoc {
    /// The provider's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<EntityName>,
    /// The provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<EntityName>,
}

impl From<Option<&Binding>> for BindingDoc {
    fn from(binding: Option<&Binding>) -> Self {
        Self {
            namespace: binding.map(|binding| binding.namespace.clone()),
            name: binding.map(|binding| binding.name.clone()),
        }
    }
}

/// An action in a package's document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageAction {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Annotations.
    pub annotations: Annotations,
}

impl From<&Action> for PackageAction {
    fn from(action: &Action) -> Self {
        let name = action.fqn.name().to_owned();
        Self {
            name,
            version: action.version,
            annotations: action.annotations.clone(),
        }
    }
}

impl From<&Package> for PackageDoc {
    fn from(package: &Package) -> Self {
        Self {
            namespace: package.fqn.path(),
            name: package.fqn.name().to_owned(),
            binding: package.binding.as_ref().into(),
            parameters: package.parameters.clone(),
            version: package.version,
            publish: package.publish,
            annotations: package.annotations.clone(),
            updated: package.updated,
            actions: None,
            feeds: None,
        }
    }
}

impl PackageDoc {
    /// With what the package contains.
    pub fn containing<'a>(mut self, contents: impl Iterator<Item = &'a Action>) -> Self {
        let (feeds, actions): (Vec<_>, Vec<_>) = contents
            .map(PackageAction::from)
            .partition(|action| action.annotations.get("feed").is_some());
        self.actions = Some(actions);
        self.feeds = Some(feeds);
        self
    }
}

/// A package in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageSummary {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Whether others may use it.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
    /// The provider of a binding; `false` for a package.
    pub binding: BindingFlag,
}

/// The provider of a binding, or `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BindingFlag {
    /// A binding's provider.
    To(Binding),
    /// Not a binding: `false`.
    No(bool),
}

impl From<&Package> for PackageSummary {
    fn from(package: &Package) -> Self {
        Self {
            namespace: package.fqn.path(),
            name: package.fqn.name().to_owned(),
            version: package.version,
            publish: package.publish,
            annotations: package.annotations.clone(),
            updated: package.updated,
            binding: package.binding.clone().map_or(BindingFlag::No(false), BindingFlag::To),
        }
    }
}
