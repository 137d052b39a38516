use std::{collections::BTreeMap, mem, sync::Arc};

use wisp_core::{
    Result,
    model::{ActivationId, Millis},
    ports::journal::{self, Timer},
};
use wisp_workflow::{
    Turn,
    apart::{Payload, Payloads},
    execution::{Effect, EventKind, Status},
    history::HistoryEvent,
    machine::{Machine, Pattern, Resource},
};

use super::{
    nested::Nested,
    run::{MapRun, Run, encode},
};

/// Marks an execution whose turn was cut: it goes on without an event.
pub(super) const CUT: &str = "cut";

/// Before the id of work that is to be stopped.
pub(super) const STOP: &str = "stop:";

/// The timer of the end of an execution's stay in the journal.
pub(crate) const EXPIRY: &str = "expiry";

/// An execution in memory, as its driver holds it.
pub(crate) struct Held {
    pub run: Run,
    pub machine: Arc<Machine>,
    /// Turns that are committed.
    pub turns: u64,
    /// Work that must be answered, and has not been.
    pub open: BTreeMap<u64, Open>,
    /// Timers that are set.
    timers: BTreeMap<u64, Millis>,
    /// When it is forgotten, if it has ended.
    expiry: Option<Millis>,
    /// Whether the last turn was cut.
    cut: bool,
    /// Work whose end is no longer wanted, until it is stopped: that must not be forgotten.
    pub dropped: BTreeMap<u64, Effect>,
    /// Work that has been stopped since the last turn.
    stopped: Vec<u64>,
    /// How much of the work is done here and ends soon.
    pub under_way: usize,
    /// Tasks of activities that nobody waits for any more since the last turn, and that no worker has taken.
    pub untaken: Vec<(String, u64)>,
    /// The run that ended last.
    pub last: Option<ActivationId>,
    /// Large values that are stored apart.
    payloads: Payloads,
}

impl crate::actors::Held for Held {
    fn stays(&self) -> bool {
        self.under_way > 0
    }

    fn goes_on(&self) -> bool {
        self.is_cut()
    }
}

/// What the journal has of effects.
#[derive(Default)]
pub(crate) struct Left {
    /// Work that must be answered.
    pub open: BTreeMap<u64, Open>,
    /// Work to stop.
    pub dropped: BTreeMap<u64, Effect>,
    /// Whether the last turn was cut.
    pub cut: bool,
}

/// Work that must be answered.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Open {
    pub effect: Effect,
    /// Whether somebody has taken it who answers: it is not to be begun again.
    pub taken: bool,
}

