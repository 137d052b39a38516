use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use wisp_core::{
    Error,
    model::{ActivationId, CodeRef, EntityName, Fqn, Gaps, Isolation},
    ports::{Init, Instance, InstanceLimits, KeepAlive, Revision},
};
use wisp_scheduler::keepalive::Demand;
use wisp_scheduler::scaling::{View, to_start};

use crate::{
    frost::Frost,
    pool::{Census, Shares, Waiter},
    start::Origin,
};

/// What a start is taken to cost before the first one has been measured.
pub(crate) const FIRST_START: Duration = Duration::from_millis(50);

/// What an instance is good for: it serves one namespace, one revision of one action, one code, one environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub namespace: EntityName,
    pub action: Fqn,
    pub revision: Revision,
    /// Digest of its code, and of what its environment has beside the action's own: a binding's init parameters.
    pub environment: u64,
    /// An instance of a weaker level does not serve a namespace that demands more meanwhile.
    pub isolation: Isolation,
}

/// What to start for an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spec {
    pub kind: String,
    pub limits: InstanceLimits,
    /// The container image, if it has one of its own.
    pub image: Option<String>,
    /// Instances of the action at most.
    pub most: usize,
    /// What they run, by which its language knows what they are best started with.
    pub code: Option<CodeRef>,
}

/// An instance in the pool.
pub(crate) struct Slot {
    pub instance: Box<dyn Instance>,
    pub origin: Origin,
    pub frost: Frost,
    pub key: Arc<Key>,
    pub memory: u64,
    places: usize,
}

impl Slot {
    pub fn new(key: &Arc<Key>, spec: &Spec, (instance, origin): Started) -> Self {
        Self {
            instance,
            origin,
            frost: Frost::default(),
            key: key.clone(),
            memory: spec.limits.memory,
            places: spec.limits.concurrency.max(1) as usize,
        }
    }
}

pub(crate) struct Member {
    pub slot: Arc<Slot>,
    pub leased: usize,
    pub initialised: bool,
    pub since: Duration,
    /// What its start took.
    pub started_in: Duration,
    /// Whether it was started ahead and has served nobody yet.
    pub unused: bool,
    /// The last activation that it ran.
    pub ran: Option<ActivationId>,
}

/// A run that has ended.
pub(crate) struct Ran {
    pub took: Duration,
    pub activation: Option<ActivationId>,
}

impl Member {
    /// Whether the last activation that it ran is this one.
    fn has_run(&self, activation: Option<ActivationId>) -> bool {
        activation.is_some() && self.ran == activation
    }

    fn has_place(&self) -> bool {
        self.leased < if self.initialised { self.slot.places } else { 1 }
    }
}

#[derive(Default)]
pub(crate) struct Group {
    pub members: Vec<Member>,
    pub waiters: VecDeque<(Waiter, Duration)>,
    pub starting: usize,
    /// Instances that are being started ahead.
    pub ahead: usize,
    pub spec: Option<Spec>,
    /// How the latest instance was initialised.
    pub init: Option<Arc<Init>>,
    mean_run: Option<Duration>,
    pub mean_start: Option<Duration>,
    /// When the latest run ended or instance came.
    pub moved: Duration,
    /// What an idle instance really occupies, in bytes.
    pub occupied: Option<u64>,
    /// What the keep-alive policy decides on, and until when its decision holds.
    pub demand: Demand,
    pub until: Duration,
}

/// Everything about the pool that changes, behind one lock that is never held across a wait.
pub(crate) struct State {
    pub groups: HashMap<Arc<Key>, Group>,
    /// Actions that had no room when they last asked.
    pub starved: HashSet<Arc<Key>>,
    pub shares: Shares,
    pub waiting: usize,
    pub used: u64,
    /// Memory of these that comes free when the instances that were taken out have ended.
    pub leaving: u64,
    pub memory: u64,
    most_starting: usize,
    pub policy: Arc<dyn KeepAlive>,
    /// Actions that are remembered at most.
    pub remembered: usize,
    /// First gaps between the arrivals of all actions.
    pub others: Gaps,
    /// The worth of the latest instance that was given up for want of memory.
    pub floor: f64,
    /// When idle instances were last looked through.
    pub kept: Option<Duration>,
    pub stopping: bool,
}

