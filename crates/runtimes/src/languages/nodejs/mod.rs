//! Node.js: one kind for each major version on the machine.

pub mod packages;
pub mod release;

use std::{path::Path, sync::Arc};

use wisp_core::ports::{Exit, InstanceLimits, Language, Line, Mount, Stream};

use super::{
    Context,
    dialect::Dialect,
    discovery,
    family::Family,
    protocol::{Frames, Protocol},
};

const FAMILY: &str = "nodejs";
/// Where the packages are that every function can `require` or `import`: found from `/action` after the function's own.
const PACKAGES: &str = "/node_modules";
/// Names that clients use for versions that may not be here.
const NAMES: &[&str] = &[
    "nodejs",
    "nodejs:10",
    "nodejs:12",
    "nodejs:14",
    "nodejs:16",
    "nodejs:18",
    "nodejs:20",
    "nodejs:22",
    "nodejs:24",
];
/// The launcher's files as one: to find and wrap another costs Node.js a millisecond each.
macro_rules! bundle {
    ($($name:literal)*) => {
        concat!(
            "'use strict';\nconst parts = {\n",
            $("'./", $name, "'(module, require) {\n", include_str!(concat!($name, ".js")), "},\n",)*
            "};\n",
            include_str!("bundle.js"),
        )
    };
}
/// Its name says that it is no module, so that Node.js does not look for a package around it.
const FILE: &str = "launcher.cjs";
const LAUNCHER: &[(&str, &str)] = &[(
    FILE,
    bundle!("launcher" "body" "channel" "compiled" "concurrent" "durable" "entry" "outcome" "stream"),
)];
/// The first version with a cache of compiled code.
const COMPILES: (u32, u32) = (22, 1);
/// What V8 says, before it aborts, when its heap is full.
const HEAP_FULL: &str = "JavaScript heap out of memory";
/// 128 plus the number of SIGABRT.
const ABORTED: i32 = 134;

struct NodeJs {
    packages: Option<Mount>,
}

/// Node.js, with the interpreters of this machine.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let named = |name: &str| {
        let version = name.strip_prefix("nodejs").or(name.strip_prefix("node"));
        version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    let found = discovery::interpreters(context, FAMILY, named, |node| node.version.0);
    let packages = context.node_modules.clone();
    let packages = packages.is_dir().then(|| Mount {
        source: packages,
        target: PACKAGES.into(),
    });
    let note = if packages.is_some() {
        ""
    } else {
        ", without the bundled packages (openwhisk, redis, uuid): run `wisp install node-packages`"
    };
    let kind = |node: &discovery::Interpreter| format!("{FAMILY}:{}", node.version.0);
    Arc::new(Family::new(context, NodeJs { packages }, found, kind, NAMES).noted(note))
}

impl Dialect for NodeJs {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn launcher(&self) -> &'static [(&'static str, &'static str)] {
        LAUNCHER
    }

    fn command(&self, interpreter: &Path, launcher: &Path, limits: &InstanceLimits) -> Vec<String> {
        // V8 would size its heap by the machine. Below the sandbox's limit it collects garbage in time, and what it
        // needs beside the heap still fits.
        let heap = format!("--max-old-space-size={}", limits.memory * 3 / 4);
        vec![
            interpreter.display().to_string(),
            heap,
            launcher.join(FILE).display().to_string(),
        ]
    }

    fn mounts(&self) -> Vec<Mount> {
        self.packages.iter().cloned().collect()
    }

    fn protocol(&self) -> &'static dyn Protocol {
        &Frames
    }

    fn concurrent(&self) -> bool {
        true
    }

    fn reads_streams(&self) -> bool {
        true
    }

    fn compiles(&self, interpreter: &discovery::Interpreter) -> bool {
        interpreter.version >= COMPILES
    }

    fn exhausted(&self, exit: Exit, logs: &[Line]) -> bool {
        exit.code == ABORTED
            && logs
                .iter()
                .any(|line| line.stream == Stream::Stderr && line.text.contains(HEAP_FULL))
    }
}
