use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, EntityName},
    ports::{self, Clock, Init, KeepAlive, Tasks},
};

use crate::{
    Config,
    lease::Lease,
    start::Origin,
    state::{Ahead, Key, Next, Plan, Ran, Released, Slot, Spec, Started, State},
    stems::Stems,
};

/// First pause before a waiting invocation looks again whether another instance pays; it doubles each time.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(500);
/// How often idle instances are looked through.
const SWEEP: Duration = Duration::from_secs(1);
/// Sweeps between two looks for stem cells that are missing because their start failed.
const SWEEPS_TO_FILL: u32 = 15;

/// The instances of this worker: warm ones by action, and the invocations that wait for one.
pub(crate) struct Pool {
    state: Mutex<State>,
    stems: Stems,
    config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

/// What the pool holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Instances that run something.
    pub busy: usize,
    /// Instances that wait for work.
    pub idle: usize,
    /// Instances of these that are frozen.
    pub frozen: usize,
    /// Instances that are being started.
    pub starting: usize,
    /// Stem cells.
    pub stems: usize,
    /// Invocations that wait for an instance.
    pub waiting: usize,
    /// Memory promised to instances, in MB.
    pub memory: u64,
}

/// An invocation's place in the queue.
pub(crate) type Waiter = oneshot::Sender<Result<Lease>>;

/// When an invocation gets its instance.
enum Turn {
    Now(Arc<Slot>, bool),
    Later(oneshot::Receiver<Result<Lease>>, Plan),
}

