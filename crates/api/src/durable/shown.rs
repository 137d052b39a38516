//! Instances and entities for the wire.

use wisp_control::orchestrations::{EntityShown, Shown};

use super::{
    events::{timestamp, write_failure},
    wire,
};

/// An instance, with what it was given and gave if that is wanted.
pub(super) fn state(shown: Shown, payloads: bool) -> wire::OrchestrationState {
    let Shown { instance, input } = shown;
    let execution_id = instance.execution().map(str::to_owned);
    wire::OrchestrationState {
        instance_id: instance.id,
        name: instance.name,
        version: instance.version,
        orchestration_status: instance.status.number(),
        scheduled_start_timestamp: instance.scheduled.map(timestamp),
        created_timestamp: Some(timestamp(instance.created)),
        last_updated_timestamp: Some(timestamp(instance.updated)),
        input,
        output: instance.output.filter(|_| payloads),
        custom_status: instance.custom_status,
        failure_details: instance.failure.map(|failure| write_failure(*failure)),
        execution_id,
        completed_timestamp: instance.completed.map(timestamp),
        parent_instance_id: instance.parent.map(|parent| parent.instance),
        tags: instance.tags.into_iter().collect(),
    }
}

/// The answer to who asked for an instance.
pub(super) fn found(shown: Option<Shown>, payloads: bool) -> wire::GetInstanceResponse {
    wire::GetInstanceResponse {
        exists: shown.is_some(),
        orchestration_state: shown.map(|shown| state(shown, payloads)),
    }
}

/// An entity, with its value if that is wanted.
pub(super) fn entity(shown: EntityShown, state: bool) -> wire::EntityMetadata {
    let EntityShown { entity, waiting } = shown;
    wire::EntityMetadata {
        instance_id: entity.id,
        last_modified_time: Some(timestamp(entity.modified)),
        backlog_queue_size: i32::try_from(waiting).unwrap_or(i32::MAX),
        locked_by: entity.lock.map(|lock| lock.owner.unwrap_or(lock.section)),
        serialized_state: entity.state.filter(|_| state),
    }
}
