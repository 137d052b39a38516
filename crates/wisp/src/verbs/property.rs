//! `wisp property`: the file that OpenWhisk's clients share.

use anstream::eprintln;
use anyhow::{Context, bail};
use clap::{Args, Parser};
use serde_json::{Map, Value};
use wisp_wire::client::Endpoint;

use crate::cli::{Format, Properties, Session, Usage, Verb};

/// Work with the properties file
#[derive(Parser)]
enum Property {
    Get(Get),
    Set(Set),
    Unset(Unset),
}

/// Show properties
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp property get\n  wisp property get --auth\n  \
                        wisp property get --auth --output raw\n  wisp property get --apibuild")]
struct Get {
    #[command(flatten)]
    which: Which,
    /// Version of this program
    #[arg(long)]
    cliversion: bool,
    /// Build of the server
    #[arg(long)]
    apibuild: bool,
    /// Build number of the server
    #[arg(long)]
    apibuildno: bool,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Set properties
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp property set --apihost http://127.0.0.1:3233 --auth UUID:SECRET\n  \
                        wisp property set --namespace guest"
)]
struct Set {
    /// API host of the server
    #[arg(long, value_name = "HOST")]
    apihost: Option<String>,
    /// Authorization key
    #[arg(long, short = 'u', value_name = "KEY")]
    auth: Option<String>,
    /// Version of the API
    #[arg(long, value_name = "VERSION")]
    apiversion: Option<String>,
    /// Namespace that names without one are in
    #[arg(long)]
    namespace: Option<String>,
    /// PEM file of the certificate to present
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// PEM file of its key
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// PEM file of certificates to trust
    #[arg(long, value_name = "FILE")]
    cacert: Option<String>,
}

/// Remove properties
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp property unset --namespace\n  wisp property unset --apihost --auth")]
struct Unset {
    #[command(flatten)]
    which: Which,
}

#[derive(Args, Clone, Copy)]
struct Which {
    /// Certificate to present
    #[arg(long)]
    cert: bool,
    /// Its key
    #[arg(long)]
    key: bool,
    /// Certificates to trust
    #[arg(long)]
    cacert: bool,
    /// Authorization key
    #[arg(long)]
    auth: bool,
    /// API host
    #[arg(long)]
    apihost: bool,
    /// Version of the API
    #[arg(long)]
    apiversion: bool,
    /// Namespace
    #[arg(long)]
    namespace: bool,
}

/// `wisp property`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, property: Property) -> anyhow::Result<()> {
    match property {
        Property::Get(get) => get.run(&session).await,
        Property::Set(set) => set.run(&session).await,
        Property::Unset(unset) => unset.run(&session),
    }
}

impl Get {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let which = self.which;
        let own = [
            which.cert,
            which.key,
            which.cacert,
            which.auth,
            which.apihost,
            which.apiversion,
            which.namespace,
        ];
        let all = self.all
            || ![&own[..], &[self.cliversion, self.apibuild, self.apibuildno]]
                .concat()
                .contains(&true);
        let user = Properties::of_user()?;
        let kept = |key: &str| user.get(key).unwrap_or_default().to_owned();
        let version = || env!("CARGO_PKG_VERSION").to_owned();
        let mut shown = vec![
            (which.cert, "client cert\t\t", kept("CERT")),
            (which.key, "Client key\t\t", kept("KEY")),
            (which.cacert, "CA certificate\t\t", kept("CACERT")),
            (which.auth, "whisk auth\t\t", session.auth()?.unwrap_or_default()),
            (which.apihost, "whisk API host\t\t", session.apihost()?),
            (which.apiversion, "whisk API version\t", session.apiversion()?),
            (which.namespace, "whisk namespace\t\t", session.namespace()?),
            (self.cliversion, "whisk CLI version\t", version()),
        ];
        let info = if all || self.apibuild || self.apibuildno {
            Some(session.anonymous()?.api_info().await)
        } else {
            None
        };
        if let Some(info) = &info {
            let unknown = || "Unknown".to_owned();
            let (build, number) = info
                .as_ref()
                .map_or_else(|_| (unknown(), unknown()), |i| (i.build.clone(), i.buildno.clone()));
            shown.push((self.apibuild, "whisk API build\t\t", build));
            shown.push((self.apibuildno, "whisk API build number\t", number));
        }
        shown.retain(|(wanted, ..)| all || *wanted);
        print(session, &shown)?;
        info.transpose()
            .context("Unable to obtain API build information")
            .map(drop)
    }
}

