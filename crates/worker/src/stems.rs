use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Limits},
    ports::{Clock, Instance, InstanceLimits, Lineage, Network, Tasks},
};
use wisp_scheduler::scaling::{Burst, Memory, Room, Want, targets};

use crate::{Config, state::Spec, worker::Kinds};

/// A demand that is nearly forgotten: the sort is forgotten, too.
const FORGOTTEN: f64 = 0.1;
/// How long after one was taken others are started: longer than a start from a stem cell takes.
const PAUSE: Duration = Duration::from_millis(20);

/// Instances that are started ahead and belong to no action yet, and the starting of others. How many there are of each
/// sort follows demand.
#[derive(Clone)]
pub(crate) struct Stems {
    inner: Arc<Inner>,
}

struct Inner {
    kinds: Kinds,
    room: Room,
    memory: Memory,
    /// Stem cells that may be starting at the same time.
    starting: usize,
    settling: AtomicBool,
    shelves: Mutex<HashMap<Sort, Shelf>>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

/// What a stem cell is good for: any action of this kind and lineage, with these limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sort {
    kind: String,
    limits: InstanceLimits,
    lineage: Lineage,
    image: Option<String>,
}

/// The stem cells of a sort.
#[derive(Default)]
struct Shelf {
    ready: Vec<Box<dyn Instance>>,
    /// Those that are being started.
    coming: usize,
    /// Those that are kept without demand.
    least: usize,
    burst: Burst,
    /// What the latest occupied, in bytes.
    memory: Option<u64>,
}

