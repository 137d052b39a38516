use std::{
    collections::VecDeque,
    io::{self, Write},
    os::fd::OwnedFd,
    sync::{Mutex, PoisonError},
};

use super::super::super::{
    passing,
    protocol::{HEADER, Kind, Token, frame},
};

/// Bytes of one read.
const CHUNK: usize = 64 << 10;

/// Something that the server wants.
pub struct Request {
    /// What, of [`wire`](super::super::wire).
    pub kind: u8,
    /// Which exchange it begins or concerns.
    pub token: Token,
    /// The rest.
    pub text: Vec<u8>,
}

/// Requests as they arrive. The server is trusted to frame them.
pub struct Requests {
    socket: OwnedFd,
    unread: Vec<u8>,
    files: VecDeque<OwnedFd>,
}

impl Requests {
    /// Those that come over a socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            unread: Vec::new(),
            files: VecDeque::new(),
        }
    }

    /// Waits for the next; none when the server has gone.
    pub fn next(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some(request) = self.take() {
                return Ok(Some(request));
            }
            let have = self.unread.len();
            self.unread.resize(have + CHUNK, 0);
            let count = passing::receive(&self.socket, &mut self.unread[have..], &mut self.files)?;
            self.unread.truncate(have + count);
            if count == 0 {
                return Ok(None);
            }
        }
    }

    /// The file that came along with a request; they come in its order.
    pub fn file(&mut self) -> Option<OwnedFd> {
        self.files.pop_front()
    }

    fn take(&mut self) -> Option<Request> {
        let (length, rest) = self.unread.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        let body = rest.get(..length)?;
        let (kind, body) = body.split_first()?;
        let (token, text) = body.split_first_chunk()?;
        let request = Request {
            kind: *kind,
            token: u64::from_le_bytes(*token),
            text: text.to_vec(),
        };
        self.unread.drain(..size_of::<u32>() + length);
        Some(request)
    }
}

/// Where replies go.
pub struct Replies(Mutex<std::fs::File>);

impl Replies {
    /// Replies over a socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self(Mutex::new(socket.into()))
    }

    /// Sends a reply, whole. The server reads while it waits for any, and is gone if it cannot be written to.
    pub fn send(&self, kind: Kind, token: Token, parts: &[&[u8]]) {
        let size = parts.iter().map(|part| part.len()).sum::<usize>();
        let bytes = frame(kind.number(), token, HEADER + size, |bytes| {
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
        });
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if socket.write_all(&bytes).is_err() {
            std::process::exit(0);
        }
    }
}
