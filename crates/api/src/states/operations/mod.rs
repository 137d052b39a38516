//! The operations: each reads its input, calls one use case, and writes its output.

mod activities;
mod aliases;
mod executions;
mod input;
mod machines;
mod map_runs;
mod tags;
mod tasks;
mod testing;
mod versions;

use super::{
    refusal::Refusal,
    serve::{Answer, Asked},
};

macro_rules! operations {
    ($($name:literal => $module:ident :: $function:ident,)+) => {
        /// Carries out the operation of this name.
        pub(super) async fn dispatch(name: &str, asked: Asked) -> Answer {
            match name {
                $($name => $module::$function(asked).await,)+
                _ => Err(Refusal::new(400, "UnknownOperationException", format!("There is no operation '{name}'."))),
            }
        }
    };
}

operations! {
    "CreateActivity" => activities::create,
    "CreateStateMachine" => machines::create,
    "CreateStateMachineAlias" => aliases::create,
    "DeleteActivity" => activities::delete,
    "DeleteStateMachine" => machines::delete,
    "DeleteStateMachineAlias" => aliases::delete,
    "DeleteStateMachineVersion" => versions::delete,
    "DescribeActivity" => activities::describe,
    "DescribeExecution" => executions::describe,
    "DescribeMapRun" => map_runs::describe,
    "DescribeStateMachine" => machines::describe,
    "DescribeStateMachineAlias" => aliases::describe,
    "DescribeStateMachineForExecution" => executions::describe_machine,
    "ForkExecution" => executions::fork,
    "GetActivityTask" => tasks::get,
    "GetExecutionHistory" => executions::history,
    "ListActivities" => activities::list,
    "ListExecutions" => executions::list,
    "ListMapRuns" => map_runs::list,
    "ListStateMachineAliases" => aliases::list,
    "ListStateMachineVersions" => versions::list,
    "ListStateMachines" => machines::list,
    "ListTagsForResource" => tags::list,
    "PublishStateMachineVersion" => versions::publish,
    "RedriveExecution" => executions::redrive,
    "SendTaskFailure" => tasks::fail,
    "SendTaskHeartbeat" => tasks::heartbeat,
    "SendTaskSuccess" => tasks::succeed,
    "StartExecution" => executions::start,
    "StartSyncExecution" => executions::start_sync,
    "StopExecution" => executions::stop,
    "TagResource" => tags::add,
    "TestState" => testing::test,
    "UntagResource" => tags::remove,
    "UpdateMapRun" => map_runs::update,
    "UpdateStateMachine" => machines::update,
    "UpdateStateMachineAlias" => aliases::update,
    "ValidateStateMachineDefinition" => machines::validate,
}
