use hyper::Method;
use serde_json::Value;

use super::{
    Client, Result,
    call::{Call, encode},
};
use crate::document::{ApiDoc, ServerDoc};

impl Client {
    /// The namespaces of the key.
    pub async fn namespaces(&self) -> Result<Vec<String>> {
        self.ask(Call::new(Method::GET, format!("{}/namespaces", self.base_path())))
            .await
    }

    /// The limits of a namespace, as its owner may see them.
    pub async fn limits(&self, namespace: &str) -> Result<Value> {
        self.ask(Call::new(
            Method::GET,
            format!("{}/namespaces/{}/limits", self.base_path(), encode(namespace)),
        ))
        .await
    }

    /// What the server says of itself at `/`: limits, and kinds with their aliases.
    pub async fn platform(&self) -> Result<ServerDoc> {
        self.ask(Call::new(Method::GET, "/").anonymous()).await
    }

    /// What the API says of itself: build and version.
    pub async fn api_info(&self) -> Result<ApiDoc> {
        self.ask(Call::new(Method::GET, self.base_path()).anonymous()).await
    }

    /// Asks for the bindings of shared packages to be renewed. Few deployments do: `None` means that this one does
    /// not.
    pub async fn refresh_packages(&self, namespace: &str) -> Result<Option<Value>> {
        let path = format!("{}/namespaces/{}/packages/refresh", self.base_path(), encode(namespace));
        let reply = self.send(Call::new(Method::POST, path)).await?;
        if matches!(reply.status, 404 | 405 | 501) {
            return Ok(None);
        }
        reply.success()?.json().map(Some)
    }
}
