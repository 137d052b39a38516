use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::sync::Cache;
use wisp_core::{
    Code, Error, Result,
    model::{Action, ActivationId, ApiKey, Chain, Fqn, Identity, Millis},
};

use super::sealed;
use crate::{control::Control, invoke::Call, transaction::is_ours, workflows};

/// An action with this annotation may be part of any loop.
const ALLOWED: &str = "allow-loop";

/// A state machine with this tag may be.
const TAG: &str = "wisp:allow-loop";

const MINUTE: Millis = 60_000;

/// What led to the calls that functions make, and how often they lead to themselves.
pub(crate) struct Chains {
    by_run: Cache<ActivationId, Arc<Chain>>,
    by_transaction: Cache<String, Arc<Chain>>,
    /// The minute, and runs in it of functions that led to themselves.
    selves: Mutex<(Millis, HashMap<Fqn, u64>)>,
}

impl Chains {
    pub fn new(entries: usize) -> Self {
        Self {
            by_run: Cache::new(entries),
            by_transaction: Cache::new(entries),
            selves: Mutex::default(),
        }
    }

    /// How often this function has led to itself in this minute, with now.
    fn count_self(&self, function: &Fqn, now: Millis) -> u64 {
        let mut selves = self.selves.lock().unwrap_or_else(PoisonError::into_inner);
        if selves.0 != now / MINUTE {
            *selves = (now / MINUTE, HashMap::new());
        }
        let count = selves.1.entry(function.clone()).or_default();
        *count += 1;
        *count
    }
}

impl Control {
    /// The key that a function receives, if it asks for one: the caller's, unless an event or another function led to
    /// it. Then it is one that tells of this run, valid for as long as the caller's namespace has its key.
    pub(crate) fn key_of_run(&self, call: &Call) -> Result<ApiKey> {
        let (chain, function) = (&call.caller.chain, &call.resolved.action.fqn);
        let next = Arc::new(Chain {
            session: Some(call.session()),
            ..chain.by(call.id, function)
        });
        let chains = &self.inner.chains;
        if is_ours(&call.transaction) {
            chains.by_transaction.insert(call.transaction.clone(), next.clone());
        }
        if chain.is_empty() {
            return Ok(call.caller.api_key.clone());
        }
        let uuid = self.inner.subjects.stored_uuid(&call.caller.api_key.uuid);
        let secret = sealed::close(&self.inner.seal, &uuid, call.id, next.depth)?;
        chains.by_run.insert(call.id, next);
        Ok(ApiKey { uuid, secret })
    }

    /// What of a caller's key is kept with a promise: of one that an event led here its name is enough.
    pub(crate) fn lasting_key(&self, caller: &Identity) -> ApiKey {
        match caller.chain.is_empty() {
            true => caller.api_key.clone(),
            false => ApiKey {
                uuid: self.inner.subjects.stored_uuid(&caller.api_key.uuid),
                secret: String::new(),
            },
        }
    }

    /// The chain that a key tells of, which some run was given; none if it is not such a key.
    pub(crate) fn chain_of_key(&self, key: &ApiKey) -> Option<Chain> {
        let (run, depth) = self.run_of_key(key)?;
        Some(self.chain_of_run(run, depth))
    }

    /// The run that a key was made for, and how many functions in a row led to what it asks for.
    pub(crate) fn run_of_key(&self, key: &ApiKey) -> Option<(ActivationId, u32)> {
        sealed::open(&self.inner.seal, key)
    }

    /// The chain of what a run asks for.
    pub(crate) fn chain_of_run(&self, run: ActivationId, depth: u32) -> Chain {
        let known = self.inner.chains.by_run.get(&run);
        let known = known.as_deref().cloned().unwrap_or_default();
        Chain { depth, ..known }
    }

    /// The caller, with the functions that led to its call if its transaction tells of them.
    pub(crate) fn linked(&self, caller: &Identity, transaction: &str) -> Identity {
        let mut caller = caller.clone();
        if caller.chain.is_empty()
            && is_ours(transaction)
            && let Some(chain) = self.inner.chains.by_transaction.get(transaction)
        {
            caller.chain = (*chain).clone();
        }
        caller
    }

    /// Refuses an execution of a machine that functions have led to without end.
    pub(crate) fn guard_machine(&self, caller: &Identity, machine: &workflows::Machine) -> Result<()> {
        let (depth, most) = (caller.chain.depth, self.inner.delivery.chain_depth);
        if most == 0 || depth <= most || machine.tags.get(TAG).is_some_and(|value| value == "true") {
            return Ok(());
        }
        let said = format!(
            "State machine '{}' was not started: {depth} functions in a row led to it, and {most} may.",
            machine.name
        );
        metrics::counter!("wisp_loops_refused_total", "reason" => "depth").increment(1);
        let namespace = &caller.namespace;
        tracing::warn!(%namespace, machine = machine.name, "a loop of functions and executions was stopped");
        let remedy = format!("end the loop, or let the machine be part of one with the tag {TAG}=true");
        Err(Error::new(Code::Loop, said)
            .with("limit", "delivery.chain_depth")
            .with("remedy", remedy))
    }

    /// Refuses a run that functions have led to without end: too many in a row, or itself too often.
    pub(crate) fn guard(&self, caller: &Identity, action: &Action) -> Result<()> {
        let (chain, settings) = (&caller.chain, &self.inner.delivery);
        if chain.depth == 0 || action.annotations.is_truthy(ALLOWED) {
            return Ok(());
        }
        let most = settings.chain_depth;
        if most > 0 && chain.depth > most {
            let said = format!(
                "Action '{}' was not activated: {} functions in a row led to it, and {most} may.",
                action.fqn, chain.depth
            );
            return Err(refusal("depth", caller, action, said).with("limit", "delivery.chain_depth"));
        }
        let most = settings.self_triggers_per_minute;
        if most > 0 && chain.has(&action.fqn) {
            let count = self.inner.chains.count_self(&action.fqn, self.inner.clock.now());
            if count > most {
                let said = format!(
                    "Action '{}' was not activated: it has led to itself {count} times in this minute, and {most} are \
                     allowed.",
                    action.fqn
                );
                return Err(refusal("rate", caller, action, said).with("limit", "delivery.self_triggers_per_minute"));
            }
        }
        Ok(())
    }
}

fn refusal(reason: &'static str, caller: &Identity, action: &Action, said: String) -> Error {
    metrics::counter!("wisp_loops_refused_total", "reason" => reason).increment(1);
    let namespace = &caller.namespace;
    tracing::warn!(%namespace, action = %action.fqn, reason, "a loop of functions was stopped");
    Error::new(Code::Loop, said).with(
        "remedy",
        format!("end the loop, or let the action be part of one with the annotation {ALLOWED}"),
    )
}
