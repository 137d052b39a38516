//! The `wisp` program: the platform and its command line in one binary.

mod cli;
mod server;
mod verbs;

fn main() -> std::process::ExitCode {
    cli::run(verbs::VERBS, std::env::args_os())
}