fn print(session: &Session, shown: &[(bool, &str, String)]) -> anyhow::Result<()> {
    let out = session.out();
    match out.format() {
        Format::Table => shown
            .iter()
            .try_for_each(|(_, label, value)| out.line(&format!("{label}{value}"))),
        Format::Raw => shown.iter().try_for_each(|(_, _, value)| out.line(value)),
        Format::Json | Format::Yaml => {
            let pair =
                |(_, label, value): &(bool, &str, String)| (label.trim().to_owned(), Value::from(value.as_str()));
            out.document(&shown.iter().map(pair).collect::<Map<_, _>>())
        }
    }
}

impl Set {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (mut properties, out) = (Properties::of_user()?, session.out());
        let mut said = Vec::new();
        for (key, label, value) in [("CERT", "client cert", &self.cert), ("KEY", "client key", &self.key)]
            .into_iter()
            .chain([("CACERT", "CA cert", &self.cacert), ("AUTH", "whisk auth", &self.auth)])
        {
            if let Some(value) = value {
                properties.set(key, value);
                said.push(format!(
                    "{label} set. Run 'wisp property get --{}' to see the new value.",
                    key.to_lowercase()
                ));
            }
        }
        if let Some(host) = &self.apihost {
            host.parse::<Endpoint>().context("Unable to set API host value")?;
            properties.set("APIHOST", host);
            said.push(format!("whisk API host set to {host}"));
        }
        if let Some(version) = &self.apiversion {
            properties.set("APIVERSION", version);
            said.push(format!("whisk API version set to {version}"));
        }
        if let Some(namespace) = &self.namespace {
            self.check(session, namespace).await?;
            properties.set("NAMESPACE", namespace);
            said.push(format!("whisk namespace set to {namespace}"));
        }
        if said.is_empty() {
            return Err(Usage("nothing to set: give --apihost, --auth, --namespace …".into()).into());
        }
        properties.write()?;
        said.iter().try_for_each(|text| out.ok(text))
    }

    /// Refuses a namespace that the key is not for.
    async fn check(&self, session: &Session, namespace: &str) -> anyhow::Result<()> {
        let known = match (&self.apihost, &self.auth) {
            (None, None) => session.client()?.namespaces().await,
            // The values that are just being set are not in the file yet.
            (host, key) => {
                let client = match host {
                    Some(host) => wisp_wire::client::Client::new(host.parse()?, <_>::default()),
                    None => session.anonymous()?,
                };
                client
                    .with_key(&key.clone().map_or_else(|| session.key(), Ok)?)
                    .namespaces()
                    .await
            }
        };
        let known = known.with_context(|| format!("Authenticated user does not have namespace '{namespace}'"))?;
        if namespace != "_" && !known.iter().any(|name| name == namespace) {
            bail!(
                "Namespace '{namespace}' is not in the list of entitled namespaces: {}",
                known.join(", ")
            );
        }
        Ok(())
    }
}

impl Unset {
    fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (mut properties, out, which) = (Properties::of_user()?, session.out(), self.which);
        let mut said = Vec::new();
        for (wanted, key, label) in [
            (which.cert, "CERT", "client cert unset."),
            (which.key, "KEY", "client key unset."),
            (which.cacert, "CACERT", "CA cert unset."),
            (which.auth, "AUTH", "whisk auth unset."),
            (
                which.namespace,
                "NAMESPACE",
                "whisk namespace unset; the default value of _ will be used.",
            ),
            (which.apihost, "APIHOST", "whisk API host unset."),
            (
                which.apiversion,
                "APIVERSION",
                "whisk API version unset; the default value of v1 will be used.",
            ),
        ] {
            if wanted {
                properties.remove(key);
                said.push(label);
            }
        }
        if said.is_empty() {
            eprintln!("nothing to unset: give --apihost, --auth, --namespace …");
            return Ok(());
        }
        properties.write()?;
        said.iter().try_for_each(|text| out.ok(text))
    }
}
