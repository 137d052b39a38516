use std::time::Duration;

use wisp_core::{Result, model::Identity};

use super::{Ended, MachineKind, Run, Start, Started, key};
use crate::control::Control;

/// What came of a start whose end was waited for.
pub enum Begun {
    /// It goes on.
    Started(Started),
    /// It has ended.
    Over(Box<Run>),
    /// An Express execution has ended.
    Express(Box<Ended>),
}

impl Control {
    /// Starts an execution and waits for its end: of an Express one to its end, of others for so long.
    pub async fn start_and_wait(&self, caller: &Identity, start: Start, patience: Duration) -> Result<Begun> {
        let target = self.target(caller, &start.machine).await?;
        if target.machine.kind == MachineKind::Express {
            let ended = self.start_sync_execution(caller, start).await?;
            return Ok(Begun::Express(Box::new(ended)));
        }
        let started = self.start_execution(caller, start).await?;
        let name = started.arn.rsplit(':').next().unwrap_or_default();
        let key = key::of(&caller.namespace, &target.machine.name, name);
        tokio::select! {
            ended = self.end_of(&key) => match ended {
                Some(run) => Ok(Begun::Over(Box::new(run))),
                None => Ok(Begun::Started(started)),
            },
            () = self.inner.clock.sleep(patience) => Ok(Begun::Started(started)),
        }
    }
}
