use std::{cell::OnceCell, env, path::PathBuf};

use anstream::eprintln;
use wisp_core::model::Fqn;
use wisp_wire::client::{Client, Endpoint, Options, Place};

use super::{Flags, Format, Out, Properties, Registration, Usage, names, progress};

/// Where a server listens unless it is told otherwise.
const DEFAULT_HOST: &str = "http://127.0.0.1:3233";

/// What a verb works with: the flags, the properties, and the way to the server.
///
/// A value is taken from the flag, else from the environment (`WHISK_APIHOST`, `WHISK_AUTH`, `WHISK_NAMESPACE`,
/// `WHISK_APIVERSION`), else from the user's properties, else from those that a server on this machine wrote; these
/// last only while that server is the one meant, so that its key goes nowhere else.
pub struct Session {
    flags: Flags,
    verbs: &'static [Registration],
    user: OnceCell<Properties>,
}

impl Session {
    /// A session with these flags.
    pub fn new(flags: Flags, verbs: &'static [Registration]) -> Self {
        Self {
            flags,
            verbs,
            user: OnceCell::new(),
        }
    }

    /// The table of verbs.
    pub fn verbs(&self) -> &'static [Registration] {
        self.verbs
    }

    /// Prints results as wanted.
    pub fn out(&self) -> Out {
        Out::new(self.flags.output.unwrap_or(Format::Table))
    }

    /// The API host.
    pub fn apihost(&self) -> anyhow::Result<String> {
        let host = self.value(self.flags.apihost.clone(), "WHISK_APIHOST", "APIHOST")?;
        Ok(host.unwrap_or_else(|| DEFAULT_HOST.to_owned()))
    }

    /// The key, if there is one.
    pub fn auth(&self) -> anyhow::Result<Option<String>> {
        self.value(self.flags.auth.clone(), "WHISK_AUTH", "AUTH")
    }

    /// The key; an error says where it is looked for.
    pub fn key(&self) -> anyhow::Result<String> {
        let missing = "no authorization key: give it with --auth KEY, or keep it with `wisp property set --auth KEY`";
        self.auth()?.ok_or_else(|| Usage(missing.into()).into())
    }

    /// The version of the API.
    pub fn apiversion(&self) -> anyhow::Result<String> {
        let version = self.value(self.flags.apiversion.clone(), "WHISK_APIVERSION", "APIVERSION")?;
        Ok(version.unwrap_or_else(|| "v1".to_owned()))
    }

    /// The namespace that names without one are in; `_` is the key's.
    pub fn namespace(&self) -> anyhow::Result<String> {
        Ok(self
            .value(None, "WHISK_NAMESPACE", "NAMESPACE")?
            .unwrap_or_else(|| "_".to_owned()))
    }

    /// A client with the key.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(self.anonymous()?.with_key(&self.key()?))
    }

    /// A client without a key, for what the server tells everybody.
    pub fn anonymous(&self) -> anyhow::Result<Client> {
        let endpoint: Endpoint = self.apihost()?.parse()?;
        let client = Client::new(endpoint, self.options()?).with_version(self.apiversion()?);
        let bodies = self.flags.debug;
        if !bodies && !self.flags.verbose {
            return Ok(client);
        }
        Ok(client.with_tracer(move |line, body| match body {
            body if bodies && !body.is_empty() => eprintln!("{line}\n{body}"),
            _ => eprintln!("{line}"),
        }))
    }

    /// The entity that a name means.
    pub fn entity(&self, name: &str) -> anyhow::Result<Fqn> {
        names::entity(name, &self.namespace()?)
    }

    /// Where a list is wanted.
    pub fn place(&self, text: Option<&str>) -> anyhow::Result<Place> {
        names::place(text, &self.namespace()?)
    }

    fn options(&self) -> anyhow::Result<Options> {
        let file = |flag: &Option<PathBuf>, property| -> anyhow::Result<Option<PathBuf>> {
            Ok(match flag {
                Some(path) => Some(path.clone()),
                None => self.value(None, "", property)?.map(Into::into),
            })
        };
        let (certificate, key) = (file(&self.flags.cert, "CERT")?, file(&self.flags.key, "KEY")?);
        let insecure =
            || Ok::<_, anyhow::Error>(self.value(None, "", "INSECURE")?.is_some_and(|value| value == "true"));
        Ok(Options {
            insecure: self.flags.insecure || insecure()?,
            ca_certificate: file(&self.flags.cacert, "CACERT")?,
            identity: certificate.zip(key),
            progress: progress::uploads(),
            ..Options::default()
        })
    }

    fn value(&self, flag: Option<String>, variable: &str, property: &str) -> anyhow::Result<Option<String>> {
        if let Some(value) = flag.or_else(|| environment(variable)) {
            return Ok(Some(value));
        }
        let user = self.user()?;
        if let Some(value) = user.get(property) {
            return Ok(Some(value.to_owned()));
        }
        let server = Properties::of_server()?;
        let host = self.flags.apihost.clone().or_else(|| environment("WHISK_APIHOST"));
        let host = host.or_else(|| user.get("APIHOST").map(str::to_owned));
        let meant = host.is_none() || host.as_deref() == server.get("APIHOST");
        Ok(server.get(property).filter(|_| meant).map(str::to_owned))
    }

    fn user(&self) -> anyhow::Result<&Properties> {
        if self.user.get().is_none() {
            // It is empty, so that setting it succeeds.
            let _ = self.user.set(Properties::of_user()?);
        }
        Ok(self.user.get_or_init(Properties::default))
    }
}

fn environment(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}
