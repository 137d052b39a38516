use hyper::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Call, Client, Error, Refusal, Result};

/// APIs of the gateway, by the web actions that OpenWhisk's clients use.
impl Client {
    /// Asks an action of `/whisk.system/apimgmt`, with these fields in the query; those without a value are left out.
    pub async fn apis<T: DeserializeOwned>(&self, action: &str, query: &[(&str, Option<&str>)]) -> Result<T> {
        self.manage(Method::GET, action, query, None::<&Value>).await
    }

    /// The same with a body: to change something.
    pub async fn change_apis<T: DeserializeOwned>(
        &self,
        action: &str,
        query: &[(&str, Option<&str>)],
        body: &impl Serialize,
    ) -> Result<T> {
        self.manage(Method::POST, action, query, Some(body)).await
    }

    async fn manage<T: DeserializeOwned>(
        &self,
        method: Method,
        action: &str,
        query: &[(&str, Option<&str>)],
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let path = format!("{}/web/whisk.system/apimgmt/{action}.http", self.base_path());
        let mut call = Call::new(method, path);
        for (key, value) in query {
            if let Some(value) = value {
                call = call.query(key, value);
            }
        }
        if let Some(body) = body {
            call = call.json(body)?;
        }
        let reply = self.send(call).await?;
        // The actions say what was wrong in a body of their own, which lacks the transaction.
        if reply.status >= 400
            && let Ok(mut said) = reply.json::<Map<String, Value>>()
        {
            let transaction = reply.headers.get("x-request-id").and_then(|id| id.to_str().ok());
            said.entry("code")
                .or_insert_with(|| transaction.unwrap_or_default().into());
            if let Ok(body) = serde_json::from_value(said.into()) {
                let status = reply.status;
                return Err(Error::Refused(Box::new(Refusal { status, body })));
            }
        }
        reply.success()?.json()
    }
}
