use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    os::fd::BorrowedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Mutex as AsyncMutex, Notify};
use wisp_core::{
    Result,
    ports::{Channel, Clock, Stream},
};

use super::{
    intake::{Event, Intake},
    logs::Logs,
    protocol::{FIRST, Kind, Message, Protocol, Token},
    socket::Socket,
};

/// How an exchange ended.
#[derive(Debug)]
pub enum Reply {
    /// With this message.
    Message(Message),
    /// The channel was closed.
    Closed,
    /// The instance sent what no launcher sends, for this reason.
    Broken(String),
}

/// Requests and replies of one instance, several at a time.
///
/// Nobody reads in the background: one of those who wait for a reply reads for all of them, and the others take over
/// when it has its own. So the usual single run costs no task and no queue.
pub struct Exchange {
    control: Socket,
    sending: AsyncMutex<()>,
    intake: AsyncMutex<Intake>,
    /// Few, by keys that are random already: a tree finds them sooner than hashing them again would.
    waiting: Mutex<BTreeMap<Token, Waiting>>,
    secret: RandomState,
    count: AtomicU64,
    clock: Arc<dyn Clock>,
    /// What the launcher last told of imports.
    imports: Mutex<Option<Vec<u8>>>,
}

struct Waiting {
    logs: Logs,
    /// Whether all output before the reply has been read.
    drained: bool,
    reply: Option<Reply>,
    arrived: Arc<Notify>,
}

impl Exchange {
    /// Talks over a sandbox's channel; longer messages than `limit` bytes break it.
    pub fn new(channel: Channel, protocol: &dyn Protocol, limit: u64, clock: Arc<dyn Clock>) -> Result<Self> {
        let (control, intake) = Intake::new(channel, protocol, limit)?;
        Ok(Self {
            control,
            sending: AsyncMutex::new(()),
            intake: AsyncMutex::new(intake),
            waiting: Mutex::default(),
            secret: RandomState::new(),
            count: AtomicU64::new(0),
            clock,
            imports: Mutex::default(),
        })
    }

    /// Begins an exchange, whose output goes to `logs`.
    pub fn open(&self, logs: Logs) -> Token {
        let token = self
            .secret
            .hash_one(self.count.fetch_add(1, Ordering::Relaxed))
            .max(FIRST + 1);
        self.expect(token, logs);
        token
    }

    /// Begins the exchange of the launcher's first message.
    pub fn open_first(&self, logs: Logs) -> Token {
        self.expect(FIRST, logs);
        FIRST
    }

    fn expect(&self, token: Token, logs: Logs) {
        let waiting = Waiting {
            logs,
            drained: false,
            reply: None,
            arrived: Arc::default(),
        };
        self.waiting().insert(token, waiting);
    }

    /// Ends an exchange: the output that came meanwhile.
    pub fn close(&self, token: Token) -> Logs {
        let drained = self.waiting().get(&token).is_some_and(|waiting| waiting.drained);
        if !drained && let Ok(mut intake) = self.intake.try_lock() {
            self.drain(&mut intake, token);
        }
        self.waiting()
            .remove(&token)
            .map_or_else(|| Logs::new(0, 0), |waiting| waiting.logs)
    }

    /// Drops the output that nobody waits for.
    pub fn forget_output(&self) {
        if let Ok(mut intake) = self.intake.try_lock() {
            intake.drain(|_, _| ());
        }
    }

    /// Sends a request; a closed channel is noticed by [`reply`](Self::reply).
    pub async fn send(&self, bytes: &[u8]) {
        let _turn = self.sending.lock().await;
        let _ = self.control.write_all(bytes).await;
    }

    /// Sends a request that brings a descriptor along.
    pub async fn send_with(&self, bytes: &[u8], descriptor: BorrowedFd<'_>) {
        let _turn = self.sending.lock().await;
        if let Err(error) = self.control.write_with(bytes, descriptor).await {
            tracing::debug!(%error, "a descriptor could not be sent");
        }
    }

