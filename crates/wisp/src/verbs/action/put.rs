use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::Value;
use wisp_core::model::{Fqn, Isolation};
use wisp_wire::client::{ActionPut, Client, Collection, ExecPut, LimitsPut, Pair};

use super::{
    artifact,
    web::{self, Web},
};
use crate::cli::{Annotations, Params, Session, Usage, size};

/// Create an action
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp action create hello hello.js\n  \
                        wisp action create thumbs ./thumbs --memory 512 --timeout 120000\n  \
                        wisp action create page page.py --web true\n  wisp action create both --sequence first,second\n  \
                        wisp action create mine --copy /whisk.system/samples/greeting\n  \
                        wisp action create fast ./a.out\n  \
                        wisp action create sums sums.py --requirements requirements.txt\n  \
                        wisp action create careful careful.js --isolation process\n  \
                        wisp action create api api.js --secret DB_PASSWORD=db-password")]
pub struct Create {
    #[command(flatten)]
    put: Put,
}

/// Update an action, or create it if it does not exist
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp action update hello hello.js\n  wisp action update hello -p name Ada\n  \
                        wisp action update hello --memory 512\n  wisp action update hello --web raw\n  \
                        wisp action update hello --del-annotation description"
)]
pub struct Update {
    #[command(flatten)]
    put: Put,
    /// Remove an annotation; may be given several times
    #[arg(long, value_name = "KEY")]
    del_annotation: Vec<String>,
}

#[derive(Args)]
struct Put {
    /// Its name
    #[arg(value_name = "ACTION_NAME")]
    name: String,
    /// A source file, an archive, an executable, a folder; or what --sequence and --copy make of it
    #[arg(value_name = "ACTION")]
    artifact: Option<String>,
    /// Kind of the runtime, such as nodejs:default; guessed from the file if absent (see `wisp list kinds`)
    #[arg(long, conflicts_with_all = ["docker", "native", "sequence", "copy"])]
    kind: Option<String>,
    /// Install what this file lists (pip's requirements.txt, Python only) when the action first runs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["docker", "native", "sequence", "copy"])]
    requirements: Option<PathBuf>,
    /// Name of the entry point
    #[arg(long, value_name = "FUNCTION")]
    main: Option<String>,
    /// ACTION is a list of actions, separated by commas, to be run one after another
    #[arg(long, conflicts_with = "copy")]
    sequence: bool,
    /// ACTION is the name of an action to copy
    #[arg(long)]
    copy: bool,
    /// Run this container image
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["sequence", "copy"])]
    docker: Option<String>,
    /// ACTION is an executable, or an archive with one named `exec`, for the container image of OpenWhisk
    #[arg(long, conflicts_with_all = ["docker", "sequence", "copy"])]
    native: bool,
    /// Whether it is a web action: yes, true, raw, no, false
    #[arg(long)]
    web: Option<Web>,
    /// Secret that callers of the web action must send: true for a random one, false for none, or any text
    #[arg(long, value_name = "SECRET")]
    web_secure: Option<String>,
    /// Longest run, in milliseconds
    #[arg(long, short, value_name = "LIMIT")]
    timeout: Option<u64>,
    /// Memory, in MB
    #[arg(long, short, value_name = "LIMIT")]
    memory: Option<u64>,
    /// Log lines kept of an activation, in MB
    #[arg(long, short, value_name = "LIMIT")]
    logsize: Option<u64>,
    /// Activations at the same time in one instance
    #[arg(long, short, value_name = "LIMIT")]
    concurrency: Option<u64>,
    /// What keeps it from everything else: wasm, isolate, process, oci, microvm; its kind's own level if absent (see
    /// `wisp list kinds`)
    #[arg(long, value_name = "LEVEL", conflicts_with = "sequence")]
    isolation: Option<Isolation>,
    /// A secret that the function gets as an environment variable (see `wisp secret`); may be given several times
    #[arg(long, value_name = "VARIABLE=SECRET", value_parser = secret, conflicts_with = "sequence")]
    secret: Vec<(String, String)>,
    #[command(flatten)]
    params: Params,
    #[command(flatten)]
    annotations: Annotations,
}

/// `DB_PASSWORD=db-password`.
fn secret(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .map(|(variable, name)| (variable.to_owned(), name.to_owned()));
    pair.ok_or_else(|| format!("'{text}' is not VARIABLE=SECRET, such as DB_PASSWORD=db-password"))
}

impl Create {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let name = self.put.name.clone();
        let created = self.put.send(session, None).await;
        let (document, note) = created.with_context(|| format!("Unable to create action '{name}'"))?;
        session.out().done(&format!("created action {name}{note}"), &document)
    }
}

impl Update {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let name = self.put.name.clone();
        let updated = self.put.send(session, Some(self.del_annotation)).await;
        let (document, note) = updated.with_context(|| format!("Unable to update action '{name}'"))?;
        session.out().done(&format!("updated action {name}{note}"), &document)
    }
}

