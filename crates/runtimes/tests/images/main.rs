//! Container images: what is taken in and what is refused, and what runs of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod hostile;
mod import;
mod registry;
mod run;
#[path = "../support/mod.rs"]
mod support;
