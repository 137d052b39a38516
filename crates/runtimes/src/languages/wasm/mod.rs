//! WebAssembly: the kind `wasm`, run by wasmtime.
//!
//! ```text
//! server ── source ──▶ compiler (a process sandbox for each program, once) ── machine code ──▶ vault
//!    │
//!    └── machine code, runs ──▶ host (a process sandbox for each namespace) ── an instance for each activation
//! ```
//! Two walls: WebAssembly's own around each instance, and a process sandbox around all of a namespace. The server never
//! maps, executes or compiles what users sent, and a host only gets machine code that the platform made and sealed.
//! What runs in these sandboxes is `engine`, in the executable that the settings name; the feature `wasm` builds it.

mod compiled;
mod compiler;
#[cfg(feature = "wasm")]
mod engine;
mod family;
mod grants;
mod host;
mod hosts;
mod instance;
mod wire;

#[cfg(feature = "wasm")]
pub use engine::{compiler_main, host_main};
pub use family::register;

use family::Wasm;
use grants::Grants;

/// The argument with which the server executes itself as a host. Whoever owns `main` must call `host_main` then.
pub const HOST: &str = "wasm-host";
/// The argument with which the server executes itself as a compiler. Whoever owns `main` must call `compiler_main` then.
pub const COMPILER: &str = "wasm-compiler";
