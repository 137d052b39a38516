use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::Mutex;
use wisp_core::{
    Code, Error, Result,
    ports::{Birth, Cell, Exit, Line, Mount, Network, SandboxSpec},
};

use super::{
    super::{
        Context,
        exchange::{Exchange, Reply},
        logs::Logs,
        protocol::{Frames, Token},
    },
    HOST, wire,
};

/// Bytes kept of what a host says about itself.
const LAST_WORDS: u64 = 1 << 16;
/// Where the executable is visible in sandboxes.
const EXECUTABLE: &str = "/wisp/wasm";

/// A sandboxed process that runs the programs of one namespace.
pub struct Host {
    context: Context,
    cell: Box<dyn Cell>,
    exchange: Exchange,
    /// MB that its programs may use together.
    promised: Mutex<u64>,
    programs: AtomicU64,
}

/// How waiting for a reply took an end.
pub enum Ended {
    Reply(Reply),
    Late,
}

impl Host {
    /// Starts one, and waits until it is ready.
    pub async fn start(context: &Context, network: Network) -> Result<Self> {
        let config = &context.config;
        let spec = spec(context, HOST, config.wasm_overhead, network)?;
        let (cell, channel) = context.sandbox.start(&spec).await?;
        let exchange = Exchange::new(channel, &Frames, config.message_limit, context.clock.clone())?;
        let host = Self {
            context: context.clone(),
            cell,
            exchange,
            promised: Mutex::new(0),
            programs: AtomicU64::new(0),
        };
        let token = host.exchange.open_first(Logs::new(LAST_WORDS, u64::MAX));
        let timeout = Duration::from_millis(config.start_timeout);
        let ended = host.reply(token, 0, timeout).await;
        let (lines, _) = host.exchange.close(token).finish(0);
        if let Ended::Reply(Reply::Message(_)) = ended {
            return Ok(host);
        }
        host.cell.stop().await;
        let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let said = said.join("; ");
        Err(Error::new(
            Code::Sandbox,
            format!("The host of WebAssembly did not start in the sandbox: {said}"),
        ))
    }

    /// A number for one more program.
    pub fn next_program(&self) -> u64 {
        self.programs.fetch_add(1, Ordering::Relaxed)
    }

    /// Allows its programs so many MB more, or less, than before.
    pub async fn promise(&self, change: i64) {
        let mut promised = self.promised.lock().await;
        *promised = promised.saturating_add_signed(change);
        let limit = *promised + self.context.config.wasm_overhead;
        // A limit below what is used already cannot be set; the one before holds meanwhile.
        if let Err(error) = self.cell.set_memory(limit).await {
            tracing::debug!(?error, limit, "the memory limit of a host of WebAssembly stays");
        }
    }

    /// Begins an exchange that keeps so many bytes of logs.
    pub fn open(&self, log_limit: u64) -> Token {
        self.exchange.open(Logs::new(log_limit, self.context.config.log_lines))
    }

    /// Ends an exchange: its logs, and whether lines are missing.
    pub fn close(&self, token: Token) -> (Vec<Line>, bool) {
        self.exchange.close(token).finish(self.context.clock.now())
    }

    /// The exchange itself, for requests.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Waits for a reply, the end of the process, or the deadline.
    pub async fn reply(&self, token: Token, keep: u64, timeout: Duration) -> Ended {
        tokio::select! {
            biased;
            reply = self.exchange.reply(token, keep) => Ended::Reply(reply),
            _ = self.cell.wait() => Ended::Reply(self.exchange.last_reply(token).await),
            () = self.context.clock.sleep(timeout) => Ended::Late,
        }
    }

    /// Ends a run; when the process does not obey, the whole process.
    pub async fn cancel(&self, token: Token) {
        self.exchange.send(&wire::cancel(token)).await;
        let grace = Duration::from_millis(self.context.config.exit_grace);
        if let Ended::Late = self.reply(token, 0, grace).await {
            tracing::warn!("a host of WebAssembly did not end a run in time, and is ended itself");
            self.cell.stop().await;
        }
    }

    /// How the process ended, if it does so soon.
    pub async fn exit(&self) -> Option<Exit> {
        let grace = Duration::from_millis(self.context.config.exit_grace);
        tokio::select! {
            exit = self.cell.wait() => Some(exit),
            () = self.context.clock.sleep(grace) => None,
        }
    }

    /// Whether the process has not ended.
    pub fn is_alive(&self) -> bool {
        self.cell.wait().now_or_never().is_none()
    }

    /// Ends the process.
    pub async fn stop(&self) {
        self.cell.stop().await;
    }
}

/// A sandbox in which our own executable plays a part with so many MB.
pub fn spec(context: &Context, part: &str, memory: u64, network: Network) -> Result<SandboxSpec> {
    let config = &context.config;
    // A link such as /proc/self/exe means another file for the process that mounts it.
    let executable = std::fs::canonicalize(&config.wasm_host).map_err(|error| {
        let path = config.wasm_host.display();
        Error::new(
            Code::Sandbox,
            format!("The executable {path} that runs WebAssembly is not there."),
        )
        .because(error)
    })?;
    let same = |path: &PathBuf| Mount {
        source: path.clone(),
        target: path.clone(),
    };
    let own = Mount {
        source: executable,
        target: EXECUTABLE.into(),
    };
    Ok(SandboxSpec {
        command: vec![EXECUTABLE.into(), part.into()],
        environment: vec![("PATH".into(), config.path.clone()), ("HOME".into(), "/tmp".into())],
        directory: PathBuf::from("/tmp"),
        mounts: config
            .system
            .iter()
            .filter(|path| path.exists())
            .map(same)
            .chain([own])
            .collect(),
        memory,
        pids: config.pids,
        files: config.files,
        scratch: config.scratch,
        cpu_shares: config.cpu_shares_per_mb * memory,
        network,
        listener: None,
        image: None,
        birth: Birth::Executed,
    })
}