/// A started instance, and how it came to be.
pub(crate) type Started = (Box<dyn Instance>, Origin);

/// What to do outside the lock.
#[derive(Default)]
pub(crate) struct Plan {
    pub starts: Vec<(Arc<Key>, Spec)>,
    pub ends: Vec<Arc<Slot>>,
    pub ahead: Vec<Ahead>,
}

/// An instance to be started ahead.
pub(crate) struct Ahead {
    pub key: Arc<Key>,
    pub spec: Spec,
    pub init: Arc<Init>,
}

/// What becomes of a released instance.
pub(crate) enum Released {
    Next(Waiter, bool),
    Idle,
    Plan(Plan),
}

/// What becomes of a start.
pub(crate) enum Next {
    Serve(Waiter, Arc<Slot>),
    Fail(Waiter, Error),
    Refuse(Box<dyn Instance>),
    Nothing,
}

/// Mean that follows the latest values.
fn follow(mean: &mut Option<Duration>, value: Duration) {
    *mean = Some(mean.map_or(value, |mean| (mean * 4 + value) / 5));
}

impl State {
    pub fn new(memory: u64, most_starting: usize, policy: Arc<dyn KeepAlive>, remembered: usize) -> Self {
        Self {
            groups: HashMap::new(),
            starved: HashSet::new(),
            shares: Shares::new(),
            waiting: 0,
            used: 0,
            leaving: 0,
            memory,
            most_starting,
            policy,
            remembered,
            others: Gaps::default(),
            floor: 0.0,
            kept: None,
            stopping: false,
        }
    }

    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// A place in a warm instance: the one that ran `after`, else the one used last; true if it is yet to be initialised.
    pub fn take(&mut self, key: &Key, now: Duration, after: Option<ActivationId>) -> Option<(Arc<Slot>, bool)> {
        let group = self.groups.get_mut(key)?;
        let member = group
            .members
            .iter_mut()
            .filter(|member| member.has_place())
            .max_by_key(|member| (member.has_run(after), member.since))?;
        if after.is_some() {
            let had = if member.has_run(after) { "true" } else { "false" };
            metrics::counter!("wisp_inputs_near_total", "near" => had).increment(1);
        }
        member.leased += 1;
        member.since = now;
        if std::mem::take(&mut member.unused) {
            metrics::counter!("wisp_started_ahead_total", "used" => "true").increment(1);
        }
        let taken = (member.slot.clone(), !member.initialised);
        self.others.extend(group.note(now, self.floor));
        Some(taken)
    }

    pub fn enqueue(&mut self, key: &Key, spec: &Spec, waiter: Waiter, now: Duration) {
        if !self.groups.contains_key(key) {
            let group = Group {
                spec: Some(spec.clone()),
                moved: now,
                demand: self.succeed(key),
                ..Group::default()
            };
            self.groups.insert(Arc::new(key.clone()), group);
        }
        if let Some(group) = self.groups.get_mut(key) {
            group.waiters.push_back((waiter, now));
            self.waiting += 1;
        }
    }

    /// Starts that pay for an action now, and the idle instances that make room for them.
    pub fn plan(&mut self, key: &Key, now: Duration) -> Plan {
        let mut plan = Plan::default();
        let Some((key, group)) = self.groups.get_key_value(key).filter(|_| !self.stopping) else {
            return plan;
        };
        let (key, Some(spec)) = (key.clone(), group.spec.clone()) else {
            return plan;
        };
        let count = to_start(&View {
            waiting: group.waiters.len(),
            starting: group.starting + group.ahead,
            live: group.members.len(),
            concurrency: spec.limits.concurrency as usize,
            mean_run: group.mean_run,
            stalled: group
                .waiters
                .front()
                .map_or(Duration::ZERO, |(_, since)| now.saturating_sub(group.moved.max(*since))),
            start_cost: group.mean_start.unwrap_or(FIRST_START),
            most: spec.most,
            most_starting: self.most_starting,
        });
        self.starved.remove(&key);
        for _ in 0..count {
            if self.used + spec.limits.memory > self.memory {
                // The memory is free only when the ended instance is gone; then the starved are planned again.
                self.starved.insert(key.clone());
                plan.ends.extend(self.evict(now));
                break;
            }
            self.used += spec.limits.memory;
            *self.shares.entry(key.namespace.clone()).or_default() += spec.limits.memory;
            if let Some(group) = self.groups.get_mut(&key) {
                group.starting += 1;
                self.others.extend(group.note(now, self.floor));
            }
            plan.starts.push((key.clone(), spec.clone()));
        }
        plan
    }

