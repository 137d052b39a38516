use serde_json::{Map, Value, json};
use wisp_control::workflows::{Described, Ended, Listed, Machine, Run, status};
use wisp_core::{Result, model::EntityName};
use wisp_wire::put::malformed;

/// An object without the fields that have no value.
fn present(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

/// A machine in a list.
pub(super) fn summary(namespace: &EntityName, arn: &str, machine: &Machine) -> Value {
    json!({
        "namespace": namespace,
        "name": machine.name,
        "arn": arn,
        "type": machine.kind,
        "created": machine.created,
        "versions": machine.published,
    })
}

/// A machine, or a version of it, with its definition.
pub(super) fn machine(namespace: &EntityName, found: &Described) -> Result<Value> {
    let definition: Value = serde_json::from_str(&found.definition).map_err(malformed)?;
    Ok(present([
        ("namespace", json!(namespace)),
        ("name", json!(found.name)),
        ("arn", json!(found.arn.to_string())),
        ("type", json!(found.kind)),
        ("created", json!(found.created)),
        ("revision", json!(found.draft.revision_id)),
        ("description", json!(found.description)),
        ("definition", definition),
    ]))
}

/// An execution in a list.
pub(super) fn listed(workflow: &str, one: &Listed) -> Value {
    let summary = &one.summary;
    present([
        ("workflow", json!(workflow)),
        ("name", json!(summary.name)),
        ("arn", json!(summary.arn)),
        ("status", json!(one.status)),
        ("start", json!(one.started)),
        ("end", json!(summary.stopped)),
        ("version", json!(summary.version)),
        ("alias", json!(summary.alias)),
        ("redrives", json!(summary.redrives)),
    ])
}

/// An execution, and why it cannot be redriven if it cannot.
pub(super) fn execution(run: &Run, not_redrivable: Option<String>) -> Value {
    let (execution, outcome) = (&run.execution, run.execution.outcome.as_ref());
    let parent = run.parent.as_ref();
    let forked = run.forked.as_ref();
    present([
        ("workflow", json!(execution.identity.machine_name)),
        ("name", json!(execution.identity.name)),
        ("arn", json!(execution.identity.arn)),
        ("status", json!(status(execution.status))),
        ("start", json!(run.started())),
        ("end", json!(run.stopped)),
        ("input", json!(execution.input)),
        ("output", json!(outcome.and_then(|outcome| outcome.output.as_deref()))),
        ("error", json!(outcome.and_then(|outcome| outcome.error.as_deref()))),
        ("cause", json!(outcome.and_then(|outcome| outcome.cause.as_deref()))),
        ("version", json!(run.version)),
        ("alias", json!(run.alias)),
        ("redrives", json!(execution.redrives)),
        ("redriven", json!(run.redriven)),
        ("redrivable", json!(not_redrivable.is_none())),
        ("notRedrivable", json!(not_redrivable)),
        ("mapRun", json!(parent.and_then(|parent| parent.map_run.as_deref()))),
        (
            "chain",
            if run.chain.is_empty() {
                Value::Null
            } else {
                json!(run.chain)
            },
        ),
        ("startedBy", json!(parent.map(|parent| parent.key.as_str()))),
        (
            "forkedFrom",
            json!(forked.map(|origin| json!({ "arn": origin.execution, "event": origin.event }))),
        ),
    ])
}

/// An Express execution that has ended.
pub(super) fn express(workflow: &str, ended: &Ended) -> Value {
    present([
        ("workflow", json!(workflow)),
        ("name", json!(ended.name)),
        ("arn", json!(ended.arn)),
        ("status", json!(status(ended.outcome.status))),
        ("start", json!(ended.started)),
        ("end", json!(ended.stopped)),
        ("output", json!(ended.outcome.output.as_deref())),
        ("error", json!(ended.outcome.error)),
        ("cause", json!(ended.outcome.cause)),
    ])
}
