use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wisp_core::ports::Tasks;

use super::compose::Platform;

/// Writes down what was used of APIs now and then, and once more when the server ends.
pub(super) fn start(seconds: u64, platform: &Platform, stop: CancellationToken) {
    let (control, clock) = (platform.control.clone(), platform.clock.clone());
    platform.tasks.spawn(Box::pin(async move {
        let pause = Duration::from_secs(seconds.max(1));
        loop {
            let last = stop.run_until_cancelled(clock.sleep(pause)).await.is_none();
            if let Err(error) = control.flush_api_usage().await {
                tracing::error!(?error, "the use of APIs could not be written down");
            }
            if last {
                break;
            }
        }
    }));
}