    /// Plans all actions that had no room, the namespace with the least memory first.
    pub fn plan_starved(&mut self, now: Duration) -> Plan {
        let mut keys: Vec<Arc<Key>> = self.starved.iter().cloned().collect();
        keys.sort_by_key(|key| self.share(&key.namespace));
        let mut plan = Plan::default();
        for key in keys {
            let more = self.plan(&key, now);
            plan.starts.extend(more.starts);
            plan.ends.extend(more.ends);
        }
        plan
    }

    fn share(&self, namespace: &EntityName) -> u64 {
        self.shares.get(namespace).copied().unwrap_or(0)
    }

    /// Whether a namespace that holds less waits for the memory of this instance: then it gets it, whatever waits in
    /// the instance's own namespace. So a busy namespace cannot keep the others out.
    fn yields(&self, slot: &Slot) -> bool {
        let mine = self.share(&slot.key.namespace);
        self.starved.iter().any(|key| {
            let group = self.groups.get(key);
            let without = group.is_some_and(|group| group.members.is_empty() && group.starting == 0);
            without && key.namespace != slot.key.namespace && self.share(&key.namespace) + slot.memory < mine
        })
    }

    pub fn release(&mut self, slot: &Arc<Slot>, keep: bool, ran: Option<Ran>, now: Duration) -> Released {
        let yields = keep && !self.starved.is_empty() && self.yields(slot);
        let Some(group) = self.groups.get_mut(&slot.key) else {
            return Released::Idle;
        };
        group.moved = now;
        if let Some(ran) = &ran {
            follow(&mut group.mean_run, ran.took);
        }
        let Some(member) = group.members.iter_mut().find(|member| Arc::ptr_eq(&member.slot, slot)) else {
            return Released::Idle;
        };
        if !keep || yields {
            self.remove(slot);
            self.lost(&slot.key, now);
            let plan = self.plan(&slot.key.clone(), now);
            return Released::Plan(Plan {
                ends: [plan.ends, vec![slot.clone()]].concat(),
                ..plan
            });
        }
        member.since = now;
        member.ran = ran.and_then(|ran| ran.activation);
        if let Some((waiter, _)) = group.waiters.pop_front() {
            let fresh = !member.initialised;
            self.waiting -= 1;
            return Released::Next(waiter, fresh);
        }
        member.leased -= 1;
        let idle = member.leased == 0;
        self.others.extend(group.note(now, self.floor));
        if idle && !self.starved.is_empty() {
            return Released::Plan(self.plan_starved(now));
        }
        Released::Idle
    }

    /// Opens the other places of an instance; returns those who wait for them.
    pub fn initialised(&mut self, slot: &Arc<Slot>, took: Duration, now: Duration) -> Vec<Waiter> {
        let Some(group) = self.groups.get_mut(&slot.key) else {
            return Vec::new();
        };
        let Some(member) = group.members.iter_mut().find(|member| Arc::ptr_eq(&member.slot, slot)) else {
            return Vec::new();
        };
        member.initialised = true;
        member.since = now;
        group.occupied = None;
        follow(&mut group.mean_start, member.started_in + took);
        let count = (slot.places - member.leased).min(group.waiters.len());
        member.leased += count;
        self.waiting -= count;
        group.waiters.drain(..count).map(|(waiter, _)| waiter).collect()
    }

