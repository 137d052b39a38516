//! What runs in the sandboxes: the compiler, and the host of a namespace's instances.
//!
//! A host trusts the machine code that it is given, because only the platform makes it, and nothing else: programs see
//! their input, their variables, clocks, randomness and what their action grants. Each activation has an instance of its
//! own, from a pool whose memory is mapped copy-on-write from the code's file; a clock tick lets others run in between,
//! and is where an activation is ended.

mod compile;
mod guest;
mod http;
mod load;
mod output;
mod requests;
mod run;
mod serve;
mod settings;
mod ticks;

pub use compile::compiler_main;
pub use serve::host_main;
