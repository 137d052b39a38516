//! The `wisp` program: the platform and its command line in one binary.

mod cli;
mod server;
mod verbs;

#[cfg(feature = "wasm")]
use wisp_runtimes::languages::wasm;
use wisp_runtimes::{languages::blackbox::skeleton, sandboxes::process::launcher};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Before anything else: a launcher must never have had a second thread.
    match std::env::args_os()
        .nth(1)
        .as_deref()
        .and_then(|argument| argument.to_str())
    {
        Some(launcher::ARGUMENT) => return launcher::launcher_main(),
        Some(skeleton::ARGUMENT) => return skeleton::skeleton_main(),
        #[cfg(feature = "wasm")]
        Some(wasm::HOST) => return wasm::host_main(),
        #[cfg(feature = "wasm")]
        Some(wasm::COMPILER) => return wasm::compiler_main(),
        _ => {}
    }
    cli::run(verbs::VERBS, std::env::args_os())
}
