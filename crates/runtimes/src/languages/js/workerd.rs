use std::{
    path::{Path, PathBuf},
    process::Command,
};

use wisp_core::ports::{InstanceLimits, Network};

use super::{super::Context, FAMILY};

/// The first release with what the supervisor uses: raw connections and anonymous isolates. Releases are dates.
const OLDEST: &str = "2026-11-01";
/// The program, in its directory and in `PATH`.
const PROGRAM: &str = "workerd";

const CONFIG: &str = include_str!("config.capnp");
const SUPERVISOR: (&str, &str) = ("supervisor.js", include_str!("supervisor.js"));
const HARNESS: (&str, &str) = ("harness.js", include_str!("harness.js"));

/// The program and its release: the one that the settings name, else the installed one, else one in `PATH`.
pub fn find(context: &Context) -> Option<(PathBuf, String)> {
    let candidates = match context.config.interpreters.get(FAMILY) {
        Some(paths) => paths.clone(),
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let directories = std::env::split_paths(&path).collect::<Vec<_>>();
            let places = [context.workerd.clone()].into_iter().chain(directories);
            places.map(|directory| directory.join(PROGRAM)).collect()
        }
    };
    candidates.into_iter().find_map(|path| {
        let release = release(&path)?;
        if release.as_str() < OLDEST {
            tracing::warn!(path = %path.display(), release, OLDEST, "this workerd is too old for isolates");
            return None;
        }
        Some((path.canonicalize().ok()?, release))
    })
}

/// What `workerd --version` says: `workerd 2026-11-17`.
fn release(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").env_clear().output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.trim().strip_prefix("workerd ")?.to_owned())
}

/// The name of the configuration for instances with these limits.
fn config_name(limits: &InstanceLimits) -> String {
    format!("{}-{}.capnp", limits.memory, network(limits))
}

fn network(limits: &InstanceLimits) -> bool {
    limits.network == Network::Outbound
}

/// The files that a process of instances with these limits reads, as names and texts.
pub fn files(limits: &InstanceLimits) -> [(String, String); 3] {
    // Below the limit V8 collects garbage in time, and what an isolate needs beside its heap still fits.
    let heap = (limits.memory * 3 / 4).to_string();
    let config = CONFIG
        .replace("=HEAP", &format!("={heap}"))
        .replace("json = \"NETWORK\"", &format!("json = \"{}\"", network(limits)));
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    [(config_name(limits), config), owned(SUPERVISOR), owned(HARNESS)]
}

/// The command that serves isolates at the listening socket on descriptor 3.
pub fn command(program: &Path, launcher: &Path, limits: &InstanceLimits) -> Vec<String> {
    let config = launcher.join(config_name(limits));
    let words = ["serve", "--experimental", "--socket-fd", "worker=3"].map(String::from);
    [program.display().to_string()]
        .into_iter()
        .chain(words)
        .chain([config.display().to_string()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wisp_core::model::Isolation;

    #[test]
    fn a_configuration_says_heap_and_network() {
        let limits = InstanceLimits {
            memory: 128,
            concurrency: 1,
            network: Network::None,
            isolation: Isolation::Isolate,
        };
        let [(name, text), ..] = files(&limits);
        assert_eq!(name, "128-false.capnp");
        assert!(
            text.contains("--max-old-space-size=96") && text.contains("json = \"false\""),
            "{text}"
        );
    }
}
