use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::{Mutex, OnceCell},
};
use wisp_core::{
    Code, Error, Result,
    ports::{Cell, Exit},
};

use super::{
    halt,
    link::Link,
    messages::{Answer, Bind, Command},
    network::Relay,
    yard::{Place, Yard},
};

/// Where a keeper takes commands, one after the other.
pub struct Desk {
    link: AsyncFd<Link>,
    turn: Mutex<()>,
}

impl Desk {
    /// One at this socket.
    pub fn new(link: Link) -> io::Result<Self> {
        Ok(Self {
            link: link.watch()?,
            turn: Mutex::default(),
        })
    }

    /// Has a command carried out; the error means that the keeper is dead.
    pub async fn ask(&self, command: &Command, descriptors: &[BorrowedFd<'_>]) -> io::Result<Answer<Option<u32>>> {
        Ok(self.ask_for(command, descriptors).await?.0)
    }

    /// Has a command carried out whose answer brings descriptors.
    pub async fn ask_for(
        &self,
        command: &Command,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<(Answer<Option<u32>>, Vec<OwnedFd>)> {
        let _turn = self.turn.lock().await;
        self.link
            .async_io(Interest::WRITABLE, |link| link.send(command, descriptors))
            .await?;
        let answer = self
            .link
            .async_io(Interest::READABLE, Link::recv::<Answer<Option<u32>>>)
            .await?;
        Ok(answer.ok_or(io::ErrorKind::UnexpectedEof)?)
    }
}

/// A sandbox with its program.
pub struct Running {
    keeper: u32,
    /// The program, if it was forked by a zygote and is not below the keeper.
    forked: Option<u32>,
    /// The processes that were stopped one by one.
    halted: Mutex<Vec<OwnedFd>>,
    desk: Desk,
    status: AsyncFd<Link>,
    exit: OnceCell<Exit>,
    place: Place,
    /// Its network ends with it.
    _relay: Option<Relay>,
    /// Its launcher lives as long as the yard.
    _yard: Arc<Yard>,
}

impl Running {
    /// A sandbox whose program has begun.
    pub fn new(
        keeper: u32,
        forked: Option<u32>,
        desk: Desk,
        status: Link,
        place: Place,
        relay: Option<Relay>,
        yard: Arc<Yard>,
    ) -> io::Result<Self> {
        Ok(Self {
            keeper,
            forked,
            halted: Mutex::default(),
            desk,
            status: status.watch()?,
            exit: OnceCell::new(),
            place,
            _relay: relay,
            _yard: yard,
        })
    }

    /// The keeper's report, which comes when every process of the sandbox is gone. A keeper that died without one was
    /// killed, and its sandbox with it.
    async fn ended(&self) -> Exit {
        let report = self.status.async_io(Interest::READABLE, Link::recv::<i32>).await;
        let code = report.ok().flatten().map_or(128 + libc::SIGKILL, |(code, _)| code);
        Exit {
            code,
            out_of_memory: self.place.group.ooms() > 0,
        }
    }
}

#[async_trait]
impl Cell for Running {
    async fn mount(&self, source: &Path, target: &Path) -> Result<()> {
        let command = Command::Mount(Bind {
            source: source.into(),
            target: target.into(),
        });
        let failed = |reason: String| {
            Error::new(
                Code::Sandbox,
                format!("{} is not visible in the sandbox: {reason}.", source.display()),
            )
        };
        let answer = self.desk.ask(&command, &[]).await;
        answer
            .map_err(|_| failed("the sandbox has ended".into()))?
            .map(|_| ())
            .map_err(failed)
    }

    async fn socket(&self) -> Result<OwnedFd> {
        let failed = |reason: String| Error::new(Code::Sandbox, format!("The sandbox gave no socket: {reason}."));
        let answered = self.desk.ask_for(&Command::Socket, &[]).await;
        let (answer, mut descriptors) = answered.map_err(|_| failed("it has ended".into()))?;
        answer.map_err(failed)?;
        descriptors.pop().ok_or_else(|| failed("none came".into()))
    }

    async fn set_memory(&self, megabytes: u64) -> Result<()> {
        let set = self.place.group.limit_memory(megabytes << 20);
        set.map_err(|error| {
            Error::new(Code::Sandbox, format!("No memory limit of {megabytes} MB: {error}.")).because(error)
        })
    }

    async fn freeze(&self) -> Result<()> {
        let mut halted = self.halted.lock().await;
        let gathered = match self.forked {
            Some(_) => self.place.group.gather(self.keeper),
            None => Ok(()),
        };
        let frozen = match self.place.group.freeze(true) {
            Some(frozen) => gathered.and(frozen),
            None if halted.is_empty() => halt::stop(self.keeper, self.forked).map(|stopped| *halted = stopped),
            None => Ok(()),
        };
        frozen
            .map_err(|error| Error::new(Code::Sandbox, format!("A sandbox cannot be frozen: {error}.")).because(error))
    }

    async fn thaw(&self) -> Result<()> {
        let halted = std::mem::take(&mut *self.halted.lock().await);
        halt::resume(&halted);
        let thawed = self.place.group.freeze(false).unwrap_or(Ok(()));
        thawed
            .map_err(|error| Error::new(Code::Sandbox, format!("A sandbox cannot be thawed: {error}.")).because(error))
    }

    fn memory(&self) -> Option<u64> {
        self.place.group.memory()
    }

    async fn wait(&self) -> Exit {
        *self.exit.get_or_init(|| self.ended()).await
    }

    async fn stop(&self) {
        self.desk.link.get_ref().finish();
        self.wait().await;
    }
}
