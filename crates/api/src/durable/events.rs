//! Histories: between the protocol's events and the core's.

use std::collections::BTreeMap;

use prost_types::{Timestamp, Value};
use serde_json::Number;
use wisp_control::orchestrations::core::{
    Call, Completed, Event, Failure, Kind, LockRequest, Micros, Operation, Parent, Rewound, Started, Status, Trace,
};

use super::wire::{self, history_event::EventType};

/// A moment, in the protocol's seconds and nanoseconds.
pub(super) fn timestamp(at: Micros) -> Timestamp {
    Timestamp {
        seconds: at.div_euclid(1_000_000),
        nanos: i32::try_from(at.rem_euclid(1_000_000) * 1000).unwrap_or_default(),
    }
}

/// A moment in microseconds. Finer parts are dropped.
pub(super) fn micros(at: &Timestamp) -> Micros {
    at.seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(at.nanos) / 1000)
}

/// An event for the wire.
pub(super) fn write(event: &Event) -> wire::HistoryEvent {
    wire::HistoryEvent {
        event_id: event.id,
        timestamp: Some(timestamp(event.at)),
        event_type: Some(write_kind(&event.kind)),
    }
}

fn write_kind(kind: &Kind) -> EventType {
    match kind.clone() {
        Kind::ExecutionStarted(started) => EventType::ExecutionStarted(write_started(*started)),
        Kind::ExecutionCompleted(completed) => EventType::ExecutionCompleted(wire::ExecutionCompletedEvent {
            orchestration_status: completed.status.number(),
            result: completed.result,
            failure_details: completed.failure.map(|failure| write_failure(*failure)),
        }),
        Kind::ExecutionTerminated { output, recurse } => {
            EventType::ExecutionTerminated(wire::ExecutionTerminatedEvent { input: output, recurse })
        }
        Kind::TaskScheduled(call) => EventType::TaskScheduled(wire::TaskScheduledEvent {
            name: call.name,
            version: call.version,
            input: call.input,
            parent_trace_context: call.trace.map(write_trace),
            tags: call.tags.into_iter().collect(),
        }),
        Kind::TaskCompleted { task, result } => EventType::TaskCompleted(wire::TaskCompletedEvent {
            task_scheduled_id: task,
            result,
        }),
        Kind::TaskFailed { task, failure } => EventType::TaskFailed(wire::TaskFailedEvent {
            task_scheduled_id: task,
            failure_details: failure.map(|failure| write_failure(*failure)),
        }),
        Kind::ChildCreated { instance, call } => {
            EventType::SubOrchestrationInstanceCreated(wire::SubOrchestrationInstanceCreatedEvent {
                instance_id: instance,
                name: call.name,
                version: call.version,
                input: call.input,
                parent_trace_context: call.trace.map(write_trace),
                tags: call.tags.into_iter().collect(),
            })
        }
        Kind::ChildCompleted { task, result } => {
            EventType::SubOrchestrationInstanceCompleted(wire::SubOrchestrationInstanceCompletedEvent {
                task_scheduled_id: task,
                result,
            })
        }
        Kind::ChildFailed { task, failure } => {
            EventType::SubOrchestrationInstanceFailed(wire::SubOrchestrationInstanceFailedEvent {
                task_scheduled_id: task,
                failure_details: failure.map(|failure| write_failure(*failure)),
            })
        }
        Kind::TimerCreated { fire_at } => EventType::TimerCreated(wire::TimerCreatedEvent {
            fire_at: Some(timestamp(fire_at)),
        }),
        Kind::TimerFired { fire_at, timer } => EventType::TimerFired(wire::TimerFiredEvent {
            fire_at: Some(timestamp(fire_at)),
            timer_id: timer,
        }),
        Kind::TurnStarted => EventType::OrchestratorStarted(wire::OrchestratorStartedEvent {}),
        Kind::TurnCompleted => EventType::OrchestratorCompleted(wire::OrchestratorCompletedEvent {}),
        Kind::EventSent { instance, name, input } => EventType::EventSent(wire::EventSentEvent {
            instance_id: instance,
            name,
            input,
        }),
        Kind::EventRaised { name, input } => EventType::EventRaised(wire::EventRaisedEvent { name, input }),
        Kind::Generic { data } => EventType::GenericEvent(wire::GenericEvent { data }),
        Kind::ContinuedAsNew { input } => EventType::ContinueAsNew(wire::ContinueAsNewEvent { input }),
        Kind::ExecutionSuspended { reason } => {
            EventType::ExecutionSuspended(wire::ExecutionSuspendedEvent { input: reason })
        }
        Kind::ExecutionResumed { reason } => EventType::ExecutionResumed(wire::ExecutionResumedEvent { input: reason }),
        Kind::EntitySignaled(operation) => EventType::EntityOperationSignaled(wire::EntityOperationSignaledEvent {
            request_id: operation.request,
            operation: operation.operation,
            scheduled_time: operation.scheduled.map(timestamp),
            input: operation.input,
            target_instance_id: operation.target,
        }),
        Kind::EntityCalled(operation) => EventType::EntityOperationCalled(wire::EntityOperationCalledEvent {
            request_id: operation.request,
            operation: operation.operation,
            scheduled_time: operation.scheduled.map(timestamp),
            input: operation.input,
            parent_instance_id: operation.parent,
            parent_execution_id: operation.parent_execution,
            target_instance_id: operation.target,
        }),
        Kind::EntityCompleted { request, output } => {
            EventType::EntityOperationCompleted(wire::EntityOperationCompletedEvent {
                request_id: request,
                output,
            })
        }
        Kind::EntityFailed { request, failure } => EventType::EntityOperationFailed(wire::EntityOperationFailedEvent {
            request_id: request,
            failure_details: failure.map(|failure| write_failure(*failure)),
        }),
        Kind::LockRequested(request) => EventType::EntityLockRequested(wire::EntityLockRequestedEvent {
            critical_section_id: request.section,
            lock_set: request.entities,
            position: i32::try_from(request.position).unwrap_or(i32::MAX),
            parent_instance_id: request.parent,
        }),
        Kind::LockGranted { section } => EventType::EntityLockGranted(wire::EntityLockGrantedEvent {
            critical_section_id: section,
        }),
        Kind::UnlockSent {
            section,
            target,
            parent,
        } => EventType::EntityUnlockSent(wire::EntityUnlockSentEvent {
            critical_section_id: section,
            parent_instance_id: parent,
            target_instance_id: target,
        }),
        Kind::ExecutionRewound(rewound) => EventType::ExecutionRewound(write_rewound(*rewound)),
    }
}

