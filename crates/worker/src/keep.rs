use std::{sync::Arc, time::Duration};

use wisp_core::ports::Init;
use wisp_scheduler::keepalive::{Cost, Demand, SETTLE};

use crate::state::{Ahead, FIRST_START, Group, Key, Member, Next, Plan, Slot, Started, State};

/// An action without instances is remembered for so long: as far as the policies look back.
const REMEMBERED: Duration = Duration::from_secs(8 * 3600);
/// What idle memory is worth while hardly any of it is wanted, as a part of what it is worth when all is.
const LEAST_PRESSURE: f64 = 0.1;

const MEGABYTE: f64 = (1 << 20) as f64;

impl Group {
    /// Notes for the policy how many instances have work. Returns a gap between arrivals that tells something about
    /// actions in general.
    pub fn note(&mut self, now: Duration, floor: f64) -> Option<Duration> {
        let busy = self.members.iter().filter(|member| member.leased > 0).count() + self.starting;
        self.until = Duration::ZERO;
        self.demand.set_busy(busy, now, floor)
    }

    fn cost(&self, pressure: f64) -> Cost {
        let promised = self.spec.as_ref().map_or(0, |spec| spec.limits.memory << 20);
        Cost {
            start: self.mean_start.unwrap_or(FIRST_START),
            memory: self.occupied.unwrap_or(promised) as f64 / MEGABYTE * pressure,
        }
    }

    /// Looks once what an idle instance of the latest that came really occupies.
    fn measure(&mut self) {
        if self.occupied.is_none() {
            let idle = self.members.iter().find(|member| member.leased == 0);
            self.occupied = idle.and_then(|member| member.slot.instance.memory());
        }
    }

    /// The idle instances, the one used last first.
    fn idle(&self) -> Vec<&Member> {
        let mut idle: Vec<&Member> = self.members.iter().filter(|member| member.leased == 0).collect();
        idle.sort_by_key(|member| std::cmp::Reverse(member.since));
        idle
    }
}

impl State {
    fn pressure(&self) -> f64 {
        (self.used as f64 / self.memory.max(1) as f64).clamp(LEAST_PRESSURE, 1.0)
    }

    /// Takes out the idle instances that the policy does not want, plans those that it wants started ahead, and forgets
    /// actions that have not been used for long.
    pub fn keep(&mut self, now: Duration) -> Plan {
        let pressure = self.pressure();
        let mut plan = Plan::default();
        let (mut wanting, mut unwanted) = (Vec::new(), Vec::new());
        let passed = now.saturating_sub(self.kept.replace(now).unwrap_or(now)).as_secs_f64();
        let mut idle_memory = 0;
        for (key, group) in &mut self.groups {
            let idle = group.idle().len();
            idle_memory += idle as u64 * group.spec.as_ref().map_or(0, |spec| spec.limits.memory);
            if now < group.until {
                continue;
            }
            group.measure();
            let cost = group.cost(pressure);
            let wanted = group.demand.wanted(&*self.policy, &self.others, cost, now);
            group.until = wanted.until;
            let coming = idle + group.ahead;
            match wanted.idle.checked_sub(coming) {
                Some(missing) => wanting.extend(std::iter::repeat_n(key.clone(), missing)),
                None => {
                    let surplus = idle - wanted.idle.saturating_sub(group.ahead).min(idle);
                    unwanted.extend(
                        group
                            .idle()
                            .iter()
                            .rev()
                            .take(surplus)
                            .map(|member| member.slot.clone()),
                    );
                }
            }
        }
        metrics::counter!("wisp_idle_memory_megabyte_seconds_total").increment((idle_memory as f64 * passed) as u64);
        for slot in unwanted {
            self.remove(&slot);
            plan.ends.push(slot);
        }
        plan.ahead = wanting.iter().filter_map(|key| self.start_ahead(key)).collect();
        self.forget(now);
        plan
    }

    /// Reserves what an instance needs that is started ahead; none if there is no room, or nothing to initialise it with.
    fn start_ahead(&mut self, key: &Arc<Key>) -> Option<Ahead> {
        let group = self.groups.get_mut(key)?;
        let (spec, init) = (group.spec.clone()?, group.init.clone()?);
        if self.stopping || !self.starved.is_empty() || self.used + spec.limits.memory > self.memory {
            return None;
        }
        group.ahead += 1;
        self.used += spec.limits.memory;
        *self.shares.entry(key.namespace.clone()).or_default() += spec.limits.memory;
        Some(Ahead {
            key: key.clone(),
            spec,
            init,
        })
    }

    /// Notes that an instance was not kept after its run: none is started in its place before the action is used.
    pub fn lost(&mut self, key: &Key, now: Duration) {
        if let Some(group) = self.groups.get_mut(key) {
            self.others.extend(group.note(now, self.floor));
            let idle = group.idle().len();
            group.demand.give_up(idle + 1);
        }
    }

