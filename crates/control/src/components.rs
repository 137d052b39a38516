use std::{collections::BTreeSet, sync::Arc};

use wisp_core::{
    Code, Error, Result,
    model::{Action, Exec, Fqn, Identity, Right},
};

use crate::{
    control::Control,
    resolve::{forbidden, require},
};

impl Control {
    /// Refuses a sequence of actions that the caller may not read.
    pub(crate) async fn entitle_components(&self, caller: &Identity, components: &[Fqn]) -> Result<()> {
        require(caller, Right::Read)?;
        let mut refused = BTreeSet::new();
        for component in components {
            let allowed = match component.package_fqn() {
                None => *component.namespace_name() == caller.namespace,
                Some(package) => match self.reach(&caller.namespace, &package).await {
                    Err(error) if error.code() == Code::NotFound => return Err(missing()),
                    Err(error) if error.code() != Code::Forbidden => return Err(error),
                    reached => reached.is_ok(),
                },
            };
            if !allowed {
                refused.insert(component.to_string());
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(forbidden(Vec::from_iter(refused).join(", "))),
        }
    }

    /// Refuses a sequence that is empty, too long with its nested sequences inlined, refers to itself, or to nothing.
    pub(crate) async fn check_components(&self, sequence: &Fqn, components: &[Fqn]) -> Result<()> {
        if components.is_empty() {
            return Err(Error::bad_request("No component specified for the sequence."));
        }
        let limit = self.inner.limits.sequence_length;
        // Nested sequences count on their own, so that a cycle that does not lead back here ends, too.
        let (mut functions, mut sequences) = (0, 0);
        let mut pending = components.to_vec();
        while let Some(component) = pending.pop() {
            let component = self.provided(component).await?;
            if component == *sequence {
                return Err(Error::bad_request("Sequence may not refer to itself."));
            }
            match &self.component(&component).await?.exec {
                Exec::Sequence { components } => {
                    sequences += 1;
                    pending.extend_from_slice(components);
                }
                Exec::Code { .. } | Exec::Blackbox { .. } | Exec::Builtin => functions += 1,
            }
            if functions > limit || sequences > limit {
                let error = Error::bad_request("Too many actions in the sequence.");
                return Err(error.with("limit", "sequence_length").with("value", limit));
            }
        }
        Ok(())
    }

    /// The name of an action under its provider, if its package is a binding.
    async fn provided(&self, name: Fqn) -> Result<Fqn> {
        let Some(package) = name.package_fqn() else {
            return Ok(name);
        };
        let package = self.inner.catalog.package(&package).await.map_err(as_missing)?.entity;
        Ok(package
            .binding
            .as_ref()
            .map_or_else(|| name.clone(), |binding| name.at(&binding.fqn())))
    }

    async fn component(&self, name: &Fqn) -> Result<Arc<Action>> {
        Ok(self.inner.catalog.action(name).await.map_err(as_missing)?.entity)
    }
}

fn missing() -> Error {
    Error::bad_request("Sequence component does not exist.")
}

fn as_missing(error: Error) -> Error {
    match error.code() {
        Code::NotFound => missing(),
        _ => error,
    }
}
