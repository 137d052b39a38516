use serde_json::{Value, json};
use wisp_control::workflows::{Fork, Run, Start, Step, Wanted, status};

use super::{
    input::{page, present, seconds},
    machines::description,
};
use crate::states::{
    refusal::Refusal,
    serve::{Answer, Asked},
};

fn wanted(asked: &Asked) -> Result<Start, Refusal> {
    Ok(Start {
        machine: asked.required("stateMachineArn")?,
        name: asked.optional("name")?,
        input: asked.optional("input")?,
        trace: asked.optional("traceHeader")?,
    })
}

pub(super) async fn start(asked: Asked) -> Answer {
    let started = asked
        .state
        .control
        .start_execution(&asked.caller, wanted(&asked)?)
        .await?;
    Ok(json!({ "executionArn": started.arn, "startDate": seconds(started.started) }))
}

pub(super) async fn start_sync(asked: Asked) -> Answer {
    let ended = asked
        .state
        .control
        .start_sync_execution(&asked.caller, wanted(&asked)?)
        .await?;
    let output = ended
        .outcome
        .output
        .as_ref()
        .map(|output| Value::from(output.to_string()));
    // Billed as the service that this API comes from does: 64 MB, and whole tenths of a second.
    let billed = (ended.stopped.saturating_sub(ended.started)).div_ceil(100) * 100;
    Ok(present([
        ("executionArn", Some(ended.arn.into())),
        ("stateMachineArn", Some(ended.machine_arn.into())),
        ("name", Some(ended.name.into())),
        ("startDate", Some(seconds(ended.started))),
        ("stopDate", Some(seconds(ended.stopped))),
        ("status", Some(status(ended.outcome.status).into())),
        ("input", Some(ended.input.into())),
        ("inputDetails", Some(json!({ "included": true }))),
        ("outputDetails", output.as_ref().map(|_| json!({ "included": true }))),
        ("output", output),
        ("error", ended.outcome.error.map(Value::from)),
        ("cause", ended.outcome.cause.map(Value::from)),
        (
            "billingDetails",
            Some(json!({ "billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": billed })),
        ),
    ]))
}

pub(super) async fn stop(asked: Asked) -> Answer {
    let (arn, error, cause): (String, _, _) = (
        asked.required("executionArn")?,
        asked.optional("error")?,
        asked.optional("cause")?,
    );
    let stopped = asked
        .state
        .control
        .stop_execution(&asked.caller, &arn, error, cause)
        .await?;
    Ok(json!({ "stopDate": seconds(stopped) }))
}

pub(super) async fn redrive(asked: Asked) -> Answer {
    let arn: String = asked.required("executionArn")?;
    let redriven = asked.state.control.redrive_execution(&asked.caller, &arn).await?;
    Ok(json!({ "redriveDate": seconds(redriven) }))
}

/// `ForkExecution`, which is Wisp's own: a new execution that repeats another one from a step on.
pub(super) async fn fork(asked: Asked) -> Answer {
    let step = match (asked.optional("stateName")?, asked.optional("eventId")?) {
        (Some(name), None) => Step::State(name),
        (None, Some(id)) => Step::Event(id),
        _ => {
            return Err(Refusal::new(
                400,
                "ValidationException",
                "Say the step by either 'stateName' or 'eventId'.",
            ));
        }
    };
    let fork = Fork {
        execution: asked.required("executionArn")?,
        step,
        input: asked.optional("input")?,
        name: asked.optional("name")?,
    };
    let started = asked.state.control.fork_execution(&asked.caller, fork).await?;
    Ok(json!({ "executionArn": started.arn, "startDate": seconds(started.started) }))
}

pub(super) async fn describe(asked: Asked) -> Answer {
    let arn: String = asked.required("executionArn")?;
    let run = asked.state.control.describe_execution(&asked.caller, &arn).await?;
    let reason = asked.state.control.not_redrivable(&run);
    Ok(document(&run, reason))
}