impl Open {
    /// The activity that it waits for a worker of.
    fn activity(&self) -> Option<String> {
        match &self.effect {
            Effect::StartTask(task) if !self.taken => match Resource::parse(&task.resource) {
                Resource::Activity(arn) => Some(arn),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether somebody must see to its end even after it was taken: a nested execution's is waited for here.
    fn lasts(&self) -> bool {
        match &self.effect {
            Effect::StartTask(task) => Resource::parse(&task.resource).pattern() == Pattern::Job,
            _ => false,
        }
    }
}

impl Held {
    /// An execution that has not begun.
    pub fn new(run: Run, machine: Arc<Machine>, payloads: Payloads) -> Self {
        Self {
            run,
            machine,
            turns: 0,
            open: BTreeMap::new(),
            timers: BTreeMap::new(),
            expiry: None,
            cut: false,
            dropped: BTreeMap::new(),
            stopped: Vec::new(),
            under_way: 0,
            untaken: Vec::new(),
            last: None,
            payloads,
        }
    }

    /// An execution as the journal has it.
    pub fn read(run: Run, turns: u64, left: Left, timers: &[Timer], machine: Arc<Machine>, payloads: Payloads) -> Self {
        let mut held = Self::new(run, machine, payloads);
        (held.turns, held.open, held.dropped, held.cut) = (turns, left.open, left.dropped, left.cut);
        held.expiry = timers.iter().find(|timer| timer.id == EXPIRY).map(|timer| timer.at);
        let timers = timers
            .iter()
            .filter_map(|timer| Some((timer.id.parse().ok()?, timer.at)));
        held.timers = timers.collect();
        held
    }

    /// Work has been stopped.
    pub fn stopped(&mut self, id: u64) {
        self.stopped.extend(self.dropped.remove(&id).map(|_| id));
    }

    /// Whether the next turn has to say so.
    pub fn has_stopped(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Whether it goes on by itself.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Work that was begun by nobody who still lives.
    pub fn left(&self) -> Vec<u64> {
        let left = self.open.iter().filter(|(_, open)| !open.taken || open.lasts());
        left.map(|(id, _)| *id).collect()
    }

    /// What a turn of the core changes, for the journal, with the values that are to be stored apart; and the work that is
    /// to be begun when it is committed. One that has ended is kept for so long.
    pub fn write(
        &mut self,
        turn: Turn,
        events: &[EventKind],
        now: Millis,
        receipts: bool,
        keep: Millis,
    ) -> Result<(journal::Turn, Vec<Effect>)> {
        let mut payloads = mem::take(&mut self.payloads);
        let (written, apart) = payloads.write(|| self.write_whole(turn, events, now, receipts, keep));
        self.payloads = payloads;
        let (mut commit, begin) = written?;
        commit.payloads = apart.into_iter().map(payload).collect();
        Ok((commit, begin))
    }

    fn write_whole(
        &mut self,
        turn: Turn,
        events: &[EventKind],
        now: Millis,
        receipts: bool,
        keep: Millis,
    ) -> Result<(journal::Turn, Vec<Effect>)> {
        let mut commit = journal::Turn {
            execution: self.run.key(),
            after: self.turns,
            events: history(&turn.history)?,
            ..journal::Turn::default()
        };
        let mut begin = Vec::new();
        self.told(events, &mut commit);
        for effect in turn.effects {
            self.add(effect, now, &mut commit, &mut begin)?;
        }
        self.settle(events, &mut commit)?;
        let stopped = mem::take(&mut self.stopped).into_iter();
        commit.settled.extend(stopped.map(|id| format!("{STOP}{id}")));
        if turn.more && !self.cut {
            commit.effects.push(journal::Effect {
                id: CUT.to_owned(),
                body: "{}".into(),
            });
        } else if !turn.more && self.cut {
            commit.settled.push(CUT.to_owned());
        }
        self.cut = turn.more;
        let over = self.run.execution.status != Status::Running;
        if over != self.run.stopped.is_some() || self.turns == 0 {
            self.run.stopped = over.then_some(now);
            self.expire(over.then(|| now.saturating_add(keep)), &mut commit);
            commit.place = Some(self.run.place()?);
        }
        commit.synced = self.run.strict || receipts || over;
        commit.state = encode(&self.run)?.into();
        Ok((commit, begin))
    }

    /// Sets when the execution is forgotten, or that it is not.
    fn expire(&mut self, at: Option<Millis>, commit: &mut journal::Turn) {
        let timer = |at| Timer {
            at,
            id: EXPIRY.to_owned(),
        };
        commit.cancelled.extend(self.expiry.map(timer));
        commit.timers.extend(at.map(timer));
        self.expiry = at;
    }

    /// Timers that have fired are no more, whether anybody waited for them or not; map runs keep to what they were told.
    fn told(&mut self, events: &[EventKind], commit: &mut journal::Turn) {
        for event in events {
            match event {
                EventKind::TimerFired { id } => self.clear(*id, commit),
                EventKind::MapRunPaced { id, pace } => {
                    if let Some(run) = self.run.map_runs.get_mut(id) {
                        run.pace = *pace;
                    }
                }
                _ => {}
            }
        }
    }

    fn clear(&mut self, id: u64, commit: &mut journal::Turn) {
        if let Some(at) = self.timers.remove(&id) {
            commit.cancelled.push(timer(id, at));
        }
    }

    fn add(&mut self, effect: Effect, now: Millis, commit: &mut journal::Turn, begin: &mut Vec<Effect>) -> Result<()> {
        match &effect {
            Effect::SetTimer { id, at_ms } => {
                self.clear(*id, commit);
                let at = u64::try_from(*at_ms).unwrap_or_default();
                self.timers.insert(*id, at);
                // One that fired early is set again for its moment.
                commit.cancelled.retain(|cancelled| *cancelled != timer(*id, at));
                commit.timers.push(timer(*id, at));
            }
            Effect::ClearTimer { id, .. } => self.clear(*id, commit),
            Effect::StartMapRun { id, arn, total, pace } => {
                let run = MapRun {
                    arn: arn.clone(),
                    total: *total,
                    pace: *pace,
                    status: Status::Running,
                    started: now,
                    stopped: None,
                };
                self.run.map_runs.insert(*id, run);
                begin.push(effect);
            }
            Effect::FinishMapRun { id, status } => {
                if let Some(run) = self.run.map_runs.get_mut(id) {
                    (run.status, run.stopped) = (*status, Some(now));
                }
            }
            Effect::StartTask(task) => self.open(task.id, &effect, commit, begin)?,
            Effect::StartChild(child) => self.open(child.id, &effect, commit, begin)?,
            Effect::ReadItems(read) => self.open(read.id, &effect, commit, begin)?,
            Effect::WriteResults(write) => self.open(write.id, &effect, commit, begin)?,
            Effect::CancelTask { id } | Effect::StopChild { id } => {
                let open = self.open.get(id).map(|open| open.effect.clone());
                if let Some(nested) = open.filter(Nested::is_of) {
                    commit.effects.push(journal::Effect {
                        id: format!("{STOP}{id}"),
                        body: encode(&nested)?.into(),
                    });
                    self.dropped.insert(*id, nested);
                    begin.push(effect);
                }
            }
            Effect::Finish { .. } => begin.push(effect),
        }
        Ok(())
    }

    fn open(&mut self, id: u64, effect: &Effect, commit: &mut journal::Turn, begin: &mut Vec<Effect>) -> Result<()> {
        let open = Open {
            effect: effect.clone(),
            taken: false,
        };
        commit.effects.push(journal::Effect {
            id: id.to_string(),
            body: encode(&open)?.into(),
        });
        self.open.insert(id, open);
        begin.push(effect.clone());
        Ok(())
    }

    /// Keeps what somebody has taken from being begun again, and forgets what nobody waits for any more.
    fn settle(&mut self, events: &[EventKind], commit: &mut journal::Turn) -> Result<()> {
        for event in events {
            let (EventKind::TaskStarted { id, .. } | EventKind::TaskSubmitted { id, .. }) = event else {
                continue;
            };
            if let Some(open) = self.open.get_mut(id) {
                open.taken = true;
                commit.effects.push(journal::Effect {
                    id: id.to_string(),
                    body: encode(open)?.into(),
                });
            }
        }
        let execution = &self.run.execution;
        let open = mem::take(&mut self.open);
        let (open, over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            open.into_iter().partition(|(id, _)| execution.awaits(*id));
        let untaken = over.iter().filter_map(|(id, open)| Some((open.activity()?, *id)));
        self.untaken.extend(untaken);
        commit.settled.extend(over.into_keys().map(|id| id.to_string()));
        self.open = open;
        Ok(())
    }
}

fn payload(payload: Payload) -> journal::Payload {
    journal::Payload {
        name: payload.name,
        body: payload.body.into(),
    }
}

fn timer(id: u64, at: Millis) -> Timer {
    Timer { at, id: id.to_string() }
}

fn history(events: &[HistoryEvent]) -> Result<Vec<bytes::Bytes>> {
    events.iter().map(|event| Ok(encode(event)?.into())).collect()
}
