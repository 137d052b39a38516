use std::{
    io::{self, ErrorKind},
    os::fd::AsFd,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::unix::pipe;
use wisp_core::{
    Result,
    ports::{Channel, Stream},
};

use super::{
    protocol::{Decoder, Message, Protocol},
    socket::Socket,
    stem::broken,
};

/// Bytes of one read.
const CHUNK: usize = 16 << 10;
/// No pipe holds more, so that a drain of this much has seen all that was written before it began.
const PIPE: usize = 1 << 20;

/// Something that an instance did.
#[derive(Debug)]
pub enum Event {
    /// It sent a message.
    Message(Message),
    /// It wrote to an output stream.
    Output(Stream, Vec<u8>),
    /// It, and everybody else, closed the channel.
    Closed,
    /// It sent what no launcher sends, for this reason.
    Broken(String),
}

/// The reading side of an instance.
pub struct Intake {
    decoder: Box<dyn Decoder>,
    unread: Vec<u8>,
    decoded: usize,
    /// Where reads go first, so that none has to clear memory of its own.
    chunk: Box<[u8]>,
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
}

impl Intake {
    /// Splits a sandbox's channel into its socket and the rest.
    pub fn new(channel: Channel, protocol: &dyn Protocol, limit: u64) -> Result<(Socket, Self)> {
        let control = Socket::new(channel.control).map_err(broken)?;
        let stdout = Some(pipe::Receiver::from_owned_fd(channel.stdout).map_err(broken)?);
        let stderr = Some(pipe::Receiver::from_owned_fd(channel.stderr).map_err(broken)?);
        Ok((
            control,
            Self {
                decoder: protocol.decoder(limit),
                unread: Vec::new(),
                decoded: 0,
                chunk: vec![0; CHUNK].into(),
                stdout,
                stderr,
            },
        ))
    }

    /// Keeps at least so many bytes of a message's text.
    pub fn keep(&mut self, bytes: u64) {
        self.decoder.keep(bytes);
    }

    /// Waits for the next event. Loses nothing when it is dropped.
    pub async fn next(&mut self, control: &Socket) -> Event {
        loop {
            if let Some(event) = self.decode() {
                return event;
            }
            tokio::select! {
                biased;
                read = control.read(&mut self.chunk) => match read {
                    Ok(count @ 1..) => self.unread.extend_from_slice(&self.chunk[..count]),
                    Ok(0) | Err(_) => return Event::Closed,
                },
                output = output(&self.stdout) => match output {
                    Some(bytes) => return Event::Output(Stream::Stdout, bytes),
                    None => self.stdout = None,
                },
                output = output(&self.stderr) => match output {
                    Some(bytes) => return Event::Output(Stream::Stderr, bytes),
                    None => self.stderr = None,
                },
            }
        }
    }

    /// The next event that is in the channel at this moment already; none if there is nothing. A plain read, because
    /// readiness may be noticed later.
    pub fn present(&mut self, control: &Socket) -> Option<Event> {
        loop {
            if let Some(event) = self.decode() {
                return Some(event);
            }
            match read(control, &mut self.chunk) {
                Ok(count @ 1..) => self.unread.extend_from_slice(&self.chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Ok(0) | Err(_) => return Some(Event::Closed),
            }
        }
    }

    /// What is in the output pipes at this moment. A plain read, because readiness may be noticed later than the reply
    /// that was written after the output.
    pub fn drain(&mut self, mut push: impl FnMut(Stream, &[u8])) {
        let pipes = [(&self.stdout, Stream::Stdout), (&self.stderr, Stream::Stderr)];
        if !any_readable(pipes.iter().filter_map(|(pipe, _)| pipe.as_ref())) {
            return;
        }
        for (pipe, stream) in pipes {
            let Some(pipe) = pipe else { continue };
            let mut seen = 0;
            while let Ok(count @ 1..) = read(pipe, &mut self.chunk) {
                push(stream, &self.chunk[..count]);
                seen += count;
                if seen >= PIPE {
                    break;
                }
            }
        }
    }

    fn decode(&mut self) -> Option<Event> {
        if self.unread.is_empty() {
            return None;
        }
        let mut rest = &self.unread[self.decoded..];
        let message = self.decoder.decode(&mut rest);
        self.decoded = self.unread.len() - rest.len();
        if rest.is_empty() {
            self.unread.clear();
            self.decoded = 0;
        }
        match message {
            Ok(message) => message.map(Event::Message),
            Err(reason) => Some(Event::Broken(reason)),
        }
    }
}

/// Whether a read of one of these would return something; most often one call finds that none would.
fn any_readable<'a>(pipes: impl Iterator<Item = &'a pipe::Receiver>) -> bool {
    let mut pipes: Vec<_> = pipes.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
    // A poll that fails has not shown that there is nothing.
    poll(&mut pipes, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}

fn read(from: impl AsFd, bytes: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(from, bytes)?)
}

/// The next output; none at its end. Never ready once it has ended.
async fn output(pipe: &Option<pipe::Receiver>) -> Option<Vec<u8>> {
    let Some(pipe) = pipe else {
        return std::future::pending().await;
    };
    loop {
        pipe.readable().await.ok()?;
        let mut bytes = vec![0; CHUNK];
        match pipe.try_read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => {
                bytes.truncate(count);
                return Some(bytes);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}
