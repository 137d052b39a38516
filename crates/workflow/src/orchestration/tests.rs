//! Instances and entities without a world: what each message and each decision makes of them.

use std::sync::Arc;

use super::{event::FROM_OUTSIDE, *};

/// A hub in memory, whose only code is the tests'.
struct Case {
    instance: Instance,
    past: Vec<Arc<Event>>,
    inbox: Inbox,
    heard: usize,
    now: Micros,
}

fn started(name: &str) -> Started {
    Started {
        name: name.into(),
        instance: "one".into(),
        execution: Some("first".into()),
        input: Some("1".into()),
        parent: Some(Parent {
            task: 3,
            instance: "parent".into(),
            execution: Some("theirs".into()),
            name: None,
            version: None,
        }),
        ..Started::default()
    }
}

impl Case {
    fn new() -> Self {
        let begun = Kind::ExecutionStarted(Box::new(started("flow")));
        let mut case = Self {
            instance: Instance::new(&started("flow"), 0),
            past: Vec::new(),
            inbox: Inbox::new(),
            heard: 0,
            now: 1,
        };
        case.hear(begun);
        case
    }

    fn hear(&mut self, kind: Kind) {
        self.message(Message::new(self.now, kind), "b");
    }

    fn message(&mut self, message: Message, rank: &str) {
        self.heard += 1;
        self.inbox.insert(format!("{rank}{:04}", self.heard), message);
    }

    fn apply(&mut self, outcome: &Outcome) {
        if outcome.afresh {
            self.past.clear();
        }
        self.past.extend(outcome.events.iter().cloned().map(Arc::new));
        outcome.taken.iter().for_each(|id| drop(self.inbox.remove(id)));
        outcome.first.iter().for_each(|first| self.message(first.clone(), "a"));
    }

    /// All that happens until code is needed, or nothing does.
    fn settle(&mut self) -> (Vec<Outcome>, Option<Turn>) {
        let mut outcomes = Vec::new();
        loop {
            self.now += 1;
            match next(&mut self.instance, &self.past, &self.inbox, self.now) {
                Next::Settle(outcome) => {
                    self.apply(&outcome);
                    outcomes.push(outcome);
                }
                Next::Wait(_) => return (outcomes, None),
                Next::Work(turn) => return (outcomes, Some(turn)),
            }
        }
    }

    fn turn(&mut self) -> Turn {
        self.settle().1.expect("there is something to do")
    }

    fn decide(&mut self, turn: Turn, asks: Vec<Ask>) -> Outcome {
        let actions = asks.into_iter().zip(1..).map(|(kind, id)| Action { id, kind });
        let decision = Decision {
            actions: actions.collect(),
            custom_status: None,
        };
        let outcome = complete(&mut self.instance, turn, decision, self.now, "fresh");
        self.apply(&outcome);
        outcome
    }

    /// One turn with these asks.
    fn goes(&mut self, asks: Vec<Ask>) -> Outcome {
        let turn = self.turn();
        self.decide(turn, asks)
    }

    fn kinds(&self) -> Vec<&Kind> {
        self.past.iter().map(|event| &event.kind).collect()
    }
}

fn task(name: &str) -> Ask {
    Ask::Task(Call {
        name: name.into(),
        ..Call::default()
    })
}

fn ends(status: Status) -> Ask {
    Ask::Complete(Completed {
        status,
        result: Some("done".into()),
        failure: None,
    })
}

fn raised(name: &str) -> Kind {
    Kind::EventRaised {
        name: name.into(),
        input: None,
    }
}

fn told(task: i32) -> Kind {
    Kind::TaskCompleted { task, result: None }
}

#[test]
fn a_turn_has_the_whole_past_and_all_that_is_new() {
    let mut case = Case::new();
    case.hear(raised("early"));
    let turn = case.turn();
    assert_eq!(turn.events[0].kind, Kind::TurnStarted);
    assert!(matches!(turn.events[1].kind, Kind::ExecutionStarted(_)));
    assert_eq!(turn.events[2].kind, raised("early"));
    let outcome = case.decide(turn, vec![task("a"), Ask::Timer { fire_at: 99 }]);
    assert_eq!((outcome.activities.len(), &outcome.timers[..]), (1, &[(2, 99)][..]));
    assert_eq!(case.instance.status, Status::Running);
    assert_eq!(case.past.last().unwrap().kind, Kind::TurnCompleted);
    assert!(case.inbox.is_empty());
    assert_eq!(case.settle(), (vec![], None), "nothing has happened");
    case.message(Message::answer(Some("first".into()), 5, told(1)), "b");
    case.hear(raised("late"));
    let second = case.turn();
    assert_eq!(second.events.len(), 3, "completions that came meanwhile make one turn");
}

