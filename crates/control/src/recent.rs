use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};

/// Values that were stored apart just now, under names that say what is in them: who takes one next need not read it back.
pub(crate) struct Recent(Cache<String, Bytes, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<String, Bytes> for Weight {
    fn weight(&self, name: &String, body: &Bytes) -> u64 {
        (name.len() + body.len()) as u64
    }
}

impl Recent {
    /// At most so many bytes.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / 4096).unwrap_or(usize::MAX).max(16);
        Self(Cache::with_weighter(items, bytes, Weight))
    }

    /// Keeps a value.
    pub fn put(&self, name: String, body: Bytes) {
        self.0.insert(name, body);
    }

    /// A value that is still here.
    pub fn get(&self, name: &str) -> Option<Bytes> {
        let found = self.0.get(name);
        let from = if found.is_some() { "memory" } else { "store" };
        metrics::counter!("wisp_values_taken_total", "from" => from).increment(1);
        found
    }
}
