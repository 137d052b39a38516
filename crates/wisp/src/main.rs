//! The `wisp` program: the platform and its command line in one binary.

mod cli;
mod server;
mod verbs;

use wisp_runtimes::sandboxes::process::launcher;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Before anything else: a launcher must never have had a second thread.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == launcher::ARGUMENT)
    {
        return launcher::launcher_main();
    }
    cli::run(verbs::VERBS, std::env::args_os())
}