#[test]
fn events_have_the_numbers_of_their_actions() {
    let mut case = Case::new();
    case.goes(vec![
        task("a"),
        Ask::Send {
            instance: "other".into(),
            name: "hello".into(),
            input: None,
        },
    ]);
    let asked: Vec<i32> = case
        .past
        .iter()
        .map(|event| event.id)
        .filter(|id| *id != FROM_OUTSIDE)
        .collect();
    assert_eq!(asked, [1, 2]);
}

#[test]
fn the_end_is_told_to_whoever_waits() {
    for (status, good) in [(Status::Completed, true), (Status::Failed, false)] {
        let mut case = Case::new();
        let outcome = case.goes(vec![ends(status)]);
        let [post] = &outcome.posts[..] else {
            panic!("{:?}", outcome.posts)
        };
        assert_eq!(
            (post.to.as_str(), post.message.execution.as_deref()),
            ("parent", Some("theirs"))
        );
        let tells = matches!(post.message.event.kind, Kind::ChildCompleted { task: 3, .. });
        assert_eq!(tells, good);
        assert!(outcome.untimed);
        case.hear(raised("too late"));
        assert_eq!(case.settle().1, None);
        assert!(case.inbox.is_empty(), "what comes too late is dropped");
    }
}

#[test]
fn what_an_earlier_generation_asked_for_is_not_heard() {
    let mut case = Case::new();
    case.goes(vec![task("a")]);
    case.hear(raised("unused"));
    let turn = case.turn();
    case.hear(raised("meanwhile"));
    let anew = Ask::ContinueAsNew {
        input: Some("2".into()),
        version: Some("v2".into()),
        carried: vec![Event::outside(0, raised("unused"))],
    };
    let outcome = case.decide(turn, vec![anew]);
    assert!(outcome.afresh && outcome.untimed);
    assert!(case.past.is_empty());
    case.message(Message::answer(Some("first".into()), 5, told(1)), "b");
    let turn = case.turn();
    let kinds: Vec<&Kind> = turn.events.iter().map(|event| &event.kind).collect();
    let [Kind::TurnStarted, Kind::ExecutionStarted(again), first, second] = &kinds[..] else {
        panic!("{kinds:?}");
    };
    assert_eq!((*first, *second), (&raised("unused"), &raised("meanwhile")));
    assert_eq!(
        (again.input.as_deref(), again.version.as_deref()),
        (Some("2"), Some("v2"))
    );
    assert_eq!(again.execution.as_deref(), Some("fresh"));
    assert!(again.parent.is_some(), "who waits goes on waiting");
}

#[test]
fn one_that_is_to_wait_waits_with_all_that_comes() {
    let mut case = Case::new();
    case.goes(vec![]);
    case.hear(Kind::ExecutionSuspended { reason: None });
    case.hear(raised("meanwhile"));
    assert_eq!(case.settle().1, None);
    assert_eq!(case.instance.status, Status::Suspended);
    case.hear(Kind::ExecutionResumed { reason: None });
    assert_eq!(case.turn().events.len(), 4);
    assert_eq!(case.instance.status, Status::Running);
}

#[test]
fn an_end_from_outside_needs_no_code() {
    let mut case = Case::new();
    case.goes(vec![Ask::Child {
        instance: String::new(),
        call: Call::default(),
    }]);
    let child = match &case.kinds()[..] {
        [.., Kind::ChildCreated { instance, .. }, Kind::TurnCompleted] => instance.clone(),
        kinds => panic!("{kinds:?}"),
    };
    case.hear(Kind::ExecutionTerminated {
        output: Some("enough".into()),
        recurse: true,
    });
    let (outcomes, turn) = case.settle();
    assert_eq!(turn, None);
    let told: Vec<&str> = outcomes[0].posts.iter().map(|post| post.to.as_str()).collect();
    assert_eq!(told, [child.as_str(), "parent"]);
    assert_eq!(case.instance.status, Status::Terminated);
    assert_eq!(case.instance.output.as_deref(), Some("enough"));
    let mut early = Case::new();
    early.hear(Kind::ExecutionTerminated {
        output: None,
        recurse: false,
    });
    early.settle();
    assert_eq!(early.instance.status, Status::Terminated, "even before its first turn");
    assert!(matches!(early.kinds()[1], Kind::ExecutionStarted(_)));
    assert!(early.inbox.is_empty());
}

