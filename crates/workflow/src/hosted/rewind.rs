use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::attempt::Attempt;
use crate::orchestration::{Action, Ask, Decision, Event, Kind, event::FROM_OUTSIDE};

/// What an instance does that somebody lets go on from where it failed, if that is what a turn is about: it takes a history in
/// which what it failed by has not ended yet, so that it is asked for again. `execution` tells the new calls from those before.
///
/// The packages know calls by their places, so that what was asked for stays. What failed earlier, and made the code ask for
/// something else, stays too: the code has dealt with it.
pub fn rewound(past: &[Arc<Event>], new: &[Event], execution: &str) -> Option<Decision> {
    let rewinds = |event: &Event| matches!(event.kind, Kind::ExecutionRewound(_));
    if !new.iter().any(rewinds) {
        return None;
    }
    let undone = undone(past);
    let kept = past.iter().enumerate().filter(|(place, event)| {
        let ended = matches!(event.kind, Kind::ExecutionCompleted(_));
        !ended && !undone.contains(place)
    });
    let kept = kept.map(|(_, event)| {
        let mut event = (**event).clone();
        if let Kind::ExecutionStarted(started) = &mut event.kind {
            started.execution = Some(execution.to_owned());
        }
        event
    });
    let history = kept.chain(new.iter().cloned()).collect();
    let rewind = Action {
        id: FROM_OUTSIDE,
        kind: Ask::Rewind { history },
    };
    Some(Decision {
        actions: vec![rewind],
        custom_status: None,
    })
}

/// Places of the events that are to be as if they had not come: the failures since the code last asked for something, and the
/// pause that the packages count after the last attempt of a call.
fn undone(past: &[Arc<Event>]) -> HashSet<usize> {
    let calls = calls(past);
    let (mut undone, mut fired) = (HashSet::new(), HashMap::new());
    let mut end = past.len();
    let starts = (0..past.len()).filter(|place| past[*place].kind == Kind::TurnStarted);
    let starts: Vec<usize> = starts.collect();
    for (last, start) in starts.iter().rev().enumerate().map(|(turn, start)| (turn == 0, *start)) {
        let turn = || (start..end).map(|place| (place, &past[place]));
        let pauses: Vec<(usize, usize)> = turn()
            .filter_map(|(place, event)| match event.kind {
                Kind::TimerCreated { .. } => Some((place, *fired.get(&event.id)?)),
                _ => None,
            })
            .collect();
        let asked = turn().filter(|(_, event)| event.id != FROM_OUTSIDE && !is_end(&event.kind));
        if !last && asked.count() > pauses.len() {
            break;
        }
        let mut repeated = false;
        for (place, event) in turn() {
            match &event.kind {
                Kind::TaskFailed { task, .. } | Kind::ChildFailed { task, .. } => match calls.get(task) {
                    // It was tried again, or a pause was counted after it.
                    Some(true) if pauses.is_empty() => {}
                    tried => {
                        repeated |= tried == Some(&true);
                        undone.insert(place);
                    }
                },
                Kind::TimerFired { timer, .. } => {
                    fired.insert(*timer, place);
                }
                _ => {}
            }
        }
        if repeated {
            undone.extend(pauses.iter().flat_map(|(created, fired)| [*created, *fired]));
        } else if !pauses.is_empty() {
            break;
        }
        end = start;
    }
    undone
}

/// Calls by their numbers, and whether they are tried again when they fail.
fn calls(past: &[Arc<Event>]) -> HashMap<i32, bool> {
    let asked = past.iter().filter_map(|event| match &event.kind {
        Kind::TaskScheduled(call) => Some((event.id, Ask::Task(call.clone()))),
        Kind::ChildCreated { instance, call } => {
            let (instance, call) = (instance.clone(), call.clone());
            Some((event.id, Ask::Child { instance, call }))
        }
        _ => None,
    });
    asked.map(|(id, ask)| (id, Attempt::of(ask).is_some())).collect()
}

