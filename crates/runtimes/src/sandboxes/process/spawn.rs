use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    process::{Child, Command, Stdio},
};

use super::{
    Config,
    launcher::ARGUMENT,
    link::Link,
    messages::{Answer, Order, Park, Root, Setup},
};

/// A keeper: its process id and the sockets for its commands and its status.
type Keeper = (u32, Link, Link);

/// The launcher's process, seen from the server.
pub struct Launcher {
    process: Child,
    orders: Link,
}

impl Launcher {
    /// Starts one.
    pub fn start(config: &Config) -> Result<Self, String> {
        let failed = |error: io::Error| format!("start the launcher {}: {error}", config.launcher);
        let (orders, theirs) = Link::pair().map_err(failed)?;
        let process = Command::new(&config.launcher)
            .arg(ARGUMENT)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let launcher = Self { process, orders };
        let setup = Setup {
            hostname: config.hostname.clone(),
            etc: config.etc.clone(),
            shared_memory: config.shared_memory,
            scratch_inodes: config.scratch_inodes,
            pending_signals: config.pending_signals,
            message_queues: config.message_queues,
        };
        launcher.orders.send(&setup, &[]).map_err(failed)?;
        launcher.answer::<()>().map_err(failed)??;
        Ok(launcher)
    }

    /// Forks a keeper, which joins its control groups by these files.
    pub fn keeper(&self, park: Park, doors: &[File]) -> io::Result<Answer<Keeper>> {
        let (commands, their_commands) = Link::pair()?;
        let (status, their_status) = Link::pair()?;
        let mut descriptors = vec![their_commands.as_fd(), their_status.as_fd()];
        descriptors.extend(doors.iter().map(AsFd::as_fd));
        self.orders.send(&Order::Keeper(park), &descriptors)?;
        drop((their_commands, their_status));
        Ok(self.answer::<u32>()?.map(|(pid, _)| (pid, commands, status)))
    }

    /// Prepares a root.
    pub fn root(&self, root: &Root) -> io::Result<Answer<OwnedFd>> {
        self.orders.send(&Order::Root(root.clone()), &[])?;
        let answer = self.answer::<()>()?;
        Ok(answer.and_then(|((), mut descriptors)| descriptors.pop().ok_or_else(|| "no root came".into())))
    }

    /// Ends the launcher, and with it every sandbox.
    pub fn stop(&mut self) {
        // It has ended by itself if it cannot be killed; either way it is reaped here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn answer<T: serde::de::DeserializeOwned>(&self) -> io::Result<Answer<(T, Vec<OwnedFd>)>> {
        let (answer, descriptors) = self.orders.recv::<Answer<T>>()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(answer.map(|answer| (answer, descriptors)))
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.stop();
    }
}
