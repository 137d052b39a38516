//! What the server tells a host: frames as launchers get them, with these kinds and texts. Replies are
//! [`Kind`](super::super::protocol::Kind)s.

use serde::{Deserialize, Serialize};
use wisp_core::ports::Run;

use super::{
    super::protocol::{self, Token, frame},
    Grants,
};

/// Take a program: [`Load`], with its compiled code as a descriptor. Answered by `Done` or `Failure`.
pub const LOAD: u8 = 1;
/// Run it: [`RunHeader`], then the run's body as JSON. Answered by the outcome, after its logs.
pub const RUN: u8 = 2;
/// Forget a program: its number. Not answered.
pub const UNLOAD: u8 = 3;
/// End the run with this token. Answered by the run, in time or as `Exited`.
pub const CANCEL: u8 = 4;

/// A program and how to run it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Load {
    /// The number that runs name it by.
    pub program: u64,
    /// What it is called: its first argument.
    pub name: String,
    /// The variables of each run.
    pub environment: Vec<(String, String)>,
    /// Memory of an instance, in MB.
    pub memory: u64,
    /// What the action grants.
    pub grants: Grants,
}

/// What stands before a run's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// The program.
    pub program: u64,
    /// Bytes of logs kept.
    pub log_limit: u64,
    /// Bytes of result kept.
    pub result_limit: u64,
}

impl RunHeader {
    /// Its length in bytes.
    pub const SIZE: usize = 24;

    fn bytes(self) -> impl Iterator<Item = u8> {
        [self.program, self.log_limit, self.result_limit]
            .into_iter()
            .flat_map(u64::to_le_bytes)
    }

    /// The header at the front of a text, and the rest of it.
    #[cfg(feature = "wasm")]
    pub fn split(text: &[u8]) -> Option<(Self, &[u8])> {
        let number = |at: usize| Some(u64::from_le_bytes(text.get(at..at + 8)?.try_into().ok()?));
        let header = Self {
            program: number(0)?,
            log_limit: number(8)?,
            result_limit: number(16)?,
        };
        Some((header, &text[Self::SIZE..]))
    }
}

/// The frame that loads a program.
pub fn load(token: Token, load: &Load) -> Vec<u8> {
    // Numbers and strings cannot fail to become JSON.
    frame(LOAD, token, 512, |bytes| drop(serde_json::to_writer(bytes, load)))
}

/// The frame that runs a program.
pub fn run(token: Token, program: u64, run: &Run) -> Vec<u8> {
    let header = RunHeader {
        program,
        log_limit: run.log_limit,
        result_limit: run.result_limit,
    };
    frame(RUN, token, RunHeader::SIZE + protocol::size(run), |bytes| {
        bytes.extend(header.bytes());
        protocol::write_body(run, bytes);
    })
}

/// The frame that forgets a program.
pub fn unload(program: u64) -> Vec<u8> {
    frame(UNLOAD, 0, 8, |bytes| bytes.extend(program.to_le_bytes()))
}

/// The frame that ends a run.
pub fn cancel(token: Token) -> Vec<u8> {
    frame(CANCEL, token, 0, |_| ())
}
