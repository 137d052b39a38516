use hyper::Method;
use wisp_core::model::Fqn;

use super::{
    Client, Result,
    call::{Call, encode},
};
use crate::document::{SecretDoc, SecretPut};

/// Secrets of a namespace: an extension of Wisp.
impl Client {
    /// Sets a secret.
    pub async fn set_secret(&self, name: &Fqn, put: &SecretPut) -> Result<SecretDoc> {
        self.ask(self.secret(Method::PUT, name).json(put)?).await
    }

    /// The secrets of a namespace, without their values.
    pub async fn secrets(&self, namespace: &str) -> Result<Vec<SecretDoc>> {
        self.ask(Call::new(Method::GET, self.secrets_path(namespace))).await
    }

    /// Deletes a secret.
    pub async fn delete_secret(&self, name: &Fqn) -> Result<SecretDoc> {
        self.ask(self.secret(Method::DELETE, name)).await
    }

    fn secret(&self, method: Method, name: &Fqn) -> Call {
        let path = self.secrets_path(name.namespace());
        Call::new(method, format!("{path}/{}", encode(name.name())))
    }

    fn secrets_path(&self, namespace: &str) -> String {
        format!("{}/namespaces/{}/secrets", self.base_path(), encode(namespace))
    }
}