fn is_end(kind: &Kind) -> bool {
    matches!(kind, Kind::ExecutionCompleted(_))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::orchestration::{Completed, Status, event::Call};

    fn outside(kind: Kind) -> Event {
        Event::outside(1, kind)
    }

    fn asked(id: i32, kind: Kind) -> Event {
        Event { id, at: 1, kind }
    }

    fn task(id: i32, attempts: Option<u32>) -> Event {
        let mut call = Call::default();
        if let Some(most) = attempts {
            let policy = format!(
                r#"{{"number":{most},"policy":{{"firstRetryIntervalInMilliseconds":5,"maxNumberOfAttempts":{most}}}}}"#
            );
            call.tags.insert("wisp.attempt".to_owned(), policy);
        }
        asked(id, Kind::TaskScheduled(call))
    }

    fn failed(task: i32) -> Event {
        outside(Kind::TaskFailed { task, failure: None })
    }

    fn turn(events: Vec<Event>) -> Vec<Event> {
        let all = [outside(Kind::TurnStarted)].into_iter().chain(events);
        all.chain([outside(Kind::TurnCompleted)]).collect()
    }

    /// What of these turns is left of failures and timers, as texts; the end is added.
    fn left(turns: Vec<Vec<Event>>) -> Vec<String> {
        let end = asked(
            99,
            Kind::ExecutionCompleted(Completed {
                status: Status::Failed,
                result: None,
                failure: None,
            }),
        );
        let mut past: Vec<Event> = turns.into_iter().flat_map(turn).collect();
        past.insert(past.len() - 1, end);
        let past: Vec<Arc<Event>> = past.into_iter().map(Arc::new).collect();
        let new = [
            outside(Kind::TurnStarted),
            outside(Kind::ExecutionRewound(Box::default())),
        ];
        let decision = rewound(&past, &new, "again").unwrap();
        let [
            Action {
                kind: Ask::Rewind { history },
                ..
            },
        ] = &decision.actions[..]
        else {
            panic!("{decision:?}")
        };
        assert_eq!(&history[history.len() - 2..], &new);
        assert!(!history.iter().any(|event| is_end(&event.kind)));
        let seen = history.iter().filter_map(|event| match &event.kind {
            Kind::ExecutionStarted(started) => started.execution.clone(),
            Kind::TaskFailed { task, .. } => Some(format!("failed {task}")),
            Kind::TimerCreated { .. } => Some(format!("timer {}", event.id)),
            Kind::TimerFired { timer, .. } => Some(format!("fired {timer}")),
            _ => None,
        });
        seen.collect()
    }

    fn start(tasks: Vec<Event>) -> Vec<Event> {
        let started = outside(Kind::ExecutionStarted(Box::default()));
        [started].into_iter().chain(tasks).collect()
    }

    #[test]
    fn what_it_failed_by_is_asked_for_again() {
        let turns = vec![
            start(vec![task(0, None), task(1, None)]),
            vec![failed(0)],
            vec![failed(1)],
        ];
        assert_eq!(left(turns), ["again"]);
    }

    #[test]
    fn what_the_code_dealt_with_stays() {
        let turns = vec![
            start(vec![task(0, None)]),
            vec![failed(0), task(1, None)],
            vec![failed(1)],
        ];
        assert_eq!(left(turns), ["again", "failed 0"]);
    }

    #[test]
    fn the_last_attempt_is_made_again() {
        let timer = || asked(1, Kind::TimerCreated { fire_at: 1 });
        let fired = || outside(Kind::TimerFired { fire_at: 1, timer: 1 });
        let turns = vec![start(vec![task(0, Some(1))]), vec![failed(0), timer()], vec![fired()]];
        assert_eq!(left(turns), ["again"]);
        let other = vec![start(vec![task(0, None), timer()]), vec![fired()]];
        assert_eq!(left(other), ["again", "timer 1", "fired 1"]);
    }

    #[test]
    fn other_turns_are_no_rewind() {
        assert!(rewound(&[], &[outside(Kind::TurnStarted)], "again").is_none());
    }
}
