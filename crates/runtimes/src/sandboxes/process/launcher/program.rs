use std::{
    ffi::{CStr, CString, c_char},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{super::messages::Start, kernel};

/// A program, ready to be executed: nothing is allocated between the fork and its first instruction.
pub struct Program {
    command: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
    pids: u64,
    files: u64,
    /// Size of `/tmp`, in MB.
    pub scratch: u64,
    descriptors: Vec<OwnedFd>,
}

impl Program {
    /// A program with its control socket, standard output, standard error, root and, perhaps, control group.
    pub fn new(start: Start, descriptors: Vec<OwnedFd>) -> Result<Self, String> {
        if start.command.is_empty() || !(4..=5).contains(&descriptors.len()) {
            return Err("a program needs a command and four or five descriptors".into());
        }
        let strings = |strings: Vec<String>| strings.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
        let nul = |error| format!("a command, variable or directory contains a zero byte: {error}");
        Ok(Self {
            command: strings(start.command).map_err(nul)?,
            environment: strings(start.environment).map_err(nul)?,
            directory: CString::new(start.directory).map_err(nul)?,
            pids: start.pids,
            files: start.files,
            scratch: start.scratch,
            descriptors,
        })
    }

    /// Control socket, standard output, standard error.
    pub fn channels(&self) -> &[OwnedFd] {
        &self.descriptors[..3]
    }

    /// The mount namespace of its root.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.descriptors[3].as_fd()
    }

    /// The control group to be cloned into.
    pub fn group(&self) -> Option<BorrowedFd<'_>> {
        self.descriptors.get(4).map(AsFd::as_fd)
    }

    /// Replaces the caller by the program; returns only what went wrong.
    pub fn execute(&self) -> (&'static str, io::Error) {
        let arguments = pointers(&self.command);
        let environment = pointers(&self.environment);
        let prepared = self.prepare();
        match prepared {
            Ok(()) => (
                "execute the program",
                kernel::execute(self.program(), &arguments, &environment),
            ),
            Err((step, error)) => (step, error),
        }
    }

    /// The program's path.
    pub fn program(&self) -> &CStr {
        &self.command[0]
    }

    fn prepare(&self) -> Result<(), (&'static str, io::Error)> {
        let step = |what| move |error: rustix::io::Errno| (what, error.into());
        rustix::process::setsid().map_err(step("session"))?;
        reset_signals();
        let limit = |value| Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        // Holds also where there are no control groups; init is counted too.
        let pids = getrlimit(Resource::Nproc)
            .maximum
            .map_or(self.pids + 1, |most| most.min(self.pids + 1));
        setrlimit(Resource::Nproc, limit(pids)).map_err(step("limit of processes"))?;
        // Without privileges a limit can only be lowered.
        let files = getrlimit(Resource::Nofile)
            .maximum
            .map_or(self.files, |most| most.min(self.files));
        setrlimit(Resource::Nofile, limit(files)).map_err(step("limit of open files"))?;
        setrlimit(Resource::Core, limit(0)).map_err(step("limit of core files"))?;
        rustix::process::chdir(&self.directory).map_err(step("working directory"))
    }
}

/// Pointers to strings, with a null pointer at the end.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// Undoes what this program's own runtime changed; the rest does not survive execution.
fn reset_signals() {
    // SAFETY: only dispositions and the mask of this single-threaded process change, and the set is initialised.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}
