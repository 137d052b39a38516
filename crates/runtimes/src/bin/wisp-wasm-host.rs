//! The compiler and host of WebAssembly alone, for programs that are not `wisp` itself: name it in the setting
//! `languages.wasm_host`.

use std::process::ExitCode;

use wisp_runtimes::languages::wasm::{COMPILER, HOST, compiler_main, host_main};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(HOST) => host_main(),
        Some(COMPILER) => compiler_main(),
        _ => {
            eprintln!("A server starts this program; it does nothing by itself.");
            ExitCode::FAILURE
        }
    }
}
