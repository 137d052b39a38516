use std::sync::Arc;

use serde_json::json;
use wisp_core::{
    Code, Error, Result,
    model::{Action, Annotations, Binding, Fqn, Identity, Package, PackagePut, Parameters, Right, Version},
};

use crate::{
    catalog::{Catalog, Entity, Stored, other_collection},
    control::Control,
    deploy::exists,
    resolve::{forbidden, require},
};

/// A package as its readers see it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The package; of a binding, with its provider's parameters under its own.
    pub package: Package,
    /// The actions in it, or in its provider.
    pub actions: Vec<Arc<Action>>,
}

impl Control {
    /// Creates a package or binding; with `overwrite` also updates one that exists.
    pub async fn put_package(
        &self,
        caller: &Identity,
        name: &Fqn,
        put: PackagePut,
        overwrite: bool,
    ) -> Result<Arc<Package>> {
        self.entitle(caller, Right::Put, name)?;
        if name.name() == "default" {
            return Err(Error::bad_request("Package name 'default' is reserved."));
        }
        self.check_size("parameters", put.parameters.as_ref())?;
        self.check_size("annotations", put.annotations.as_ref())?;
        if let Some(binding) = &put.binding {
            self.entitle_binding(caller, binding).await?;
        }
        let (revision, old) = match self.inner.catalog.find(name).await? {
            None => (None, None),
            Some(Stored {
                revision,
                entity: Entity::Package(old),
            }) if overwrite => (Some(revision), Some(old)),
            Some(Stored {
                entity: Entity::Package(_),
                ..
            }) => return Err(exists()),
            Some(_) => return Err(other_collection()),
        };
        if let Some(binding) = &put.binding {
            self.check_binding(name, binding, old.as_deref()).await?;
        }
        let package = Arc::new(change(name, put, old.as_deref(), self.inner.clock.now()));
        self.inner
            .catalog
            .put(Entity::Package(package.clone()), revision)
            .await?;
        Ok(package)
    }

    /// A package with what is in it.
    pub async fn get_package(&self, caller: &Identity, name: &Fqn) -> Result<Opened> {
        require(caller, Right::Read)?;
        let reached = self.reach(&caller.namespace, name).await?;
        let actions = self.contents(&reached.provider.fqn).await?;
        let parameters = reached.parameters();
        let package = match reached.binding {
            Some(binding) => Package {
                parameters,
                ..(*binding.entity).clone()
            },
            None => (*reached.provider).clone(),
        };
        Ok(Opened {
            package,
            actions: actions.into_iter().map(|action| action.entity).collect(),
        })
    }

    /// Deletes a package; with `force` also what is in it. Returns it as it was.
    pub async fn delete_package(&self, caller: &Identity, name: &Fqn, force: bool) -> Result<Arc<Package>> {
        self.entitle(caller, Right::Delete, name)?;
        let Stored {
            revision,
            entity: package,
        } = self.inner.catalog.package(name).await?;
        let contents = self.contents(name).await?;
        if !contents.is_empty() && !force {
            let entities = if contents.len() == 1 { "entity" } else { "entities" };
            return Err(Error::new(
                Code::Conflict,
                format!(
                    "Package not empty (contains {} {entities}). Set force param or delete package contents.",
                    contents.len()
                ),
            ));
        }
        let mut writes = vec![Catalog::deleting(name, revision)];
        writes.extend(
            contents
                .iter()
                .map(|action| Catalog::deleting(&action.entity.fqn, action.revision)),
        );
        self.inner.catalog.commit(writes).await?;
        Ok(package)
    }

    async fn contents(&self, package: &Fqn) -> Result<Vec<Stored<Arc<Action>>>> {
        let within = self.inner.catalog.within(&package.to_string()).await?;
        let action = |stored: Stored| match stored.entity {
            Entity::Action(entity) => Some(Stored {
                revision: stored.revision,
                entity,
            }),
            _ => None,
        };
        Ok(within.into_iter().filter_map(action).collect())
    }

    /// Refuses a binding to what the caller may not see, whether it exists or not.
    async fn entitle_binding(&self, caller: &Identity, binding: &Binding) -> Result<()> {
        let provider = binding.fqn();
        if binding.namespace == caller.namespace {
            return Ok(());
        }
        match self.inner.catalog.package(&provider).await {
            Ok(stored) if stored.entity.publish && stored.entity.binding.is_none() => Ok(()),
            Err(error) if !matches!(error.code(), Code::NotFound | Code::Conflict) => Err(error),
            _ => Err(forbidden(&provider)),
        }
    }

    async fn check_binding(&self, name: &Fqn, binding: &Binding, old: Option<&Package>) -> Result<()> {
        if old.is_some_and(|old| old.binding.is_none()) {
            let message = "Resource is a package and cannot be converted into a binding.";
            return Err(Error::new(Code::Conflict, message));
        }
        if binding.fqn() == *name {
            let message = format!("Package binding '{name}' contains a circular reference.");
            return Err(Error::new(Code::Unprocessable, message));
        }
        match self
            .inner
            .catalog
            .find(&binding.fqn())
            .await?
            .map(|stored| stored.entity)
        {
            Some(Entity::Package(provider)) if provider.binding.is_none() => Ok(()),
            Some(Entity::Package(_)) => Err(Error::bad_request("Cannot bind to another package binding.")),
            Some(_) => Err(Error::new(
                Code::Conflict,
                "Cannot bind to a resource that is not a package.",
            )),
            None => Err(Error::bad_request("Binding references a package that does not exist.")),
        }
    }
}

fn change(name: &Fqn, put: PackagePut, old: Option<&Package>, now: u64) -> Package {
    let kept = |given: Option<Parameters>, old: Option<&Parameters>| given.or_else(|| old.cloned()).unwrap_or_default();
    let binding = put.binding.or_else(|| old.and_then(|old| old.binding.clone()));
    Package {
        fqn: name.clone(),
        parameters: kept(put.parameters, old.map(|old| &old.parameters)),
        version: put
            .version
            .unwrap_or_else(|| old.map_or_else(Version::default, |old| old.version.next())),
        publish: put.publish.unwrap_or_else(|| old.is_some_and(|old| old.publish)),
        annotations: annotate(kept(put.annotations, old.map(|old| &old.annotations)), binding.as_ref()),
        binding,
        updated: now,
    }
}

/// The annotation that tells readers of lists what a binding is bound to; nobody else may set it.
fn annotate(mut annotations: Annotations, binding: Option<&Binding>) -> Annotations {
    annotations.remove("binding");
    if let Some(Binding { namespace, name }) = binding {
        annotations.set("binding", json!({ "name": name, "namespace": namespace }));
    }
    annotations
}
