use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use wisp_core::{
    Code, Error, Result,
    ports::{Cell, Channel, Clock, Sandbox, SandboxSpec},
};

use super::{super::Health, Config, cgroup::Groups, network::Policy, probe, roots::Roots, start, yard::Yard};

/// The `process` sandbox of this server.
pub struct Process {
    pub(super) yard: Arc<Yard>,
    pub(super) roots: Roots,
    pub(super) policy: Arc<Policy>,
    pub(super) network: Arc<super::network::Config>,
    pub(super) clock: Arc<dyn Clock>,
    limit: Duration,
}

impl Process {
    /// Starts the launcher and prepares the first sandboxes.
    ///
    /// `api` is where the platform's API listens, for functions that call it. The executable that `config.launcher`
    /// names must call [`launcher_main`](super::launcher::launcher_main) when its first argument says so.
    ///
    /// # Errors
    /// [`Code::Machine`] when the machine does not let sandboxes be built; [`probe`](super::probe) says more.
    pub fn start(config: Config, api: Option<SocketAddr>, clock: Arc<dyn Clock>) -> Result<Self> {
        let policy = Arc::new(Policy::new(&config.network, api)?);
        let groups = Groups::open();
        for check in probe::checks(&groups) {
            let (name, detail, remedy) = (check.name, check.detail, check.remedy);
            match check.health {
                Health::Ok => tracing::info!(name, detail, "sandboxes"),
                _ => tracing::warn!(name, detail, remedy, "sandboxes"),
            }
        }
        let yard = Yard::open(&config, groups).map_err(|reason| {
            Error::new(
                Code::Machine,
                format!("No sandbox can be built on this machine: {reason}."),
            )
        })?;
        Ok(Self {
            yard: Arc::new(yard),
            roots: Roots::new(config.roots),
            policy,
            network: Arc::new(config.network),
            clock,
            limit: Duration::from_millis(config.start_timeout_ms),
        })
    }
}

#[async_trait]
impl Sandbox for Process {
    fn name(&self) -> &'static str {
        "process"
    }

    async fn start(&self, spec: &SandboxSpec) -> Result<(Box<dyn Cell>, Channel)> {
        let program = || spec.command.first().map_or("", String::as_str);
        let failed = |reason| {
            Error::new(
                Code::Sandbox,
                format!("The sandbox for {} did not start: {reason}.", program()),
            )
        };
        tokio::select! {
            started = start::start(self, spec) => started.map_err(failed),
            () = self.clock.sleep(self.limit) => Err(failed(format!("no answer in {} ms", self.limit.as_millis()))),
        }
    }
}