impl Pool {
    pub fn new(
        config: Config,
        policy: Arc<dyn KeepAlive>,
        stems: Stems,
        clock: Arc<dyn Clock>,
        tasks: Arc<dyn Tasks>,
    ) -> Arc<Self> {
        let state = Mutex::new(State::new(config.memory, config.starting, policy, config.remembered));
        Arc::new(Self {
            state,
            stems,
            config,
            clock,
            tasks,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance for one run: a warm one, or the next that is free or started; of several that are free, the one that ran
    /// `after`.
    pub async fn lease(
        self: &Arc<Self>,
        key: Key,
        spec: &Spec,
        accepted: bool,
        after: Option<ActivationId>,
    ) -> Result<Lease> {
        let mut dead = Vec::new();
        let turn = self.take_or_queue(&key, spec, accepted, after, &mut dead);
        if !dead.is_empty() {
            self.carry_out(Plan {
                ends: dead,
                ..Plan::default()
            });
        }
        let (mut turn, plan) = match turn? {
            Turn::Now(slot, fresh) => return Ok(Lease::new(self.clone(), slot, fresh)),
            Turn::Later(turn, plan) => (turn, plan),
        };
        self.carry_out(plan);
        let mut pause = FIRST_LOOK;
        loop {
            tokio::select! {
                biased;
                lease = &mut turn => return lease.unwrap_or_else(|_| Err(stopping())),
                () = self.clock.sleep(pause) => {
                    let plan = self.state().plan(&key, self.clock.elapsed());
                    self.carry_out(plan);
                    pause = (pause * 2).min(LAST_LOOK);
                }
            }
        }
    }

    /// A warm instance, or a place in the queue and the starts that pay now. What has ended while it was idle goes to
    /// `dead`.
    fn take_or_queue(
        &self,
        key: &Key,
        spec: &Spec,
        accepted: bool,
        after: Option<ActivationId>,
        dead: &mut Vec<Arc<Slot>>,
    ) -> Result<Turn> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        while let Some((slot, fresh)) = state.take(key, now, after) {
            if slot.instance.is_alive() {
                return Ok(Turn::Now(slot, fresh));
            }
            state.remove(&slot);
            dead.push(slot);
        }
        if state.stopping {
            return Err(stopping());
        }
        if !accepted && state.waiting() >= self.config.queue {
            return Err(full(self.config.queue));
        }
        let (waiter, turn) = oneshot::channel();
        state.enqueue(key, spec, waiter, now);
        Ok(Turn::Later(turn, state.plan(key, now)))
    }

    /// Takes back an instance after a run of this duration; one that is not kept is ended.
    pub fn release(self: &Arc<Self>, slot: &Arc<Slot>, keep: bool, ran: Option<Ran>) {
        let now = self.clock.elapsed();
        let released = self.state().release(slot, keep, ran, now);
        match released {
            Released::Next(waiter, fresh) => self.hand_over(waiter, slot.clone(), fresh),
            Released::Idle => {}
            Released::Plan(plan) => self.carry_out(plan),
        }
    }

    /// Notes that an instance has been initialised: its other places are free now.
    pub fn initialised(self: &Arc<Self>, slot: &Arc<Slot>, took: Duration) {
        let waiters = self.state().initialised(slot, took, self.clock.elapsed());
        for waiter in waiters {
            self.hand_over(waiter, slot.clone(), false);
        }
    }

    fn hand_over(self: &Arc<Self>, waiter: Waiter, slot: Arc<Slot>, fresh: bool) {
        // One who no longer waits drops the lease, which releases the instance again.
        let _ = waiter.send(Ok(Lease::new(self.clone(), slot, fresh)));
    }

    fn carry_out(self: &Arc<Self>, plan: Plan) {
        for (key, spec) in plan.starts {
            if let Some(instance) = self.stems.take(&key.namespace, &spec) {
                self.started(&key, &spec, Ok((instance, Origin::Stem)), Duration::ZERO);
                continue;
            }
            let pool = self.clone();
            self.tasks.spawn(Box::pin(async move { pool.start(key, spec).await }));
        }
        for ahead in plan.ahead {
            let pool = self.clone();
            self.tasks.spawn(Box::pin(async move { pool.start_ahead(ahead).await }));
        }
        if !plan.ends.is_empty() {
            let pool = self.clone();
            self.tasks.spawn(Box::pin(async move { pool.end(plan.ends).await }));
        }
    }

    async fn start(self: &Arc<Self>, key: Arc<Key>, spec: Spec) {
        let begun = self.clock.elapsed();
        let launched = self.stems.launch(&key.namespace, &spec).await;
        let took = self.clock.elapsed() - begun;
        self.started(&key, &spec, launched.map(|instance| (instance, Origin::Cold)), took);
        self.replan();
    }

    /// Hands what was started for an action to the first who waits for it.
    fn started(self: &Arc<Self>, key: &Arc<Key>, spec: &Spec, started: Result<Started>, took: Duration) {
        let now = self.clock.elapsed();
        let next = match started {
            Ok(started) => self.state().started(key, spec, started, took, now),
            Err(error) => self.state().failed(key, spec, error, now),
        };
        match next {
            Next::Serve(waiter, slot) => self.hand_over(waiter, slot, true),
            // One who no longer waits does not care.
            Next::Fail(waiter, error) => drop(waiter.send(Err(error))),
            Next::Refuse(instance) => self.tasks.spawn(Box::pin(async move { instance.stop().await })),
            Next::Nothing => {}
        }
    }

    /// Starts an instance for what the keep-alive policy expects, with the action's code loaded.
    async fn start_ahead(self: &Arc<Self>, ahead: Ahead) {
        let next = match self.initialised_ahead(&ahead).await {
            Ok(started) => self.state().came_ahead(&ahead, started, self.clock.elapsed()),
            Err(error) => {
                tracing::warn!(action = %ahead.key.action, %error, "an instance could not be started ahead");
                self.state().failed_ahead(&ahead);
                Next::Nothing
            }
        };
        match next {
            Next::Serve(waiter, slot) => self.hand_over(waiter, slot, false),
            Next::Refuse(instance) => instance.stop().await,
            Next::Fail(..) | Next::Nothing => {}
        }
        self.replan();
    }

    async fn initialised_ahead(&self, ahead: &Ahead) -> Result<Started> {
        let instance = self.stems.launch(&ahead.key.namespace, &ahead.spec).await?;
        let failure = match instance.init(&ahead.init).await {
            Ok(ports::Ran { outcome: None, .. }) => return Ok((instance, Origin::Cold)),
            Ok(_) => Error::new(Code::Sandbox, "the function's initialisation failed"),
            Err(error) => error,
        };
        instance.stop().await;
        Err(failure)
    }

    /// Remembers how an action's instances are initialised.
    pub fn remember(&self, slot: &Slot, init: Init) {
        self.state().remember(&slot.key, init);
    }

    /// Ends instances; only then is their memory free for others.
    async fn end(self: &Arc<Self>, slots: Vec<Arc<Slot>>) {
        for slot in slots {
            slot.instance.stop().await;
            self.state().freed(&slot);
        }
        self.replan();
    }

    /// Starts what had no room before.
    fn replan(self: &Arc<Self>) {
        let plan = self.state().plan_starved(self.clock.elapsed());
        self.carry_out(plan);
    }

    /// What has been idle for this long, to be frozen; none when the pool is closed.
    pub fn choose_idle(&self, after: Duration) -> Option<Vec<Arc<Slot>>> {
        let mut state = self.state();
        (!state.stopping).then(|| state.choose_idle(self.clock.elapsed(), after))
    }

    /// Ends an instance that nobody uses.
    pub fn discard(self: &Arc<Self>, slot: &Arc<Slot>) {
        if self.state().remove_idle(slot) {
            self.carry_out(Plan {
                ends: vec![slot.clone()],
                ..Plan::default()
            });
        }
    }

    /// Starts the stem cells, and the sweep that ends or starts instances as the keep-alive policy says.
    pub fn prewarm(self: &Arc<Self>) {
        self.stems.settle();
        if self.config.freeze_after_ms > 0 {
            let after = Duration::from_millis(self.config.freeze_after_ms);
            self.tasks.spawn(Box::pin(self.clone().freeze_idle(after)));
        }
        let pool = self.clone();
        self.tasks.spawn(Box::pin(async move {
            for sweep in 1_u32.. {
                pool.clock.sleep(SWEEP).await;
                if sweep.is_multiple_of(SWEEPS_TO_FILL) {
                    pool.stems.settle();
                }
                let plan = {
                    let mut state = pool.state();
                    if state.stopping {
                        return;
                    }
                    state.keep(pool.clock.elapsed())
                };
                pool.carry_out(plan);
            }
        }));
    }

    pub fn census(&self) -> Census {
        Census {
            stems: self.stems.count(),
            ..self.state().census()
        }
    }

    /// Refuses all who wait, and starts nothing more; what runs goes on.
    pub fn drain(&self) {
        let waiters = self.state().drain();
        for waiter in waiters {
            // One who no longer waits does not care.
            let _ = waiter.send(Err(stopping()));
        }
    }

    /// Ends all instances, whatever they do.
    pub async fn stop(&self) {
        self.drain();
        let slots = self.state().close();
        self.stems.stop().await;
        futures_util::future::join_all(slots.iter().map(|slot| slot.instance.stop())).await;
    }
}

/// The memory that a namespace's instances have been promised, for fairness between namespaces.
pub(crate) type Shares = std::collections::HashMap<EntityName, u64>;

const UNAVAILABLE: &str = "The server is currently unavailable (because it is overloaded or down for maintenance).";

fn stopping() -> Error {
    Error::new(Code::Unavailable, UNAVAILABLE).with("remedy", "the server is shutting down: try again when it is back")
}

fn full(limit: usize) -> Error {
    Error::new(Code::Unavailable, UNAVAILABLE)
        .with("limit", "worker.queue")
        .with("value", limit)
        .with(
            "remedy",
            "raise worker.queue or worker.memory in the server's configuration, or try again later",
        )
}
