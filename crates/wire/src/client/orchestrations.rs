use hyper::Method;
use serde_json::Value;

use super::{
    Client, Result,
    call::{Call, encode},
};

/// Orchestrations whose code are actions of a namespace: an extension of Wisp.
impl Client {
    /// Starts one by its orchestrator's name; the reply's `id` is the instance's.
    pub async fn start_orchestration(
        &self,
        namespace: &str,
        name: &str,
        id: Option<&str>,
        input: Option<&str>,
    ) -> Result<Value> {
        let id = id.map(|id| format!("/{}", encode(id))).unwrap_or_default();
        let path = self.durable(namespace, &format!("orchestrators/{}{id}", encode(name)));
        self.ask(Call::post(path, input.unwrap_or_default().to_owned().into()))
            .await
    }

    /// How an instance stands.
    pub async fn orchestration(&self, namespace: &str, id: &str, history: bool) -> Result<Value> {
        let call = Call::new(Method::GET, self.instance(namespace, id, ""));
        self.ask(call.query("showHistory", history).query("showHistoryOutput", history))
            .await
    }

    /// Instances, the newest first: of these statuses, separated by commas, or all.
    pub async fn orchestrations(&self, namespace: &str, statuses: &str, limit: u32) -> Result<Vec<Value>> {
        let call = Call::new(Method::GET, self.durable(namespace, "instances/"));
        self.ask(call.query("runtimeStatus", statuses).query("top", limit))
            .await
    }

    /// Tells an instance of an event.
    pub async fn raise_event(&self, namespace: &str, id: &str, event: &str, input: Option<&str>) -> Result<()> {
        let path = self.instance(namespace, id, &format!("/raiseEvent/{}", encode(event)));
        let call = Call::post(path, input.unwrap_or_default().to_owned().into());
        self.send(call).await?.success().map(drop)
    }

    /// Says `terminate`, `suspend` or `resume` to an instance.
    pub async fn tell_orchestration(&self, namespace: &str, id: &str, verb: &str, reason: &str) -> Result<()> {
        let call = Call::new(Method::POST, self.instance(namespace, id, &format!("/{verb}")));
        self.send(call.query("reason", reason)).await?.success().map(drop)
    }

    /// Starts an instance that has ended once more; returns its id.
    pub async fn restart_orchestration(&self, namespace: &str, id: &str, renamed: bool) -> Result<String> {
        let call = Call::new(Method::POST, self.instance(namespace, id, "/restart"));
        self.ask(call.query("restartWithNewInstanceId", renamed)).await
    }

    /// Forgets an instance that has ended.
    pub async fn purge_orchestration(&self, namespace: &str, id: &str) -> Result<Value> {
        self.ask(Call::new(Method::DELETE, self.instance(namespace, id, "")))
            .await
    }

    fn instance(&self, namespace: &str, id: &str, rest: &str) -> String {
        self.durable(namespace, &format!("instances/{}{rest}", encode(id)))
    }

    fn durable(&self, namespace: &str, rest: &str) -> String {
        format!("{}/namespaces/{}/durable/{rest}", self.base_path(), encode(namespace))
    }
}