fn write_started(started: Started) -> wire::ExecutionStartedEvent {
    wire::ExecutionStartedEvent {
        name: started.name,
        version: started.version,
        input: started.input,
        orchestration_instance: Some(wire::OrchestrationInstance {
            instance_id: started.instance,
            execution_id: started.execution,
        }),
        parent_instance: started.parent.map(write_parent),
        scheduled_start_timestamp: started.scheduled.map(timestamp),
        parent_trace_context: started.trace.map(write_trace),
        orchestration_span_id: None,
        tags: started.tags.into_iter().collect(),
    }
}

fn write_parent(parent: Parent) -> wire::ParentInstanceInfo {
    wire::ParentInstanceInfo {
        task_scheduled_id: parent.task,
        name: parent.name,
        version: parent.version,
        orchestration_instance: Some(wire::OrchestrationInstance {
            instance_id: parent.instance,
            execution_id: parent.execution,
        }),
    }
}

fn write_rewound(rewound: Rewound) -> wire::ExecutionRewoundEvent {
    let started = rewound.started.map(|started| *started);
    let begun = started.clone().unwrap_or_default();
    wire::ExecutionRewoundEvent {
        reason: rewound.reason,
        parent_execution_id: rewound.parent_execution,
        instance_id: started.as_ref().map(|started| started.instance.clone()),
        parent_trace_context: begun.trace.map(write_trace),
        name: started.map(|started| started.name),
        version: begun.version,
        input: begun.input,
        parent_instance: begun.parent.map(write_parent),
        tags: begun.tags.into_iter().collect(),
    }
}

pub(super) fn write_trace(trace: Trace) -> wire::TraceContext {
    wire::TraceContext {
        trace_parent: trace.parent,
        span_id: trace.span,
        trace_state: trace.state,
    }
}

