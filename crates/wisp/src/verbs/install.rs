use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Parser};
use wisp_core::Result;
use wisp_runtimes::languages::{
    js::package,
    nodejs::{packages, release},
};

use crate::cli::{self, Session, Verb};

/// Install what functions can use beside their own code
#[derive(Parser)]
enum Install {
    /// The packages that OpenWhisk's Node runtime brings: openwhisk, redis, uuid; needs npm
    #[command(
        after_help = "Examples:\n  wisp install node-packages\n  wisp install node-packages --data /var/lib/wisp\n\n\
                      A server finds them when it starts the next time."
    )]
    NodePackages(Place),
    /// Releases of Node.js beside the machine's own, by major version: the kinds nodejs:22, nodejs:24 …; needs npm
    #[command(
        after_help = "Examples:\n  wisp install node 24\n  wisp install node 22 24 --data /var/lib/wisp\n\n\
                      A server finds them when it starts the next time; the newest is nodejs:default."
    )]
    Node(Node),
    /// workerd, which runs functions of the kind js:isolate (160 MB); needs npm
    #[command(
        after_help = "Examples:\n  wisp install workerd\n  wisp install workerd --data /var/lib/wisp\n\n\
                      A server finds it when it starts the next time."
    )]
    Workerd(Place),
}

#[derive(Args)]
struct Node {
    /// Major versions, such as 24
    #[arg(value_name = "MAJOR", required = true, value_parser = clap::value_parser!(u32).range(18..))]
    majors: Vec<u32>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// Data directory of the server
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// `wisp install`
pub fn register() -> Verb {
    Verb::local::<Install>(|session, install| match install {
        Install::NodePackages(place) => place.install(
            &session,
            "the packages of Node functions",
            "node_modules",
            packages::install,
        ),
        Install::Node(Node { majors, place }) => majors.iter().try_for_each(|major| {
            let name = format!("interpreters/nodejs-{major}");
            place.install(&session, &format!("Node.js {major}"), &name, |target| {
                release::install(target, *major)
            })
        }),
        Install::Workerd(place) => place.install(&session, "workerd", "workerd", package::install),
    })
}

impl Place {
    fn install(
        &self,
        session: &Session,
        what: &str,
        name: &str,
        install: impl Fn(&Path) -> Result<()>,
    ) -> anyhow::Result<()> {
        let data = self.data.clone().or_else(cli::data_directory);
        let data = data.context("there is no home directory: name the server's data directory with --data")?;
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let target = std::path::absolute(data)?.join(name);
        install(&target)?;
        session.out().ok(&format!("installed {what} into {}", target.display()))
    }
}
