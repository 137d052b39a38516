//! The launcher's side: everything that happens between an order and the program's first instruction.
//!
//! This code runs in processes of its own, single-threaded, where forking is cheap and safe. It must never start a
//! thread, and never touch the async runtime.

mod birth;
mod calls;
mod etc;
mod filter;
mod image;
mod init;
mod keeper;
mod kernel;
mod namespaces;
mod program;
mod roots;
mod serve;
mod shield;
mod tree;
mod tun;
mod zygote;

pub use serve::{ARGUMENT, launcher_main};

pub(super) use filter::Filter;
