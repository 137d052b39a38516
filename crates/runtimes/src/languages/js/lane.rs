use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::DirBuilderExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wisp_core::{
    Code, Error, Result,
    ports::{Birth, Cell, Channel, Exit, InstanceLimits, Mount, SandboxSpec},
};

use super::{
    super::{
        Context,
        exchange::{Exchange, Reply},
        logs::Logs,
        protocol::Frames,
        stem::{broken, mounts},
    },
    workerd,
};

/// Isolates that a process loads before it takes no more: what ended ones leave behind grows slowly.
const MOST: u64 = 1000;
/// Bytes of what a process says before it is ready that are told when it does not become so.
const LAST_WORDS: u64 = 16 << 10;

/// A process that isolates of one namespace share.
pub struct Lane {
    context: Context,
    cell: Box<dyn Cell>,
    socket: Socket,
    output: [OwnedFd; 2],
    turns: Arc<Semaphore>,
    seats: AtomicU64,
    ended: AtomicBool,
}

/// The right of one activation to run in a process, alone.
pub type Turn = OwnedSemaphorePermit;

impl Lane {
    /// Starts a process for instances with these limits.
    pub async fn start(context: &Context, program: &Path, limits: &InstanceLimits) -> Result<Self> {
        let (socket, listener) = Socket::open(&context.sockets).map_err(broken)?;
        let files = workerd::files(limits);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let launcher = context.install("js", &files)?;
        let config = &context.config;
        let own = Mount {
            source: program.to_owned(),
            target: launcher.target.with_file_name("workerd"),
        };
        let spec = SandboxSpec {
            command: workerd::command(&own.target, &launcher.target, limits),
            environment: vec![("HOME".into(), "/tmp".into()), ("LANG".into(), "C.UTF-8".into())],
            directory: PathBuf::from("/tmp"),
            mounts: mounts(context, None, &launcher).into_iter().chain([own]).collect(),
            memory: limits.memory + 2 * config.isolate_overhead,
            pids: config.pids,
            files: config.files,
            scratch: config.scratch,
            cpu_shares: config.cpu_shares_per_mb * limits.memory,
            network: limits.network,
            birth: Birth::Executed,
            image: None,
            listener: Some(Arc::new(listener)),
        };
        let (cell, Channel { stdout, stderr, .. }) = context.sandbox.start(&spec).await?;
        let lane = Self {
            context: context.clone(),
            cell,
            socket,
            output: [stdout, stderr],
            turns: Arc::new(Semaphore::new(1)),
            seats: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        lane.connect(Duration::from_millis(config.start_timeout)).await?;
        Ok(lane)
    }

    /// A new connection, which will be an instance's.
    pub async fn connect(&self, patience: Duration) -> Result<Exchange> {
        let control = self.socket.connect().map_err(broken)?.into();
        let [stdout, stderr] = [&self.output[0], &self.output[1]].map(OwnedFd::try_clone);
        let (stdout, stderr) = (stdout.map_err(broken)?, stderr.map_err(broken)?);
        let channel = Channel {
            control,
            stdout,
            stderr,
        };
        let limit = self.context.config.message_limit;
        let exchange = Exchange::new(channel, &Frames, limit, self.context.clock.clone())?;
        let token = exchange.open_first(Logs::new(LAST_WORDS, u64::MAX));
        let ready = tokio::select! {
            biased;
            reply = exchange.reply(token, 0) => matches!(reply, Reply::Message(_)),
            _ = self.cell.wait() => false,
            () = self.context.clock.sleep(patience) => false,
        };
        let (lines, _) = exchange.close(token).finish(0);
        if ready {
            return Ok(exchange);
        }
        self.stop().await;
        let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let said = said.join("; ");
        Err(Error::new(
            Code::Sandbox,
            format!("workerd does not answer in its sandbox: {said}"),
        ))
    }

    /// Waits for its turn.
    pub async fn turn(&self) -> Option<Turn> {
        self.turns.clone().acquire_owned().await.ok()
    }

    /// A turn, if nobody else has it.
    pub fn turn_now(&self) -> Option<Turn> {
        self.turns.clone().try_acquire_owned().ok()
    }

    /// Whether it takes one more isolate.
    pub fn has_room(&self) -> bool {
        self.is_alive() && self.seats.load(Ordering::Relaxed) < MOST
    }

    /// Counts one more isolate.
    pub fn seat(&self) {
        self.seats.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets the isolate whose turn it is have `memory` MB, of which it holds so many bytes already.
    pub async fn allow(&self, memory: u64, held: u64) -> Option<u64> {
        let used = self.cell.memory()?;
        let others = used.saturating_sub(held) >> 20;
        let limit = others + memory + self.context.config.isolate_overhead;
        // One that cannot be set is followed by the next; the one before holds meanwhile.
        if let Err(error) = self.cell.set_memory(limit).await {
            tracing::debug!(?error, limit, "the memory limit of isolates stays");
        }
        Some(used)
    }

    /// Bytes in use.
    pub fn memory(&self) -> Option<u64> {
        self.cell.memory()
    }

    /// Ends the process if it does not answer: whoever had the last turn in it keeps it busy.
    pub async fn settle(&self) {
        let grace = Duration::from_millis(self.context.config.isolate_grace);
        if let Err(error) = self.connect(grace).await {
            tracing::debug!(?error, "a process of isolates was ended");
        }
    }

    pub async fn wait(&self) -> Exit {
        self.cell.wait().await
    }

    pub fn is_alive(&self) -> bool {
        !self.ended.load(Ordering::Relaxed) && self.cell.wait().now_or_never().is_none()
    }

    pub async fn stop(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.cell.stop().await;
    }
}

/// A socket in a directory that only the server's user can enter.
struct Socket {
    directory: OwnedFd,
    path: PathBuf,
}

/// Tells the sockets of this process apart.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Socket {
    fn open(directory: &Path) -> io::Result<(Self, OwnedFd)> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{}-{number}", std::process::id()));
        let socket = Self {
            directory: fs::File::open(directory)?.into(),
            path,
        };
        // One of a process that had the same id.
        let _ = fs::remove_file(&socket.path);
        let listener = UnixListener::bind(socket.address())?;
        // workerd waits for it in its own event loop.
        listener.set_nonblocking(true)?;
        Ok((socket, listener.into()))
    }

    /// Its path by way of the open directory: addresses of sockets are short.
    fn address(&self) -> PathBuf {
        let directory = PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()));
        directory.join(self.path.file_name().unwrap_or_default())
    }

    fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.address())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
