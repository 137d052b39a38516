use std::{
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
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

    /// The certificate by which [`certify`] lets it prove itself.
    pub fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("certificate.pem")).unwrap()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.process.id() as i32) {
            // Those that it started go, too; none is there if it has ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        self.process.wait().unwrap();
        // The last of them takes a moment to go.
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
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
    match command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    {
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

/// Makes a certificate for this machine, and its key, in a folder.
pub fn certify(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    (certificate, key)
}
