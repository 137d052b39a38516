use std::sync::Arc;

use serde_json::Value;

use super::Work;
use crate::execution::{Call, Doing, Effect, FrameId, TaskStart};
use crate::failure::Failure;
use crate::fields::{arguments, close, effective, integer, refuse};
use crate::flow::{Leave, Step};
use crate::history::{Details, HistoryKind};
use crate::interpreter::Interpreter;
use crate::machine::{Amount, Kind, Language, Pattern, Resource, State, Task};
use crate::query::{Fault, Scope, jsonata, template};
use crate::respond::End;

/// Schedules an attempt.
pub(super) fn work(mut work: Work, fields: &Task) -> Result<Step, Failure> {
    let id = work.turn.execution.next_effect();
    let token = (fields.resource.pattern() == Pattern::Callback).then(|| work.turn.execution.token(id).to_string());
    if token.is_some()
        && let Some(view) = work.turn.view_with(work.id, None, token.as_deref())
    {
        work.view = view;
    }
    let start = prepare(&work, fields, id, token).map_err(|fault| work.fault(fault))?;
    if !Arc::ptr_eq(&work.view.input, &start.input) && work.turn.is_too_large(&start.input) {
        return Err(Failure::too_large_for(&work.state.name));
    }
    schedule(&mut work, fields, start);
    Ok(Step::Stay)
}

fn prepare(work: &Work, fields: &Task, id: u64, token: Option<String>) -> Result<TaskStart, Fault> {
    let effective = effective(work.state, &work.view)?;
    let scope = work.view.over(&effective);
    Ok(TaskStart {
        id,
        state: work.state.name.clone(),
        resource: fields.resource.to_string(),
        input: arguments(work.state, &work.view, &effective)?,
        token,
        credentials: credentials(work.state, fields, &scope)?,
        timeout_seconds: seconds(fields.timeout.as_ref(), "TimeoutSeconds", &scope)?,
        heartbeat_seconds: seconds(fields.heartbeat.as_ref(), "HeartbeatSeconds", &scope)?,
    })
}

fn credentials(state: &State, fields: &Task, scope: &Scope) -> Result<Option<Value>, Fault> {
    let render = |credentials| match state.language {
        Language::JSONPath => template::render(credentials, scope),
        Language::JSONata => jsonata::render(credentials, "Credentials", scope),
    };
    fields.credentials.as_ref().map(render).transpose()
}

fn seconds(amount: Option<&Amount>, field: &str, scope: &Scope) -> Result<Option<u64>, Fault> {
    let Some(amount) = amount else { return Ok(None) };
    let seconds = integer(amount, field, scope)?;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err(refuse(
            amount,
            field,
            format!("{field} must be positive, but was: {seconds}"),
        )),
    }
}

fn schedule(work: &mut Work, fields: &Task, start: TaskStart) {
    let turn = &mut *work.turn;
    let (kind, details) = scheduled(&fields.resource, &start, &turn.execution.identity.machine_arn);
    let mut untold = None;
    match &fields.resource {
        Resource::Function(_) => {
            turn.record(work.id, kind, details);
            turn.record(work.id, HistoryKind::LambdaFunctionStarted, Details::None);
        }
        Resource::Service { .. } => {
            turn.record(work.id, kind, details);
            turn.record(work.id, HistoryKind::TaskStarted, told(&fields.resource, None));
        }
        Resource::Activity(_) => untold = Some(Box::new(details)),
    }
    let timer = |turn: &mut Interpreter, seconds: u64| turn.set_timer(work.id, milliseconds(seconds));
    let timeout = start.timeout_seconds.map(|seconds| timer(turn, seconds));
    let heartbeat = start.heartbeat_seconds.map(|seconds| (timer(turn, seconds), seconds));
    turn.execution.waiting.insert(start.id, work.id);
    if let Some(frame) = turn.frame_mut(work.id) {
        frame.doing = Doing::Calling(Call {
            id: start.id,
            timeout,
            heartbeat,
            untold,
        });
    }
    turn.effects.push(Effect::StartTask(start));
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

fn scheduled(resource: &Resource, start: &TaskStart, machine_arn: &str) -> (HistoryKind, Details) {
    let (timeout_seconds, heartbeat_seconds) = (start.timeout_seconds, start.heartbeat_seconds);
    match resource {
        Resource::Service { service, api, .. } => (
            HistoryKind::TaskScheduled,
            Details::TaskScheduled {
                service: service.clone(),
                api: api.clone(),
                region: machine_arn.split(':').nth(3).unwrap_or_default().to_owned(),
                parameters: start.input.clone(),
                timeout_seconds,
                heartbeat_seconds,
                credentials: start.credentials.clone(),
            },
        ),
        Resource::Function(_) | Resource::Activity(_) => {
            let kind = match resource {
                Resource::Activity(_) => HistoryKind::ActivityScheduled,
                _ => HistoryKind::LambdaFunctionScheduled,
            };
            let details = Details::Scheduled {
                resource: start.resource.clone(),
                input: start.input.clone(),
                timeout_seconds,
                heartbeat_seconds,
                credentials: start.credentials.clone(),
            };
            (kind, details)
        }
    }
}

/// What events of a service's task tell; those of others only have the answer.
fn told(resource: &Resource, output: Option<Arc<Value>>) -> Details {
    match (resource, output) {
        (Resource::Service { service, api, .. }, output) => Details::Task {
            service: service.clone(),
            api: api.clone(),
            output,
        },
        (_, Some(output)) => Details::Output { output },
        (_, None) => Details::None,
    }
}

fn resource<'m>(turn: &Interpreter<'m>, id: FrameId) -> Option<&'m Resource> {
    match &turn.state(id)?.kind {
        Kind::Task(task) => Some(&task.resource),
        _ => None,
    }
}

