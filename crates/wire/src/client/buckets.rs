use bytes::Bytes;
use hyper::Method;
use serde_json::Value;
use wisp_core::model::Fqn;

use super::{
    Client, Result,
    call::{Call, encode},
};

/// Buckets, their triggers and their objects: an extension of Wisp.
impl Client {
    /// Makes a bucket, or changes it.
    pub async fn put_bucket(&self, bucket: &Fqn, options: &Value) -> Result<Value> {
        self.ask(self.bucket(Method::PUT, bucket, "").json(options)?).await
    }

    /// A bucket with its triggers.
    pub async fn get_bucket(&self, bucket: &Fqn) -> Result<Value> {
        self.ask(self.bucket(Method::GET, bucket, "")).await
    }

    /// The buckets of a namespace, by name.
    pub async fn buckets(&self, namespace: &str) -> Result<Vec<Value>> {
        let path = format!("{}/namespaces/{}/buckets", self.base_path(), encode(namespace));
        self.ask(Call::new(Method::GET, path).query("limit", 0)).await
    }

    /// Deletes a bucket with all that is in it.
    pub async fn delete_bucket(&self, bucket: &Fqn) -> Result<Value> {
        self.ask(self.bucket(Method::DELETE, bucket, "")).await
    }

    /// Sets a trigger of a bucket.
    pub async fn put_bucket_trigger(&self, bucket: &Fqn, name: &str, trigger: &Value) -> Result<Value> {
        let path = format!("/triggers/{}", encode(name));
        self.ask(self.bucket(Method::PUT, bucket, &path).json(trigger)?).await
    }

    /// Deletes a trigger of a bucket.
    pub async fn delete_bucket_trigger(&self, bucket: &Fqn, name: &str) -> Result<Value> {
        let path = format!("/triggers/{}", encode(name));
        self.ask(self.bucket(Method::DELETE, bucket, &path)).await
    }

    /// Puts an object.
    pub async fn put_object(&self, bucket: &Fqn, session: Option<&str>, key: &str, value: &Value) -> Result<Value> {
        let mut call = self.object(Method::PUT, bucket, key).json(value)?;
        if let Some(session) = session {
            call = call.query("session", session);
        }
        self.ask(call).await
    }

    /// The JSON text of an object, for which the server waits so many seconds.
    pub async fn get_object(&self, bucket: &Fqn, session: &str, key: &str, wait: u32) -> Result<Bytes> {
        let call = self.object(Method::GET, bucket, key).query("session", session);
        Ok(self.send(call.query("wait", wait)).await?.success()?.body)
    }

    /// Objects in the order in which they were put, without their values.
    pub async fn objects(&self, bucket: &Fqn, session: Option<&str>, limit: u64) -> Result<Vec<Value>> {
        let mut call = self.bucket(Method::GET, bucket, "/objects").query("limit", limit);
        if let Some(session) = session {
            call = call.query("session", session);
        }
        self.ask(call).await
    }

    /// Takes an object away.
    pub async fn delete_object(&self, bucket: &Fqn, session: &str, key: &str) -> Result<Value> {
        let call = self.object(Method::DELETE, bucket, key);
        self.ask(call.query("session", session)).await
    }

    fn object(&self, method: Method, bucket: &Fqn, key: &str) -> Call {
        self.bucket(method, bucket, &format!("/objects/{}", encode(key)))
    }

    fn bucket(&self, method: Method, bucket: &Fqn, rest: &str) -> Call {
        let (base, namespace) = (self.base_path(), encode(bucket.namespace()));
        let path = format!("{base}/namespaces/{namespace}/buckets/{}{rest}", encode(bucket.name()));
        Call::new(method, path)
    }
}
