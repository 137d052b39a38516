use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request},
};
use serde_json::Value;
use tower::ServiceExt;
use wisp_api::{Settings, State};
use wisp_control::{Control, Kinds, Parts, Seal};
use wisp_core::{
    Result,
    model::{Activation, EntityName, Invocation, Isolation, Limits, Millis, Outcome, Version},
    ports::{Activations, BoxFuture, Bus, Clock, Kind, Tasks},
};

/// Workers whose functions return their arguments.
struct Echo(Arc<dyn Activations>);

#[async_trait]
impl Bus for Echo {
    async fn run(&self, invocation: Invocation, _: bool) -> Result<Arc<Activation>> {
        let failed = invocation.payload.get().contains("\"error\"");
        let outcome = if failed {
            Outcome::ApplicationError
        } else {
            Outcome::Success
        };
        let activation = Arc::new(Activation {
            namespace: invocation.caller.namespace,
            name: invocation.action.fqn.entity().clone(),
            version: Version::default(),
            subject: invocation.caller.subject,
            activation_id: invocation.id,
            cause: invocation.cause,
            start: invocation.at,
            end: Some(invocation.at),
            duration: Some(0),
            response: outcome(invocation.payload).response(),
            logs: vec!["ran".into()],
            annotations: Default::default(),
            publish: false,
        });
        self.0.finish(activation.clone()).await?;
        Ok(activation)
    }
}

struct Machine(Instant);

impl Clock for Machine {
    fn now(&self) -> Millis {
        SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as Millis
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

struct Spawned;

impl Tasks for Spawned {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

pub struct Platform {
    pub api: Router,
    pub admin: Router,
    pub control: Control,
}

/// A reply, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// Somebody with a key.
pub struct User<'a> {
    platform: &'a Platform,
    authorization: String,
}

impl Platform {
    pub fn start() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        let engine = wisp_store::open("memory", &wisp_store::Config::default()).unwrap();
        let kind = |name: &str, default| Kind {
            name: name.into(),
            default,
            aliases: vec![],
            requires_main: false,
            provider: "an interpreter".into(),
            levels: vec![Isolation::Process],
        };
        let control = Control::new(Parts {
            records: engine.records,
            blobs: engine.blobs,
            bus: Arc::new(Echo(engine.activations.clone())),
            activations: engine.activations,
            journal: engine.journal,
            clock: Arc::new(Machine(Instant::now())),
            tasks: Arc::new(Spawned),
            kinds: Kinds::new(vec![(
                "nodejs".into(),
                vec![kind("nodejs:18", false), kind("nodejs:20", true)],
            )]),
            sources: Vec::new(),
            limits,
            seal: Seal::new([1; 32]),
            gateway: Default::default(),
            workflows: Default::default(),
            cache_entries: 1_000,
        });
        let metrics = Arc::new(|| "# nothing\n".to_owned());
        let state = State {
            control: control.clone(),
            metrics,
            images: None,
            settings: Settings::default(),
            web: Default::default(),
        };
        Self {
            api: wisp_api::router(state.clone()),
            admin: wisp_api::admin_router(state),
            control,
        }
    }

    /// A new subject with a namespace of the same name.
    pub async fn user(&self, name: &str) -> User<'_> {
        let namespace = EntityName::namespace(name).unwrap();
        let (_, key) = self.control.create_user(name, Some(namespace), None).await.unwrap();
        let encoded = base64(&key.reveal());
        User {
            platform: self,
            authorization: format!("Basic {encoded}"),
        }
    }
}

/// Base64 of a text, written out here so that the test does not share code with what it tests.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            match digit <= chunk.len() {
                true => encoded.push(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63] as char),
                false => encoded.push('='),
            }
        }
    }
    encoded
}

impl User<'_> {
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string());
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/api/v1/namespaces/{path}"))
            .header("authorization", &self.authorization);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        send(
            &self.platform.api,
            request.body(body.map_or_else(Body::empty, Body::from)).unwrap(),
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None).await
    }

    /// An action that echoes.
    pub async fn action(&self, name: &str) {
        let reply = self.put(&format!("_/actions/{name}"), echo()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

pub fn echo() -> Value {
    serde_json::json!({"exec": {"kind": "nodejs:default", "code": "function main(args) { return args }"}})
}

pub async fn send(router: &Router, request: Request<Body>) -> Reply {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let text = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&text).unwrap_or_else(|_| String::from_utf8_lossy(&text).into());
    Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

impl Reply {
    /// Checks an error: its status, its text, and that clients can tell it from a result.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status, self.body["error"].as_str()),
            (status, Some(error)),
            "{self:?}"
        );
        assert_eq!(self.body["code"].as_str(), self.headers["x-request-id"].to_str().ok());
    }
}
