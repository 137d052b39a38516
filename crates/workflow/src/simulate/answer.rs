//! What a mocked world answers to effects.

use serde_json::{Value, json};

use super::mocks::{Draw, Mock, Thrown};
use crate::execution::{EventKind, ItemRead, ResultWrite, TaskStart};
use crate::machine::{Pattern, Resource};

/// The events of a task's life.
pub(super) fn task(task: &TaskStart, draw: Draw) -> Vec<EventKind> {
    let resource = Resource::parse(&task.resource);
    let mock = match draw {
        Draw::Mock(mock) => mock,
        Draw::Unknown => match default(&resource, &task.input) {
            Some(returned) => Mock {
                returned: Some(returned),
                ..Mock::default()
            },
            None => {
                return vec![refused(
                    task.id,
                    format!("The activity {} does not exist.", task.resource),
                )];
            }
        },
        Draw::Spent => {
            return vec![refused(
                task.id,
                format!("No mocked outcome is left for the state '{}'.", task.state),
            )];
        }
    };
    let mut events = accepted(task.id, &resource, &mock);
    events.extend(ended(task.id, mock));
    events
}

fn refused(id: u64, cause: String) -> EventKind {
    EventKind::TaskRefused { id, cause }
}

/// What a task answers that has no mock: its input. There are no activities.
fn default(resource: &Resource, input: &Value) -> Option<Value> {
    match resource {
        Resource::Activity(_) => None,
        Resource::Function(_) => Some(input.clone()),
        Resource::Service { service, .. } if service == "lambda" => Some(json!({
            "ExecutedVersion": "$LATEST",
            "Payload": input.get("Payload").cloned().unwrap_or(json!({})),
            "StatusCode": 200,
        })),
        Resource::Service { .. } => Some(json!({})),
    }
}

/// The event that tells that somebody works on it, if its kind has one.
fn accepted(id: u64, resource: &Resource, mock: &Mock) -> Vec<EventKind> {
    match resource {
        Resource::Activity(_) if !mock.hang => vec![EventKind::TaskStarted { id, worker: None }],
        Resource::Service {
            service,
            pattern: Pattern::Job | Pattern::Callback,
            ..
        } if !refuses(service, mock) => {
            let output = json!({});
            vec![EventKind::TaskSubmitted { id, output }]
        }
        _ => Vec::new(),
    }
}

/// Whether the service itself has thrown: its errors carry its name.
fn refuses(service: &str, mock: &Mock) -> bool {
    let thrown = mock.throw.as_ref().and_then(|thrown| thrown.error.as_deref());
    let service = match service.rsplit(':').next() {
        Some("states") => "StepFunctions",
        last => last.unwrap_or(service),
    };
    thrown
        .and_then(|error| error.split_once('.'))
        .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
}

fn ended(id: u64, mock: Mock) -> Option<EventKind> {
    match mock {
        Mock { hang: true, .. } => None,
        Mock {
            throw: Some(Thrown { error, cause }),
            timed_out,
            ..
        } => Some(match timed_out {
            true => EventKind::TaskTimedOut { id, error, cause },
            false => EventKind::TaskFailed { id, error, cause },
        }),
        Mock { returned, .. } => Some(EventKind::TaskSucceeded {
            id,
            output: returned.unwrap_or_default(),
        }),
    }
}

/// The end of a read of items.
pub(super) fn items(read: &ItemRead, draw: Draw) -> EventKind {
    let end = match draw {
        Draw::Mock(mock) => ended(read.id, mock),
        _ => None,
    };
    match end {
        Some(EventKind::TaskSucceeded {
            id,
            output: Value::Array(mut items),
        }) => {
            items.truncate(
                read.max_items
                    .and_then(|most| usize::try_from(most).ok())
                    .unwrap_or(usize::MAX),
            );
            EventKind::TaskSucceeded {
                id,
                output: Value::Array(items),
            }
        }
        Some(end) => end,
        None => EventKind::TaskFailed {
            id: read.id,
            error: Some("States.ItemReaderFailed".to_owned()),
            cause: Some(format!("No items are mocked for the state '{}'.", read.state)),
        },
    }
}

/// The end of a write of results.
pub(super) fn results(write: &ResultWrite, draw: Draw) -> EventKind {
    let end = match draw {
        Draw::Mock(mock) => ended(write.id, mock),
        _ => None,
    };
    end.unwrap_or_else(|| {
        let run = write.map_run_arn.rsplit(':').next().unwrap_or_default();
        let prefix = write
            .parameters
            .get("Prefix")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = format!("{}/{run}/manifest.json", prefix.trim_end_matches('/'));
        let output = json!({
            "MapRunArn": write.map_run_arn,
            "ResultWriterDetails": {"Bucket": write.parameters.get("Bucket"), "Key": key.trim_start_matches('/')},
        });
        EventKind::TaskSucceeded { id: write.id, output }
    })
}