#[test]
fn an_id_is_anothers_only_after_its_end() {
    let mut case = Case::new();
    case.goes(vec![]);
    let rival = || {
        let mut rival = started("rival");
        rival.execution = Some("second".into());
        rival.parent.as_mut().unwrap().instance = "rival's parent".into();
        Kind::ExecutionStarted(Box::new(rival))
    };
    case.hear(rival());
    let (outcomes, _) = case.settle();
    assert_eq!(outcomes[0].posts[0].to, "rival's parent");
    assert!(matches!(
        outcomes[0].posts[0].message.event.kind,
        Kind::ChildFailed { .. }
    ));
    case.hear(raised("end"));
    case.goes(vec![ends(Status::Completed)]);
    case.hear(rival());
    assert!(matches!(case.turn().events[1].kind, Kind::ExecutionStarted(_)));
    assert_eq!((case.instance.name.as_str(), case.past.len()), ("rival", 0));
}

#[test]
fn a_rewind_goes_on_with_what_did_not_fail() {
    let mut case = Case::new();
    let child = |id: &str| Ask::Child {
        instance: id.into(),
        call: Call::default(),
    };
    case.goes(vec![task("good"), task("bad"), child("sub"), task("open")]);
    case.hear(told(1));
    case.goes(vec![ends(Status::Failed)]);
    assert_eq!(case.instance.status, Status::Failed);
    case.hear(Kind::ExecutionRewound(Box::default()));
    let turn = case.turn();
    assert_eq!(
        turn.events.len(),
        2,
        "the start of the turn and the rewind, nothing else"
    );
    assert_eq!(case.instance.status, Status::Running);
    let cleaned = case
        .past
        .iter()
        .filter(|event| event.id != 2 && !matches!(event.kind, Kind::ExecutionCompleted(_)));
    let mut history: Vec<Event> = cleaned.map(|event| (**event).clone()).collect();
    for event in &mut history {
        if let Kind::ExecutionStarted(started) = &mut event.kind {
            started.execution = Some("again".into());
        }
    }
    history.extend(turn.events.iter().cloned());
    let outcome = case.decide(turn, vec![Ask::Rewind { history }]);
    assert_eq!(outcome.activities.iter().map(|one| one.task).collect::<Vec<_>>(), [4]);
    let [post] = &outcome.posts[..] else {
        panic!("{:?}", outcome.posts)
    };
    let Kind::ExecutionRewound(rewound) = &post.message.event.kind else {
        panic!("{post:?}")
    };
    assert_eq!(
        (post.to.as_str(), rewound.parent_execution.as_deref()),
        ("sub", Some("again"))
    );
    case.message(Message::answer(Some("first".into()), 9, told(4)), "b");
    let turn = case.turn();
    assert_eq!(
        turn.events.last().unwrap().kind,
        told(4),
        "what was under way still counts"
    );
}

#[test]
fn one_that_was_purged_begins_again_with_its_parents_rewind() {
    let rewound = Rewound {
        parent_execution: Some("again".into()),
        started: Some(Box::new(started("flow"))),
        ..Rewound::default()
    };
    let mut inbox = Inbox::new();
    inbox.insert("b1".into(), Message::new(1, Kind::ExecutionRewound(Box::new(rewound))));
    let mut case = Case::new();
    case.instance = found(&inbox, 1).unwrap();
    case.inbox = inbox;
    let turn = case.turn();
    assert!(matches!(turn.events[1].kind, Kind::ExecutionStarted(_)));
    assert_eq!(turn.events.len(), 2);
}

#[test]
fn starts_wait_for_their_time() {
    let mut case = Case::new();
    case.instance.scheduled = Some(1000);
    let waits = next(&mut case.instance, &case.past, &case.inbox, 999);
    assert_eq!(waits, Next::Wait(Some(1000)));
    assert!(matches!(
        next(&mut case.instance, &case.past, &case.inbox, 1000),
        Next::Work(_)
    ));
}

fn operation(request: &str, parent: Option<&str>) -> Kind {
    Kind::EntityCalled(Operation {
        request: request.into(),
        operation: "add".into(),
        parent: parent.map(str::to_owned),
        ..Operation::default()
    })
}

fn asks(section: &str, entities: &[&str]) -> Kind {
    Kind::LockRequested(LockRequest {
        section: section.into(),
        entities: entities.iter().map(|one| (*one).to_owned()).collect(),
        position: 0,
        parent: Some(format!("owner of {section}")),
    })
}

fn unlock(section: &str) -> Kind {
    Kind::UnlockSent {
        section: section.into(),
        target: None,
        parent: None,
    }
}

fn boxed(kinds: Vec<Kind>) -> Inbox {
    let messages = kinds.into_iter().enumerate();
    messages
        .map(|(nth, kind)| (format!("b{nth:04}"), Message::new(1, kind)))
        .collect()
}

