use hyper::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Call, Client, Error, Result};

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
        // The actions say what was wrong in a body of their own.
        if reply.status == 502
            && let Ok(said) = reply.json::<Value>()
            && let Some(text) = said.get("error").and_then(Value::as_str)
        {
            return Err(Error::Unexpected {
                status: reply.status,
                text: text.to_owned(),
            });
        }
        reply.success()?.json()
    }
}
