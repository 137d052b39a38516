use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;

use wisp_control::Control;
use wisp_core::{
    Result,
    ports::{Activations, Retention, Swept, Tasks},
};

use super::{compose::Platform, settings::Keep};

/// Sweeps old activation records and unused code now and then, for as long as the server lives.
pub(super) fn start(keep: Keep, platform: &Platform, stop: CancellationToken) {
    let (control, activations) = (platform.control.clone(), platform.engine.activations.clone());
    let clock = platform.clock.clone();
    platform.tasks.spawn(Box::pin(async move {
        let pause = Duration::from_secs(keep.sweep_seconds.max(1));
        while stop.run_until_cancelled(clock.sleep(pause)).await.is_some() {
            match sweep(&keep, &control, &*activations, clock.now()).await {
                Ok(swept) if swept.records > 0 => {
                    metrics::counter!("wisp_swept_activations_total").increment(swept.records);
                    tracing::info!(
                        records = swept.records,
                        bytes = swept.bytes,
                        "old activation records were removed"
                    );
                }
                Ok(_) => {}
                Err(error) => tracing::error!(?error, "activation records could not be swept"),
            }
            match control.sweep_letters(keep.letters()).await {
                Ok(0) => {}
                Ok(letters) => tracing::warn!(letters, "dead letters that were too old or too many were removed"),
                Err(error) => tracing::error!(?error, "dead letters could not be swept"),
            }
            match control.sweep_code(keep.code_grace_seconds).await {
                Ok(0) => {}
                Ok(pieces) => tracing::info!(pieces, "code that no action refers to was removed"),
                Err(error) => tracing::error!(?error, "unused code could not be swept"),
            }
            match control.sweep_workflows().await {
                Ok(0) => {}
                Ok(records) => tracing::info!(records, "definitions that nothing refers to were removed"),
                Err(error) => tracing::error!(?error, "unused definitions could not be swept"),
            }
        }
    }));
}

async fn sweep(keep: &Keep, control: &Control, activations: &dyn Activations, now: u64) -> Result<Swept> {
    let usual = keep.policy();
    let own: HashMap<String, Retention> = control
        .list_users()
        .await?
        .into_iter()
        .flat_map(|subject| subject.namespaces)
        .map(|namespace| {
            let limits = namespace.limits;
            let age = limits
                .retention_seconds
                .map_or(usual.age, |seconds| seconds.saturating_mul(1000));
            let count = limits.retention_count.unwrap_or(usual.count);
            (namespace.name.to_string(), Retention { age, count, ..usual })
        })
        .collect();
    activations
        .sweep(now, &|namespace| own.get(namespace).copied().unwrap_or(usual))
        .await
}
