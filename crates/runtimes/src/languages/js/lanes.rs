use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::select_all;
use wisp_core::{Result, model::Isolation, ports::InstanceLimits};

use super::{
    super::Context,
    lane::{Lane, Turn},
};

/// Which isolates may share a process: those of one namespace, with the same limits.
type Class = (String, InstanceLimits);

/// The processes of all namespaces; each lives as long as an isolate in it does.
pub struct Lanes {
    pub context: Context,
    program: PathBuf,
    known: Mutex<HashMap<Class, Vec<Weak<Lane>>>>,
}

impl Lanes {
    /// None yet.
    pub fn new(context: Context, program: PathBuf) -> Self {
        Self {
            context,
            program,
            known: Mutex::default(),
        }
    }

    /// A process for one more isolate of a namespace, and the turn in it: one that has none now or soon, else a new one.
    pub async fn find(&self, namespace: &str, limits: InstanceLimits) -> Result<(Arc<Lane>, Turn)> {
        if limits.isolation != Isolation::Isolate {
            return self.start(limits).await;
        }
        let class = (namespace.to_owned(), limits);
        if let Some(found) = self.turn(&class).await {
            return Ok(found);
        }
        let (lane, turn) = self.start(limits).await?;
        let mut known = self.known();
        known.retain(|_, lanes| {
            lanes.retain(|lane| lane.strong_count() > 0);
            !lanes.is_empty()
        });
        known.entry(class).or_default().push(Arc::downgrade(&lane));
        Ok((lane, turn))
    }

    /// The first turn in a process of the class within the patience that the settings allow.
    async fn turn(&self, class: &Class) -> Option<(Arc<Lane>, Turn)> {
        let lanes: Vec<Arc<Lane>> = {
            let known = self.known();
            let lanes = known.get(class)?.iter().filter_map(Weak::upgrade);
            lanes.filter(|lane| lane.has_room()).collect()
        };
        if lanes.is_empty() {
            return None;
        }
        let waiting = lanes.iter().map(|lane| {
            let lane = lane.clone();
            Box::pin(async move { lane.turn().await.map(|turn| (lane, turn)) })
        });
        let patience = Duration::from_millis(self.context.config.isolate_patience);
        tokio::select! {
            biased;
            (found, ..) = select_all(waiting) => found.filter(|(lane, _)| lane.is_alive()),
            () = self.context.clock.sleep(patience) => None,
        }
    }

    async fn start(&self, limits: InstanceLimits) -> Result<(Arc<Lane>, Turn)> {
        let lane = Arc::new(Lane::start(&self.context, &self.program, &limits).await?);
        let turn = lane.turn_now();
        turn.map(|turn| (lane, turn))
            .ok_or_else(|| wisp_core::Error::internal("a new process of isolates is busy"))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Class, Vec<Weak<Lane>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