/// A worker took an activity's task.
pub(crate) fn started(turn: &mut Interpreter, id: FrameId, worker: Option<String>) {
    if let Some(Resource::Activity(_)) = resource(turn, id) {
        tell(turn, id);
        turn.record(id, HistoryKind::ActivityStarted, Details::Worker { name: worker });
    }
}

/// An activity has the task in its queue, or a service has accepted it; its end is still to come.
pub(crate) fn submitted(turn: &mut Interpreter, id: FrameId, output: Value) {
    match resource(turn, id) {
        Some(resource @ Resource::Service { .. }) => {
            turn.record(id, HistoryKind::TaskSubmitted, told(resource, Some(Arc::new(output))));
        }
        _ => tell(turn, id),
    }
}

/// Tells that an activity's task was scheduled, once it is known that there is such an activity.
fn tell(turn: &mut Interpreter, id: FrameId) {
    if let Some(Doing::Calling(call)) = turn.frame_mut(id).map(|frame| &mut frame.doing)
        && let Some(details) = call.untold.take()
    {
        turn.record(id, HistoryKind::ActivityScheduled, *details);
    }
}

/// A sign of life: the heartbeat's time begins anew.
pub(crate) fn heartbeat(turn: &mut Interpreter, id: FrameId) {
    if let Some(Doing::Calling(call)) = turn.frame(id).map(|frame| &frame.doing)
        && let Some((timer, seconds)) = call.heartbeat
    {
        turn.move_timer(timer, milliseconds(seconds));
    }
}

/// The timeout's or the heartbeat's time is over.
pub(crate) fn expired(turn: &mut Interpreter, id: FrameId, heartbeat: bool) {
    let error = Some("States.Timeout".to_owned());
    end(turn, id, End::TimedOut { error, cause: None }, heartbeat);
}

/// The attempt has ended.
pub(crate) fn ended(turn: &mut Interpreter, id: FrameId, how: End) {
    if let Some(Doing::Calling(call)) = turn.frame(id).map(|frame| &frame.doing) {
        let task = call.id;
        turn.execution.waiting.remove(&task);
        end(turn, id, how, false);
    }
}

fn end(turn: &mut Interpreter, id: FrameId, how: End, heartbeat: bool) {
    if !matches!(how, End::Refused { .. }) {
        tell(turn, id);
    }
    turn.halt(id);
    let Some(resource) = resource(turn, id) else { return };
    let step = match how {
        End::Succeeded(output) => succeeded(turn, id, resource, output),
        End::Failed { error, cause } => Err(failed(turn, id, resource, HAS_FAILED, error, cause)),
        End::TimedOut { error, cause } => {
            let error = error.or(Some("States.Timeout".to_owned()));
            let failure = failed(turn, id, resource, HAS_TIMED_OUT, error, cause);
            Err(if heartbeat {
                failure.or_named("States.HeartbeatTimeout")
            } else {
                failure
            })
        }
        End::Refused { cause } => Err(turn.fault(id, Fault::runtime(cause))),
    };
    turn.take_step(id, step);
}

/// The events of an end, for a function, an activity and a service.
type Kinds = [HistoryKind; 3];

const HAS_SUCCEEDED: Kinds = [
    HistoryKind::LambdaFunctionSucceeded,
    HistoryKind::ActivitySucceeded,
    HistoryKind::TaskSucceeded,
];
const HAS_FAILED: Kinds = [
    HistoryKind::LambdaFunctionFailed,
    HistoryKind::ActivityFailed,
    HistoryKind::TaskFailed,
];
const HAS_TIMED_OUT: Kinds = [
    HistoryKind::LambdaFunctionTimedOut,
    HistoryKind::ActivityTimedOut,
    HistoryKind::TaskTimedOut,
];

fn kind(kinds: Kinds, resource: &Resource) -> HistoryKind {
    match resource {
        Resource::Function(_) => kinds[0],
        Resource::Activity(_) => kinds[1],
        Resource::Service { .. } => kinds[2],
    }
}

fn succeeded(turn: &mut Interpreter, id: FrameId, resource: &Resource, output: Value) -> Result<Step, Failure> {
    let output = Arc::new(output);
    if turn.is_too_large(&output) {
        let what = match resource {
            Resource::Function(name) | Resource::Activity(name) => name,
            Resource::Service { service, .. } => service,
        };
        let failure = Failure::too_large(what);
        return Err(failed(turn, id, resource, HAS_FAILED, failure.error, failure.cause));
    }
    turn.record(id, kind(HAS_SUCCEEDED, resource), told(resource, Some(output.clone())));
    let Some(work) = Work::new(turn, id) else {
        return Ok(Step::Stay);
    };
    let closed = close(work.state, &work.view, output).map_err(|fault| work.fault(fault))?;
    Ok(Step::Leave(Leave::to(work.state.next, closed)))
}

fn failed(
    turn: &mut Interpreter,
    id: FrameId,
    resource: &Resource,
    kinds: Kinds,
    error: Option<String>,
    cause: Option<String>,
) -> Failure {
    let (told_error, told_cause) = (error.clone(), cause.clone());
    let details = match resource {
        Resource::Service { service, api, .. } => Details::TaskFailure {
            service: service.clone(),
            api: api.clone(),
            error: told_error,
            cause: told_cause,
        },
        _ => Details::Failure {
            error: told_error,
            cause: told_cause,
        },
    };
    turn.record(id, kind(kinds, resource), details);
    Failure::new(error, cause)
}
