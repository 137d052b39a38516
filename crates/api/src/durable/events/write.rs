use prost_types::Value;
use wisp_control::orchestrations::core::{Event, Failure, Kind, Parent, Rewound, Started, Trace};

use super::timestamp;
use crate::durable::wire::{self, history_event::EventType};

/// An event for the wire.
pub(in crate::durable) fn write(event: &Event) -> wire::HistoryEvent {
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

pub(in crate::durable) fn write_trace(trace: Trace) -> wire::TraceContext {
    wire::TraceContext {
        trace_parent: trace.parent,
        span_id: trace.span,
        trace_state: trace.state,
    }
}

/// A failure for the wire.
pub(in crate::durable) fn write_failure(failure: Failure) -> wire::TaskFailureDetails {
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
