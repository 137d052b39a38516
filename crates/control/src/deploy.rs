use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::{Action, ActionPut, Annotations, Exec, ExecPut, Fqn, Identity, Parameters, Right, Version},
};

use crate::{
    catalog::{Entity, Stored, other_collection},
    control::Control,
    resolve::Resolved,
    secrets,
};

/// An action as its readers see it.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The action.
    pub action: Arc<Action>,
    /// Its code as it was sent, if it was asked for and there is any.
    pub code: Option<String>,
    /// The binding that it was reached through.
    pub binding: Option<Fqn>,
}

impl Control {
    /// Creates an action; with `overwrite` also updates one that exists.
    pub async fn put_action(&self, caller: &Identity, name: &Fqn, put: ActionPut, overwrite: bool) -> Result<Deployed> {
        self.entitle(caller, Right::Put, name)?;
        self.check_package(name).await?;
        self.check_put(caller, &put)?;
        if let Some(ExecPut::Sequence { components }) = &put.exec {
            self.entitle_components(caller, components).await?;
        }
        let old = match self.inner.catalog.find(name).await? {
            None => None,
            Some(Stored {
                revision,
                entity: Entity::Action(action),
            }) if overwrite => Some((revision, action)),
            Some(Stored {
                entity: Entity::Action(_),
                ..
            }) => return Err(exists()),
            Some(_) => return Err(other_collection()),
        };
        if let Some(ExecPut::Sequence { components }) = &put.exec {
            self.check_components(name, components).await?;
        }
        let (revision, old) = old.unzip();
        let action = Arc::new(self.change(caller, name, put, old.as_deref()).await?);
        let entity = Entity::Action(action.clone());
        match name.package_fqn().filter(|_| revision.is_none()) {
            Some(package) => self.inner.catalog.create_within(entity, &package).await?,
            None => self.inner.catalog.put(entity, revision).await?,
        }
        self.with_code(action).await
    }

    /// An action with the parameters of its package and binding; with its code if `code` says so.
    pub async fn get_action(&self, caller: &Identity, name: &Fqn, code: bool) -> Result<Deployed> {
        let Resolved {
            action,
            binding,
            parameters,
            ..
        } = self.resolve(caller, name, Right::Read).await?;
        let text = if code { self.code(&action.exec).await? } else { None };
        let action = match parameters == action.parameters {
            true => action,
            false => Arc::new(Action {
                parameters,
                ..(*action).clone()
            }),
        };
        Ok(Deployed {
            action,
            code: text,
            binding,
        })
    }

    /// Deletes an action; returns it as it was.
    pub async fn delete_action(&self, caller: &Identity, name: &Fqn) -> Result<Deployed> {
        self.entitle(caller, Right::Delete, name)?;
        self.check_package(name).await?;
        let Stored {
            revision,
            entity: action,
        } = self.inner.catalog.action(name).await?;
        let deployed = self.with_code(action).await?;
        self.inner.catalog.delete(name, revision).await?;
        Ok(deployed)
    }

    /// Refuses changes to what is in a package that does not exist or is a binding.
    async fn check_package(&self, name: &Fqn) -> Result<()> {
        let Some(package) = name.package_fqn() else {
            return Ok(());
        };
        match self.inner.catalog.package(&package).await?.entity.binding {
            None => Ok(()),
            Some(_) => Err(Error::bad_request("Operation not permitted on package binding.")),
        }
    }

    /// The action that a request makes of an old one, or anew.
    async fn change(&self, caller: &Identity, name: &Fqn, put: ActionPut, old: Option<&Action>) -> Result<Action> {
        let defaults = self.inner.limits.action_default();
        let base = old.map_or(&defaults, |old| &old.limits);
        let limits = put.limits.unwrap_or_default().over(base);
        self.check_limits(caller, &limits)?;
        let exec = match (put.exec, old) {
            (Some(exec), _) => self.store_exec(exec).await?,
            (None, Some(old)) => {
                self.inner.kinds.check_runnable(&old.exec)?;
                old.exec.clone()
            }
            (None, None) => return Err(Error::bad_request("exec undefined")),
        };
        let mut annotations = match old {
            Some(old) => annotations(&old.annotations, &put.removed_annotations, put.annotations),
            None => on_creation(put.annotations.unwrap_or_default()),
        };
        self.isolation(caller, &exec, &annotations)?;
        secrets::wanted(&annotations)?;
        annotations.set("exec", exec.kind());
        let next = old.map_or_else(Version::default, |old| old.version.next());
        Ok(Action {
            fqn: name.clone(),
            parameters: parameters(&exec, put.parameters, old),
            exec,
            limits,
            version: put.version.unwrap_or(next),
            publish: put.publish.unwrap_or_else(|| old.is_some_and(|old| old.publish)),
            annotations,
            updated: self.inner.clock.now(),
        })
    }

    async fn with_code(&self, action: Arc<Action>) -> Result<Deployed> {
        let code = self.code(&action.exec).await?;
        Ok(Deployed {
            action,
            code,
            binding: None,
        })
    }
}

/// An update's annotations: the old ones without those taken away, then those given.
fn annotations(old: &Annotations, removed: &[String], given: Option<Annotations>) -> Annotations {
    let kept: Annotations = old
        .iter()
        .filter(|annotation| !removed.contains(&annotation.key))
        .cloned()
        .collect();
    kept.merged(&given.unwrap_or_default())
}

/// A new action does not receive its caller's key unless its author says so. Updates leave that alone: there are
/// actions from before the annotation existed that rely on the key.
fn on_creation(mut given: Annotations) -> Annotations {
    if given.get("provide-api-key").is_none() {
        given.set("provide-api-key", false);
    }
    given
}

/// A sequence's parameters are its steps. They do not outlive it: an action that was a sequence starts with none.
fn parameters(exec: &Exec, given: Option<Parameters>, old: Option<&Action>) -> Parameters {
    if let Exec::Sequence { components } = exec {
        let mut parameters = Parameters::new();
        parameters.set("_actions", components.iter().map(Fqn::absolute).collect::<Vec<_>>());
        return parameters;
    }
    let old = old.filter(|old| !matches!(old.exec, Exec::Sequence { .. }));
    given.unwrap_or_else(|| old.map(|old| old.parameters.clone()).unwrap_or_default())
}

/// The refusal to create what is there.
pub(crate) fn exists() -> Error {
    Error::new(Code::Conflict, "resource already exists")
}