    /// Makes sure that no reply is there before its request: where replies name no request, it would pass for the next
    /// one's. Returns what is wrong.
    pub async fn unsolicited(&self) -> Option<String> {
        match self.intake.lock().await.present(&self.control)? {
            Event::Message(_) => Some("a reply to no request".into()),
            Event::Broken(reason) => Some(reason),
            Event::Closed | Event::Output(..) => None,
        }
    }

    /// Waits for the reply, of whose text at least `keep` bytes are kept.
    pub async fn reply(&self, token: Token, keep: u64) -> Reply {
        let Some(arrived) = self.waiting().get(&token).map(|waiting| waiting.arrived.clone()) else {
            return Reply::Closed;
        };
        loop {
            if let Some(reply) = self.take(token) {
                return reply;
            }
            tokio::select! {
                biased;
                () = arrived.notified() => {}
                mut intake = self.intake.lock() => {
                    intake.keep(keep);
                    while !self.has_reply(token) {
                        let event = intake.next(&self.control).await;
                        self.dispatch(event, &mut intake, token);
                    }
                }
            }
        }
    }

    /// The reply, if it was sent before the process ended.
    pub async fn last_reply(&self, token: Token) -> Reply {
        let mut intake = self.intake.lock().await;
        while !self.has_reply(token) {
            let event = intake.present(&self.control).unwrap_or(Event::Closed);
            self.dispatch(event, &mut intake, token);
        }
        self.take(token).unwrap_or(Reply::Closed)
    }

    /// What the launcher last told of imports, where it can be taken.
    pub fn imports(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Token, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, token: Token) -> Option<Reply> {
        self.waiting().get_mut(&token)?.reply.take()
    }

    fn has_reply(&self, token: Token) -> bool {
        self.waiting().get(&token).is_none_or(|waiting| waiting.reply.is_some())
    }

    fn log(&self, token: Token, stream: Stream, bytes: &[u8]) {
        let at = self.clock.now();
        if let Some(waiting) = self.waiting().get_mut(&token) {
            waiting.logs.push(stream, bytes, at);
        }
    }

    fn drain(&self, intake: &mut Intake, token: Token) {
        intake.drain(|stream, bytes| self.log(token, stream, bytes));
    }

    /// Hands an event to whom it concerns: output that names no run goes to the one that `reader` waits for.
    fn dispatch(&self, event: Event, intake: &mut Intake, reader: Token) {
        match event {
            Event::Output(stream, bytes) => self.log(reader, stream, &bytes),
            Event::Message(message) if message.kind == Kind::Log => self.log_message(&message),
            Event::Message(message) if message.kind == Kind::Imports => *self.imports() = Some(message.text),
            Event::Message(message) => {
                let token = message.token.unwrap_or(reader);
                self.drain(intake, token);
                if !self.deliver(token, Reply::Message(message)) {
                    self.deliver_all(|| Reply::Broken("a reply to no request".into()));
                }
            }
            Event::Closed => self.deliver_all(|| Reply::Closed),
            Event::Broken(reason) => self.deliver_all(|| Reply::Broken(reason.clone())),
        }
    }

    /// Output that comes after its run's reply has no place any more.
    fn log_message(&self, message: &Message) {
        let (Some(token), [stream, text @ ..]) = (message.token, message.text.as_slice()) else {
            return;
        };
        let stream = if *stream == 1 { Stream::Stdout } else { Stream::Stderr };
        self.log(token, stream, text);
    }

    fn deliver(&self, token: Token, reply: Reply) -> bool {
        let mut waiting = self.waiting();
        let Some(waiting) = waiting.get_mut(&token) else {
            return false;
        };
        waiting.reply.get_or_insert(reply);
        waiting.drained = true;
        waiting.arrived.notify_one();
        true
    }

    fn deliver_all(&self, reply: impl Fn() -> Reply) {
        for waiting in self.waiting().values_mut() {
            waiting.reply.get_or_insert_with(&reply);
            waiting.arrived.notify_one();
        }
    }
}
