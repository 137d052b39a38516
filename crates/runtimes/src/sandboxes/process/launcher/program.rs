use std::{
    ffi::{CStr, CString, c_char},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    super::messages::{Birth, Request, SPACES, Start},
    filter::PLACING,
    kernel,
    namespaces::INSIDE,
};

/// Descriptors of every program: control, standard output, standard error, root.
const COMMON: usize = 4;

/// A program, ready to be executed: nothing is allocated between the fork and its first instruction.
pub struct Program {
    command: Vec<CString>,
    environment: Vec<CString>,
    /// Where the program may be: one path, or one for each directory of an image's `PATH`.
    places: Vec<CString>,
    directory: CString,
    pids: u64,
    files: u64,
    /// Size of what can be written, in MB.
    pub scratch: u64,
    /// Greatest number of inodes in it.
    pub inodes: u64,
    /// User and group that it runs as inside, if its root is an image.
    pub owner: Option<(u32, u32)>,
    /// How it comes to be.
    pub birth: Birth,
    doors: usize,
    descriptors: Vec<OwnedFd>,
}

impl Program {
    /// A program with the descriptors that [`Command::Start`](super::super::messages::Command::Start) tells of.
    pub fn new(start: Start, inodes: u64, descriptors: Vec<OwnedFd>) -> Result<Self, String> {
        let (forked, executed) = (start.birth == Birth::Forked, !start.command.is_empty());
        let least = COMMON + if forked { 1 + start.doors } else { 0 };
        if !(forked || executed) || !(least..=least + 1).contains(&descriptors.len()) {
            return Err(format!(
                "a program needs a command, or a zygote, and {least} descriptors"
            ));
        }
        let strings = |strings: Vec<String>| strings.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
        let places = places(&start);
        let nul = |error| format!("a command, variable or directory contains a zero byte: {error}");
        Ok(Self {
            command: strings(start.command).map_err(nul)?,
            environment: strings(start.environment).map_err(nul)?,
            places: strings(places).map_err(nul)?,
            directory: CString::new(start.directory).map_err(nul)?,
            pids: start.pids,
            files: start.files,
            scratch: start.scratch,
            inodes,
            owner: start.owner,
            birth: start.birth,
            doors: start.doors,
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
        let inherits = self.zygote().map_or(0, |(_, doors)| 1 + doors.len());
        self.descriptors.get(COMMON + inherits).map(AsFd::as_fd)
    }

    /// The socket of the zygote that forks it, and the files by which it joins its control groups.
    pub fn zygote(&self) -> Option<(BorrowedFd<'_>, &[OwnedFd])> {
        let (zygote, doors) = self.descriptors.get(COMMON..COMMON + 1 + self.doors)?.split_first()?;
        (self.birth == Birth::Forked).then_some((zygote.as_fd(), doors))
    }

    /// What its zygote is asked for.
    pub fn request(&self) -> Request {
        let text = |text: &CString| text.to_string_lossy().into_owned();
        Request {
            environment: self.environment.iter().map(text).collect(),
            directory: text(&self.directory),
            pids: self.pids,
            files: self.files,
            spaces: SPACES.into(),
            user: INSIDE,
            forbidden: PLACING.into(),
        }
    }

    /// Its working directory.
    pub fn directory(&self) -> &CStr {
        &self.directory
    }

    /// User and group that it runs as, seen from inside.
    pub fn user(&self) -> (u32, u32) {
        self.owner.unwrap_or((INSIDE, INSIDE))
    }

    /// Replaces the caller by the program; returns only what went wrong.
    pub fn execute(&self) -> (&'static str, io::Error) {
        let arguments = pointers(&self.command);
        let environment = pointers(&self.environment);
        let prepared = self.prepare();
        match prepared {
            Ok(()) => ("execute the program", self.try_places(&arguments, &environment)),
            Err((step, error)) => (step, error),
        }
    }

    /// Executes what is at the first place where something is; a place that may not be looked at is remembered.
    fn try_places(&self, arguments: &[*const c_char], environment: &[*const c_char]) -> io::Error {
        let mut failure = io::Error::from_raw_os_error(libc::ENOENT);
        for place in &self.places {
            let error = kernel::execute(place, arguments, environment);
            match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR) => {}
                Some(libc::EACCES) => failure = error,
                _ => return error,
            }
        }
        failure
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

fn places(start: &Start) -> Vec<String> {
    let name = &start.command[0];
    let path = start.environment.iter().find_map(|pair| pair.strip_prefix("PATH="));
    match (start.owner, path) {
        (Some(_), Some(path)) if !name.contains('/') => {
            let directories = path.split(':').filter(|directory| directory.starts_with('/'));
            directories.map(|directory| format!("{directory}/{name}")).collect()
        }
        _ => vec![name.clone()],
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
