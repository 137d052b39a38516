//! What outlives a server: the store, what functions were called, and what they were told.

use std::{
    future::pending,
    panic::resume_unwind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use wisp_control::{Control, Kinds, Parts, Seal};
use wisp_core::{
    Result,
    model::{
        ActionPut, Activation, ActivationId, Annotations, ApiKey, EntityName, ExecPut, Fqn, Identity, Invocation,
        Isolation, Limits, Millis, Outcome, Version,
    },
    ports::{
        Activations, BoxFuture, Bus, Clock as _, Journal, Kind, Tasks,
        journal::{Due, Effect, Execution, Listed, Page, Timer, Turn},
    },
};
use wisp_store::Engine;
use wisp_testkit::clock::Simulated;

/// What goes wrong on a server at its n-th commit to the journal, before it or right after: it dies, or whoever commits panics.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    DiesBefore(usize),
    DiesAfter(usize),
    PanicsBefore(usize),
    PanicsAfter(usize),
}

pub struct World {
    engine: Engine,
    clock: Simulated,
    /// Limits of orchestrations on servers that start from now on.
    pub orchestrations: wisp_control::orchestrations::Settings,
    pub calls: Arc<Calls>,
}

/// What functions were called with.
#[derive(Default)]
pub struct Calls {
    /// Tokens that the function `ask` was given.
    pub tokens: Mutex<Vec<String>>,
    /// Keys that functions were given.
    pub keys: Mutex<Vec<ApiKey>>,
    /// Activations that ran to their end.
    pub ran: Mutex<Vec<ActivationId>>,
}

/// A server in this world.
pub struct Server {
    pub control: Control,
    pub caller: Identity,
    fate: Arc<Fate>,
    tasks: Arc<Running>,
}

/// Whether the server lives, and what it has committed.
pub struct Fate {
    fault: Option<Fault>,
    commits: AtomicUsize,
    /// Values read back.
    reads: AtomicUsize,
    dead: AtomicBool,
    died: Notify,
}

impl Fate {
    /// Nothing is heard of a server that is dead.
    async fn alive(&self) {
        if self.dead.load(SeqCst) {
            pending::<()>().await;
        }
    }

    async fn die(&self) {
        self.dead.store(true, SeqCst);
        self.died.notify_one();
        pending::<()>().await;
    }
}

impl World {
    pub fn new() -> Self {
        let clock = Simulated::at(1_800_000_000_000);
        let ticking = clock.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                ticking.advance(Duration::from_millis(50));
            }
        });
        Self {
            engine: wisp_store::open("memory", &wisp_store::Config::default()).unwrap(),
            clock,
            orchestrations: Default::default(),
            calls: Arc::default(),
        }
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Sets the clock on the wall forward, or back, by milliseconds.
    pub fn set_clock(&self, by: i64) {
        self.clock.set(by);
    }

    /// How long this world exists.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// A server that has started.
    pub async fn start(&self, fault: Option<Fault>) -> Server {
        let fate = Arc::new(Fate {
            fault,
            commits: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
            died: Notify::new(),
        });
        let tasks = Arc::new(Running::default());
        let kind = Kind {
            name: "nodejs:20".into(),
            default: true,
            aliases: vec![],
            requires_main: false,
            provider: "an interpreter".into(),
            levels: vec![Isolation::Process],
        };
        let control = Control::new(Parts {
            records: self.engine.records.clone(),
            blobs: self.engine.blobs.clone(),
            activations: self.engine.activations.clone(),
            journal: Arc::new(Mortal(self.engine.journal.clone(), fate.clone())),
            bus: Arc::new(Functions {
                activations: self.engine.activations.clone(),
                calls: self.calls.clone(),
                fate: fate.clone(),
            }),
            clock: Arc::new(self.clock.clone()),
            tasks: tasks.clone(),
            kinds: Kinds::new(vec![("nodejs".into(), vec![kind])]),
            sources: Vec::new(),
            outbound: None,
            limits: Limits::default(),
            seal: Seal::new([1; 32]),
            gateway: Default::default(),
            workflows: wisp_control::workflows::Settings {
                // Nearly every payload is stored apart.
                inline_size: 16,
                ..Default::default()
            },
            orchestrations: self.orchestrations.clone(),
            delivery: Default::default(),
            buckets: Default::default(),
            cache_entries: 1000,
        });
        let caller = caller(&control).await;
        let resumed = control.resume_workflows();
        tokio::time::timeout(Duration::from_secs(60), resumed)
            .await
            .unwrap()
            .unwrap();
        control.recover().await.unwrap();
        Server {
            control,
            caller,
            fate,
            tasks,
        }
    }
}