fn settled(next: Next<Batch>) -> Outcome {
    match next {
        Next::Settle(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

fn batch(next: Next<Batch>) -> Batch {
    match next {
        Next::Work(batch) => batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn operations_are_gathered_and_answered_in_their_order() {
    let mut entity = Entity::new("@counter@one", 1);
    let inbox = boxed(vec![
        operation("1", Some("a")),
        operation("2", None),
        operation("3", Some("b")),
    ]);
    let work = batch(entity.next(&inbox, 9, 2));
    assert_eq!(work.taken.len(), 3);
    let report = Report {
        results: vec![Ok(Some("1".into())), Ok(None), Err(None)],
        state: Some("5".into()),
        ..Report::default()
    };
    let outcome = entity.complete(&work, report, 3, "fresh");
    let told: Vec<&str> = outcome.posts.iter().map(|post| post.to.as_str()).collect();
    assert_eq!(told, ["a", "b"]);
    assert!(matches!(outcome.posts[1].message.event.kind, Kind::EntityFailed { .. }));
    assert_eq!((entity.state.as_deref(), outcome.taken), (Some("5"), work.taken));
    assert_eq!(batch(entity.next(&inbox, 2, 2)).taken.len(), 2, "no more than may be");
}

#[test]
fn what_was_not_done_is_done_again() {
    let mut entity = Entity::new("@counter@one", 1);
    let work = batch(entity.next(&boxed(vec![operation("1", None), operation("2", None)]), 9, 2));
    let report = Report {
        results: vec![Ok(None)],
        ..Report::default()
    };
    assert_eq!(entity.complete(&work, report, 3, "fresh").taken, work.taken[..1]);
    let broken = Report {
        failure: Some(Box::default()),
        ..Report::default()
    };
    assert_eq!(
        entity.complete(&work, broken, 3, "fresh").taken,
        work.taken,
        "a batch that fails is over"
    );
}

#[test]
fn a_locked_entity_serves_its_owner_alone() {
    let mut entity = Entity::new("@counter@one", 1);
    let given = settled(entity.next(&boxed(vec![asks("s", &["@counter@one"])]), 9, 2));
    assert_eq!(given.posts[0].to, "owner of s");
    assert!(matches!(given.posts[0].message.event.kind, Kind::LockGranted { .. }));
    let waiting = vec![
        operation("1", None),
        operation("2", Some("owner of s")),
        asks("t", &["@counter@one"]),
    ];
    assert_eq!(batch(entity.next(&boxed(waiting), 9, 2)).taken, ["b0001"]);
    settled(entity.next(&boxed(vec![unlock("s")]), 9, 2));
    assert_eq!(entity.lock, None);
}

#[test]
fn locks_are_given_in_the_order_of_arrival_after_what_came_before() {
    let mut entity = Entity::new("@counter@one", 1);
    let inbox = boxed(vec![
        operation("1", None),
        asks("s", &["@counter@one"]),
        operation("2", None),
    ]);
    assert_eq!(batch(entity.next(&inbox, 9, 2)).taken, ["b0000"]);
    let onward = settled(entity.next(&boxed(vec![asks("s", &["@counter@one", "@counter@two"])]), 9, 2));
    assert_eq!(onward.posts[0].to, "@counter@two");
    let Kind::LockRequested(request) = &onward.posts[0].message.event.kind else {
        panic!("{onward:?}")
    };
    assert_eq!(request.position, 1);
}

#[test]
fn a_request_whose_owner_is_gone_is_forgotten() {
    let mut entity = Entity::new("@counter@one", 1);
    settled(entity.next(&boxed(vec![asks("s", &["@counter@one"])]), 9, 2));
    let outcome = settled(entity.next(&boxed(vec![asks("t", &["@counter@one"]), unlock("t")]), 9, 2));
    assert_eq!(outcome.taken.len(), 2);
    assert_eq!(entity.lock.as_ref().unwrap().section, "s");
}

#[test]
fn an_instance_gives_back_what_it_has_when_it_ends() {
    let mut case = Case::new();
    case.goes(vec![Ask::Lock(LockRequest {
        section: "s".into(),
        entities: vec!["@b@1".into(), "@a@1".into()],
        ..LockRequest::default()
    })]);
    case.hear(raised("end"));
    let outcome = case.goes(vec![ends(Status::Completed)]);
    let told: Vec<&str> = outcome.posts.iter().map(|post| post.to.as_str()).collect();
    assert_eq!(told, ["@a@1", "@b@1", "parent"]);
    case.hear(Kind::LockGranted { section: "s".into() });
    let (outcomes, _) = case.settle();
    assert_eq!(outcomes[0].posts.len(), 2, "one that comes too late too");
}

#[test]
fn signals_wait_for_their_time() {
    let mut entity = Entity::new("@counter@one", 1);
    let later = Kind::EntitySignaled(Operation {
        scheduled: Some(50),
        ..Operation::default()
    });
    let inbox = boxed(vec![later]);
    assert_eq!(entity.next(&inbox, 9, 49), Next::Wait(Some(50)));
    assert_eq!(batch(entity.next(&inbox, 9, 50)).taken.len(), 1);
}
