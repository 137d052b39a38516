use hyper::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Client, Error, Refusal, Result,
    call::{Call, encode},
};
use crate::document::{CredentialsDoc, ErrorBody};

/// How targets of the Step Functions API begin.
const TARGET: &str = "AWSStepFunctions.";

/// A refusal of the Step Functions API.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "__type")]
    name: String,
    #[serde(default)]
    message: String,
}

/// Workflows, by the Step Functions API.
impl Client {
    /// Carries out an operation, such as `StartExecution`.
    pub async fn states(&self, operation: &str, input: &Value) -> Result<Value> {
        let call = Call::new(Method::POST, "/").json(input)?;
        let reply = self
            .send(call.with_header("x-amz-target", format!("{TARGET}{operation}")))
            .await?;
        if (200..300).contains(&reply.status) {
            return reply.json();
        }
        let exception: Exception = reply.json()?;
        let id = reply.headers.get("x-amzn-requestid").and_then(|id| id.to_str().ok());
        Err(Error::Refused(Box::new(Refusal {
            status: reply.status,
            body: ErrorBody {
                error: format!("{}: {}", exception.name, exception.message),
                code: id.unwrap_or_default().to_owned(),
                wisp: None,
                facts: Default::default(),
            },
        })))
    }

    /// Durable sequences and compositions of a namespace, those that began last first.
    pub async fn compositions(&self, namespace: &str, status: Option<&str>, limit: usize) -> Result<Vec<Value>> {
        let call = Call::new(Method::GET, self.compositions_path(namespace)).query("limit", limit);
        self.ask(match status {
            Some(status) => call.query("status", status),
            None => call,
        })
        .await
    }

    /// A durable sequence or composition, and what has happened in it.
    pub async fn composition(&self, namespace: &str, id: &str) -> Result<Value> {
        let path = format!("{}/{}", self.compositions_path(namespace), encode(id));
        self.ask(Call::new(Method::GET, path)).await
    }

    fn compositions_path(&self, namespace: &str) -> String {
        format!("{}/namespaces/{}/compositions", self.base_path(), encode(namespace))
    }

    /// What clients of AWS's protocols sign requests with.
    pub async fn credentials(&self, namespace: &str) -> Result<CredentialsDoc> {
        let path = format!("{}/namespaces/{}/credentials", self.base_path(), encode(namespace));
        self.ask(Call::new(Method::GET, path)).await
    }
}
