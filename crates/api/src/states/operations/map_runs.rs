use serde_json::{Value, json};
use wisp_control::workflows::{Pace, PaceChange, status};

use super::input::{page, present, seconds};
use crate::states::serve::{Answer, Asked};

pub(super) async fn describe(asked: Asked) -> Answer {
    let arn: String = asked.required("mapRunArn")?;
    let (run, found, counts) = asked.state.control.describe_map_run(&asked.caller, &arn).await?;
    let begun = counts.running + counts.succeeded + counts.failed + counts.timed_out + counts.aborted;
    let counted = json!({
        "pending": found.total.saturating_sub(begun),
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "timedOut": counts.timed_out,
        "aborted": counts.aborted,
        "total": found.total,
        "resultsWritten": 0,
    });
    let Pace { concurrency, tolerance } = found.pace;
    // Without a limit of its own it has the platform's, which the service that this API comes from shows as none.
    let most = asked.state.control.workflows().distributed_concurrency;
    let concurrency = Some(concurrency).filter(|own| *own < most).unwrap_or(0);
    Ok(present([
        ("mapRunArn", Some(found.arn.into())),
        ("executionArn", Some(run.execution.identity.arn.into())),
        ("status", Some(status(found.status).into())),
        ("startDate", Some(seconds(found.started))),
        ("stopDate", found.stopped.map(seconds)),
        ("maxConcurrency", Some(concurrency.into())),
        (
            "toleratedFailurePercentage",
            Some(json!(tolerance.percentage.unwrap_or_default())),
        ),
        (
            "toleratedFailureCount",
            Some(tolerance.count.unwrap_or_default().into()),
        ),
        ("itemCounts", Some(counted.clone())),
        ("executionCounts", Some(counted)),
        ("redriveCount", Some(run.execution.redrives.into())),
    ]))
}

pub(super) async fn update(asked: Asked) -> Answer {
    let arn: String = asked.required("mapRunArn")?;
    let change = PaceChange {
        concurrency: asked.optional("maxConcurrency")?,
        count: asked.optional("toleratedFailureCount")?,
        percentage: asked.optional("toleratedFailurePercentage")?,
    };
    asked.state.control.pace_map_run(&asked.caller, &arn, change).await?;
    Ok(json!({}))
}

pub(super) async fn list(asked: Asked) -> Answer {
    let (arn, paging): (String, _) = (asked.required("executionArn")?, asked.paging()?);
    let (run, found) = asked.state.control.list_map_runs(&asked.caller, &arn, &paging).await?;
    let entries = found.entries.into_iter().map(|one| {
        present([
            ("executionArn", Some(run.execution.identity.arn.as_str().into())),
            ("mapRunArn", Some(one.arn.into())),
            (
                "stateMachineArn",
                Some(run.execution.identity.machine_arn.as_str().into()),
            ),
            ("startDate", Some(seconds(one.started))),
            ("stopDate", one.stopped.map(seconds)),
        ])
    });
    Ok(page("mapRuns", entries.collect::<Vec<Value>>(), found.next))
}
