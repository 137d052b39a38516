//! `/whisk.system/utils`: small helpers for sequences.

use serde_json::json;

use super::Package;

/// The package.
pub(crate) fn register() -> Package {
    Package::new("Small helpers for sequences")
        .action("echo", "Returns its arguments", |request| {
            Box::pin(async move { Ok(request.arguments) })
        })
        .annotated("sampleInput", json!({ "payload": "hello" }))
        .action("date", "Returns the time, in milliseconds since 1970", |request| {
            Box::pin(async move { Ok(json!({ "date": request.control.inner.clock.now() })) })
        })
        .action("namespace", "Returns the namespace of its caller", |request| {
            Box::pin(async move { Ok(json!({ "namespace": request.caller.namespace })) })
        })
}