/// The one user, made when the first server starts.
async fn caller(control: &Control) -> Identity {
    let namespace = EntityName::namespace("alice").unwrap();
    // It is there from the second start on.
    let _ = control.create_user("alice", Some(namespace.clone()), None).await;
    let user = control.get_user("alice").await.unwrap();
    Identity {
        subject: user.name,
        namespace,
        api_key: wisp_core::model::ApiKey {
            uuid: user.namespaces[0].uuid.clone(),
            secret: String::new(),
        },
        rights: user.rights,
        limits: Default::default(),
        chain: Default::default(),
    }
}

impl Server {
    /// Deploys an action; what it does is a matter of its name.
    pub async fn action(&self, name: &str) {
        let code = "function main(args) { return args }";
        self.deploy(name, code, &[]).await;
    }

    /// Deploys an action with this code and these annotations.
    pub async fn deploy(&self, name: &str, code: &str, annotations: &[(&str, Value)]) {
        let exec = ExecPut::Code {
            kind: "nodejs:default".into(),
            code: code.to_owned(),
            main: None,
        };
        self.put(name, exec, annotations).await;
    }

    /// Deploys a sequence.
    pub async fn sequence(&self, name: &str, components: &[&str], annotations: &[(&str, Value)]) {
        let components = components.iter().map(|component| self.name(component)).collect();
        self.put(name, ExecPut::Sequence { components }, annotations).await;
    }

    /// The full name of an action.
    pub fn name(&self, name: &str) -> Fqn {
        Fqn::new(self.caller.namespace.clone(), None, name.parse().unwrap())
    }

    async fn put(&self, name: &str, exec: ExecPut, annotations: &[(&str, Value)]) {
        let mut all = Annotations::new();
        for (key, value) in annotations {
            all.set(*key, value.clone());
        }
        let put = ActionPut {
            exec: Some(exec),
            annotations: Some(all),
            ..ActionPut::default()
        };
        let name = self.name(name);
        self.control.put_action(&self.caller, &name, put, true).await.unwrap();
    }

    /// Waits until the server dies.
    pub async fn died(&self) {
        self.fate.died.notified().await;
    }

    /// Commits to the journal so far.
    pub fn commits(&self) -> usize {
        self.fate.commits.load(SeqCst)
    }

