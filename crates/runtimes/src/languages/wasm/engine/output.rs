use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::de::IgnoredAny;

use super::{
    super::super::protocol::{Kind, Token},
    requests::Replies,
};

/// The stream's byte in log messages.
pub const STDOUT: u8 = 1;
/// The stream's byte in log messages.
pub const STDERR: u8 = 2;
/// Output that waits longer than this is sent with the next, so that its time is about right.
const DELAY: Duration = Duration::from_millis(5);
/// Most bytes that wait.
const WAITING: usize = 64 << 10;

/// Output of one activation: logs, which go to the server while it runs, and what may be its result.
///
/// A command's result is what it writes to standard output: all of it if that is JSON, else the last line. So what is
/// written is a log as soon as it cannot be the result any more.
pub struct Output {
    replies: Arc<Replies>,
    token: Token,
    /// Bytes of logs that are still sent; one more than the limit, so that the server sees that there are more.
    left: u64,
    /// A stream's byte and what was written to it.
    waiting: Vec<u8>,
    sent: Instant,
    /// Whether standard output has the result.
    holds: bool,
    held: Vec<u8>,
    /// Bytes after those held, of a line that is too long.
    lost: u64,
    keep: usize,
}

/// What a command wrote as its result.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// Its beginning.
    pub text: Vec<u8>,
    /// Its whole length.
    pub size: u64,
}

impl Output {
    /// Output with so many bytes of logs; `holds` if standard output has the result, of which `keep` bytes are kept.
    pub fn new(replies: Arc<Replies>, token: Token, log_limit: u64, holds: bool, keep: u64) -> Self {
        Self {
            replies,
            token,
            left: log_limit.saturating_add(1),
            waiting: Vec::new(),
            sent: Instant::now(),
            holds,
            held: Vec::new(),
            lost: 0,
            keep: usize::try_from(keep).unwrap_or(usize::MAX),
        }
    }

    /// Takes what was written to a stream.
    pub fn write(&mut self, stream: u8, bytes: &[u8]) {
        if stream == STDOUT && self.holds {
            self.hold(bytes);
        } else {
            self.log(stream, bytes);
        }
    }

    /// The result. Everything else has been sent as logs.
    pub fn finish(&mut self) -> Written {
        let mut held = std::mem::take(&mut self.held);
        let whole = self.lost == 0 && may_be_json(&held) && serde_json::from_slice::<IgnoredAny>(&held).is_ok();
        if !whole {
            let end = held.trim_ascii_end().len();
            let start = held[..end]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let line = held.split_off(start);
            self.log(STDOUT, &held);
            held = line;
        }
        self.flush();
        let text = held.trim_ascii();
        Written {
            size: text.len() as u64 + std::mem::take(&mut self.lost),
            text: text.to_vec(),
        }
    }

    /// Sends everything as logs: there is no result.
    pub fn abandon(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.log(STDOUT, &held);
        self.flush();
    }

    fn hold(&mut self, mut bytes: &[u8]) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at + 1);
            self.hold_part(line);
            bytes = rest;
        }
        self.hold_part(bytes);
    }

    /// Holds a line or a part of one.
    fn hold_part(&mut self, part: &[u8]) {
        if part.is_empty() {
            return;
        }
        let ended = self.held.ends_with(b"\n");
        let room = self.keep.saturating_sub(self.held.len());
        if ended && (!may_be_json(&self.held) || part.len() > room) && !part.trim_ascii().is_empty() {
            // Lines before this one can no longer be the result.
            let held = std::mem::take(&mut self.held);
            self.log(STDOUT, &held);
            self.lost = 0;
        }
        let kept = part.len().min(self.keep.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&part[..kept]);
        if kept < part.len() {
            self.lost += (part.len() - kept) as u64;
            if part.ends_with(b"\n") {
                self.lost -= 1;
                self.held.push(b'\n');
            }
        }
    }

    fn log(&mut self, stream: u8, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))];
        if bytes.is_empty() {
            return;
        }
        self.left -= bytes.len() as u64;
        if self.waiting.first() != Some(&stream) {
            self.flush();
            self.waiting.push(stream);
        }
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() > WAITING || self.sent.elapsed() > DELAY {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.replies.send(Kind::Log, self.token, &[&self.waiting]);
            self.waiting.clear();
        }
        self.sent = Instant::now();
    }
}

fn may_be_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Output of one activation, which its instance writes to while somebody else may end it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Output>>);

impl Shared {
    /// Shares an output.
    pub fn new(output: Output) -> Self {
        Self(Arc::new(Mutex::new(output)))
    }

    /// The output.
    pub fn lock(&self) -> MutexGuard<'_, Output> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an instance's streams lead at present: the same streams serve one activation after the other.
#[derive(Clone)]
pub struct Current(Arc<Mutex<Shared>>);

impl Current {
    /// Streams that lead to an output.
    pub fn new(output: Shared) -> Self {
        Self(Arc::new(Mutex::new(output)))
    }

    /// Lets them lead to another one.
    pub fn turn_to(&self, output: Shared) {
        *self.lock() = output;
    }

    /// Writes to it.
    pub fn write(&self, stream: u8, bytes: &[u8]) {
        self.lock().lock().write(stream, bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::*;

    /// What is logged, and what is the result, of these writes to standard output.
    fn written(keep: u64, writes: &[&str]) -> (String, String, u64) {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut output = Output::new(Arc::new(Replies::new(theirs.into())), 1, 1000, true, keep);
        writes.iter().for_each(|write| output.write(STDOUT, write.as_bytes()));
        let result = output.finish();
        drop(output);
        let mut frames = Vec::new();
        { ours }.read_to_end(&mut frames).unwrap();
        let mut logs = Vec::new();
        while !frames.is_empty() {
            let length = u32::from_le_bytes(*frames.first_chunk().unwrap()) as usize;
            logs.extend_from_slice(&frames[14..4 + length]);
            frames.drain(..4 + length);
        }
        (
            String::from_utf8(logs).unwrap(),
            String::from_utf8(result.text).unwrap(),
            result.size,
        )
    }

    #[test]
    fn the_result_is_everything_or_the_last_line() {
        for (writes, logs, result) in [
            (&["{\"a\":1}"][..], "", "{\"a\":1}"),
            (&["{\"a\":", "1}\n"], "", "{\"a\":1}"),
            (&["{\n \"a\": 1\n}\n"], "", "{\n \"a\": 1\n}"),
            (&["hello\n", "{\"a\":1}\n"], "hello\n", "{\"a\":1}"),
            (&["hello\n{\"a\":1}\n\n"], "hello\n", "{\"a\":1}"),
            (&["hel", "lo\n{\n\"a\":1}"], "hello\n", "{\n\"a\":1}"),
            (&["{\"log\":1}\n{\"a\":1}\n"], "{\"log\":1}\n", "{\"a\":1}"),
            (&["a\nb"], "a\n", "b"),
            (&[], "", ""),
        ] {
            let size = result.len() as u64;
            assert_eq!(written(100, writes), (logs.into(), result.into(), size), "{writes:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_counted_not_kept() {
        let long = format!("[{}]", "1,".repeat(100));
        let (logs, text, size) = written(10, &["log\n", &long]);
        assert_eq!((logs.as_str(), text.as_str(), size), ("log\n", &long[..10], 202));
        let (logs, text, size) = written(10, &[&long, "\nend"]);
        assert_eq!((logs, text, size), (format!("{}\n", &long[..10]), "end".into(), 3));
    }
}
