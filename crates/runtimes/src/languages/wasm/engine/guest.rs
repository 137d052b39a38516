use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::{Engine, ResourceLimiter, Store};
use wasmtime_wasi::{
    ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p1::WasiP1Ctx,
    p2::{OutputStream, Pollable, StreamResult, pipe::MemoryInputPipe},
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    super::Grants,
    http::Hooks,
    output::{Current, STDERR, STDOUT},
};

/// Bytes that an element of a table takes.
const ELEMENT: usize = size_of::<usize>();
/// Bytes that one write to a stream may have.
const WRITE: usize = 64 << 10;
/// Handles, such as streams and requests, that a component may have open: each takes memory of the host.
const HANDLES: usize = 4096;

/// What belongs to one instance.
pub struct Guest<W> {
    /// What it can do.
    pub wasi: W,
    /// What it may still use.
    pub memory: Memory,
    /// Where it writes to.
    pub output: Current,
}

/// The system as a component sees it.
pub struct Component {
    context: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
}

/// What an instance is given.
pub struct Given<'a> {
    /// Its first argument.
    pub name: &'a str,
    /// Its variables.
    pub environment: &'a [(String, String)],
    /// Its standard input.
    pub input: Bytes,
    /// MB that it may use.
    pub memory: u64,
    /// Where it writes to.
    pub output: Current,
}

impl Given<'_> {
    /// No files, no sockets: only what is given, clocks and randomness.
    fn builder(&self) -> WasiCtxBuilder {
        let stream = |number| Stream {
            current: self.output.clone(),
            number,
        };
        let mut builder = WasiCtx::builder();
        builder
            .arg(self.name)
            .envs(self.environment)
            .stdin(MemoryInputPipe::new(self.input.clone()))
            .stdout(stream(STDOUT))
            .stderr(stream(STDERR))
            .allow_tcp(false)
            .allow_udp(false);
        builder
    }

    /// A store for an instance of a module.
    pub fn module(&self, engine: &Engine) -> Store<Guest<WasiP1Ctx>> {
        self.store(engine, self.builder().build_p1())
    }

    /// A store for an instance of a component.
    pub fn component(&self, engine: &Engine, grants: &Grants) -> Store<Guest<Component>> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let component = Component {
            context: self.builder().build(),
            table,
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(grants.clone()),
        };
        self.store(engine, component)
    }

    fn store<W: Send + 'static>(&self, engine: &Engine, wasi: W) -> Store<Guest<W>> {
        let memory = Memory {
            left: usize::try_from(self.memory << 20).unwrap_or(usize::MAX),
            exhausted: false,
        };
        let output = self.output.clone();
        let mut store = Store::new(engine, Guest { wasi, memory, output });
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

/// What all memories and tables of an instance may use together.
pub struct Memory {
    left: usize,
    /// Whether more was wanted.
    pub exhausted: bool,
}

impl Memory {
    fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.exhausted = true,
        }
        !self.exhausted
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take(desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take((desired - current).saturating_mul(ELEMENT)))
    }
}

impl WasiView for Guest<Component> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi.context,
            table: &mut self.wasi.table,
        }
    }
}

impl WasiHttpView for Guest<Component> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.wasi.hooks,
            table: &mut self.wasi.table,
            ctx: &mut self.wasi.http,
        }
    }
}

/// An output stream of an instance.
#[derive(Clone)]
struct Stream {
    current: Current,
    number: u8,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.current.write(self.number, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.current.write(self.number, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
