//! Programs: any ELF or `#!` file, or an archive with one named `exec` at its root, by OpenWhisk's ActionLoop protocol.
//!
//! A stem cell is a shell that waits for the program to be put at `/action`, and then becomes it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use wisp_core::ports::{Exit, InstanceLimits, Language};

use super::{
    Context,
    dialect::Dialect,
    discovery::Interpreter,
    family::Family,
    protocol::{Lines, Protocol},
};

const FAMILY: &str = "native";
const SHELL: &str = "/bin/sh";
const LAUNCHER: &[(&str, &str)] = &[("launcher.sh", include_str!("launcher.sh"))];
/// Exit codes with which `env` says that it cannot run, or cannot find, a program.
const NOT_RUN: [i32; 2] = [126, 127];

struct Native;

/// Programs, if the machine has a shell to start them.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let shell = || Interpreter {
        path: PathBuf::from(SHELL),
        prefix: None,
        version: (0, 0),
        full_version: "(any ELF or #! program)".into(),
    };
    let found = Path::new(SHELL).exists().then(shell).into_iter().collect();
    Arc::new(Family::new(
        context,
        Native,
        found,
        |_| FAMILY.into(),
        &["native:default"],
    ))
}

impl Dialect for Native {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn launcher(&self) -> &'static [(&'static str, &'static str)] {
        LAUNCHER
    }

    fn command(&self, interpreter: &Path, launcher: &Path, _limits: &InstanceLimits) -> Vec<String> {
        vec![
            interpreter.display().to_string(),
            launcher.join("launcher.sh").display().to_string(),
        ]
    }

    fn protocol(&self) -> &'static dyn Protocol {
        &Lines
    }

    fn program(&self) -> bool {
        true
    }

    fn not_started(&self, exit: Exit) -> Option<String> {
        NOT_RUN
            .contains(&exit.code)
            .then(|| format!("The program could not be run (exit code {}).", exit.code))
    }
}