fn document(run: &Run, not_redrivable: Option<String>) -> Value {
    let (execution, identity) = (&run.execution, &run.execution.identity);
    let outcome = execution.outcome.as_ref();
    let output = outcome
        .and_then(|outcome| outcome.output.as_ref())
        .map(|output| Value::from(output.to_string()));
    let of = |suffix: String| Value::from(format!("{}:{suffix}", identity.machine_arn));
    let redrivable = if not_redrivable.is_some() {
        "NOT_REDRIVABLE"
    } else {
        "REDRIVABLE"
    };
    present([
        ("executionArn", Some(identity.arn.as_str().into())),
        ("stateMachineArn", Some(identity.machine_arn.as_str().into())),
        ("name", Some(identity.name.as_str().into())),
        ("status", Some(status(execution.status).into())),
        ("startDate", Some(seconds(run.started()))),
        ("stopDate", run.stopped.map(seconds)),
        ("input", Some(execution.input.to_string().into())),
        ("inputDetails", Some(json!({ "included": true }))),
        ("outputDetails", output.as_ref().map(|_| json!({ "included": true }))),
        ("output", output),
        (
            "error",
            outcome.and_then(|outcome| outcome.error.as_deref()).map(Value::from),
        ),
        (
            "cause",
            outcome.and_then(|outcome| outcome.cause.as_deref()).map(Value::from),
        ),
        ("traceHeader", run.trace.as_deref().map(Value::from)),
        (
            "mapRunArn",
            run.parent
                .as_ref()
                .and_then(|parent| parent.map_run.as_deref())
                .map(Value::from),
        ),
        (
            "stateMachineVersionArn",
            run.version.map(|number| of(number.to_string())),
        ),
        ("stateMachineAliasArn", run.alias.clone().map(of)),
        ("redriveCount", Some(execution.redrives.into())),
        ("redriveDate", run.redriven.map(seconds)),
        ("redriveStatus", Some(redrivable.into())),
        ("redriveStatusReason", not_redrivable.map(Value::from)),
        (
            "chain",
            (!run.chain.is_empty()).then(|| serde_json::to_value(&run.chain).unwrap_or_default()),
        ),
        (
            "forkedFrom",
            run.forked.as_ref().map(|origin| origin.execution.as_str().into()),
        ),
        ("forkedAtEventId", run.forked.as_ref().map(|origin| origin.event.into())),
    ])
}

pub(super) async fn describe_machine(asked: Asked) -> Answer {
    let arn: String = asked.required("executionArn")?;
    let (found, run) = asked.state.control.machine_of_execution(&asked.caller, &arn).await?;
    let mut answer = description(&found);
    answer["updateDate"] = seconds(run.started());
    if let Some(map_run) = run.parent.and_then(|parent| parent.map_run) {
        answer["mapRunArn"] = map_run.into();
    }
    Ok(answer)
}

pub(super) async fn list(asked: Asked) -> Answer {
    let redriven: Option<String> = asked.optional("redriveFilter")?;
    let wanted = Wanted {
        machine: asked.optional("stateMachineArn")?,
        map_run: asked.optional("mapRunArn")?,
        status: asked.optional("statusFilter")?,
        redriven: redriven.map(|filter| filter == "REDRIVEN"),
    };
    let found = asked
        .state
        .control
        .list_executions(&asked.caller, &wanted, &asked.paging()?)
        .await?;
    let entries = found.entries.into_iter().map(|one| {
        let of = |suffix: String| Value::from(format!("{}:{suffix}", one.machine));
        present([
            ("executionArn", Some(one.summary.arn.as_str().into())),
            ("stateMachineArn", Some(one.machine.to_string().into())),
            ("name", Some(one.summary.name.as_str().into())),
            ("status", Some(one.status.as_str().into())),
            ("startDate", Some(seconds(one.started))),
            ("stopDate", one.summary.stopped.map(seconds)),
            ("mapRunArn", one.map_run.as_deref().map(Value::from)),
            (
                "stateMachineVersionArn",
                one.summary.version.map(|number| of(number.to_string())),
            ),
            ("stateMachineAliasArn", one.summary.alias.clone().map(of)),
            ("redriveCount", Some(one.summary.redrives.into())),
            ("redriveDate", one.summary.redriven.map(seconds)),
        ])
    });
    Ok(page("executions", entries.collect(), found.next))
}

pub(super) async fn history(asked: Asked) -> Answer {
    let (arn, paging): (String, _) = (asked.required("executionArn")?, asked.paging()?);
    let (backwards, data) = (
        asked.flag("reverseOrder")?,
        asked.optional("includeExecutionData")?.unwrap_or(true),
    );
    let control = &asked.state.control;
    let found = control
        .execution_history(&asked.caller, &arn, &paging, backwards, data)
        .await?;
    Ok(page("events", found.entries, found.next))
}
