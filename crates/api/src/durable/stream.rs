//! Work for a worker, as it comes.

use std::{collections::BTreeSet, time::Duration};

use futures_util::stream::{Stream, unfold};
use tonic::Status;
use wisp_control::{
    Control,
    orchestrations::{BatchWork, Given, Handed, Names, Task, TurnWork, Wishes, Worker},
};

use super::{events::write, wire};

/// Work as it comes, with signs of life when none does. Ends when the server does.
pub(super) fn work_items(
    control: Control,
    worker: Worker,
    pause: Duration,
) -> impl Stream<Item = Result<wire::WorkItem, Status>> + Send + 'static {
    unfold((control, worker), move |(control, mut worker)| async move {
        let item = tokio::select! {
            handed = worker.next() => item(handed?),
            () = tokio::time::sleep(pause) => sign_of_life(),
            () = control.ending() => return None,
        };
        Some((Ok(item), (control, worker)))
    })
}

fn sign_of_life() -> wire::WorkItem {
    wire::WorkItem {
        request: Some(wire::work_item::Request::HealthPing(wire::HealthPing {})),
        completion_token: String::new(),
    }
}

fn item(handed: Handed) -> wire::WorkItem {
    use wire::work_item::Request;
    let request = match &handed.work {
        Given::Turn(work) => Request::OrchestratorRequest(turn(work)),
        Given::Activity(work) => Request::ActivityRequest(activity(work)),
        Given::Batch(work) => Request::EntityRequestV2(batch(work)),
    };
    wire::WorkItem {
        request: Some(request),
        completion_token: token(handed.token),
    }
}

fn turn(work: &TurnWork) -> wire::OrchestratorRequest {
    wire::OrchestratorRequest {
        instance_id: work.instance.clone(),
        execution_id: work.execution.clone(),
        past_events: work.past.iter().map(|event| write(event)).collect(),
        new_events: work.new.iter().map(write).collect(),
        entity_parameters: Some(wire::OrchestratorEntityParameters::default()),
        ..Default::default()
    }
}

fn activity(work: &Task) -> wire::ActivityRequest {
    let activity = work.activity.clone();
    wire::ActivityRequest {
        name: activity.call.name,
        version: activity.call.version,
        input: activity.call.input,
        orchestration_instance: Some(wire::OrchestrationInstance {
            instance_id: work.instance.clone(),
            execution_id: activity.execution,
        }),
        task_id: activity.task,
        parent_trace_context: activity.call.trace.map(super::events::write_trace),
        tags: activity.call.tags.into_iter().collect(),
    }
}

fn batch(work: &BatchWork) -> wire::EntityRequest {
    wire::EntityRequest {
        instance_id: work.entity.clone(),
        execution_id: String::new(),
        entity_state: work.state.clone(),
        operation_requests: work.batch.operations.iter().map(write).collect(),
    }
}

/// A token as workers have it.
pub(super) fn token(token: u64) -> String {
    format!("{token:016x}")
}

/// Reads a token; none was ever given out that cannot be read.
pub(super) fn read_token(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or_default()
}

/// What a worker takes: as much as it says, up to `most` of a kind at a time.
pub(super) fn wishes(request: wire::GetWorkItemsRequest, most: usize) -> Wishes {
    let room = |asked: i32| {
        usize::try_from(asked)
            .ok()
            .filter(|asked| *asked > 0)
            .map_or(most, |asked| asked.min(most))
    };
    let only = request.work_item_filters.map(|filters| {
        let turns = filters.orchestrations.into_iter().map(|one| (one.name, one.versions));
        let activities = filters.activities.into_iter().map(|one| (one.name, one.versions));
        let entities = filters.entities.into_iter().map(|one| (one.name, Vec::new()));
        [names(turns), names(activities), names(entities)]
    });
    Wishes {
        room: [
            room(request.max_concurrent_orchestration_work_items),
            room(request.max_concurrent_activity_work_items),
            room(request.max_concurrent_entity_work_items),
        ],
        only,
    }
}

fn names(filters: impl Iterator<Item = (String, Vec<String>)>) -> Names {
    let mut names = Names::new();
    for (name, versions) in filters {
        let known: &mut BTreeSet<String> = names.entry(name).or_default();
        known.extend(versions);
    }
    names
}
