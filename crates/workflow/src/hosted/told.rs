use serde_json::{Value, json};

use crate::{
    orchestration::{
        Event, Failure, Kind,
        event::{Micros, Payload},
    },
    query::timestamp,
};

/// Numbers of events in the packages.
mod number {
    pub const EXECUTION_STARTED: u8 = 0;
    pub const TASK_SCHEDULED: u8 = 4;
    pub const TASK_COMPLETED: u8 = 5;
    pub const TASK_FAILED: u8 = 6;
    pub const CHILD_CREATED: u8 = 7;
    pub const CHILD_COMPLETED: u8 = 8;
    pub const CHILD_FAILED: u8 = 9;
    pub const TIMER_CREATED: u8 = 10;
    pub const TIMER_FIRED: u8 = 11;
    pub const TURN_STARTED: u8 = 12;
    pub const TURN_COMPLETED: u8 = 13;
    pub const EVENT_SENT: u8 = 14;
    pub const EVENT_RAISED: u8 = 15;

    /// How histories name them that people read.
    pub const NAMES: [(u8, &str); 13] = [
        (EXECUTION_STARTED, "ExecutionStarted"),
        (TASK_SCHEDULED, "TaskScheduled"),
        (TASK_COMPLETED, "TaskCompleted"),
        (TASK_FAILED, "TaskFailed"),
        (CHILD_CREATED, "SubOrchestrationInstanceCreated"),
        (CHILD_COMPLETED, "SubOrchestrationInstanceCompleted"),
        (CHILD_FAILED, "SubOrchestrationInstanceFailed"),
        (TIMER_CREATED, "TimerCreated"),
        (TIMER_FIRED, "TimerFired"),
        (TURN_STARTED, "OrchestratorStarted"),
        (TURN_COMPLETED, "OrchestratorCompleted"),
        (EVENT_SENT, "EventSent"),
        (EVENT_RAISED, "EventRaised"),
    ];
}

/// An event as the packages read it; none if they need not know.
pub(super) fn told(event: &Event, past: bool) -> Option<Value> {
    let (number, mut told) = fields(&event.kind)?;
    let all = told.as_object_mut()?;
    all.insert("EventType".to_owned(), json!(number));
    all.insert("EventId".to_owned(), json!(event.id));
    all.insert("IsPlayed".to_owned(), json!(past));
    all.insert("Timestamp".to_owned(), json!(moment(event.at)));
    Some(told)
}

fn fields(kind: &Kind) -> Option<(u8, Value)> {
    Some(match kind {
        Kind::ExecutionStarted(started) => (
            number::EXECUTION_STARTED,
            json!({ "Name": started.name, "Input": started.input, "Version": started.version }),
        ),
        Kind::TurnStarted => (number::TURN_STARTED, json!({})),
        Kind::TurnCompleted => (number::TURN_COMPLETED, json!({})),
        Kind::TaskScheduled(call) => (number::TASK_SCHEDULED, json!({ "Name": call.name })),
        Kind::TaskCompleted { task, result } => (number::TASK_COMPLETED, completed(*task, result)),
        Kind::TaskFailed { task, failure } => (number::TASK_FAILED, failed(*task, failure.as_deref())),
        Kind::ChildCreated { instance, call } => (
            number::CHILD_CREATED,
            json!({ "Name": call.name, "InstanceId": instance }),
        ),
        Kind::ChildCompleted { task, result } => (number::CHILD_COMPLETED, completed(*task, result)),
        Kind::ChildFailed { task, failure } => (number::CHILD_FAILED, failed(*task, failure.as_deref())),
        Kind::TimerCreated { fire_at } => (number::TIMER_CREATED, json!({ "FireAt": moment(*fire_at) })),
        Kind::TimerFired { fire_at, timer } => (
            number::TIMER_FIRED,
            json!({ "TimerId": timer, "FireAt": moment(*fire_at) }),
        ),
        Kind::EventRaised { name, input } => (number::EVENT_RAISED, raised(name, text(input))),
        Kind::EntityCalled(operation) | Kind::EntitySignaled(operation) => (
            number::EVENT_SENT,
            sent(operation.target.as_deref(), &operation.request),
        ),
        Kind::LockRequested(lock) => (number::EVENT_SENT, sent(None, &lock.section)),
        Kind::EntityCompleted { request, output } => (
            number::EVENT_RAISED,
            raised(request, &json!({ "result": text(output) }).to_string()),
        ),
        Kind::EntityFailed { request, failure } => {
            let failure = failure.as_deref();
            let message = json!(failure.map(|failure| &failure.message)).to_string();
            let kind = failure.map_or("Error", |failure| failure.kind.as_str());
            let answer = json!({ "result": message, "exceptionType": kind });
            (number::EVENT_RAISED, raised(request, &answer.to_string()))
        }
        Kind::LockGranted { section } => (number::EVENT_RAISED, raised(section, "{}")),
        _ => return None,
    })
}

fn completed(task: i32, result: &Payload) -> Value {
    json!({ "TaskScheduledId": task, "Result": text(result) })
}

fn failed(task: i32, failure: Option<&Failure>) -> Value {
    let message = failure.map_or("", |failure| failure.message.as_str());
    let details = failure.and_then(|failure| failure.stack.as_deref()).unwrap_or_default();
    json!({ "TaskScheduledId": task, "Reason": message, "Details": details })
}

fn raised(name: &str, input: &str) -> Value {
    json!({ "Name": name, "Input": input })
}

/// The packages know a question by this until they are told under which id its answer comes.
fn sent(instance: Option<&str>, id: &str) -> Value {
    json!({ "InstanceId": instance, "Name": "op", "Input": json!({ "id": id }).to_string() })
}

/// What the packages parse without asking whether it is there.
fn text(payload: &Payload) -> &str {
    payload.as_deref().unwrap_or("null")
}

/// An event as it is shown to people; none if it says nothing to them.
pub fn shown_event(event: &Event, results: bool) -> Option<Value> {
    let (number, mut shown) = fields(&event.kind)?;
    let all = shown.as_object_mut()?;
    if !results {
        all.remove("Result");
        all.remove("Input");
    }
    let name = number::NAMES.iter().find(|(known, _)| *known == number)?.1;
    all.insert("EventType".to_owned(), json!(name));
    all.insert("EventId".to_owned(), json!(event.id));
    all.insert("Timestamp".to_owned(), json!(moment(event.at)));
    Some(shown)
}

/// Microseconds since 1970 of a date and time of RFC 3339.
pub fn read_moment(text: &str) -> Option<Micros> {
    timestamp::parse(text).map(|moment| moment.as_microsecond())
}

/// `2026-01-31T09:00:00.000000Z`.
pub fn moment(at: Micros) -> String {
    match jiff::Timestamp::from_microsecond(at) {
        Ok(moment) => format!("{moment:.6}"),
        Err(_) => at.to_string(),
    }
}
