use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use wisp_core::{Result, ports::Instance};

use crate::{pool::Pool, state::Slot};

/// Shortest and longest pause between two looks for instances that have been idle long enough.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Whether an instance is frozen while nobody uses it.
#[derive(Default)]
pub(crate) struct Frost {
    /// Set under the pool's lock, and only while nobody uses the instance.
    chosen: AtomicBool,
    turn: Mutex<()>,
}

impl Frost {
    /// Chooses the instance to be frozen; false if it was chosen before.
    pub fn choose(&self) -> bool {
        !self.chosen.swap(true, Ordering::AcqRel)
    }

    /// Whether it was chosen, and nobody has wanted it since.
    pub fn is_chosen(&self) -> bool {
        self.chosen.load(Ordering::Acquire)
    }

    /// Freezes the instance, unless somebody has wanted it meanwhile.
    async fn freeze(&self, instance: &dyn Instance) -> Result<()> {
        let _turn = self.turn.lock().await;
        match self.is_chosen() {
            true => instance.freeze().await,
            false => Ok(()),
        }
    }

    /// Thaws the instance if it is, or is about to be, frozen.
    pub async fn thaw(&self, instance: &dyn Instance) -> Result<()> {
        if !self.is_chosen() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        match self.chosen.swap(false, Ordering::AcqRel) {
            true => instance.thaw().await,
            false => Ok(()),
        }
    }
}

impl Pool {
    /// Freezes what has been idle for this long, as long as the pool is open. What evades that is ended: it does
    /// something that nobody has asked it for.
    pub async fn freeze_idle(self: Arc<Self>, after: Duration) {
        let pause = (after / 2).clamp(LOOKS.0, LOOKS.1);
        loop {
            self.clock.sleep(pause).await;
            let Some(idle) = self.choose_idle(after) else { return };
            for slot in idle {
                if let Err(error) = slot.frost.freeze(&*slot.instance).await {
                    self.give_up(&slot, &error);
                }
            }
        }
    }

    fn give_up(self: &Arc<Self>, slot: &Arc<Slot>, error: &wisp_core::Error) {
        tracing::warn!(action = %slot.key.action, %error, "an idle instance does not rest and is ended");
        self.discard(slot);
    }
}
