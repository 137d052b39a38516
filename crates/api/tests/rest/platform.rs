use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
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
use wisp_control::{Control, Kinds, Parts, Seal, delivery};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ApiKey, EntityName, Invocation, Isolation, Limits, Millis, NamespaceLimits, Outcome, Version},
    ports::{Activations, BoxFuture, Bus, Clock, Kind, Tasks},
};
use wisp_testkit::fixtures;

/// Workers whose functions return their arguments. Arguments may ask for faults: so many failures (`fails`), activations
/// that the platform fails (`faults`), and calls that find no worker (`absent`), of the event that `run` names.
struct Echo {
    activations: Arc<dyn Activations>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    runs: HashMap<String, u64>,
    absences: HashMap<String, u64>,
    payloads: Vec<Value>,
    key: String,
}

impl Echo {
    /// How this run ends; none when there is no worker for it.
    fn outcome(&self, invocation: &Invocation) -> Option<Outcome> {
        let payload: Value = serde_json::from_str(invocation.payload.get()).unwrap();
        let number = |key: &str| payload[key].as_u64().unwrap_or(0);
        let event = match payload.get("run") {
            Some(name) => name.to_string(),
            None => invocation.transaction.clone(),
        };
        let mut seen = self.seen.lock().unwrap();
        seen.key = invocation.api_key.as_ref().map_or_else(String::new, ApiKey::reveal);
        let absences = seen.absences.entry(event.clone()).or_default();
        if *absences < number("absent") {
            *absences += 1;
            return None;
        }
        seen.payloads.push(payload.clone());
        let runs = seen.runs.entry(event).or_default();
        *runs += 1;
        Some(match *runs {
            _ if payload.get("error").is_some() => Outcome::ApplicationError(invocation.payload.clone()),
            run if run <= number("faults") => Outcome::PlatformError("no room".into()),
            run if run <= number("faults") + number("fails") => {
                Outcome::ApplicationError(fixtures::json(&format!(r#"{{"error": "no {run}"}}"#)))
            }
            _ => Outcome::Success(invocation.payload.clone()),
        })
    }
}

#[async_trait]
impl Bus for Echo {
    async fn run(&self, invocation: Invocation, _: bool) -> Result<Arc<Activation>> {
        let Some(outcome) = self.outcome(&invocation) else {
            return Err(Error::new(Code::Unavailable, "no worker"));
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
            response: outcome.response(),
            logs: vec!["ran".into()],
            annotations: Default::default(),
            publish: false,
        });
        self.activations.finish(activation.clone()).await?;
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
    activations: Arc<dyn Activations>,
    seen: Arc<Mutex<Seen>>,
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
    key: String,
    transaction: Option<String>,
}

impl Platform {
    pub fn start() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        Self::new(limits, delivery::Settings::default())
    }

    /// One whose rules deliver as these settings say. What waits runs when its time has come.
    pub fn delivering(settings: delivery::Settings) -> Self {
        let platform = Self::new(Limits::default(), settings);
        let control = platform.control.clone();
        tokio::spawn(async move { control.serve_waiting().await });
        platform
    }

    fn new(limits: Limits, delivery: delivery::Settings) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
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
            bus: Arc::new(Echo {
                activations: engine.activations.clone(),
                seen: seen.clone(),
            }),
            activations: engine.activations.clone(),
            journal: engine.journal,
            clock: Arc::new(Machine(Instant::now())),
            tasks: Arc::new(Spawned),
            kinds: Kinds::new(vec![(
                "nodejs".into(),
                vec![kind("nodejs:18", false), kind("nodejs:20", true)],
            )]),
            sources: Vec::new(),
            outbound: None,
            limits,
            seal: Seal::new([1; 32]),
            gateway: Default::default(),
            workflows: Default::default(),
            orchestrations: Default::default(),
            delivery,
            buckets: Default::default(),
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
            activations: engine.activations,
            seen,
        }
    }

    /// Whether nothing is promised any more, or soon will not be.
    pub async fn idle(&self) -> bool {
        for _ in 0..200 {
            if self.activations.unfinished().await.unwrap().is_empty() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// The arguments of all runs so far, in their order.
    pub fn order(&self) -> Vec<Value> {
        self.seen.lock().unwrap().payloads.clone()
    }

    /// The key that the last function received.
    pub fn key_of_last_run(&self) -> String {
        self.seen.lock().unwrap().key.clone()
    }

    /// Whoever has this key.
    pub fn holder(&self, key: &str) -> User<'_> {
        User {
            platform: self,
            key: key.to_owned(),
            transaction: None,
        }
    }

    /// Limits how many invocations a namespace may have at the same time.
    pub async fn limit(&self, namespace: &str, concurrent_invocations: u64) {
        let limits = NamespaceLimits {
            concurrent_invocations: Some(concurrent_invocations),
            ..NamespaceLimits::default()
        };
        let namespace = EntityName::namespace(namespace).unwrap();
        self.control.set_namespace_limits(&namespace, limits).await.unwrap();
    }

    /// A new subject with a namespace of the same name.
    pub async fn user(&self, name: &str) -> User<'_> {
        let namespace = EntityName::namespace(name).unwrap();
        let (_, key) = self.control.create_user(name, Some(namespace), None).await.unwrap();
        self.holder(&key.reveal())
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
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same, as a part of a transaction.
    pub fn within(&self, transaction: &str) -> Self {
        Self {
            transaction: Some(transaction.to_owned()),
            key: self.key.clone(),
            ..*self
        }
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string());
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/api/v1/namespaces/{path}"))
            .header("authorization", format!("Basic {}", base64(&self.key)));
        if let Some(transaction) = &self.transaction {
            request = request.header("x-request-id", transaction);
        }
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
