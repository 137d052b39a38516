//! The programs in and around sandboxes alone, for programs that are not `wisp` itself: name it in the setting `launcher`.

use std::process::ExitCode;

use wisp_runtimes::{
    languages::blackbox::skeleton,
    sandboxes::process::launcher::{ARGUMENT, launcher_main},
};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(ARGUMENT) => launcher_main(),
        Some(skeleton::ARGUMENT) => skeleton::skeleton_main(),
        _ => {
            eprintln!("A server starts this program; it does nothing by itself.");
            ExitCode::FAILURE
        }
    }
}
