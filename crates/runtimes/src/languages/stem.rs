use std::path::PathBuf;

use wisp_core::{
    Code, Error, Result,
    model::Isolation,
    ports::{Birth, Cell, Channel, InstanceLimits, Mount, Network, SandboxSpec},
};

use super::{Context, dialect::Dialect, discovery::Interpreter};

/// Starts an interpreter with our launcher in a sandbox.
pub async fn start(
    context: &Context,
    dialect: &dyn Dialect,
    interpreter: &Interpreter,
    launcher: &Mount,
    limits: &InstanceLimits,
    birth: Birth,
) -> Result<(Box<dyn Cell>, Channel)> {
    let command = dialect.command(&interpreter.path, &launcher.target, limits);
    let spec = spec(context, dialect, interpreter, launcher, limits, command, birth);
    context.sandbox.start(&spec).await
}

/// Starts a zygote with these modules in a sandbox with this much memory, in MB; none if the language has no zygotes.
pub async fn zygote(
    context: &Context,
    dialect: &dyn Dialect,
    interpreter: &Interpreter,
    launcher: &Mount,
    modules: &[String],
    memory: u64,
) -> Result<Option<(Box<dyn Cell>, Channel)>> {
    let Some(command) = dialect.zygote(interpreter, &launcher.target, modules) else {
        return Ok(None);
    };
    let limits = InstanceLimits {
        memory,
        concurrency: 1,
        network: Network::None,
        isolation: Isolation::Process,
    };
    let spec = spec(context, dialect, interpreter, launcher, &limits, command, Birth::Zygote);
    context.sandbox.start(&spec).await.map(Some)
}

fn spec(
    context: &Context,
    dialect: &dyn Dialect,
    interpreter: &Interpreter,
    launcher: &Mount,
    limits: &InstanceLimits,
    command: Vec<String>,
    birth: Birth,
) -> SandboxSpec {
    let config = &context.config;
    SandboxSpec {
        command,
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
        birth,
    }
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