    pub fn started(&mut self, key: &Arc<Key>, spec: &Spec, started: Started, took: Duration, now: Duration) -> Next {
        let group = match self.groups.get_mut(key) {
            Some(group) if !self.stopping => group,
            _ => return Next::Refuse(started.0),
        };
        group.starting -= 1;
        group.moved = now;
        let slot = Arc::new(Slot::new(key, spec, started));
        let waiter = group.waiters.pop_front();
        let leased = usize::from(waiter.is_some());
        self.waiting -= leased;
        group.members.push(Member {
            slot: slot.clone(),
            leased,
            initialised: false,
            since: now,
            started_in: took,
            unused: false,
            ran: None,
        });
        self.others.extend(group.note(now, self.floor));
        waiter.map_or(Next::Nothing, |(waiter, _)| Next::Serve(waiter, slot))
    }

    /// Gives back what a failed start had reserved; the longest waiting learns of the failure.
    pub fn failed(&mut self, key: &Arc<Key>, spec: &Spec, error: Error, now: Duration) -> Next {
        self.give_back(&key.namespace, spec.limits.memory);
        let Some(group) = self.groups.get_mut(key) else {
            return Next::Nothing;
        };
        group.starting -= 1;
        group.note(now, self.floor);
        let Some((waiter, _)) = group.waiters.pop_front() else {
            return Next::Nothing;
        };
        self.waiting -= 1;
        Next::Fail(waiter, error)
    }

    /// Takes an instance out; its memory is free when it has ended.
    pub fn remove(&mut self, slot: &Arc<Slot>) {
        let members = self.groups.get_mut(&slot.key).map(|group| &mut group.members);
        let Some(members) = members else { return };
        let Some(index) = members.iter().position(|member| Arc::ptr_eq(&member.slot, slot)) else {
            return;
        };
        let member = members.remove(index);
        self.leaving += slot.memory;
        if member.unused {
            metrics::counter!("wisp_started_ahead_total", "used" => "false").increment(1);
        }
    }

    /// Gives back the memory of an instance that was taken out and is gone.
    pub fn freed(&mut self, slot: &Slot) {
        self.leaving = self.leaving.saturating_sub(slot.memory);
        self.give_back(&slot.key.namespace, slot.memory);
    }

    pub fn give_back(&mut self, namespace: &EntityName, memory: u64) {
        self.used = self.used.saturating_sub(memory);
        if let Some(share) = self.shares.get_mut(namespace) {
            *share = share.saturating_sub(memory);
            if *share == 0 {
                self.shares.remove(namespace);
            }
        }
    }

    /// Chooses what has been idle for this long to be frozen.
    pub fn choose_idle(&mut self, now: Duration, after: Duration) -> Vec<Arc<Slot>> {
        let members = self.groups.values().flat_map(|group| &group.members);
        let rested = members.filter(|member| member.leased == 0 && now.saturating_sub(member.since) >= after);
        rested
            .filter(|member| member.slot.frost.choose())
            .map(|member| member.slot.clone())
            .collect()
    }

    /// Takes an instance out if nobody uses it.
    pub fn remove_idle(&mut self, slot: &Arc<Slot>) -> bool {
        let members = self.groups.get(&slot.key).map(|group| &group.members);
        let idle = members
            .into_iter()
            .flatten()
            .any(|member| Arc::ptr_eq(&member.slot, slot) && member.leased == 0);
        if idle {
            self.spare(&slot.key);
            self.remove(slot);
        }
        idle
    }

    pub fn census(&self) -> Census {
        let mut census = Census {
            waiting: self.waiting,
            memory: self.used,
            ..Census::default()
        };
        for group in self.groups.values() {
            census.starting += group.starting + group.ahead;
            let busy = group.members.iter().filter(|member| member.leased > 0).count();
            census.busy += busy;
            census.frozen += group
                .members
                .iter()
                .filter(|member| member.slot.frost.is_chosen())
                .count();
            census.idle += group.members.len() - busy;
        }
        census
    }

    /// Takes out all who wait; nothing is started any more.
    pub fn drain(&mut self) -> Vec<Waiter> {
        self.stopping = true;
        self.waiting = 0;
        let groups = self.groups.values_mut();
        groups
            .flat_map(|group| group.waiters.drain(..).map(|(waiter, _)| waiter))
            .collect()
    }

    /// Takes out all instances.
    pub fn close(&mut self) -> Vec<Arc<Slot>> {
        let groups = std::mem::take(&mut self.groups);
        groups
            .into_values()
            .flat_map(|group| group.members)
            .map(|member| member.slot)
            .collect()
    }
}
