use std::{io::ErrorKind, os::fd::OwnedFd, time::Duration};

use tokio::net::unix::pipe;
use wisp_core::{
    Result,
    ports::{Channel, Clock, Stream},
};

use super::{
    super::{logs::Logs, stem::broken},
    marks::Marks,
};

/// Bytes of one read.
const CHUNK: usize = 16 << 10;
/// No pipe holds more, so that a drain of this much has seen all that was written before it began.
const PIPE: usize = 1 << 20;
/// What the log says when its end was not marked in time.
const INCOMPLETE: &[u8] = b"There was an issue while collecting your logs. Data might be missing.\n";

/// What a container writes.
pub struct Output {
    pipes: [Pipe; 2],
    habit: Habit,
    grace: Duration,
    /// The container has the other end, and no use for it.
    _control: OwnedFd,
}

/// Whether an image marks the end of each activation's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Unknown,
    Marks,
    None,
}

struct Pipe {
    receiver: pipe::Receiver,
    stream: Stream,
    chunk: Box<[u8]>,
    marks: Marks,
    ended: bool,
}

impl Output {
    /// The output of a sandbox; `grace` is how long to wait for the mark of an image that may not know it.
    pub fn new(channel: Channel, grace: Duration) -> Result<Self> {
        Ok(Self {
            pipes: [
                Pipe::new(channel.stdout, Stream::Stdout)?,
                Pipe::new(channel.stderr, Stream::Stderr)?,
            ],
            habit: Habit::Unknown,
            grace,
            _control: channel.control,
        })
    }

    /// Reads for as long as it is awaited; never ends by itself. Loses nothing when it is dropped.
    pub async fn collect(&mut self, logs: &mut Logs, clock: &dyn Clock) {
        loop {
            self.next(logs, clock).await;
        }
    }

    /// Reads what was written before the reply: up to the mark if the image has the habit of marking, else what is
    /// there.
    pub async fn finish(&mut self, logs: &mut Logs, clock: &dyn Clock, marked: bool) {
        self.drain(logs, clock);
        if marked && self.habit != Habit::None {
            let grace = clock.sleep(self.grace);
            tokio::select! {
                biased;
                () = self.until_marked(logs, clock) => {}
                () = grace => {}
            }
            self.learn(logs, clock);
        }
        for pipe in &mut self.pipes {
            let (stream, at) = (pipe.stream, clock.now());
            pipe.marks.flush(|bytes| logs.push(stream, bytes, at));
            pipe.marks.seen = false;
        }
    }

    async fn until_marked(&mut self, logs: &mut Logs, clock: &dyn Clock) {
        while !self.is_marked() && !self.pipes.iter().all(|pipe| pipe.ended) {
            self.next(logs, clock).await;
        }
    }

    /// Notes whether the end was marked. Who never marks it is not waited for again; who forgot it once is.
    fn learn(&mut self, logs: &mut Logs, clock: &dyn Clock) {
        match (self.habit, self.is_marked()) {
            (_, true) => self.habit = Habit::Marks,
            (Habit::Marks, false) => logs.push(Stream::Stderr, INCOMPLETE, clock.now()),
            (_, false) => self.habit = Habit::None,
        }
    }

    fn is_marked(&self) -> bool {
        self.pipes.iter().all(|pipe| pipe.marks.seen)
    }

    async fn next(&mut self, logs: &mut Logs, clock: &dyn Clock) {
        let [stdout, stderr] = &mut self.pipes;
        let (index, count) = tokio::select! {
            count = stdout.read() => (0, count),
            count = stderr.read() => (1, count),
        };
        self.pipes[index].pass(count, logs, clock);
    }

    /// What is in the pipes at this moment. A plain read, because readiness may be noticed later than the reply.
    fn drain(&mut self, logs: &mut Logs, clock: &dyn Clock) {
        for pipe in &mut self.pipes {
            let mut seen = 0;
            while seen < PIPE
                && let Ok(count @ 1..) = rustix::io::read(&pipe.receiver, &mut *pipe.chunk)
            {
                pipe.pass(count, logs, clock);
                seen += count;
            }
        }
    }
}

impl Pipe {
    fn new(end: OwnedFd, stream: Stream) -> Result<Self> {
        Ok(Self {
            receiver: pipe::Receiver::from_owned_fd(end).map_err(broken)?,
            stream,
            chunk: vec![0; CHUNK].into(),
            marks: Marks::default(),
            ended: false,
        })
    }

    /// Waits for output, and reads it into the chunk; nothing at the end, and never again after it.
    async fn read(&mut self) -> usize {
        if self.ended {
            return std::future::pending().await;
        }
        loop {
            let ready = self.receiver.readable().await;
            match ready.and_then(|()| self.receiver.try_read(&mut self.chunk)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(count @ 1..) => return count,
                Ok(0) | Err(_) => {
                    self.ended = true;
                    return 0;
                }
            }
        }
    }

    fn pass(&mut self, count: usize, logs: &mut Logs, clock: &dyn Clock) {
        let (stream, at) = (self.stream, clock.now());
        self.marks
            .pass(&self.chunk[..count], |bytes| logs.push(stream, bytes, at));
    }
}
