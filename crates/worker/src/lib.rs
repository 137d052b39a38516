//! Runs activations: finds or starts an instance, runs it, collects its logs, writes the record.
//!
//! A [`Worker`] is the [`Bus`](wisp_core::ports::Bus) of a single machine. It must never know an adapter: languages and
//! the ledger come as ports.

mod config;
mod finish;
mod frost;
mod keep;
mod lease;
mod measure;
mod pool;
mod run;
mod start;
mod state;
mod stems;
mod worker;

pub use config::Config;
pub use pool::Census;
pub use worker::{Parts, Worker};
