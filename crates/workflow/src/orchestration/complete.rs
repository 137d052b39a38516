use super::{
    Action, Activity, Ask, Decision, Event, Instance, Kind, Message, Outcome, Started, Status, Turn,
    end::{end, open_children},
    event::{Call, LockRequest, Micros, Parent, Payload, Rewound},
    instance::Held,
};

/// What comes of a turn: what was decided, recorded, and set in motion. `fresh` is a name that nothing had before: executions
/// that begin here are named after it.
pub fn complete(instance: &mut Instance, turn: Turn, decision: Decision, now: Micros, fresh: &str) -> Outcome {
    let outcome = Outcome {
        events: turn.events,
        taken: turn.taken,
        ..Outcome::default()
    };
    (instance.updated, instance.nudged, instance.rewinding) = (now, false, false);
    if instance.status == Status::Pending {
        instance.status = Status::Running;
    }
    if decision.custom_status.is_some() {
        instance.custom_status = decision.custom_status;
    }
    let mut scribe = Scribe {
        instance,
        outcome,
        now,
        fresh,
    };
    let mut closed = false;
    for action in decision.actions {
        closed |= scribe.carry(action);
    }
    if !closed {
        scribe.record(super::event::FROM_OUTSIDE, Kind::TurnCompleted);
    }
    scribe.outcome
}

/// Writes down what an orchestrator asked for.
struct Scribe<'a> {
    instance: &'a mut Instance,
    outcome: Outcome,
    now: Micros,
    fresh: &'a str,
}

