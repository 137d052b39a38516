//! What the process sandbox promises, tried from inside by real programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod basics;
mod bench;
mod confinement;
mod freeze;
mod image;
mod lifecycle;
mod limits;
mod network;
mod rootless;
mod world;
