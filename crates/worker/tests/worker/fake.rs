//! A language whose instances only wait, and a ledger that only counts: faults and durations are what is tested here.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use wisp_core::{Code, Error, Result, model::*, ports::*};

pub struct TokioClock(tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> Millis {
        1_700_000_000_000 + self.0.elapsed().as_millis() as u64
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

pub struct TokioTasks;

impl Tasks for TokioTasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

#[derive(Default)]
pub struct Ledger(pub Mutex<Vec<Arc<Activation>>>);

#[async_trait]
impl Activations for Ledger {
    async fn accept(&self, _: &Accepted) -> Result<()> {
        Ok(())
    }
    async fn unfinished(&self) -> Result<Vec<ActivationId>> {
        Ok(Vec::new())
    }
    async fn is_promised(&self, _: ActivationId) -> Result<bool> {
        Ok(false)
    }

    async fn promise(&self, _: ActivationId) -> Result<Option<Accepted>> {
        Ok(None)
    }
    async fn follow(&self, _: FollowUp) -> Result<()> {
        Ok(())
    }
    async fn finish(&self, activation: Arc<Activation>) -> Result<()> {
        self.0.lock().unwrap().push(activation);
        Ok(())
    }
    async fn get(&self, _: &EntityName, _: ActivationId) -> Result<Option<Bytes>> {
        Ok(None)
    }
    async fn list(&self, _: &Query) -> Result<Vec<Bytes>> {
        Ok(Vec::new())
    }
    async fn count(&self, _: &Scope) -> Result<u64> {
        Ok(0)
    }
    async fn sweep(&self, _: Millis, _: &(dyn for<'a> Fn(&'a str) -> Retention + Sync)) -> Result<Swept> {
        Ok(Swept::default())
    }
}

/// What the instances of the fake language did.
#[derive(Default)]
pub struct Tally {
    pub started: AtomicUsize,
    pub initialised: AtomicUsize,
    pub stopped: AtomicUsize,
    pub frozen: AtomicUsize,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    /// While this is set, no instance can be started.
    pub failing: AtomicBool,
}

/// Runs take as many milliseconds as the payload's `ms` says, and end as its `end` says.
pub struct Waiting {
    pub tally: Arc<Tally>,
    pub kinds: Vec<Kind>,
    pub start: Duration,
    /// What it takes to end an instance; only then is its memory free.
    pub stop: Duration,
    pub fail_starts: AtomicUsize,
    /// Whether instances evade being frozen.
    pub restless: bool,
}

#[async_trait]
impl Language for Waiting {
    fn family(&self) -> &'static str {
        "waiting"
    }
    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }
    async fn start(&self, _: &Kind, _: InstanceLimits) -> Result<Box<dyn Instance>> {
        tokio::time::sleep(self.start).await;
        if self.tally.failing.load(SeqCst) {
            return Err(Error::new(Code::Sandbox, "no sandbox for now"));
        }
        if self
            .fail_starts
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(Error::new(Code::Sandbox, "no sandbox today"));
        }
        let number = self.tally.started.fetch_add(1, SeqCst);
        Ok(Box::new(Waiter {
            number,
            tally: self.tally.clone(),
            stop: self.stop,
            died: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            restless: self.restless,
        }))
    }
}

struct Waiter {
    /// Which it is of those that were started.
    number: usize,
    tally: Arc<Tally>,
    stop: Duration,
    died: AtomicBool,
    frozen: AtomicBool,
    restless: bool,
}

#[async_trait]
impl Instance for Waiter {
    async fn init(&self, init: &Init) -> Result<Ran> {
        self.tally.initialised.fetch_add(1, SeqCst);
        let outcome = (init.main == "broken").then(|| Outcome::InitFailed("broken".into()));
        Ok(Ran {
            outcome,
            logs: Vec::new(),
            truncated: false,
        })
    }
    async fn run(&self, run: &Run) -> Result<Ran> {
        assert!(!self.frozen.load(SeqCst), "runs while it is frozen");
        let running = self.tally.running.fetch_add(1, SeqCst) + 1;
        self.tally.most_running.fetch_max(running, SeqCst);
        let payload: serde_json::Value = serde_json::from_str(run.value.get()).unwrap();
        tokio::time::sleep(Duration::from_millis(payload["ms"].as_u64().unwrap_or(0))).await;
        self.tally.running.fetch_sub(1, SeqCst);
        let outcome = match payload["end"].as_str() {
            Some("error") => Outcome::ApplicationError(run.value.clone()),
            Some("crash") => Outcome::Exited,
            Some("die later") => {
                self.died.store(true, SeqCst);
                Outcome::Success(run.value.clone())
            }
            Some("fault") => return Err(Error::internal("the disk is on fire")),
            _ => {
                let said = json!({ "instance": self.number });
                Outcome::Success(serde_json::value::to_raw_value(&said).unwrap().into())
            }
        };
        Ok(Ran {
            outcome: Some(outcome),
            logs: Vec::new(),
            truncated: false,
        })
    }
    async fn freeze(&self) -> Result<()> {
        if self.restless {
            return Err(Error::new(Code::Sandbox, "not now"));
        }
        assert!(!self.frozen.swap(true, SeqCst));
        assert_eq!(self.tally.running.load(SeqCst), 0, "frozen while it runs");
        self.tally.frozen.fetch_add(1, SeqCst);
        // Long enough for somebody to want it meanwhile.
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(())
    }
    async fn thaw(&self) -> Result<()> {
        assert!(self.frozen.swap(false, SeqCst));
        Ok(())
    }
    fn is_alive(&self) -> bool {
        !self.died.load(SeqCst)
    }
    async fn stop(&self) {
        self.tally.stopped.fetch_add(1, SeqCst);
        tokio::time::sleep(self.stop).await;
    }
}

pub fn clock() -> Arc<TokioClock> {
    Arc::new(TokioClock(tokio::time::Instant::now()))
}

pub fn action(name: &str, change: impl FnOnce(&mut Action)) -> Arc<Action> {
    let mut action = Action {
        fqn: name.parse().unwrap(),
        exec: Exec::Code {
            kind: "waiting:1".into(),
            code: CodeRef {
                digest: String::new(),
                size: 0,
                binary: false,
            },
            main: None,
        },
        parameters: Parameters::new(),
        limits: Limits::default().action_default(),
        version: Version::default(),
        publish: false,
        annotations: Annotations::new(),
        updated: 0,
    };
    change(&mut action);
    Arc::new(action)
}

pub fn invocation(action: &Arc<Action>, ms: u64, end: &str) -> Invocation {
    Invocation {
        id: ActivationId::from_bits(rand::random()),
        action: action.clone(),
        revision: Revision(1),
        binding: None,
        isolation: Isolation::Process,
        payload: serde_json::value::to_raw_value(&json!({"ms": ms, "end": end}))
            .unwrap()
            .into(),
        environment: Arc::default(),
        caller: Caller {
            namespace: action.fqn.namespace_name().clone(),
            subject: "somebody".into(),
        },
        api_key: None,
        cause: None,
        transaction: "t".into(),
        at: 1_700_000_000_000,
        pieces: None,
        session: String::new(),
        after: None,
        part: false,
    }
}
