use std::path::PathBuf;

use wisp_core::{
    Code, Error, Result,
    model::Isolation,
    ports::{Birth, Cell, Channel, InstanceLimits, Mount, Network, SandboxSpec},
};

use super::{Context, dialect::Dialect, discovery::Interpreter};

/// Where an interpreter is visible that cannot be at its own place.
const RUNTIME: &str = "/wisp/runtime";

/// Starts an interpreter with our launcher in a sandbox.
pub async fn start(
    context: &Context,
    dialect: &dyn Dialect,
    interpreter: &Interpreter,
    launcher: &Mount,
    limits: &InstanceLimits,
    birth: Birth,
) -> Result<(Box<dyn Cell>, Channel)> {
    let command = dialect.command(&shown(interpreter).0.path, &launcher.target, limits);
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
    let Some(command) = dialect.zygote(&shown(interpreter).0, &launcher.target, modules) else {
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
    let (_, own) = shown(interpreter);
    SandboxSpec {
        command,
        environment: environment(context, dialect, limits),
        directory: PathBuf::from("/tmp"),
        mounts: mounts(context, own, launcher)
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

/// An interpreter as it is inside, and what has to be visible for it. Most run only at their own place; but `/tmp` is
/// every sandbox's own.
fn shown(interpreter: &Interpreter) -> (Interpreter, Option<Mount>) {
    let mut inside = interpreter.clone();
    let Some(source) = interpreter.prefix.clone() else {
        return (inside, None);
    };
    let mut target = source.clone();
    if let (true, Ok(path)) = (source.starts_with("/tmp"), interpreter.path.strip_prefix(&source)) {
        target = PathBuf::from(RUNTIME);
        inside.path = target.join(path);
        inside.prefix = Some(target.clone());
    }
    (inside, Some(Mount { source, target }))
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

/// What a program sees of the host: the system, its own files, unless they are part of that, and our launcher.
pub fn mounts(context: &Context, own: Option<Mount>, launcher: &Mount) -> Vec<Mount> {
    let system = &context.config.system;
    let own = own.filter(|own| !system.iter().any(|path| own.source.starts_with(path)));
    let same = |path: &PathBuf| Mount {
        source: path.clone(),
        target: path.clone(),
    };
    let system = system.iter().filter(|path| path.exists()).map(same);
    system.chain(own).chain([launcher.clone()]).collect()
}

/// A sandbox whose channel does not work.
pub fn broken(error: std::io::Error) -> Error {
    Error::new(Code::Sandbox, "The channel to a started sandbox does not work.").because(error)
}
