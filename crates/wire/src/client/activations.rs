use hyper::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Client, Collection, Page, Place, Result,
    call::{Call, encode},
};

/// Which activations.
#[derive(Clone, Debug, Default)]
pub struct ActivationQuery {
    /// Of this action or trigger only: `name` or `package/name`.
    pub name: Option<String>,
    /// Not older than this, in milliseconds since the epoch.
    pub since: Option<u64>,
    /// Not newer than this, in milliseconds since the epoch.
    pub upto: Option<u64>,
}

/// An activation's logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActivationLogs {
    /// Lines: `<time> <stream>: <text>`.
    #[serde(default)]
    pub logs: Vec<String>,
}

/// An activation's result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActivationResult {
    /// The result.
    #[serde(default)]
    pub result: Value,
    /// Whether it succeeded.
    #[serde(default)]
    pub success: bool,
    /// How it ended, in words.
    #[serde(default)]
    pub status: String,
}

impl ActivationQuery {
    fn ask(&self, mut call: Call) -> Call {
        if let Some(name) = &self.name {
            call = call.query("name", name);
        }
        if let Some(since) = self.since {
            call = call.query("since", since);
        }
        if let Some(upto) = self.upto {
            call = call.query("upto", upto);
        }
        call
    }
}

impl Client {
    /// Lists activations, newest first; `full` asks for whole records.
    pub async fn activations<T: DeserializeOwned>(
        &self,
        place: &Place,
        query: &ActivationQuery,
        page: Page,
        full: bool,
    ) -> Result<Vec<T>> {
        let call = page.ask(query.ask(self.list_call(Collection::Activations, place)));
        self.ask(if full { call.query("docs", true) } else { call }).await
    }

    /// Counts activations.
    pub async fn count_activations(&self, place: &Place, query: &ActivationQuery, skip: u32) -> Result<u64> {
        #[derive(Deserialize)]
        struct Count {
            activations: u64,
        }
        let call = query
            .ask(self.list_call(Collection::Activations, place))
            .query("count", true);
        self.ask(if skip > 0 { call.query("skip", skip) } else { call })
            .await
            .map(|count: Count| count.activations)
    }

    /// Reads a record.
    pub async fn activation<T: DeserializeOwned>(&self, namespace: &str, id: &str) -> Result<T> {
        self.ask(self.activation_call(namespace, id, "")).await
    }

    /// Reads a record's logs.
    pub async fn activation_logs(&self, namespace: &str, id: &str) -> Result<ActivationLogs> {
        self.ask(self.activation_call(namespace, id, "/logs")).await
    }

    /// Reads a record's result.
    pub async fn activation_result(&self, namespace: &str, id: &str) -> Result<ActivationResult> {
        self.ask(self.activation_call(namespace, id, "/result")).await
    }

    fn activation_call(&self, namespace: &str, id: &str, part: &str) -> Call {
        let path = format!(
            "{}/namespaces/{}/activations/{}{part}",
            self.base_path(),
            encode(namespace),
            encode(id)
        );
        Call::new(Method::GET, path)
    }
}
