use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use wisp_core::{Code as ErrorCode, Error, Result, model::CodeRef, ports::Network};

use super::{
    super::{Context, passing},
    COMPILER,
    compiled::{Compiled, Vault},
    host::spec,
};
use crate::code::Code;

/// Compilations at the same time.
const AT_ONCE: usize = 2;
/// Bytes kept of what the compiler says about wrong code.
const LAST_WORDS: u64 = 4096;
/// What the compiler ends with when the code is wrong, and says so.
pub const WRONG_CODE: u8 = 3;

/// Why there is no machine code.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The code is at fault, with a text for its author.
    Code(String),
    /// The platform is.
    Platform(Arc<Error>),
}

type Made = std::result::Result<Arc<Compiled>, Failure>;
type Flight = Shared<BoxFuture<'static, Made>>;

/// Compiles each program once, in a sandbox of its own, and keeps the results.
pub struct Compiler {
    context: Context,
    vault: Vault,
    /// Used last at the back; together within the limit of the settings.
    recent: Mutex<VecDeque<(String, Arc<Compiled>)>>,
    flights: Mutex<HashMap<String, Flight>>,
    room: Semaphore,
}

impl Compiler {
    /// One with what earlier processes of the same platform left in its vault.
    pub fn new(context: Context) -> Self {
        let config = &context.config;
        Self {
            vault: Vault::new(context.machine_code.clone(), context.secret, config.wasm_disk << 20),
            context,
            recent: Mutex::default(),
            flights: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
        }
    }

    /// A program's machine code. Goes on by itself when nobody waits any more, so that the next to ask has it.
    pub async fn compiled(self: &Arc<Self>, code: &CodeRef) -> Made {
        if let Some(compiled) = self.recent(&code.digest) {
            return Ok(compiled);
        }
        self.flight(code).await
    }

    /// Forgets machine code that the engine does not take.
    pub fn forget(&self, digest: &str) {
        lock(&self.recent).retain(|(known, _)| known != digest);
        self.vault.remove(digest);
    }

    fn recent(&self, digest: &str) -> Option<Arc<Compiled>> {
        let mut recent = lock(&self.recent);
        let at = recent.iter().position(|(known, _)| known == digest)?;
        let entry = recent.remove(at)?;
        let compiled = entry.1.clone();
        recent.push_back(entry);
        Some(compiled)
    }

    fn keep(&self, digest: &str, compiled: Arc<Compiled>) {
        let mut recent = lock(&self.recent);
        recent.push_back((digest.to_owned(), compiled));
        let mut bytes: u64 = recent.iter().map(|(_, compiled)| compiled.size).sum();
        while bytes > self.context.config.wasm_memory << 20
            && let Some((_, oldest)) = recent.pop_front()
        {
            bytes -= oldest.size;
        }
    }

    fn flight(self: &Arc<Self>, code: &CodeRef) -> Flight {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&code.digest) {
            return flight.clone();
        }
        let (compiler, code, digest) = (self.clone(), code.clone(), code.digest.clone());
        let task = tokio::spawn(async move {
            let made = compiler.make(&code).await;
            if let Ok(compiled) = &made {
                compiler.keep(&code.digest, compiled.clone());
            }
            lock(&compiler.flights).remove(&code.digest);
            made
        });
        let flight = task
            .map(|ended| ended.unwrap_or_else(|error| Err(platform("A compilation was cut off.", error))))
            .boxed()
            .shared();
        flights.insert(digest, flight.clone());
        flight
    }

    async fn make(self: &Arc<Self>, code: &CodeRef) -> Made {
        let (compiler, digest) = (self.clone(), code.digest.clone());
        let stored = spawn_blocking(move || compiler.vault.get(&digest)).await;
        if let Ok(Some(compiled)) = stored {
            return Ok(Arc::new(compiled));
        }
        let compiled = Arc::new(self.compile(code).await?);
        let (compiler, digest, copy) = (self.clone(), code.digest.clone(), compiled.clone());
        let put = spawn_blocking(move || compiler.vault.put(&digest, &copy)).await;
        if let Ok(Err(error)) = put {
            tracing::warn!(%error, "compiled code cannot be stored, and will be compiled again after a restart");
        }
        Ok(compiled)
    }

    async fn compile(&self, code: &CodeRef) -> std::result::Result<Compiled, Failure> {
        // Nobody closes the semaphore, so that this cannot fail.
        let _room = self.room.acquire().await;
        let directory = match self.context.code.program(code).await {
            Ok(Code::Directory(lease)) => lease,
            Ok(Code::Text(_)) => return Err(Failure::Code("The code is no WebAssembly.".into())),
            Err(error) if matches!(error.code(), ErrorCode::BadRequest | ErrorCode::TooLarge) => {
                return Err(Failure::Code(error.message().to_owned()));
            }
            Err(error) => return Err(Failure::Platform(Arc::new(error))),
        };
        let source = File::open(directory.path().join("exec"));
        let source =
            source.map_err(|_| Failure::Code("The archive has no program named 'exec' at its root.".into()))?;
        let made = self.in_sandbox(source).await;
        made.map_err(|error| Failure::Platform(Arc::new(error)))?
            .map_err(Failure::Code)
    }

    /// Machine code, or what is wrong with the source.
    async fn in_sandbox(&self, source: File) -> Result<std::result::Result<Compiled, String>> {
        let config = &self.context.config;
        let spec = spec(&self.context, COMPILER, config.wasm_compile_memory, Network::None)?;
        let target = Compiled::blank().map_err(failed)?;
        let (cell, channel) = self.context.sandbox.start(&spec).await?;
        passing::send(&channel.control, b"c", &[source.as_fd(), target.as_fd()]).map_err(failed)?;
        let said = spawn_blocking(move || {
            let mut said = String::new();
            File::from(channel.stderr)
                .take(LAST_WORDS)
                .read_to_string(&mut said)
                .map(|_| said)
        });
        let limit = Duration::from_millis(config.wasm_compile_timeout);
        let exit = tokio::select! {
            exit = cell.wait() => exit,
            () = self.context.clock.sleep(limit) => {
                return Ok(Err(format!("It could not be compiled within {} ms.", limit.as_millis())));
            }
        };
        let said = said.await.ok().and_then(std::result::Result::ok).unwrap_or_default();
        match exit.code {
            0 => Compiled::seal(target, false).map(Ok).map_err(failed),
            _ if exit.out_of_memory => Ok(Err(format!(
                "It could not be compiled with {} MB.",
                config.wasm_compile_memory
            ))),
            code if code == i32::from(WRONG_CODE) => Ok(Err(said.trim_end().to_owned())),
            code => Err(Error::internal(format!(
                "the compiler of WebAssembly ended with {code}: {said}"
            ))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: io::Error) -> Error {
    Error::internal("WebAssembly cannot be compiled.").because(error)
}

fn platform(message: &str, error: tokio::task::JoinError) -> Failure {
    Failure::Platform(Arc::new(Error::internal(message).because(error)))
}
