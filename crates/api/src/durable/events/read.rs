use std::collections::BTreeMap;

use prost_types::Value;
use serde_json::Number;
use wisp_control::orchestrations::core::{
    Call, Completed, Event, Failure, Kind, LockRequest, Operation, Parent, Rewound, Started, Status, Trace,
};

use super::micros;
use crate::durable::wire::{self, history_event::EventType};

/// An event off the wire; none if it says nothing that is known.
pub(in crate::durable) fn read(event: wire::HistoryEvent) -> Option<Event> {
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

pub(in crate::durable) fn read_trace(trace: wire::TraceContext) -> Trace {
    Trace {
        parent: trace.trace_parent,
        span: trace.span_id,
        state: trace.trace_state,
    }
}

pub(in crate::durable) fn read_signal(event: wire::EntityOperationSignaledEvent) -> Operation {
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

pub(in crate::durable) fn read_call(event: wire::EntityOperationCalledEvent) -> Operation {
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

pub(in crate::durable) fn read_lock(event: wire::EntityLockRequestedEvent) -> LockRequest {
    LockRequest {
        section: event.critical_section_id,
        entities: event.lock_set,
        position: usize::try_from(event.position).unwrap_or_default(),
        parent: event.parent_instance_id,
    }
}

/// A failure off the wire.
pub(in crate::durable) fn read_failure(failure: wire::TaskFailureDetails) -> Box<Failure> {
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
