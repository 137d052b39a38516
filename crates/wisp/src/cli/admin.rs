use std::{
    ops::Deref,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use tokio_util::sync::DropGuard;
use wisp_wire::client::{Client, Endpoint, Options};

use super::data_directory;
use crate::server;

/// Longest wait for what an administrator asks for: large images take their time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Which platform is administered.
#[derive(Args)]
pub struct Stored {
    /// Data directory of the server
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

impl Stored {
    /// The way to the administration: the server's socket, or one of our own over the data of a server that is down.
    pub async fn admin(&self) -> anyhow::Result<Admin> {
        let data = self.data.clone().or_else(data_directory);
        let data = data.context("there is no home directory: name the server's data directory with --data")?;
        let socket = data.join(server::ADMIN_SOCKET);
        let offline = match answers(&socket) {
            true => None,
            false => Some(server::administer(&data).await?),
        };
        let options = Options {
            reply_timeout: PATIENCE,
            ..Options::default()
        };
        Ok(Admin {
            client: Client::new(Endpoint::Unix(socket), options),
            offline,
        })
    }
}

/// A client of the administration.
pub struct Admin {
    client: Client,
    offline: Option<DropGuard>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let (Some(_), Endpoint::Unix(socket)) = (&self.offline, self.client.endpoint()) {
            // A socket that nobody answers is only untidy.
            let _ = std::fs::remove_file(socket);
        }
    }
}

impl Deref for Admin {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}
