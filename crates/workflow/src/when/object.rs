use serde::{Deserialize, Serialize};
use wisp_core::model::{ActivationId, Chain, Json};

/// An object of a bucket. It never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    /// The session that it belongs to.
    pub session: String,
    /// Its key, of which the session has no other.
    pub key: String,
    /// What it holds.
    pub body: Body,
    /// Length of its JSON, in bytes.
    pub size: u64,
    /// When it was put, in milliseconds since 1970.
    pub at: i64,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Chain::is_empty")]
    pub chain: Chain,
}

/// Bytes that an object takes in memory beside its texts, roughly.
const OWN: usize = 512;

impl Object {
    /// Bytes that it takes in memory, roughly.
    pub fn weight(&self) -> u64 {
        let texts = 2 * (self.session.len() + self.key.len());
        self.body.weight() + (texts + OWN) as u64
    }

    /// The activation that put it, if that is known.
    pub fn by(&self) -> Option<ActivationId> {
        self.chain.links.last().map(|link| link.activation)
    }
}

/// A value, or where it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// The value itself.
    Here(Json),
    /// A blob, by its digest.
    Apart(String),
}

impl Body {
    /// Bytes that it takes in memory.
    pub fn weight(&self) -> u64 {
        match self {
            Body::Here(json) => json.get().len() as u64,
            Body::Apart(digest) => digest.len() as u64,
        }
    }
}
