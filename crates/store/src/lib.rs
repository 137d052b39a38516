//! Storage engines: records, blobs and activations behind the ports of `wisp-core`.
//!
//! An engine is a folder in `engines/` and a line of the table [`ENGINES`]; [`open`] picks one by its name in the
//! configuration. This crate is the only one that knows a storage driver. It must never know what an entity means,
//! and never decide what is kept: policies come in through the ports.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> wisp_core::Result<()> {
//! use wisp_core::ports::{Expect, Write};
//!
//! let engine = wisp_store::open("memory", &wisp_store::Config::default())?;
//! let write = Write { table: "greetings", key: "en".into(), value: Some("hello".into()), expect: Expect::Absent };
//! let revision = engine.records.commit(vec![write]).await?;
//! assert_eq!(engine.records.get("greetings", "en").await?.map(|record| record.revision), Some(revision));
//! # engine.close().await }
//! ```

mod config;
mod conflict;
mod digest;
mod engine;
pub mod engines;
mod names;

pub use config::Config;
pub use engine::{Engine, open};
pub use engines::ENGINES;
