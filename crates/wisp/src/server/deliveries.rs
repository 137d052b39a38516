use tokio_util::sync::CancellationToken;
use wisp_core::ports::Tasks;

use super::compose::Platform;

/// Runs deliveries that wait when their time has come, for as long as the server lives; the ledger keeps the rest.
pub(super) fn start(platform: &Platform, stop: CancellationToken) {
    let control = platform.control.clone();
    platform.tasks.spawn(Box::pin(async move {
        stop.run_until_cancelled(control.serve_waiting()).await;
    }));
}