impl Put {
    /// Sends it; `removed` are the annotations that an update removes, none for a creation. Returns the document, and
    /// what to add to the message.
    async fn send(mut self, session: &Session, removed: Option<Vec<String>>) -> anyhow::Result<(Value, String)> {
        let (client, name) = (session.client()?, session.entity(&self.name)?);
        let update = removed.is_some();
        let mut body = ActionPut {
            limits: self.limits(),
            del_annotations: removed.unwrap_or_default(),
            ..<_>::default()
        };
        let mut note = String::new();
        match self.artifact.take() {
            Some(source) if self.copy => {
                let (exec, copied) = copied(&client, &session.entity(&source)?).await?;
                body = ActionPut {
                    exec: Some(exec),
                    ..body
                };
                copied.lay_under(&mut body);
            }
            Some(components) if self.sequence => body.exec = Some(sequence(session, &components)?),
            artifact => (body.exec, note) = self.exec(artifact)?,
        }
        if body.exec.is_none() && !update {
            return Err(Usage("An action name and code artifact are required.".into()).into());
        }
        self.annotate(&client, &name, update, &mut body).await?;
        body.parameters = over(body.parameters.take(), self.params.pairs());
        Ok((client.put(Collection::Actions, &name, &body, update).await?, note))
    }

    fn limits(&self) -> Option<LimitsPut> {
        let Self {
            timeout,
            memory,
            logsize: logs,
            concurrency,
            ..
        } = *self;
        let limits = LimitsPut {
            timeout,
            memory,
            logs,
            concurrency,
        };
        (limits != LimitsPut::default()).then_some(limits)
    }

    fn exec(&self, artifact: Option<String>) -> anyhow::Result<(Option<ExecPut>, String)> {
        let read = |path: String| match &self.requirements {
            Some(list) => artifact::read_with(path.as_ref(), list),
            None => artifact::read(path.as_ref()),
        };
        let code = artifact.map(read).transpose()?;
        let image = match self.native {
            true => Some(artifact::SKELETON.to_owned()),
            false => self.docker.clone(),
        };
        if code.is_none() && image.is_none() {
            let orphan = self.requirements.is_some()
                || self.native
                || self.sequence
                || self.copy
                || self.kind.is_some()
                || self.main.is_some();
            return match orphan {
                true => Err(Usage("An action name and code artifact are required.".into()).into()),
                false => Ok((None, String::new())),
            };
        }
        let kind = match (&self.kind, &image, &code) {
            (Some(kind), ..) => kind.clone(),
            (None, Some(_), _) => "blackbox".into(),
            (None, None, Some(code)) => code.kind()?,
            (None, None, None) => String::new(),
        };
        let note = code
            .as_ref()
            .filter(|code| code.packed)
            .map(|code| format!(" ({})", size(code.bytes)));
        let exec = ExecPut {
            kind,
            image,
            code: code.map(|code| code.text),
            main: self.main.clone(),
            ..<_>::default()
        };
        Ok((Some(exec), note.unwrap_or_default()))
    }

    async fn annotate(
        &mut self,
        client: &Client,
        name: &Fqn,
        update: bool,
        body: &mut ActionPut,
    ) -> anyhow::Result<()> {
        if let Some(web) = self.web {
            web.annotate(&mut self.annotations);
        }
        if let Some(level) = self.isolation {
            self.annotations.set(Isolation::ANNOTATION, level.as_str());
        }
        if !self.secret.is_empty() {
            let secrets = self
                .secret
                .iter()
                .map(|(variable, name)| (variable.clone(), name.as_str().into()));
            self.annotations.set("secrets", Value::Object(secrets.collect()));
        }
        if let Some(mode) = &self.web_secure {
            let existing: Option<Value> = match client.get(Collection::Actions, name).await {
                _ if !update => None,
                Err(error) if error.is_not_found() => None,
                document => Some(document?),
            };
            let gone = web::secure(mode, self.web, existing.as_ref(), &mut self.annotations)?;
            body.del_annotations.extend(gone);
        }
        body.annotations = over(body.annotations.take(), self.annotations.pairs());
        Ok(())
    }
}

/// What `--copy` takes along besides the code.
struct Copied {
    parameters: Vec<Pair>,
    annotations: Vec<Pair>,
}

impl Copied {
    fn lay_under(self, body: &mut ActionPut) {
        let some = |pairs: Vec<Pair>| (!pairs.is_empty()).then_some(pairs);
        body.parameters = some(self.parameters);
        body.annotations = some(self.annotations);
    }
}

async fn copied(client: &Client, source: &Fqn) -> anyhow::Result<(ExecPut, Copied)> {
    #[derive(serde::Deserialize)]
    struct Source {
        exec: ExecPut,
        #[serde(default)]
        parameters: Vec<Pair>,
        #[serde(default)]
        annotations: Vec<Pair>,
    }
    let got = client.get_with_code(source).await;
    let source: Source = got.with_context(|| format!("Unable to get action '{source}'"))?;
    Ok((
        source.exec,
        Copied {
            parameters: source.parameters,
            annotations: source.annotations,
        },
    ))
}

fn sequence(session: &Session, components: &str) -> anyhow::Result<ExecPut> {
    let names = components.split(',').map(|name| Ok(session.entity(name)?.absolute()));
    let components = names.collect::<anyhow::Result<_>>()?;
    Ok(ExecPut {
        kind: "sequence".into(),
        components,
        ..ExecPut::default()
    })
}

/// Pairs with others laid over them.
fn over(under: Option<Vec<Pair>>, over: Option<Vec<Pair>>) -> Option<Vec<Pair>> {
    let (Some(mut merged), Some(over)) = (under.clone(), over.clone()) else {
        return over.or(under);
    };
    merged.retain(|pair| over.iter().all(|upper| upper.key != pair.key));
    merged.extend(over);
    Some(merged)
}
