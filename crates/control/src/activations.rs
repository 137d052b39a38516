use bytes::Bytes;
use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, EntityName, Identity, Right},
    ports::{Query, Scope},
};

use crate::{control::Control, resolve::require};

impl Control {
    /// A page of a namespace's activations, newest first, each as the JSON text of its record.
    pub async fn list_activations(&self, caller: &Identity, query: &Query) -> Result<Vec<Bytes>> {
        self.entitle_namespace(caller, &query.scope.namespace)?;
        self.inner.activations.list(query).await
    }

    /// How many activations there are.
    pub async fn count_activations(&self, caller: &Identity, scope: &Scope) -> Result<u64> {
        self.entitle_namespace(caller, &scope.namespace)?;
        self.inner.activations.count(scope).await
    }

    /// The record of an activation, as JSON text.
    pub async fn get_activation(&self, caller: &Identity, namespace: &EntityName, id: ActivationId) -> Result<Bytes> {
        require(caller, Right::Read)?;
        if *namespace != caller.namespace {
            let message = format!("The supplied authentication is not authorized to access '{namespace}/{id}'.");
            return Err(Error::new(Code::Forbidden, message));
        }
        let record = self.inner.activations.get(namespace, id).await?;
        record.ok_or_else(|| Error::new(Code::NotFound, "The requested resource does not exist."))
    }
}