impl Stems {
    pub fn new(kinds: Kinds, limits: &Limits, config: &Config, clock: Arc<dyn Clock>, tasks: Arc<dyn Tasks>) -> Self {
        let shelves = kinds.values().filter(|(_, kind)| kind.default).map(|(_, kind)| {
            let limits = InstanceLimits {
                memory: limits.memory.default,
                concurrency: limits.concurrency.default,
                network: if config.network {
                    Network::Outbound
                } else {
                    Network::None
                },
                isolation: kind.isolation(),
            };
            let kind = kind.name.clone();
            let least = config.stem_cells;
            (
                Sort {
                    kind,
                    limits,
                    lineage: Lineage::default(),
                    image: None,
                },
                Shelf {
                    least,
                    ..Shelf::default()
                },
            )
        });
        let inner = Inner {
            shelves: Mutex::new(shelves.collect()),
            kinds,
            room: Room {
                most: config.stem_cells_most,
                memory: config.stem_memory << 20,
            },
            memory: Memory {
                period: Duration::from_millis(config.stem_burst_ms),
                half_life: Duration::from_secs(config.stem_half_life_seconds),
            },
            starting: config.starting,
            settling: AtomicBool::new(false),
            clock,
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A stem cell that fits, if there is one; others follow.
    pub fn take(&self, namespace: &EntityName, spec: &Spec) -> Option<Box<dyn Instance>> {
        let sort = self.sort(namespace, spec);
        let taken = {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(sort).or_default();
            shelf.burst.add(self.inner.clock.elapsed(), &self.inner.memory);
            // What has ended by itself needs no other end: its sandbox went with it.
            std::iter::from_fn(|| shelf.ready.pop()).find(|instance| instance.is_alive())
        };
        self.settle_soon();
        taken
    }

    /// A new instance.
    pub async fn launch(&self, namespace: &EntityName, spec: &Spec) -> Result<Box<dyn Instance>> {
        self.launch_sort(&self.sort(namespace, spec)).await
    }

    /// The sort that serves an action of a namespace best, by what is known of its code.
    fn sort(&self, namespace: &EntityName, spec: &Spec) -> Sort {
        let known = self.inner.kinds.get(&spec.kind).zip(spec.code.as_ref());
        let lineage = known.map(|((language, kind), code)| language.lineage(kind, namespace.as_str(), code));
        Sort {
            kind: spec.kind.clone(),
            limits: spec.limits,
            lineage: lineage.unwrap_or_default(),
            image: spec.image.clone(),
        }
    }

    async fn launch_sort(&self, sort: &Sort) -> Result<Box<dyn Instance>> {
        let Some((language, kind)) = self.inner.kinds.get(&sort.kind) else {
            let message = format!("The '{}' runtime is no longer supported.", sort.kind);
            return Err(Error::new(Code::Sandbox, message));
        };
        let begun = self.inner.clock.elapsed();
        let instance = match &sort.image {
            Some(image) => language.start_image(kind, sort.limits, image).await?,
            None => language.start_of(kind, sort.limits, &sort.lineage).await?,
        };
        let took = self.inner.clock.elapsed() - begun;
        metrics::histogram!("wisp_launch_seconds", "kind" => kind.name.clone()).record(took);
        Ok(instance)
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Sort, Shelf>> {
        self.inner.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles when those who have just come are served: starting others would keep them waiting.
    fn settle_soon(&self) {
        if self.inner.settling.swap(true, Ordering::AcqRel) {
            return;
        }
        let stems = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            stems.inner.clock.sleep(PAUSE).await;
            stems.inner.settling.store(false, Ordering::Release);
            stems.settle();
        }));
    }

    /// Starts the stem cells that are missing and ends those that are too many.
    pub fn settle(&self) {
        let (missing, surplus) = self.plan();
        for sort in missing {
            let stems = self.clone();
            self.inner.tasks.spawn(Box::pin(async move { stems.add(sort).await }));
        }
        for instance in surplus {
            self.inner.tasks.spawn(Box::pin(async move { instance.stop().await }));
        }
    }

    /// What to start now, already noted as coming, and what to end.
    fn plan(&self) -> (Vec<Sort>, Vec<Box<dyn Instance>>) {
        let (now, memory) = (self.inner.clock.elapsed(), &self.inner.memory);
        let mut shelves = self.shelves();
        shelves.retain(|_, shelf| {
            shelf.least + shelf.ready.len() + shelf.coming > 0 || shelf.burst.level(now, memory) > FORGOTTEN
        });
        let wants: Vec<Want> = shelves
            .iter()
            .map(|(sort, shelf)| shelf.want(sort, now, memory))
            .collect();
        let mut room = self
            .inner
            .starting
            .saturating_sub(shelves.values().map(|shelf| shelf.coming).sum());
        let (mut missing, mut surplus) = (Vec::new(), Vec::new());
        for ((sort, shelf), target) in shelves.iter_mut().zip(targets(&wants, &self.inner.room)) {
            let lacking = target.saturating_sub(shelf.ready.len() + shelf.coming).min(room);
            room -= lacking;
            shelf.coming += lacking;
            missing.extend(std::iter::repeat_n(sort.clone(), lacking));
            surplus.extend(shelf.ready.drain(target.min(shelf.ready.len())..));
        }
        (missing, surplus)
    }

    async fn add(&self, sort: Sort) {
        let launched = self.launch_sort(&sort).await;
        if let Ok(instance) = &launched {
            instance.rehearse().await;
        }
        let failed = launched.is_err();
        {
            let mut shelves = self.shelves();
            let shelf = shelves.entry(sort.clone()).or_default();
            shelf.coming = shelf.coming.saturating_sub(1);
            match launched {
                Ok(instance) => {
                    shelf.memory = instance.memory();
                    shelf.ready.push(instance);
                }
                Err(error) => tracing::warn!(kind = sort.kind, ?error, "a stem cell could not be started"),
            }
        }
        if !failed {
            self.settle();
        }
    }

    pub fn count(&self) -> usize {
        self.shelves().values().map(|shelf| shelf.ready.len()).sum()
    }

    pub async fn stop(&self) {
        let shelves = std::mem::take(&mut *self.shelves());
        let ready = shelves.values().flat_map(|shelf| &shelf.ready);
        futures_util::future::join_all(ready.map(|instance| instance.stop())).await;
    }
}

impl Shelf {
    fn want(&self, sort: &Sort, now: Duration, memory: &Memory) -> Want {
        Want {
            level: self.burst.level(now, memory),
            least: self.least,
            memory: self.memory.unwrap_or(sort.limits.memory << 20),
        }
    }
}
