use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apart::{self, Keep};

/// Results on a page. A page that is full does not change any more, and is stored once.
const PAGE: usize = 256;

/// What children of a Parallel or a Map ended with, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Results(Vec<Page>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Page(#[serde(with = "apart")] Arc<Slots>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Slots(Vec<Slot>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Slot(Option<Ended>);

/// A field of its own, because a result may be `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ended {
    #[serde(with = "apart")]
    result: Arc<Value>,
}

impl Keep for Slots {
    fn exceeds(&self, _: usize) -> bool {
        self.0.len() == PAGE && self.0.iter().all(|slot| slot.0.is_some())
    }
}

impl Results {
    /// None yet, of so many.
    pub fn of(count: usize) -> Self {
        let page = |first: usize| Page(Arc::new(Slots(vec![Slot(None); PAGE.min(count - first)])));
        Self((0..count).step_by(PAGE).map(page).collect())
    }

    /// Whether there is one of this number; none if no child has it.
    pub fn has(&self, index: u32) -> Option<bool> {
        let index = index as usize;
        let slot = self.0.get(index / PAGE)?.0.0.get(index % PAGE)?;
        Some(slot.0.is_some())
    }

    /// Keeps one.
    pub fn set(&mut self, index: u32, result: Arc<Value>) {
        let index = index as usize;
        if let Some(page) = self.0.get_mut(index / PAGE)
            && let Some(slot) = Arc::make_mut(&mut page.0).0.get_mut(index % PAGE)
        {
            slot.0 = Some(Ended { result });
        }
    }

    /// Those that are there, in the order of their numbers.
    pub fn values(&self) -> Vec<Value> {
        let slots = self.0.iter().flat_map(|page| &page.0.0);
        let ended = slots.filter_map(|slot| slot.0.as_ref());
        ended.map(|ended| (*ended.result).clone()).collect()
    }
}
