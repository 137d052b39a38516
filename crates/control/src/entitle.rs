use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Fqn, Identity, Right},
};

use crate::{
    control::Control,
    resolve::{forbidden, require},
};

impl Control {
    /// Refuses a caller who may not do this to an entity that is not shared through packages: only its owner may.
    pub fn entitle(&self, caller: &Identity, right: Right, name: &Fqn) -> Result<()> {
        require(caller, right)?;
        if *name.namespace_name() != caller.namespace {
            return Err(forbidden(name));
        }
        match right {
            Right::Put | Right::Delete => self.inner.catalog.builtins().protect(name),
            Right::Read | Right::Activate => Ok(()),
        }
    }

    /// Refuses a caller who may not list what is in a namespace.
    pub fn entitle_namespace(&self, caller: &Identity, namespace: &EntityName) -> Result<()> {
        self.entitle_workflows(caller, Right::Read, namespace)
    }

    /// Refuses a caller who may not do this to what a namespace has beside its entities, such as workflows.
    pub fn entitle_workflows(&self, caller: &Identity, right: Right, namespace: &EntityName) -> Result<()> {
        require(caller, right)?;
        if *namespace == caller.namespace {
            return Ok(());
        }
        let message = format!("The supplied authentication is not authorized to access '{namespace}'.");
        Err(Error::new(Code::Forbidden, message))
    }

    /// Refuses a caller who may not invoke an action of this name, whether there is one or not.
    pub async fn entitle_invocation(&self, caller: &Identity, name: &Fqn) -> Result<()> {
        match name.package_fqn() {
            None => self.entitle(caller, Right::Activate, name),
            Some(package) => {
                require(caller, Right::Activate)?;
                self.reach(&caller.namespace, &package).await.map(drop)
            }
        }
    }
}
