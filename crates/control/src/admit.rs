use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Identity, Limits, Millis},
};

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Keeps every namespace within its rates and its concurrency.
pub struct Admission {
    invocations_per_minute: u64,
    concurrent_invocations: u64,
    fires_per_minute: u64,
    meters: Mutex<HashMap<EntityName, Arc<Meter>>>,
}

/// What one namespace uses.
#[derive(Default)]
struct Meter {
    invocations: Rate,
    fires: Rate,
    in_flight: AtomicU64,
}

/// A counter of one calendar minute, as OpenWhisk counts: refused calls count too.
#[derive(Default)]
struct Rate {
    window: Mutex<(u64, u64)>,
}

impl Rate {
    fn count(&self, now: Millis) -> u64 {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now / MINUTE;
        if window.0 != minute {
            *window = (minute, 0);
        }
        window.1 += 1;
        window.1
    }
}

/// An invocation in flight; dropping it makes room for another one.
pub(crate) struct Permit(Arc<Meter>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            invocations_per_minute: limits.invocations_per_minute,
            concurrent_invocations: limits.concurrent_invocations,
            fires_per_minute: limits.fires_per_minute,
            meters: Mutex::default(),
        }
    }

    fn meter(&self, namespace: &EntityName) -> Arc<Meter> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        match meters.get(namespace) {
            Some(meter) => meter.clone(),
            None => meters.entry(namespace.clone()).or_default().clone(),
        }
    }

    /// Admits one invocation, or says which limit is reached.
    pub(crate) fn invocation(&self, caller: &Identity, now: Millis) -> Result<Permit> {
        let meter = self.meter(&caller.namespace);
        let allowed = caller
            .limits
            .invocations_per_minute
            .unwrap_or(self.invocations_per_minute);
        let count = meter.invocations.count(now);
        if count > allowed {
            return Err(rate_exceeded(caller, "invocationsPerMinute", count, allowed, now));
        }
        let allowed = caller
            .limits
            .concurrent_invocations
            .unwrap_or(self.concurrent_invocations);
        let count = meter.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let permit = Permit(meter);
        if count > allowed {
            let message = format!("Too many concurrent requests in flight (count: {count}, allowed: {allowed}).");
            return Err(throttled(caller, "concurrentInvocations", allowed, message));
        }
        Ok(permit)
    }

    /// Admits work that was promised before a restart: it counts, but is not refused.
    pub(crate) fn promised(&self, namespace: &EntityName) -> Permit {
        let meter = self.meter(namespace);
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Permit(meter)
    }

    /// Admits one fire of a trigger, or says which limit is reached.
    pub(crate) fn fire(&self, caller: &Identity, now: Millis) -> Result<()> {
        let allowed = caller.limits.fires_per_minute.unwrap_or(self.fires_per_minute);
        let count = self.meter(&caller.namespace).fires.count(now);
        if count > allowed {
            return Err(rate_exceeded(caller, "firesPerMinute", count, allowed, now));
        }
        Ok(())
    }
}

fn rate_exceeded(caller: &Identity, limit: &'static str, count: u64, allowed: u64, now: Millis) -> Error {
    let message = format!("Too many requests in the last minute (count: {count}, allowed: {allowed}).");
    let next_minute = MINUTE - now % MINUTE;
    throttled(caller, limit, allowed, message).with("retryAfter", next_minute.div_ceil(1_000))
}

fn throttled(caller: &Identity, limit: &'static str, allowed: u64, message: String) -> Error {
    let namespace = &caller.namespace;
    Error::new(Code::Throttled, message)
        .with("limit", limit)
        .with("value", allowed)
        .with(
            "remedy",
            format!(
                "raise it with `wisp user limits {namespace} {limit}=N`, or for all namespaces in the server's [limits]"
            ),
        )
}
