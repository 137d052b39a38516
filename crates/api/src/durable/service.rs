//! The service: a method each. What a method means is in the use case that it calls.

use std::{pin::Pin, time::Duration};

use axum::Router;
use futures_util::stream::{Stream, try_unfold};
use tonic::{Request, Response, Status as Refusal};
use wisp_control::orchestrations::{
    EntityQuery, Query, Shown, Start,
    core::{Operation, Status},
};

use super::{
    actions,
    caller::Caller,
    events::{micros, read_failure, read_trace, write},
    refusal::{refusal, taken},
    shown,
    stream::{read_token, wishes, work_items},
    wire::{
        self,
        purge_instances_request::Request as Purge,
        task_hub_sidecar_service_server::{TaskHubSidecarService, TaskHubSidecarServiceServer},
    },
};
use crate::State;

/// Events of a history that are sent at once.
const CHUNK: usize = 500;

type Reply<T> = Result<Response<T>, Refusal>;
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Refusal>> + Send>>;

/// The routes of the service.
pub(crate) fn service(state: &State) -> Router<State> {
    let size = state.control.orchestrations().message_size;
    let service = TaskHubSidecarServiceServer::new(Service(state.clone()))
        .max_decoding_message_size(size)
        .max_encoding_message_size(size);
    Router::new().route_service("/TaskHubSidecarService/{method}", service)
}

struct Service(State);

impl Service {
    /// Who calls, and what with.
    async fn open<T>(&self, request: Request<T>) -> Result<(Caller, T), Refusal> {
        let caller = Caller::of(&self.0, &request).await?;
        Ok((caller, request.into_inner()))
    }

    /// Waits for an instance to be as wanted.
    async fn wait(
        &self,
        request: Request<wire::GetInstanceRequest>,
        wanted: impl Fn(Status) -> bool + Send,
    ) -> Reply<wire::GetInstanceResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (control, id) = (&self.0.control, &asked.instance_id);
        let awaited = control.await_orchestration(&identity, &hub, id, wanted);
        if awaited.await.map_err(refusal)?.is_none() {
            return Ok(Response::new(shown::found(None, false)));
        }
        let payloads = asked.get_inputs_and_outputs;
        let found = control.find_orchestration(&identity, &hub, id, payloads).await;
        Ok(Response::new(shown::found(found.map_err(refusal)?, payloads)))
    }
}

#[tonic::async_trait]
impl TaskHubSidecarService for Service {
    async fn hello(&self, request: Request<()>) -> Reply<()> {
        self.open(request).await?;
        Ok(Response::new(()))
    }

