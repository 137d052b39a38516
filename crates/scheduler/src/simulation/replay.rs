use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    iter::Peekable,
    time::Duration,
};

use wisp_core::{model::Gaps, ports::KeepAlive};

use super::{Function, Trace};
use crate::keepalive::{Cost, Demand};

/// What a replay takes as given.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// What a start takes: traces do not tell.
    pub start: Duration,
    /// Memory for all instances, in MB; none is unbounded.
    pub memory: Option<f64>,
    /// Whether runs take their function's mean time, so that they overlap and need an instance each. Otherwise one
    /// instance of a function serves all, as the literature counts.
    pub runs: bool,
    /// Whether the policy is told which functions timers fire.
    pub timers: bool,
}

/// What a policy did with a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Invocations.
    pub invocations: u64,
    /// Those that found no idle instance of their function.
    pub cold: u64,
    /// Memory that idle instances held, in MB seconds.
    pub wasted: f64,
    /// Instances started ahead, and those of them that were ended without having been used.
    pub prewarmed: u64,
    /// Prewarmed instances that were ended before anything came.
    pub unused: u64,
    /// Instances given up for want of memory.
    pub evicted: u64,
}

struct Site<'a> {
    function: &'a Function,
    arrivals: Peekable<Box<dyn Iterator<Item = Duration> + 'a>>,
    /// When the runs end, soonest first.
    ends: VecDeque<Duration>,
    demand: Demand,
    idle: usize,
    /// Idle instances that were started ahead and have served nobody.
    fresh: usize,
    /// Until when the idle instances are accounted for.
    seen: Duration,
    /// When the policy wants something else.
    until: Duration,
}

struct Replay<'a> {
    sites: Vec<Site<'a>>,
    policy: &'a dyn KeepAlive,
    setup: Setup,
    others: Gaps,
    /// Memory of all instances.
    used: f64,
    floor: f64,
    report: Report,
}

/// Replays a trace. A run takes its function's mean; a start takes no time, but counts.
pub fn replay(trace: &Trace, policy: &dyn KeepAlive, setup: Setup) -> Report {
    let sites = trace.functions.iter().map(|function| Site::new(function, setup.timers));
    let mut replay = Replay {
        sites: sites.collect(),
        policy,
        setup,
        others: Gaps::default(),
        used: 0.0,
        floor: 0.0,
        report: Report::default(),
    };
    replay.run(trace.length());
    replay.report
}

impl<'a> Site<'a> {
    fn new(function: &'a Function, told: bool) -> Self {
        let arrivals: Box<dyn Iterator<Item = Duration> + 'a> = Box::new(function.arrivals());
        Self {
            function,
            arrivals: arrivals.peekable(),
            ends: VecDeque::new(),
            demand: Demand::new(told && function.timer),
            idle: 0,
            fresh: 0,
            seen: Duration::ZERO,
            until: Duration::MAX,
        }
    }

    fn next(&mut self) -> Duration {
        let arrival = self.arrivals.peek().copied().unwrap_or(Duration::MAX);
        let end = self.ends.front().copied().unwrap_or(Duration::MAX);
        arrival.min(end).min(self.until)
    }
}

impl Replay<'_> {
    fn run(&mut self, length: Duration) {
        let mut agenda: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
        for (index, site) in self.sites.iter_mut().enumerate() {
            agenda.push(Reverse((site.next(), index)));
        }
        while let Some(Reverse((now, index))) = agenda.pop() {
            if now >= length {
                break;
            }
            self.step(index, now);
            agenda.push(Reverse((self.sites[index].next(), index)));
        }
        for index in 0..self.sites.len() {
            self.account(index, length);
        }
    }

    /// All that happens to a function at this time.
    fn step(&mut self, index: usize, now: Duration) {
        self.account(index, now);
        self.release(index, now);
        while self.sites[index].arrivals.next_if(|arrival| *arrival <= now).is_some() {
            self.arrive(index, now);
            self.release(index, now);
        }
        self.adjust(index, now);
    }

    fn release(&mut self, index: usize, now: Duration) {
        let site = &mut self.sites[index];
        while site.ends.front().is_some_and(|end| *end <= now) {
            site.ends.pop_front();
            site.demand.end(now);
            site.idle += 1;
        }
    }

    fn account(&mut self, index: usize, now: Duration) {
        let site = &mut self.sites[index];
        let since = now.saturating_sub(site.seen).as_secs_f64();
        self.report.wasted += site.idle as f64 * site.function.memory * since;
        site.seen = now;
    }

    fn arrive(&mut self, index: usize, now: Duration) {
        self.report.invocations += 1;
        let floor = self.floor;
        let site = &mut self.sites[index];
        let run = if self.setup.runs {
            site.function.run
        } else {
            Duration::ZERO
        };
        site.ends.push_back(now + run);
        if let Some(gap) = site.demand.begin(now, floor) {
            self.others.add(gap);
        }
        if site.idle > 0 {
            site.idle -= 1;
            site.fresh = site.fresh.min(site.idle);
            return;
        }
        self.report.cold += 1;
        let memory = site.function.memory;
        self.make_room(memory, now);
        self.used += memory;
    }

    /// Ends what the policy does not want, starts ahead what it does.
    fn adjust(&mut self, index: usize, now: Duration) {
        let cost = self.cost(index);
        let site = &mut self.sites[index];
        let wanted = site.demand.wanted(self.policy, &self.others, cost, now);
        site.until = wanted.until;
        if wanted.idle < site.idle {
            self.used -= (site.idle - wanted.idle) as f64 * cost.memory;
            let unused = site.fresh.min(site.idle - wanted.idle);
            site.fresh -= unused;
            site.idle = wanted.idle;
            self.report.unused += unused as u64;
            return;
        }
        for _ in site.idle..wanted.idle {
            if self.setup.memory.is_some_and(|memory| self.used + cost.memory > memory) {
                return;
            }
            let site = &mut self.sites[index];
            site.idle += 1;
            site.fresh += 1;
            self.used += cost.memory;
            self.report.prewarmed += 1;
        }
    }

    fn cost(&self, index: usize) -> Cost {
        Cost {
            start: self.setup.start,
            memory: self.sites[index].function.memory,
        }
    }

    /// Gives up idle instances, the least worth first, until this much memory is free.
    fn make_room(&mut self, needed: f64, now: Duration) {
        let Some(memory) = self.setup.memory else {
            return;
        };
        while self.used + needed > memory {
            let worth = |index: &usize| {
                let site = &self.sites[*index];
                site.demand
                    .worth(self.policy, &self.others, self.cost(*index), site.idle)
            };
            let idle = (0..self.sites.len()).filter(|index| self.sites[*index].idle > 0);
            let Some((worth, index)) = idle
                .map(|index| (worth(&index), index))
                .min_by(|a, b| a.0.total_cmp(&b.0))
            else {
                return;
            };
            self.account(index, now);
            let site = &mut self.sites[index];
            site.demand.give_up(site.idle);
            site.idle -= 1;
            site.fresh = site.fresh.min(site.idle);
            self.used -= site.function.memory;
            self.floor = worth;
            self.report.evicted += 1;
        }
    }
}
