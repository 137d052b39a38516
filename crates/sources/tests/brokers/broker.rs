use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A broker of the test's own, with a port and a folder, ended with it.
pub struct Broker {
    command: fn(&Path, u16) -> Command,
    process: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Broker {
    /// Starts one and waits until it takes connections; none if this machine has no such broker.
    pub async fn start(command: fn(&Path, u16) -> Command) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = run(command(folder.path(), port))?;
        let mut broker = Self {
            command,
            process,
            port,
            folder,
        };
        broker.ready().await;
        Some(broker)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again with what it had.
    pub async fn restart(&mut self) {
        self.process = run((self.command)(self.folder.path(), self.port)).unwrap();
        self.ready().await;
    }

    async fn ready(&mut self) {
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // PostgreSQL does not start while processes of the one that was killed are still about.
            if self.process.try_wait().unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                self.process = run((self.command)(self.folder.path(), self.port)).unwrap();
            }
        }
    }
}

fn run(mut command: Command) -> Option<Child> {
    match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(process) => Some(process),
        Err(error) => {
            eprintln!("SKIPPED: {:?} cannot be started: {error}", command.get_program());
            None
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
