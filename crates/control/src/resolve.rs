use std::{fmt::Display, sync::Arc};

use wisp_core::{
    Code, Error, Result,
    model::{Action, EntityName, Fqn, Identity, Isolation, Package, Parameters, Right},
    ports::Revision,
};

use crate::{catalog::Stored, control::Control};

/// An action as a caller reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The action, under its provider's name.
    pub action: Arc<Action>,
    /// The revision of its record.
    pub revision: Revision,
    /// The binding that it was reached through.
    pub binding: Option<Fqn>,
    /// The level that it runs at.
    pub isolation: Isolation,
    /// Bound parameters: package's under binding's under action's.
    pub parameters: Parameters,
}

/// A package as a caller reaches it: itself, or the binding with its provider.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    /// The package that holds the actions.
    pub provider: Arc<Package>,
    /// The binding, if the name is one's.
    pub binding: Option<Stored<Arc<Package>>>,
}

impl Reached {
    /// The provider's parameters with the binding's laid over them.
    pub fn parameters(&self) -> Parameters {
        match &self.binding {
            Some(binding) => self.provider.parameters.merged(&binding.entity.parameters),
            None => self.provider.parameters.clone(),
        }
    }
}

impl Control {
    /// The action of this name, if the caller may read or activate it.
    ///
    /// Rights by OpenWhisk's matrix: one's own actions, and those in other namespaces' published packages, directly or
    /// through a binding of one's own. What the caller may not see is forbidden, whether it exists or not.
    pub(crate) async fn resolve(&self, caller: &Identity, name: &Fqn, right: Right) -> Result<Resolved> {
        require(caller, right)?;
        let Some(package) = name.package_fqn() else {
            if *name.namespace_name() != caller.namespace {
                return Err(forbidden(name));
            }
            let Stored {
                revision,
                entity: action,
            } = self.inner.catalog.action(name).await?;
            return Ok(Resolved {
                revision,
                binding: None,
                isolation: self.level(caller, &action, right)?,
                parameters: action.parameters.clone(),
                action,
            });
        };
        let reached = self
            .reach(&caller.namespace, &package)
            .await
            .map_err(|error| match error.code() {
                Code::Forbidden => forbidden(name),
                _ => error,
            })?;
        let Stored {
            revision,
            entity: action,
        } = self.inner.catalog.action(&name.at(&reached.provider.fqn)).await?;
        let parameters = reached.parameters().merged(&action.parameters);
        let binding = reached.binding.map(|binding| binding.entity.fqn.clone());
        Ok(Resolved {
            isolation: self.level(caller, &action, right)?,
            action,
            revision,
            binding,
            parameters,
        })
    }

    /// The level at which a caller's activation runs; who only reads is not refused for it.
    fn level(&self, caller: &Identity, action: &Action, right: Right) -> Result<Isolation> {
        match right {
            Right::Activate => self.isolation(caller, &action.exec, &action.annotations),
            _ => Ok(Isolation::default()),
        }
    }

    /// The package of this name, if a caller of this namespace may see it.
    pub(crate) async fn reach(&self, caller: &EntityName, name: &Fqn) -> Result<Reached> {
        let own = |fqn: &Fqn| fqn.namespace_name() == caller;
        let stored = self
            .inner
            .catalog
            .package(name)
            .await
            .map_err(|error| match error.code() {
                _ if !own(name) => forbidden(name),
                Code::NotFound => missing(name),
                _ => error,
            })?;
        let Some(target) = stored.entity.binding.as_ref().map(|binding| binding.fqn()) else {
            if !own(name) && !stored.entity.publish {
                return Err(forbidden(name));
            }
            return Ok(Reached {
                provider: stored.entity,
                binding: None,
            });
        };
        if !own(name) {
            return Err(forbidden(name));
        }
        let provider = match self.inner.catalog.package(&target).await {
            Ok(provider) if own(&target) || provider.entity.publish => provider.entity,
            Err(error) if own(&target) && error.code() == Code::NotFound => return Err(missing(&target)),
            Ok(_) => return Err(forbidden(name)),
            Err(error) if matches!(error.code(), Code::NotFound | Code::Conflict) => return Err(forbidden(name)),
            Err(error) => return Err(error),
        };
        Ok(Reached {
            provider,
            binding: Some(stored),
        })
    }
}

/// Refuses a caller whose key does not have a right.
pub(crate) fn require(caller: &Identity, right: Right) -> Result<()> {
    if caller.rights.contains(&right) {
        return Ok(());
    }
    let message = "The supplied authentication is not authorized to access this resource.";
    Err(Error::new(Code::Forbidden, message))
}

/// The refusal of what a caller may not see.
pub(crate) fn forbidden(names: impl Display) -> Error {
    let message = format!("The supplied authentication is not authorized to access '{names}'.");
    Error::new(Code::Forbidden, message)
}

fn missing(name: &Fqn) -> Error {
    Error::new(
        Code::NotFound,
        format!("The requested resource '{name}' does not exist."),
    )
}
