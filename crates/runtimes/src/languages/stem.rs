use std::path::PathBuf;

use wisp_core::{
    Code, Error, Result,
    ports::{Cell, Channel, InstanceLimits, Mount, SandboxSpec},
};

use super::{Context, dialect::Dialect, discovery::Interpreter};

/// Starts an interpreter with our launcher in a sandbox.
pub async fn start(
    context: &Context,
    dialect: &dyn Dialect,
    interpreter: &Interpreter,
    launcher: &Mount,
    limits: &InstanceLimits,
) -> Result<(Box<dyn Cell>, Channel)> {
    let config = &context.config;
    let spec = SandboxSpec {
        command: dialect.command(&interpreter.path, &launcher.target, limits),
        environment: environment(context, dialect, limits),
        directory: PathBuf::from("/tmp"),
        mounts: mounts(context, interpreter.prefix.as_ref(), launcher)
            .into_iter()
            .chain(dialect.mounts())
            .collect(),
        memory: limits.memory,
        pids: config.pids,
        files: config.files,
        scratch: config.scratch,
        cpu_shares: config.cpu_shares_per_mb * limits.memory,
        network: limits.network,
        image: None,
        listener: None,
    };
    context.sandbox.start(&spec).await
}

fn environment(context: &Context, dialect: &dyn Dialect, limits: &InstanceLimits) -> Vec<(String, String)> {
    let concurrent = dialect.concurrent() && limits.concurrency > 1;
    let fixed = [
        ("PATH", context.config.path.clone()),
        ("HOME", "/tmp".into()),
        ("LANG", "C.UTF-8".into()),
        ("__OW_API_HOST", context.config.api_host.clone()),
        ("__OW_ALLOW_CONCURRENT", concurrent.to_string()),
    ];
    fixed.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

/// What a program sees of the host: the system, its own files and our launcher.
pub fn mounts(context: &Context, prefix: Option<&PathBuf>, launcher: &Mount) -> Vec<Mount> {
    let system = context.config.system.iter().filter(|path| path.exists());
    let own = prefix
        .into_iter()
        .filter(|prefix| !context.config.system.iter().any(|s| prefix.starts_with(s)));
    let same = |path: &PathBuf| Mount {
        source: path.clone(),
        target: path.clone(),
    };
    system.chain(own).map(same).chain([launcher.clone()]).collect()
}

/// A sandbox whose channel does not work.
pub fn broken(error: std::io::Error) -> Error {
    Error::new(Code::Sandbox, "The channel to a started sandbox does not work.").because(error)
}
