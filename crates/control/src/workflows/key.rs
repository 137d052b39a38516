use wisp_core::model::EntityName;

use super::arn::Named;

/// Where an execution is in the journal: `namespace/machine/name`. Names have no slash, so that this is not ambiguous;
/// the machine of a child of a map run has one, `machine/label`.
pub(super) fn of(namespace: &EntityName, machine: &str, name: &str) -> String {
    format!("{namespace}/{machine}/{name}")
}

/// The same of an ARN, if it is an execution's.
pub(super) fn of_named(namespace: &EntityName, named: &Named) -> Option<String> {
    match named {
        Named::Execution(machine, name) => Some(of(namespace, machine, name)),
        _ => None,
    }
}

/// The list of a machine's executions. Other lists begin with a star, which no machine's name does.
pub(super) fn scope(namespace: &EntityName, machine: &str) -> String {
    format!("{namespace}/{machine}")
}

/// The namespace that a list is in.
pub(super) fn namespace_of(scope: &str) -> &str {
    scope.split('/').next().unwrap_or_default()
}