    async fn start_instance(
        &self,
        request: Request<wire::CreateInstanceRequest>,
    ) -> Reply<wire::CreateInstanceResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let policy = asked.orchestration_id_reuse_policy.unwrap_or_default();
        let start = Start {
            instance: asked.instance_id,
            name: asked.name,
            version: asked.version,
            input: asked.input,
            scheduled: asked.scheduled_start_timestamp.as_ref().map(micros),
            tags: asked.tags.into_iter().collect(),
            trace: asked.parent_trace_context.map(read_trace),
            replaces: policy
                .replaceable_status
                .iter()
                .filter_map(|number| Status::numbered(*number))
                .collect(),
        };
        let started = self.0.control.start_orchestration(&identity, &hub, start).await;
        Ok(Response::new(wire::CreateInstanceResponse {
            instance_id: started.map_err(taken)?,
        }))
    }

    async fn get_instance(&self, request: Request<wire::GetInstanceRequest>) -> Reply<wire::GetInstanceResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let payloads = asked.get_inputs_and_outputs;
        let found = self
            .0
            .control
            .find_orchestration(&identity, &hub, &asked.instance_id, payloads)
            .await;
        Ok(Response::new(shown::found(found.map_err(refusal)?, payloads)))
    }

    async fn rewind_instance(
        &self,
        request: Request<wire::RewindInstanceRequest>,
    ) -> Reply<wire::RewindInstanceResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let rewound = self
            .0
            .control
            .rewind_orchestration(&identity, &hub, &asked.instance_id, asked.reason);
        rewound.await.map_err(refusal)?;
        Ok(Response::new(wire::RewindInstanceResponse {}))
    }

    async fn restart_instance(
        &self,
        request: Request<wire::RestartInstanceRequest>,
    ) -> Reply<wire::RestartInstanceResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (id, renamed) = (&asked.instance_id, asked.restart_with_new_instance_id);
        let restarted = self.0.control.restart_orchestration(&identity, &hub, id, renamed).await;
        Ok(Response::new(wire::RestartInstanceResponse {
            instance_id: restarted.map_err(refusal)?,
        }))
    }

    async fn wait_for_instance_start(
        &self,
        request: Request<wire::GetInstanceRequest>,
    ) -> Reply<wire::GetInstanceResponse> {
        self.wait(request, |status| status != Status::Pending).await
    }

    async fn wait_for_instance_completion(
        &self,
        request: Request<wire::GetInstanceRequest>,
    ) -> Reply<wire::GetInstanceResponse> {
        self.wait(request, Status::is_over).await
    }

    async fn raise_event(&self, request: Request<wire::RaiseEventRequest>) -> Reply<wire::RaiseEventResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let raised = self
            .0
            .control
            .raise_event(&identity, &hub, &asked.instance_id, &asked.name, asked.input);
        raised.await.map_err(refusal)?;
        Ok(Response::new(wire::RaiseEventResponse {}))
    }

    async fn terminate_instance(&self, request: Request<wire::TerminateRequest>) -> Reply<wire::TerminateResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (id, recurse) = (&asked.instance_id, asked.recursive);
        let ended = self
            .0
            .control
            .terminate_orchestration(&identity, &hub, id, asked.output, recurse);
        ended.await.map_err(refusal)?;
        Ok(Response::new(wire::TerminateResponse {}))
    }

    async fn suspend_instance(&self, request: Request<wire::SuspendRequest>) -> Reply<wire::SuspendResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let suspended = self
            .0
            .control
            .suspend_orchestration(&identity, &hub, &asked.instance_id, asked.reason);
        suspended.await.map_err(refusal)?;
        Ok(Response::new(wire::SuspendResponse {}))
    }

    async fn resume_instance(&self, request: Request<wire::ResumeRequest>) -> Reply<wire::ResumeResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let resumed = self
            .0
            .control
            .resume_orchestration(&identity, &hub, &asked.instance_id, asked.reason);
        resumed.await.map_err(refusal)?;
        Ok(Response::new(wire::ResumeResponse {}))
    }

    async fn query_instances(
        &self,
        request: Request<wire::QueryInstancesRequest>,
    ) -> Reply<wire::QueryInstancesResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let asked = asked.query.unwrap_or_default();
        let payloads = asked.fetch_inputs_and_outputs;
        let query = Query {
            statuses: statuses(&asked.runtime_status),
            created_from: asked.created_time_from.as_ref().map(micros),
            created_to: asked.created_time_to.as_ref().map(micros),
            prefix: asked.instance_id_prefix.unwrap_or_default(),
            limit: usize::try_from(asked.max_instance_count).ok(),
            after: asked.continuation_token.filter(|token| !token.is_empty()),
            payloads,
        };
        let found = self.0.control.query_orchestrations(&identity, &hub, &query).await;
        let (found, next): (Vec<Shown>, _) = found.map_err(refusal)?;
        Ok(Response::new(wire::QueryInstancesResponse {
            orchestration_state: found.into_iter().map(|one| shown::state(one, payloads)).collect(),
            continuation_token: next,
        }))
    }

    async fn list_instance_ids(
        &self,
        request: Request<wire::ListInstanceIdsRequest>,
    ) -> Reply<wire::ListInstanceIdsResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let times = (
            asked.completed_time_from.as_ref().map(micros),
            asked.completed_time_to.as_ref().map(micros),
        );
        let (limit, after) = (
            usize::try_from(asked.page_size).ok(),
            asked.last_instance_key.as_deref(),
        );
        let wanted = statuses(&asked.runtime_status);
        let ended = self
            .0
            .control
            .ended_orchestrations(&identity, &hub, &wanted, times, limit, after);
        let (instance_ids, last_instance_key) = ended.await.map_err(refusal)?;
        Ok(Response::new(wire::ListInstanceIdsResponse {
            instance_ids,
            last_instance_key,
        }))
    }

    async fn purge_instances(
        &self,
        request: Request<wire::PurgeInstancesRequest>,
    ) -> Reply<wire::PurgeInstancesResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (control, recurse) = (&self.0.control, asked.recursive);
        let ids = match asked.request {
            Some(Purge::InstanceId(id)) => vec![id],
            Some(Purge::InstanceBatch(batch)) => batch.instance_ids,
            Some(Purge::PurgeInstanceFilter(filter)) => {
                let query = Query {
                    statuses: statuses(&filter.runtime_status),
                    created_from: filter.created_time_from.as_ref().map(micros),
                    created_to: filter.created_time_to.as_ref().map(micros),
                    ..Query::default()
                };
                let purged = control.purge_orchestrations(&identity, &hub, &query, recurse).await;
                return Ok(purged_count(purged.map_err(refusal)?));
            }
            None => return Err(Refusal::invalid_argument("nothing is named that is to be purged")),
        };
        let mut purged = 0;
        for id in ids {
            let count = control.purge_orchestration(&identity, &hub, &id, recurse).await;
            purged += count.map_err(refusal)?;
        }
        Ok(purged_count(purged))
    }

    type GetWorkItemsStream = Streamed<wire::WorkItem>;

    async fn get_work_items(&self, request: Request<wire::GetWorkItemsRequest>) -> Reply<Self::GetWorkItemsStream> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (control, settings) = (&self.0.control, self.0.control.orchestrations());
        let worker = control.connect_worker(&identity, &hub, wishes(asked, settings.worker_items));
        let pause = Duration::from_secs(settings.ping_seconds);
        let items = work_items(control.clone(), worker.map_err(refusal)?, pause);
        Ok(Response::new(Box::pin(items)))
    }

    async fn complete_activity_task(
        &self,
        request: Request<wire::ActivityResponse>,
    ) -> Reply<wire::CompleteTaskResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let ending = match asked.failure_details {
            Some(failure) => Err(read_failure(failure)),
            None => Ok(asked.result),
        };
        let token = read_token(&asked.completion_token);
        let completed = self.0.control.complete_activity(&identity, &hub, token, ending);
        completed.await.map_err(refusal)?;
        Ok(done())
    }

    async fn complete_orchestrator_task(
        &self,
        request: Request<wire::OrchestratorResponse>,
    ) -> Reply<wire::CompleteTaskResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        if asked.is_partial || asked.requires_history {
            let message = "the whole history is sent with each turn, and the whole answer is expected at once";
            return Err(Refusal::unimplemented(message));
        }
        let token = read_token(&asked.completion_token);
        let decision = actions::decision(asked)?;
        let completed = self.0.control.complete_turn(&identity, &hub, token, decision);
        completed.await.map_err(refusal)?;
        Ok(done())
    }

    async fn complete_entity_task(
        &self,
        request: Request<wire::EntityBatchResult>,
    ) -> Reply<wire::CompleteTaskResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let token = read_token(&asked.completion_token);
        let report = actions::report(asked);
        let completed = self.0.control.complete_batch(&identity, &hub, token, report);
        completed.await.map_err(refusal)?;
        Ok(done())
    }

    type StreamInstanceHistoryStream = Streamed<wire::HistoryChunk>;

    async fn stream_instance_history(
        &self,
        request: Request<wire::StreamInstanceHistoryRequest>,
    ) -> Reply<Self::StreamInstanceHistoryStream> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (control, id) = (self.0.control.clone(), asked.instance_id);
        let first = control
            .orchestration_history(&identity, &hub, &id, 0, CHUNK)
            .await
            .map_err(refusal)?;
        let chunks = try_unfold((0, Some(first)), move |(from, read)| {
            let (control, identity, hub, id) = (control.clone(), identity.clone(), hub.clone(), id.clone());
            async move {
                let events = match read {
                    Some(events) => events,
                    None => control
                        .orchestration_history(&identity, &hub, &id, from, CHUNK)
                        .await
                        .map_err(refusal)?,
                };
                if events.is_empty() {
                    return Ok(None);
                }
                let next = from + events.len() as u64;
                let events = events.iter().map(write).collect();
                Ok(Some((wire::HistoryChunk { events }, (next, None))))
            }
        });
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn create_task_hub(
        &self,
        request: Request<wire::CreateTaskHubRequest>,
    ) -> Reply<wire::CreateTaskHubResponse> {
        let (_, asked) = self.open(request).await?;
        match asked.recreate_if_exists {
            // A hub is there as soon as something is in it.
            false => Ok(Response::new(wire::CreateTaskHubResponse {})),
            true => Err(Refusal::unimplemented(
                "a task hub cannot be emptied at once: purge its instances",
            )),
        }
    }

    async fn delete_task_hub(
        &self,
        request: Request<wire::DeleteTaskHubRequest>,
    ) -> Reply<wire::DeleteTaskHubResponse> {
        self.open(request).await?;
        Err(Refusal::unimplemented(
            "a task hub cannot be deleted at once: purge its instances",
        ))
    }

    async fn signal_entity(&self, request: Request<wire::SignalEntityRequest>) -> Reply<wire::SignalEntityResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let operation = Operation {
            request: asked.request_id,
            operation: asked.name,
            input: asked.input,
            scheduled: asked.scheduled_time.as_ref().map(micros),
            target: Some(asked.instance_id),
            ..Operation::default()
        };
        self.0
            .control
            .signal_entity(&identity, &hub, operation)
            .await
            .map_err(refusal)?;
        Ok(Response::new(wire::SignalEntityResponse {}))
    }

    async fn get_entity(&self, request: Request<wire::GetEntityRequest>) -> Reply<wire::GetEntityResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let found = self.0.control.find_entity(&identity, &hub, &asked.instance_id).await;
        let found = found.map_err(refusal)?;
        Ok(Response::new(wire::GetEntityResponse {
            exists: found.is_some(),
            entity: found.map(|found| shown::entity(found, asked.include_state)),
        }))
    }

    async fn query_entities(&self, request: Request<wire::QueryEntitiesRequest>) -> Reply<wire::QueryEntitiesResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let asked = asked.query.unwrap_or_default();
        let query = EntityQuery {
            prefix: asked.instance_id_starts_with.unwrap_or_default(),
            modified_from: asked.last_modified_from.as_ref().map(micros),
            modified_to: asked.last_modified_to.as_ref().map(micros),
            transient: asked.include_transient,
            limit: asked.page_size.and_then(|size| usize::try_from(size).ok()),
            after: asked.continuation_token.filter(|token| !token.is_empty()),
        };
        let found = self.0.control.query_entities(&identity, &hub, &query).await;
        let (found, continuation_token) = found.map_err(refusal)?;
        Ok(Response::new(wire::QueryEntitiesResponse {
            entities: found
                .into_iter()
                .map(|one| shown::entity(one, asked.include_state))
                .collect(),
            continuation_token,
        }))
    }

    async fn clean_entity_storage(
        &self,
        request: Request<wire::CleanEntityStorageRequest>,
    ) -> Reply<wire::CleanEntityStorageResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let (empty, orphaned) = (asked.remove_empty_entities, asked.release_orphaned_locks);
        let cleaned = self.0.control.clean_entities(&identity, &hub, empty, orphaned).await;
        let (removed, released) = cleaned.map_err(refusal)?;
        Ok(Response::new(wire::CleanEntityStorageResponse {
            continuation_token: None,
            empty_entities_removed: number(removed),
            orphaned_locks_released: number(released),
        }))
    }

    async fn abandon_task_activity_work_item(
        &self,
        request: Request<wire::AbandonActivityTaskRequest>,
    ) -> Reply<wire::AbandonActivityTaskResponse> {
        let (caller, asked) = self.open(request).await?;
        self.abandon(&caller, &asked.completion_token)?;
        Ok(Response::new(wire::AbandonActivityTaskResponse {}))
    }

    async fn abandon_task_orchestrator_work_item(
        &self,
        request: Request<wire::AbandonOrchestrationTaskRequest>,
    ) -> Reply<wire::AbandonOrchestrationTaskResponse> {
        let (caller, asked) = self.open(request).await?;
        self.abandon(&caller, &asked.completion_token)?;
        Ok(Response::new(wire::AbandonOrchestrationTaskResponse {}))
    }

    async fn abandon_task_entity_work_item(
        &self,
        request: Request<wire::AbandonEntityTaskRequest>,
    ) -> Reply<wire::AbandonEntityTaskResponse> {
        let (caller, asked) = self.open(request).await?;
        self.abandon(&caller, &asked.completion_token)?;
        Ok(Response::new(wire::AbandonEntityTaskResponse {}))
    }

    async fn skip_graceful_orchestration_terminations(
        &self,
        request: Request<wire::SkipGracefulOrchestrationTerminationsRequest>,
    ) -> Reply<wire::SkipGracefulOrchestrationTerminationsResponse> {
        let (Caller { identity, hub }, asked) = self.open(request).await?;
        let ids = asked.instance_batch.unwrap_or_default().instance_ids;
        let mut unterminated_instance_ids = Vec::new();
        for id in ids {
            let output = asked.reason.clone();
            let ended = self
                .0
                .control
                .terminate_orchestration(&identity, &hub, &id, output, false)
                .await;
            if ended.is_err() {
                unterminated_instance_ids.push(id);
            }
        }
        Ok(Response::new(wire::SkipGracefulOrchestrationTerminationsResponse {
            unterminated_instance_ids,
        }))
    }
}

impl Service {
    fn abandon(&self, Caller { identity, hub }: &Caller, token: &str) -> Result<(), Refusal> {
        let abandoned = self.0.control.abandon_work(identity, hub, read_token(token));
        abandoned.map_err(refusal)
    }
}

fn statuses(numbers: &[i32]) -> Vec<Status> {
    numbers.iter().filter_map(|number| Status::numbered(*number)).collect()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn purged_count(count: usize) -> Response<wire::PurgeInstancesResponse> {
    Response::new(wire::PurgeInstancesResponse {
        deleted_instance_count: number(count),
        is_complete: Some(true),
    })
}

fn done() -> Response<wire::CompleteTaskResponse> {
    Response::new(wire::CompleteTaskResponse {})
}
