use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};
use wisp_runtimes::languages::nodejs::packages;

use crate::cli::{self, Session, Verb};

/// Install what functions can use beside their own code
#[derive(Parser)]
enum Install {
    NodePackages(NodePackages),
}

/// The packages that OpenWhisk's Node runtime brings: openwhisk, redis, uuid; needs npm
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp install node-packages\n  wisp install node-packages --data /var/lib/wisp\n\n\
                        A server finds them when it starts the next time."
)]
struct NodePackages {
    /// Data directory of the server
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// `wisp install`
pub fn register() -> Verb {
    Verb::local::<Install>(|session, Install::NodePackages(install)| install.run(&session))
}

impl NodePackages {
    fn run(&self, session: &Session) -> anyhow::Result<()> {
        let data = self.data.clone().or_else(cli::data_directory);
        let data = data.context("there is no home directory: name the server's data directory with --data")?;
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let target = std::path::absolute(data)?.join("node_modules");
        packages::install(&target)?;
        session.out().ok(&format!(
            "installed the packages of Node functions into {}",
            target.display()
        ))
    }
}
