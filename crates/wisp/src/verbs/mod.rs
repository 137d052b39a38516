//! The verbs of the command line: a file or folder each, and a line in the table.

use crate::cli::Verb;

wisp_core::register! {
    /// All verbs, in the order of the help.
    pub VERBS: fn() -> Verb => serve, action, activation, package, trigger, rule, dlq, bucket, workflow, orchestration, api, namespace, deploy,
    export, secret, list, property, user, image, config, explain, doctor, simulate, install, completions
}
