//! Python 3: one kind for each minor version on the machine.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use wisp_core::ports::{InstanceLimits, Language, Mount};

use super::{
    Context,
    dialect::Dialect,
    discovery::{self, Interpreter},
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
const LAUNCHER: &[(&str, &str)] = &[
    ("launcher.py", include_str!("launcher.py")),
    ("body.py", include_str!("body.py")),
    ("durable.py", include_str!("durable.py")),
    ("zygote.py", include_str!("zygote.py")),
];
/// The oldest version that the launcher runs on.
const OLDEST: (u32, u32) = (3, 7);
/// The oldest version that has what a zygote needs: `pidfd_open` and the passing of descriptors.
const OLDEST_ZYGOTE: (u32, u32) = (3, 9);
/// Where the packages are that every function can import.
const PACKAGES: &str = "/packages";
/// What every zygote imports: of the standard library, what functions use most.
const STANDARD: &str = include_str!("standard.txt");

struct Python {
    packages: Option<PathBuf>,
    /// What can be imported from there.
    modules: HashSet<String>,
}

/// Python, with the interpreters of this machine.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let named = |name: &str| {
        let version = name.strip_prefix("python3");
        version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    let mut found = discovery::interpreters(context, FAMILY, named, |python| python.version);
    found.retain(|python| python.version >= OLDEST);
    let kind = |python: &discovery::Interpreter| format!("{FAMILY}:{}.{}", python.version.0, python.version.1);
    let packages = context.python_packages.clone();
    let packages = packages.is_dir().then_some(packages);
    let modules = packages.as_deref().map(modules).unwrap_or_default();
    Arc::new(Family::new(context, Python { packages, modules }, found, kind, NAMES))
}

impl Dialect for Python {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn launcher(&self) -> &'static [(&'static str, &'static str)] {
        LAUNCHER
    }

    fn command(&self, interpreter: &Path, launcher: &Path, _limits: &InstanceLimits) -> Vec<String> {
        isolated(interpreter, &launcher.join("launcher.py"))
    }

    fn mounts(&self) -> Vec<Mount> {
        let packages = self.packages.iter().map(|source| Mount {
            source: source.clone(),
            target: PACKAGES.into(),
        });
        packages.collect()
    }

    fn zygote(&self, interpreter: &Interpreter, launcher: &Path, modules: &[String]) -> Option<Vec<String>> {
        if interpreter.version < OLDEST_ZYGOTE {
            return None;
        }
        let mut command = isolated(&interpreter.path, &launcher.join("zygote.py"));
        command.extend(STANDARD.lines().map(str::to_owned));
        command.extend_from_slice(modules);
        Some(command)
    }

    fn requirements(&self) -> Option<&'static str> {
        Some("requirements.txt")
    }

    fn learns(&self) -> bool {
        !self.modules.is_empty()
    }

    fn offers(&self, module: &str) -> bool {
        self.modules.contains(module)
    }

    fn protocol(&self) -> &'static dyn Protocol {
        &Frames
    }

    fn reads_streams(&self) -> bool {
        true
    }
}

/// The names of the modules in a directory.
fn modules(directory: &Path) -> HashSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .map(|name| name.split('.').next().unwrap_or_default().to_owned())
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .collect()
}

/// Isolated: neither the script's directory nor the environment adds to what can be imported.
fn isolated(interpreter: &Path, script: &Path) -> Vec<String> {
    [interpreter, Path::new("-I"), script]
        .map(|word| word.display().to_string())
        .to_vec()
}
