//! Python 3: one kind for each minor version on the machine.

use std::{path::Path, sync::Arc};

use wisp_core::ports::{InstanceLimits, Language};

use super::{
    Context,
    dialect::Dialect,
    discovery,
    family::Family,
    protocol::{Frames, Protocol},
};

const FAMILY: &str = "python";
/// Names that clients use for versions that may not be here.
const NAMES: &[&str] = &[
    "python",
    "python:2",
    "python:3",
    "python:3.6",
    "python:3.7",
    "python:3.8",
    "python:3.9",
    "python:3.10",
    "python:3.11",
    "python:3.12",
    "python:3.13",
];
const LAUNCHER: &[(&str, &str)] = &[("launcher.py", include_str!("launcher.py"))];
/// The oldest version that the launcher runs on.
const OLDEST: (u32, u32) = (3, 7);

struct Python;

/// Python, with the interpreters of this machine.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let named = |name: &str| {
        let version = name.strip_prefix("python3");
        version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    let mut found = discovery::interpreters(&context.config, FAMILY, named, |python| python.version);
    found.retain(|python| python.version >= OLDEST);
    let kind = |python: &discovery::Interpreter| format!("{FAMILY}:{}.{}", python.version.0, python.version.1);
    Arc::new(Family::new(context, Python, found, kind, NAMES))
}

impl Dialect for Python {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn launcher(&self) -> &'static [(&'static str, &'static str)] {
        LAUNCHER
    }

    fn command(&self, interpreter: &Path, launcher: &Path, _limits: &InstanceLimits) -> Vec<String> {
        // Isolated: neither the launcher's directory nor the environment adds to what can be imported.
        let launcher = launcher.join("launcher.py");
        [interpreter, Path::new("-I"), &launcher]
            .map(|word| word.display().to_string())
            .to_vec()
    }

    fn protocol(&self) -> &'static dyn Protocol {
        &Frames
    }
}
