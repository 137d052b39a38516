//! What orchestrators and entities ask for, off the wire.

use tonic::Status as Refusal;
use wisp_control::orchestrations::core::{
    Action, Ask, Call, Completed, Decision, Operation, Report, Started, Status, Wish,
};

use super::{
    events::{micros, read, read_call, read_failure, read_lock, read_signal, read_trace},
    wire::{
        self, operation_action::OperationActionType, operation_result::ResultType,
        orchestrator_action::OrchestratorActionType as Asked, send_entity_message_action::EntityMessageType,
    },
};

/// What an orchestrator decided.
pub(super) fn decision(response: wire::OrchestratorResponse) -> Result<Decision, Refusal> {
    let actions = response.actions.into_iter().map(action).collect::<Result<_, _>>()?;
    Ok(Decision {
        actions,
        custom_status: response.custom_status,
    })
}

fn action(action: wire::OrchestratorAction) -> Result<Action, Refusal> {
    let id = action.id;
    let unknown = || Refusal::invalid_argument(format!("the action {id} asks for nothing that is known"));
    let kind = match action.orchestrator_action_type.ok_or_else(unknown)? {
        Asked::ScheduleTask(task) => Ask::Task(Call {
            name: task.name,
            version: task.version,
            input: task.input,
            tags: task.tags.into_iter().collect(),
            trace: task.parent_trace_context.map(read_trace),
        }),
        Asked::CreateSubOrchestration(child) => Ask::Child {
            instance: child.instance_id,
            call: Call {
                name: child.name,
                version: child.version,
                input: child.input,
                tags: child.tags.into_iter().collect(),
                trace: child.parent_trace_context.map(read_trace),
            },
        },
        Asked::CreateTimer(timer) => Ask::Timer {
            fire_at: timer.fire_at.as_ref().map(micros).unwrap_or_default(),
        },
        Asked::SendEvent(event) => Ask::Send {
            instance: event.instance.unwrap_or_default().instance_id,
            name: event.name,
            input: event.data,
        },
        Asked::CompleteOrchestration(end) => complete(end)?,
        Asked::TerminateOrchestration(end) => Ask::Terminate {
            instance: end.instance_id,
            reason: end.reason,
            recurse: end.recurse,
        },
        Asked::SendEntityMessage(message) => match message.entity_message_type.ok_or_else(unknown)? {
            EntityMessageType::EntityOperationSignaled(event) => Ask::Signal(read_signal(event)),
            EntityMessageType::EntityOperationCalled(event) => Ask::Call(read_call(event)),
            EntityMessageType::EntityLockRequested(event) => Ask::Lock(read_lock(event)),
            EntityMessageType::EntityUnlockSent(event) => Ask::Unlock {
                section: event.critical_section_id,
                target: event.target_instance_id.unwrap_or_default(),
            },
        },
        Asked::RewindOrchestration(rewind) => Ask::Rewind {
            history: rewind.new_history.into_iter().filter_map(read).collect(),
        },
    };
    Ok(Action { id, kind })
}

fn complete(end: wire::CompleteOrchestrationAction) -> Result<Ask, Refusal> {
    let status = Status::numbered(end.orchestration_status);
    match status {
        Some(Status::ContinuedAsNew) => Ok(Ask::ContinueAsNew {
            input: end.result,
            version: end.new_version,
            carried: end.carryover_events.into_iter().filter_map(read).collect(),
        }),
        Some(status) if status.is_over() => Ok(Ask::Complete(Completed {
            status,
            result: end.result,
            failure: end.failure_details.map(read_failure),
        })),
        _ => Err(Refusal::invalid_argument(format!(
            "an orchestration cannot end with the status {}",
            end.orchestration_status
        ))),
    }
}

/// What came of operations of an entity.
pub(super) fn report(result: wire::EntityBatchResult) -> Report {
    let ended = |result: wire::OperationResult| match result.result_type {
        Some(ResultType::Success(success)) => Ok(success.result),
        Some(ResultType::Failure(failure)) => Err(failure.failure_details.map(read_failure)),
        None => Ok(None),
    };
    Report {
        results: result.results.into_iter().map(ended).collect(),
        state: result.entity_state.filter(|state| !state.is_empty()),
        wishes: result.actions.into_iter().filter_map(wish).collect(),
        failure: result.failure_details.map(read_failure),
    }
}

fn wish(action: wire::OperationAction) -> Option<Wish> {
    Some(match action.operation_action_type? {
        OperationActionType::SendSignal(signal) => Wish::Signal(Operation {
            operation: signal.name,
            input: signal.input,
            scheduled: signal.scheduled_time.as_ref().map(micros),
            target: Some(signal.instance_id),
            ..Operation::default()
        }),
        OperationActionType::StartNewOrchestration(start) => Wish::Start(Box::new(Started {
            name: start.name,
            version: start.version,
            input: start.input,
            instance: start.instance_id,
            scheduled: start.scheduled_time.as_ref().map(micros),
            trace: start.parent_trace_context.map(read_trace),
            ..Started::default()
        })),
    })
}