/// A failure for the wire.
pub(super) fn write_failure(failure: Failure) -> wire::TaskFailureDetails {
    wire::TaskFailureDetails {
        error_type: failure.kind,
        error_message: failure.message,
        stack_trace: failure.stack,
        inner_failure: failure.cause.map(|cause| Box::new(write_failure(*cause))),
        is_non_retriable: failure.lasting,
        properties: failure
            .properties
            .iter()
            .map(|(name, value)| (name.clone(), write_value(value)))
            .collect(),
    }
}

fn write_value(value: &serde_json::Value) -> Value {
    use prost_types::{ListValue, Struct, value::Kind as Shape};
    let kind = match value {
        serde_json::Value::Null => Shape::NullValue(0),
        serde_json::Value::Bool(value) => Shape::BoolValue(*value),
        serde_json::Value::Number(value) => Shape::NumberValue(value.as_f64().unwrap_or_default()),
        serde_json::Value::String(value) => Shape::StringValue(value.clone()),
        serde_json::Value::Array(values) => Shape::ListValue(ListValue {
            values: values.iter().map(write_value).collect(),
        }),
        serde_json::Value::Object(fields) => Shape::StructValue(Struct {
            fields: fields
                .iter()
                .map(|(name, value)| (name.clone(), write_value(value)))
                .collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// An event off the wire; none if it says nothing that is known.
pub(super) fn read(event: wire::HistoryEvent) -> Option<Event> {
    Some(Event {
        id: event.event_id,
        at: event.timestamp.as_ref().map(micros).unwrap_or_default(),
        kind: read_kind(event.event_type?)?,
    })
}

fn read_kind(kind: EventType) -> Option<Kind> {
    Some(match kind {
        EventType::ExecutionStarted(event) => Kind::ExecutionStarted(Box::new(read_started(event))),
        EventType::ExecutionCompleted(event) => Kind::ExecutionCompleted(Completed {
            status: Status::numbered(event.orchestration_status)?,
            result: event.result,
            failure: event.failure_details.map(read_failure),
        }),
        EventType::ExecutionTerminated(event) => Kind::ExecutionTerminated {
            output: event.input,
            recurse: event.recurse,
        },
        EventType::TaskScheduled(event) => Kind::TaskScheduled(Call {
            name: event.name,
            version: event.version,
            input: event.input,
            tags: event.tags.into_iter().collect(),
            trace: event.parent_trace_context.map(read_trace),
        }),
        EventType::TaskCompleted(event) => Kind::TaskCompleted {
            task: event.task_scheduled_id,
            result: event.result,
        },
        EventType::TaskFailed(event) => Kind::TaskFailed {
            task: event.task_scheduled_id,
            failure: event.failure_details.map(read_failure),
        },
        EventType::SubOrchestrationInstanceCreated(event) => Kind::ChildCreated {
            instance: event.instance_id,
            call: Call {
                name: event.name,
                version: event.version,
                input: event.input,
                tags: event.tags.into_iter().collect(),
                trace: event.parent_trace_context.map(read_trace),
            },
        },
        EventType::SubOrchestrationInstanceCompleted(event) => Kind::ChildCompleted {
            task: event.task_scheduled_id,
            result: event.result,
        },
        EventType::SubOrchestrationInstanceFailed(event) => Kind::ChildFailed {
            task: event.task_scheduled_id,
            failure: event.failure_details.map(read_failure),
        },
        EventType::TimerCreated(event) => Kind::TimerCreated {
            fire_at: event.fire_at.as_ref().map(micros).unwrap_or_default(),
        },
        EventType::TimerFired(event) => Kind::TimerFired {
            fire_at: event.fire_at.as_ref().map(micros).unwrap_or_default(),
            timer: event.timer_id,
        },
        EventType::OrchestratorStarted(_) => Kind::TurnStarted,
        EventType::OrchestratorCompleted(_) => Kind::TurnCompleted,
        EventType::EventSent(event) => Kind::EventSent {
            instance: event.instance_id,
            name: event.name,
            input: event.input,
        },
        EventType::EventRaised(event) => Kind::EventRaised {
            name: event.name,
            input: event.input,
        },
        EventType::GenericEvent(event) => Kind::Generic { data: event.data },
        EventType::HistoryState(_) => return None,
        EventType::ContinueAsNew(event) => Kind::ContinuedAsNew { input: event.input },
        EventType::ExecutionSuspended(event) => Kind::ExecutionSuspended { reason: event.input },
        EventType::ExecutionResumed(event) => Kind::ExecutionResumed { reason: event.input },
        EventType::EntityOperationSignaled(event) => Kind::EntitySignaled(read_signal(event)),
        EventType::EntityOperationCalled(event) => Kind::EntityCalled(read_call(event)),
        EventType::EntityOperationCompleted(event) => Kind::EntityCompleted {
            request: event.request_id,
            output: event.output,
        },
        EventType::EntityOperationFailed(event) => Kind::EntityFailed {
            request: event.request_id,
            failure: event.failure_details.map(read_failure),
        },
        EventType::EntityLockRequested(event) => Kind::LockRequested(read_lock(event)),
        EventType::EntityLockGranted(event) => Kind::LockGranted {
            section: event.critical_section_id,
        },
        EventType::EntityUnlockSent(event) => Kind::UnlockSent {
            section: event.critical_section_id,
            target: event.target_instance_id,
            parent: event.parent_instance_id,
        },
        EventType::ExecutionRewound(event) => Kind::ExecutionRewound(Box::new(Rewound {
            reason: event.reason,
            parent_execution: event.parent_execution_id,
            started: None,
        })),
    })
}

fn read_started(event: wire::ExecutionStartedEvent) -> Started {
    let instance = event.orchestration_instance.unwrap_or_default();
    Started {
        name: event.name,
        version: event.version,
        input: event.input,
        instance: instance.instance_id,
        execution: instance.execution_id,
        parent: event.parent_instance.map(read_parent),
        scheduled: event.scheduled_start_timestamp.as_ref().map(micros),
        tags: event.tags.into_iter().collect(),
        trace: event.parent_trace_context.map(read_trace),
    }
}

fn read_parent(parent: wire::ParentInstanceInfo) -> Parent {
    let instance = parent.orchestration_instance.unwrap_or_default();
    Parent {
        task: parent.task_scheduled_id,
        instance: instance.instance_id,
        execution: instance.execution_id,
        name: parent.name,
        version: parent.version,
    }
}

pub(super) fn read_trace(trace: wire::TraceContext) -> Trace {
    Trace {
        parent: trace.trace_parent,
        span: trace.span_id,
        state: trace.trace_state,
    }
}

pub(super) fn read_signal(event: wire::EntityOperationSignaledEvent) -> Operation {
    Operation {
        request: event.request_id,
        operation: event.operation,
        input: event.input,
        scheduled: event.scheduled_time.as_ref().map(micros),
        target: event.target_instance_id,
        parent: None,
        parent_execution: None,
    }
}

pub(super) fn read_call(event: wire::EntityOperationCalledEvent) -> Operation {
    Operation {
        request: event.request_id,
        operation: event.operation,
        input: event.input,
        scheduled: event.scheduled_time.as_ref().map(micros),
        target: event.target_instance_id,
        parent: event.parent_instance_id,
        parent_execution: event.parent_execution_id,
    }
}

pub(super) fn read_lock(event: wire::EntityLockRequestedEvent) -> LockRequest {
    LockRequest {
        section: event.critical_section_id,
        entities: event.lock_set,
        position: usize::try_from(event.position).unwrap_or_default(),
        parent: event.parent_instance_id,
    }
}

/// A failure off the wire.
pub(super) fn read_failure(failure: wire::TaskFailureDetails) -> Box<Failure> {
    let properties: BTreeMap<String, serde_json::Value> = failure
        .properties
        .into_iter()
        .map(|(name, value)| (name, read_value(value)))
        .collect();
    Box::new(Failure {
        kind: failure.error_type,
        message: failure.error_message,
        stack: failure.stack_trace,
        cause: failure.inner_failure.map(|inner| read_failure(*inner)),
        lasting: failure.is_non_retriable,
        properties,
    })
}

fn read_value(value: Value) -> serde_json::Value {
    use prost_types::value::Kind as Shape;
    match value.kind {
        None | Some(Shape::NullValue(_)) => serde_json::Value::Null,
        Some(Shape::BoolValue(value)) => value.into(),
        Some(Shape::NumberValue(value)) => Number::from_f64(value).map_or(serde_json::Value::Null, Into::into),
        Some(Shape::StringValue(value)) => value.into(),
        Some(Shape::ListValue(list)) => list.values.into_iter().map(read_value).collect(),
        Some(Shape::StructValue(fields)) => fields
            .fields
            .into_iter()
            .map(|(name, value)| (name, read_value(value)))
            .collect(),
    }
}