    /// Notes that an idle instance goes although the policy wants it.
    pub fn spare(&mut self, key: &Key) {
        if let Some(group) = self.groups.get_mut(key) {
            let idle = group.idle().len();
            group.demand.give_up(idle);
        }
    }

    /// What is known of the action's earlier revision, of which no instance is started ahead any more.
    pub fn succeed(&mut self, key: &Key) -> Demand {
        let same = |old: &Key| old.namespace == key.namespace && old.action == key.action;
        let earlier = self
            .groups
            .iter_mut()
            .filter(|(old, group)| same(old) && group.init.is_some());
        let taken = earlier.map(|(_, group)| {
            group.init = None;
            std::mem::take(&mut group.demand)
        });
        let mut demand = taken.max_by_key(Demand::uses).unwrap_or_default();
        demand.rest();
        demand
    }

    fn forget(&mut self, now: Duration) {
        let in_use =
            |group: &Group| !group.members.is_empty() || group.starting + group.ahead > 0 || !group.waiters.is_empty();
        self.groups
            .retain(|_, group| in_use(group) || now.saturating_sub(group.moved) < REMEMBERED);
        let surplus = self.groups.len().saturating_sub(self.remembered);
        if surplus == 0 {
            return;
        }
        let unused = self.groups.iter().filter(|(_, group)| !in_use(group));
        let mut unused: Vec<(Duration, Arc<Key>)> = unused.map(|(key, group)| (group.moved, key.clone())).collect();
        unused.sort_by_key(|(moved, _)| *moved);
        for (_, key) in unused.into_iter().take(surplus) {
            self.groups.remove(&key);
        }
    }

    /// Takes idle instances out until each of the starved actions will have room for one more: the least worth first,
    /// but before all others those that have rested a while, because nothing can be known of one that has just run.
    pub fn evict(&mut self, now: Duration) -> Vec<Arc<Slot>> {
        let starved = self
            .starved
            .iter()
            .filter_map(|key| self.groups.get(key)?.spec.as_ref());
        let needed: u64 = starved.map(|spec| spec.limits.memory).sum();
        let mut free = self.memory.saturating_sub(self.used) + self.leaving;
        if free >= needed {
            return Vec::new();
        }
        let pressure = self.pressure();
        let mut idle: Vec<(bool, f64, Duration, Arc<Slot>)> = Vec::new();
        for group in self.groups.values() {
            let cost = group.cost(pressure);
            for (index, member) in group.idle().into_iter().enumerate() {
                let worth = group.demand.worth(&*self.policy, &self.others, cost, index + 1);
                let fresh = now.saturating_sub(member.since) < SETTLE;
                idle.push((fresh, worth, member.since, member.slot.clone()));
            }
        }
        idle.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut ends = Vec::new();
        for (_, worth, _, slot) in idle {
            if free >= needed {
                break;
            }
            free += slot.memory;
            self.floor = self.floor.max(worth);
            self.spare(&slot.key);
            self.remove(&slot);
            ends.push(slot);
        }
        ends
    }

    /// Takes in an instance that was started ahead and initialised.
    pub fn came_ahead(&mut self, ahead: &Ahead, started: Started, now: Duration) -> Next {
        let group = match self.groups.get_mut(&ahead.key) {
            Some(group) if !self.stopping => group,
            _ => return Next::Refuse(started.0),
        };
        group.ahead -= 1;
        group.until = Duration::ZERO;
        let slot = Arc::new(Slot::new(&ahead.key, &ahead.spec, started));
        let waiter = group.waiters.pop_front();
        let leased = usize::from(waiter.is_some());
        self.waiting -= leased;
        group.members.push(Member {
            slot: slot.clone(),
            leased,
            initialised: true,
            since: now,
            started_in: Duration::ZERO,
            unused: waiter.is_none(),
            ran: None,
        });
        self.others.extend(group.note(now, self.floor));
        waiter.map_or(Next::Nothing, |(waiter, _)| Next::Serve(waiter, slot))
    }

    /// Gives back what was reserved for an instance that could not be started ahead; it is not tried again before the
    /// action has been used.
    pub fn failed_ahead(&mut self, ahead: &Ahead) {
        self.give_back(&ahead.key.namespace, ahead.spec.limits.memory);
        if let Some(group) = self.groups.get_mut(&ahead.key) {
            group.ahead -= 1;
            let idle = group.idle().len();
            group.demand.give_up(idle + 1);
        }
    }

    /// Remembers how an action's instances are initialised, for those that are started ahead.
    pub fn remember(&mut self, key: &Key, init: Init) {
        if let Some(group) = self.groups.get_mut(key) {
            group.init = Some(Arc::new(init));
        }
    }
}
