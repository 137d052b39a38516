//! Black-box cases over HTTP: each file of `tests/scenarios/cases` is one subject, each case a named test.
//!
//! A case knows nothing but the protocol: what it expects is what Apache OpenWhisk's clients expect, never what the
//! server happens to answer. Every case has namespaces of its own, so that all can run at the same time against one
//! server. [`case`] says what a case may contain, [`values`] and [`matching`] the words with `$` in it.
//!
//! `cargo run -p wisp-scenarios -- [--list] [WORD…]` starts the `wisp` beside this program; `WISP_BIN` names another.

mod case;
mod http;
mod matching;
mod play;
mod server;
mod values;

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use server::Server;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("scenarios: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments = Arguments::from_args();
    let cases = case::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"))?;
    let server = if arguments.list {
        None
    } else {
        Some(Arc::new(Server::start()?))
    };
    let trials = cases.into_iter().map(|case| {
        let server = server.clone();
        Trial::test(case.name.clone(), move || match server {
            Some(server) => play::play(&case, &server).map_err(|error| format!("{error:#}").into()),
            None => Ok(()),
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(server) = server {
        server.stop()?;
    }
    Ok(conclusion.exit_code())
}