impl Scribe<'_> {
    fn record(&mut self, id: i32, kind: Kind) {
        self.outcome.events.push(Event { id, at: self.now, kind });
    }

    fn post(&mut self, to: &str, kind: Kind) {
        self.outcome.posts.push(Message::new(self.now, kind).to(to));
    }

    /// Does one action; true if the history is closed with it.
    fn carry(&mut self, Action { id, kind }: Action) -> bool {
        match kind {
            Ask::Task(call) => self.task(id, call),
            Ask::Child { instance, call } => self.child(id, instance, call),
            Ask::Timer { fire_at } => {
                self.record(id, Kind::TimerCreated { fire_at });
                self.outcome.timers.push((id, fire_at));
            }
            Ask::Send { instance, name, input } => {
                let raised = Kind::EventRaised {
                    name: name.clone(),
                    input: input.clone(),
                };
                self.post(&instance, raised);
                self.record(id, Kind::EventSent { instance, name, input });
            }
            Ask::Terminate {
                instance,
                reason: output,
                recurse,
            } => self.post(&instance, Kind::ExecutionTerminated { output, recurse }),
            Ask::Signal(operation) => {
                self.operation(id, operation.target.clone(), Kind::EntitySignaled(operation));
            }
            Ask::Call(mut operation) => {
                operation.parent = Some(self.instance.id.clone());
                operation.parent_execution = self.instance.execution().map(str::to_owned);
                self.operation(id, operation.target.clone(), Kind::EntityCalled(operation));
            }
            Ask::Lock(request) => self.lock(id, request),
            Ask::Unlock { section, target } => self.unlock(id, section, target),
            Ask::Complete(completed) => {
                end(self.instance, completed, &mut self.outcome, self.now);
                return true;
            }
            Ask::ContinueAsNew {
                input,
                version,
                carried,
            } => {
                self.begin_anew(input, version, carried);
                return true;
            }
            Ask::Rewind { history } => self.rewind(history),
        }
        false
    }

    fn task(&mut self, id: i32, call: Call) {
        self.record(id, Kind::TaskScheduled(call.clone()));
        self.outcome.activities.push(Activity {
            execution: self.instance.execution().map(str::to_owned),
            task: id,
            call,
        });
    }

    fn child(&mut self, id: i32, instance: String, call: Call) {
        let instance = match instance.is_empty() {
            true => format!("{}:{id:04x}", self.instance.execution().unwrap_or(&self.instance.id)),
            false => instance,
        };
        let started = self.started(id, &instance, &call);
        self.post(&instance.clone(), Kind::ExecutionStarted(Box::new(started)));
        self.record(id, Kind::ChildCreated { instance, call });
    }

    fn started(&self, id: i32, instance: &str, call: &Call) -> Started {
        Started {
            name: call.name.clone(),
            version: call.version.clone(),
            input: call.input.clone(),
            instance: instance.to_owned(),
            execution: Some(format!("{}{id:08x}", self.fresh)),
            parent: Some(Parent {
                task: id,
                instance: self.instance.id.clone(),
                execution: self.instance.execution().map(str::to_owned),
                name: Some(self.instance.name.clone()),
                version: self.instance.version.clone(),
            }),
            scheduled: None,
            tags: call.tags.clone(),
            trace: call.trace.clone(),
        }
    }

    fn operation(&mut self, id: i32, target: Option<String>, kind: Kind) {
        if let Some(target) = target {
            self.post(&target, kind.clone());
        }
        self.record(id, kind);
    }

    fn lock(&mut self, id: i32, mut request: LockRequest) {
        request.entities.sort();
        request.entities.dedup();
        request.parent = Some(self.instance.id.clone());
        request.position = 0;
        let held = request.entities.iter().map(|entity| Held {
            section: request.section.clone(),
            entity: entity.clone(),
        });
        self.instance.held.extend(held);
        match request.entities.first().cloned() {
            Some(first) => self.post(&first, Kind::LockRequested(request.clone())),
            // Nothing to wait for.
            None => {
                let section = request.section.clone();
                let granted = Message::new(self.now, Kind::LockGranted { section });
                self.outcome.posts.push(granted.to(self.instance.id.clone()));
            }
        }
        self.record(id, Kind::LockRequested(request));
    }

    fn unlock(&mut self, id: i32, section: String, target: String) {
        let held = Held {
            section,
            entity: target,
        };
        self.outcome.posts.push(held.unlock(&self.instance.id, self.now));
        self.instance.held.retain(|own| *own != held);
        let kind = Kind::UnlockSent {
            section: held.section,
            target: Some(held.entity),
            parent: Some(self.instance.id.clone()),
        };
        self.record(id, kind);
    }

    /// Begins anew: the history goes, what was asked for and has not happened is no longer waited for.
    fn begin_anew(&mut self, input: Payload, version: Option<String>, carried: Vec<Event>) {
        let instance = &mut *self.instance;
        if version.is_some() {
            instance.version = version;
        }
        instance.executions = vec![self.fresh.to_owned()];
        (instance.scheduled, instance.custom_status) = (None, None);
        let held = std::mem::take(&mut instance.held);
        let unlocked = held.iter().map(|held| held.unlock(&instance.id, self.now));
        self.outcome.posts.extend(unlocked);
        let started = Started {
            name: instance.name.clone(),
            version: instance.version.clone(),
            input,
            instance: instance.id.clone(),
            execution: Some(self.fresh.to_owned()),
            parent: instance.parent.clone(),
            scheduled: None,
            tags: instance.tags.clone(),
            trace: None,
        };
        let carried = carried.into_iter().map(|event| Message { execution: None, event });
        self.outcome
            .first
            .push(Message::new(self.now, Kind::ExecutionStarted(Box::new(started))));
        self.outcome.first.extend(carried);
        (self.outcome.afresh, self.outcome.untimed) = (true, true);
        self.outcome.events.clear();
    }

    /// Goes on with another history: what it leaves open is begun again, and those that it started and that failed go on too.
    fn rewind(&mut self, history: Vec<Event>) {
        let execution = history.iter().find_map(|event| match &event.kind {
            Kind::ExecutionStarted(started) => started.execution.clone(),
            _ => None,
        });
        // It becomes a part of names.
        let execution = execution.filter(|name| !name.chars().any(char::is_control));
        if self.instance.execution() != execution.as_deref() {
            self.instance.executions.extend(execution);
        }
        let reason = history.iter().rev().find_map(|event| match &event.kind {
            Kind::ExecutionRewound(rewound) => rewound.reason.clone(),
            _ => None,
        });
        for (id, (child, call)) in open_children(&history) {
            let rewound = Rewound {
                reason: reason.clone(),
                parent_execution: self.instance.execution().map(str::to_owned),
                started: Some(Box::new(self.started(id, &child, &call))),
            };
            self.post(&child, Kind::ExecutionRewound(Box::new(rewound)));
        }
        self.reopen(&history);
        (self.outcome.afresh, self.outcome.untimed, self.instance.nudged) = (true, true, true);
        self.outcome.events = history;
    }

    /// Activities and timers that a history asks for and tells no end of.
    fn reopen(&mut self, history: &[Event]) {
        let ended = |id: i32| {
            history.iter().any(|event| match event.kind {
                Kind::TaskCompleted { task, .. } | Kind::TaskFailed { task, .. } => task == id,
                Kind::TimerFired { timer, .. } => timer == id,
                _ => false,
            })
        };
        for event in history.iter().filter(|event| !ended(event.id)) {
            match &event.kind {
                Kind::TaskScheduled(call) => self.outcome.activities.push(Activity {
                    execution: self.instance.execution().map(str::to_owned),
                    task: event.id,
                    call: call.clone(),
                }),
                Kind::TimerCreated { fire_at } => self.outcome.timers.push((event.id, *fire_at)),
                _ => {}
            }
        }
    }
}