    /// Tasks that go on.
    pub fn tasks(&self) -> usize {
        let mut tasks = self.tasks.0.lock().unwrap();
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    /// Values that were read back from the journal so far.
    pub fn reads(&self) -> usize {
        self.fate.reads.load(SeqCst)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(self) {
        self.fate.dead.store(true, SeqCst);
        self.tasks.0.lock().unwrap().abort_all();
    }
}

/// Tasks that end with their server.
#[derive(Default)]
struct Running(Mutex<JoinSet<()>>);

impl Tasks for Running {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().spawn(task);
    }
}

/// Workers whose functions return their arguments, but for two of them.
struct Functions {
    activations: Arc<dyn Activations>,
    calls: Arc<Calls>,
    fate: Arc<Fate>,
}

#[async_trait]
impl Bus for Functions {
    async fn run(&self, invocation: Invocation, _: bool) -> Result<Arc<Activation>> {
        self.fate.alive().await;
        let arguments: Value = serde_json::from_str(invocation.payload.get()).unwrap();
        let fails = invocation.action.fqn.name() == "flaky" && arguments["tries"] == 0;
        if let Some(token) = arguments["token"].as_str() {
            self.calls.tokens.lock().unwrap().push(token.to_owned());
        }
        self.calls.keys.lock().unwrap().extend(invocation.api_key.clone());
        let result = match invocation.action.fqn.name() {
            // An orchestrator that waits for an event, as its package answers.
            "waiting" => {
                let history = arguments["__durable"]["body"]["history"].as_array().unwrap();
                let heard = history.iter().any(|event| event["EventType"] == 15);
                let wait = json!({ "actionType": 6, "externalEventName": "go", "reason": "ExternalEvent" });
                json!({ "state": { "isDone": heard, "actions": [wait], "output": "heard" }, "functions": {} })
            }
            _ if fails => json!({ "error": { "name": "Flaky" } }),
            "conduct" => conducted(&arguments),
            // A function within a composition, which returns its parameters.
            _ if invocation.part => json!({ "value": arguments["params"], "variables": arguments["variables"] }),
            _ => arguments,
        };
        let result = serde_json::value::to_raw_value(&result).unwrap().into();
        let outcome = if fails {
            Outcome::ApplicationError(result)
        } else {
            Outcome::Success(result)
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
            logs: Vec::new(),
            annotations: Default::default(),
            publish: false,
        });
        if !invocation.part {
            self.activations.finish(activation.clone()).await?;
            self.calls.ran.lock().unwrap().push(activation.activation_id);
        }
        self.fate.alive().await;
        Ok(activation)
    }
}

/// What the conductor `conduct` says: three components, one of which is not there.
fn conducted(arguments: &Value) -> Value {
    let phase = arguments["phase"].as_u64().unwrap_or(0) as usize;
    match ["echo", "absent", "line"].get(phase) {
        Some(action) => json!({ "action": action, "params": { "n": phase }, "state": { "phase": phase + 1 } }),
        None => json!({ "params": { "last": arguments } }),
    }
}

/// A journal at one of whose commits something goes wrong. What was committed stays.
struct Mortal(Arc<dyn Journal>, Arc<Fate>);

#[async_trait]
impl Journal for Mortal {
    async fn commit(&self, turn: Turn) -> Result<()> {
        self.1.alive().await;
        let number = self.1.commits.fetch_add(1, SeqCst) + 1;
        match self.1.fault {
            Some(Fault::DiesBefore(last)) if last == number => self.1.die().await,
            Some(Fault::PanicsBefore(last)) if last == number => resume_unwind(Box::new("before a commit")),
            _ => {}
        }
        let committed = self.0.commit(turn).await;
        match self.1.fault {
            Some(Fault::DiesAfter(last)) if last == number => self.1.die().await,
            Some(Fault::PanicsAfter(last)) if last == number => resume_unwind(Box::new("after a commit")),
            _ => {}
        }
        committed
    }

    async fn load(&self, execution: &str) -> Result<Option<Execution>> {
        self.1.alive().await;
        self.0.load(execution).await
    }

    async fn payload(&self, execution: &str, name: &str) -> Result<Option<bytes::Bytes>> {
        self.1.reads.fetch_add(1, SeqCst);
        self.1.alive().await;
        self.0.payload(execution, name).await
    }

    async fn effects(&self, execution: &str) -> Result<Vec<Effect>> {
        self.1.alive().await;
        self.0.effects(execution).await
    }

    async fn timers(&self, execution: &str) -> Result<Vec<Timer>> {
        self.1.alive().await;
        self.0.timers(execution).await
    }

    async fn events(&self, execution: &str, from: u64, limit: usize, backwards: bool) -> Result<Vec<Bytes>> {
        self.0.events(execution, from, limit, backwards).await
    }

    async fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        self.0.list(page).await
    }

    async fn census(&self, status: &str) -> Result<Vec<(String, u64)>> {
        self.0.census(status).await
    }

    async fn pending(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.0.pending(after, limit).await
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>> {
        self.1.alive().await;
        self.0.due(now, limit).await
    }

    async fn next_timer(&self, now: Millis) -> Result<Option<Millis>> {
        self.0.next_timer(now).await
    }

    async fn delete(&self, execution: &str) -> Result<()> {
        self.1.alive().await;
        self.0.delete(execution).await
    }
}
