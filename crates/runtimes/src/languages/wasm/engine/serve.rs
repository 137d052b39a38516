use std::{
    collections::HashMap,
    io,
    os::fd::{FromRawFd, OwnedFd},
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{Notify, Semaphore},
};

use super::{
    super::{
        super::protocol::{FIRST, Kind, Token},
        HOST,
        wire::{self, RunHeader},
    },
    load::{Linkers, Program},
    output::{Output, Shared, Written},
    requests::{Replies, Request, Requests},
    run::{Activation, Ending},
    settings::{AT_ONCE, running},
    ticks::Ticks,
};

/// Where the server's socket is.
const CONTROL: i32 = 3;

/// Runs the programs of one namespace as the server says, until the server has gone.
pub fn host_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{HOST}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> wasmtime::Result<()> {
    // SAFETY: whoever starts a host gives it this descriptor, and nobody else in this process has used it.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let replies = Arc::new(Replies::new(control.try_clone()?));
    let mut requests = Requests::new(control);
    let host = Arc::new(Host::new(replies.clone())?);
    replies.send(Kind::Ready, FIRST, &[]);
    while let Some(request) = requests.next()? {
        let mut file = || requests.file().ok_or_else(|| io::Error::other("no code came along"));
        match request.kind {
            wire::LOAD => host.load(&runtime, request, file()?),
            wire::RUN => host.run(&runtime, request),
            wire::UNLOAD => host.unload(&request),
            wire::CANCEL => host.cancel(request.token),
            other => wasmtime::bail!("the server wants {other}, which this host does not know"),
        }
    }
    runtime.shutdown_background();
    Ok(())
}

/// Programs and their activations.
struct Host {
    linkers: Linkers,
    ticks: Ticks,
    replies: Arc<Replies>,
    programs: Mutex<HashMap<u64, Arc<Program>>>,
    running: Mutex<HashMap<Token, Arc<Notify>>>,
    room: Semaphore,
}

impl Host {
    fn new(replies: Arc<Replies>) -> wasmtime::Result<Self> {
        let engine = running()?;
        Ok(Self {
            ticks: Ticks::start(&engine),
            linkers: Linkers::new(engine)?,
            replies,
            programs: Mutex::default(),
            running: Mutex::default(),
            room: Semaphore::new(AT_ONCE as usize),
        })
    }

    fn load(self: &Arc<Self>, runtime: &Runtime, request: Request, code: OwnedFd) {
        let host = self.clone();
        runtime.spawn_blocking(move || {
            let loaded = serde_json::from_slice(&request.text)
                .map_err(Into::into)
                .and_then(|load| host.linkers.load(load, code));
            match loaded {
                Ok(program) => {
                    lock(&host.programs).insert(program.load.program, Arc::new(program));
                    host.replies.send(Kind::Done, request.token, &[]);
                }
                Err(error) => {
                    let reason = format!("{error:#}");
                    host.replies.send(Kind::Failure, request.token, &[reason.as_bytes()]);
                }
            }
        });
    }

    fn unload(&self, request: &Request) {
        if let Some(program) = request.text.first_chunk() {
            lock(&self.programs).remove(&u64::from_le_bytes(*program));
        }
    }

    fn cancel(&self, token: Token) {
        if let Some(cancelled) = lock(&self.running).get(&token) {
            cancelled.notify_one();
        }
    }

    fn run(self: &Arc<Self>, runtime: &Runtime, request: Request) {
        let cancelled = Arc::new(Notify::new());
        lock(&self.running).insert(request.token, cancelled.clone());
        let host = self.clone();
        runtime.spawn(async move {
            host.activate(&request, &cancelled).await;
            lock(&host.running).remove(&request.token);
        });
    }

    async fn activate(&self, request: &Request, cancelled: &Notify) {
        let found = RunHeader::split(&request.text).and_then(|(header, body)| {
            let program = lock(&self.programs).get(&header.program)?.clone();
            Some((header, body, program))
        });
        let Some((header, body, program)) = found else {
            return self.replies.send(Kind::Exited, request.token, &[]);
        };
        let output = Shared::new(Output::new(
            self.replies.clone(),
            request.token,
            header.log_limit,
            program.writes_result(),
            header.result_limit,
        ));
        let activation = Activation {
            program: &program,
            header,
            body,
            output: output.clone(),
        };
        let run = async {
            // Nobody closes the semaphore, so that this cannot fail.
            let _room = self.room.acquire().await;
            let _going = self.ticks.go();
            activation.run(&self.linkers.engine).await
        };
        let ending = tokio::select! {
            ending = run => ending,
            () = cancelled.notified() => {
                output.lock().abandon();
                Ending::Exited
            }
        };
        self.reply(request.token, header.result_limit, ending);
    }

    fn reply(&self, token: Token, limit: u64, ending: Ending) {
        match ending {
            Ending::Written(Written { text, size }) if size <= limit => {
                self.replies.send(Kind::Result, token, &[&text])
            }
            Ending::Written(Written { mut text, size }) => {
                text.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                self.replies.send(Kind::TooLarge, token, &[&size.to_le_bytes(), &text]);
            }
            Ending::Exited => self.replies.send(Kind::Exited, token, &[]),
            Ending::Exhausted => self.replies.send(Kind::Exhausted, token, &[]),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
