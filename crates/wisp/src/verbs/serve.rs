use std::path::PathBuf;

use clap::Parser;
use serde_json::Value;

use crate::{
    cli::{Session, Verb},
    server::{self, Layers, Settings},
};

/// Start the platform on this machine
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  wisp serve                                     on http://127.0.0.1:3233, data in the user's data directory\n  \
                        wisp serve --dev                               with the well-known keys of OpenWhisk's tutorials\n  \
                        wisp serve --tls-listen 0.0.0.0:3443           also HTTPS, with a certificate made at the first start\n  \
                        wisp serve --config wisp.toml --set worker.memory=4096\n\n\
                        Every setting can be in the file, in the environment (WISP_WORKER_MEMORY) or in --set;\n\
                        `wisp config show --origin` lists them all."
)]
struct Serve {
    #[command(flatten)]
    sources: Sources,
    /// Address of the API [default: 127.0.0.1:3233]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address of the API over TLS
    #[arg(long, value_name = "ADDRESS")]
    tls_listen: Option<String>,
    /// Certificate chain in PEM, instead of one made at the first start
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Directory of everything that is stored [default: wisp in the user's data directory]
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// Accept the well-known keys of OpenWhisk's tutorials: only for machines that nobody else reaches
    #[arg(long)]
    dev: bool,
    /// Limits: `laptop` (generous, the default) or `openwhisk` (as Apache OpenWhisk ships)
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// File that the key of namespace guest is written to, for the CLI [default: wskprops in the data directory]
    #[arg(long, value_name = "FILE")]
    wskprops: Option<PathBuf>,
    /// Filter of the log, such as `debug` or `wisp_worker=debug,info` [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// Where settings come from beside flags of their own.
#[derive(Parser)]
pub(super) struct Sources {
    /// Settings file, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, by its path: `--set retention.count=1000`
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as worker.memory=4096")?;
    Ok((key.to_owned(), server::parse(value)))
}

impl Sources {
    /// All settings, with these flags over what is set elsewhere.
    pub fn layers(&self, flags: Vec<(&str, &str, Value)>) -> anyhow::Result<Layers> {
        let set = self
            .set
            .iter()
            .map(|(key, value)| ("--set", key.as_str(), value.clone()));
        Settings::layers(
            self.config.as_deref(),
            &flags.into_iter().chain(set).collect::<Vec<_>>(),
        )
    }
}

/// The verb.
pub fn register() -> Verb {
    Verb::local::<Serve>(run)
}

fn run(_: Session, serve: Serve) -> anyhow::Result<()> {
    let settings: Settings = serve.sources.layers(serve.flags())?.read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(server::serve(settings));
    // Whatever still hangs after the drain must not keep the process.
    runtime.shutdown_background();
    result
}

impl Serve {
    fn flags(&self) -> Vec<(&'static str, &'static str, Value)> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let texts = [
            ("--listen", "listen", self.listen.clone()),
            ("--tls-listen", "tls.listen", self.tls_listen.clone()),
            ("--tls-certificate", "tls.certificate", path(&self.tls_certificate)),
            ("--tls-key", "tls.key", path(&self.tls_key)),
            ("--data", "data", path(&self.data)),
            ("--preset", "preset", self.preset.clone()),
            ("--wskprops", "wskprops", path(&self.wskprops)),
            ("--log", "log", self.log.clone()),
        ];
        let given = texts
            .into_iter()
            .filter_map(|(flag, key, text)| Some((flag, key, Value::String(text?))));
        given
            .chain(self.dev.then_some(("--dev", "dev", Value::Bool(true))))
            .collect()
    }
}
