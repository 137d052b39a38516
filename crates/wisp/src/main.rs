//! The `wisp` program: the platform and its command line in one binary.

mod cli;
mod server;
mod verbs;

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
        _ => {}
    }
    cli::run(verbs::VERBS, std::env::args_os())
}
