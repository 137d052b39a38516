use std::{sync::Arc, time::Duration};

use wisp_core::{
    Result,
    model::ActivationId,
    ports::{Init, Instance, Stages},
};

use crate::{
    pool::Pool,
    start::Origin,
    state::{Ran, Slot},
};

/// The right to run once in an instance. One that is dropped after use without [`release`](Self::release) ends the
/// instance: its state is unknown.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    slot: Arc<Slot>,
    fresh: bool,
    touched: bool,
    released: bool,
}

impl Lease {
    pub fn new(pool: Arc<Pool>, slot: Arc<Slot>, fresh: bool) -> Self {
        Self {
            pool,
            slot,
            fresh,
            touched: false,
            released: false,
        }
    }

    /// Wakes the instance, to be used: from now on it is only kept if its user says so.
    pub async fn wake(&mut self) -> Result<()> {
        self.touched = true;
        self.slot.frost.thaw(&*self.slot.instance).await
    }

    /// The instance, which must have been woken.
    pub fn instance(&self) -> &dyn Instance {
        &*self.slot.instance
    }

    /// Whether the instance is yet to be initialised.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// How its user came by the instance.
    pub fn origin(&self) -> Origin {
        if self.fresh { self.slot.origin } else { Origin::Warm }
    }

    /// What the instance's start took.
    pub fn stages(&self) -> Stages {
        self.slot.instance.stages()
    }

    /// Notes that the instance has been initialised so, in this time.
    pub fn initialised(&self, init: Init, took: Duration) {
        self.pool.remember(&self.slot, init);
        self.pool.initialised(&self.slot, took);
    }

    /// Gives the instance back, to be used again if it is to be kept: it has run this activation.
    pub fn release(mut self, keep: bool, took: Duration, activation: Option<ActivationId>) {
        self.released = true;
        let ran = Ran { took, activation };
        self.pool.release(&self.slot, keep, Some(ran));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.released {
            self.pool.release(&self.slot, !self.touched, None);
        }
    }
}
