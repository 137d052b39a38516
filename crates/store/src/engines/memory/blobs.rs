use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{Result, ports::Blobs};

use super::lock;
use crate::digest::digest;

/// Blobs in a map, each with the time of its last put.
#[derive(Default)]
pub(super) struct Memory {
    blobs: Mutex<HashMap<String, (Instant, Bytes)>>,
}

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, bytes: Bytes) -> Result<String> {
        let digest = digest(&bytes);
        lock(&self.blobs).insert(digest.clone(), (Instant::now(), bytes));
        Ok(digest)
    }

    async fn get(&self, digest: &str) -> Result<Option<Bytes>> {
        Ok(lock(&self.blobs).get(digest).map(|(_, bytes)| bytes.clone()))
    }

    async fn sweep(&self, keep: &HashSet<String>, grace_seconds: u64) -> Result<u64> {
        let grace = Duration::from_secs(grace_seconds);
        let mut blobs = lock(&self.blobs);
        let before = blobs.len();
        blobs.retain(|digest, (put, _)| keep.contains(digest) || put.elapsed() < grace);
        Ok((before - blobs.len()) as u64)
    }
}
