//! `wisp export`: writes the manifest of what a namespace has, and the code beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Parser;
use serde_json::{Map, Value};
use wisp_core::model::Fqn;
use wisp_wire::client::{Client, Collection, Page, Place};

use super::{
    deploy::{
        inherited,
        manifest::{Action, Limits, Manifest, Package, Project, Rule, Sequence, Trigger},
        wanted::{FEED_DIGEST, PROJECT},
    },
    trigger::feed::{self, Event},
};
use crate::cli::{self, Session, Usage, Verb};

/// The manifest's file.
const MANIFEST: &str = "wisp.yaml";

/// Write the manifest of what the namespace has, and its code, into a folder
#[derive(Parser)]
#[command(after_help = "Examples:\n  wisp export ./shop\n  wisp export ./shop --project shop\n  wisp export . --force")]
struct Export {
    /// The folder; made if it does not exist
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Only what belongs to this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// `wisp export`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, export: Export) -> anyhow::Result<()> {
    let path = export.folder.join(MANIFEST);
    if path.exists() && !export.force {
        bail!(Usage(format!(
            "'{}' is there already: give --force to replace it",
            path.display()
        )));
    }
    let client = session.client()?;
    let exporter = Exporter {
        session: &session,
        client: &client,
        place: session.place(None)?,
        export: &export,
    };
    let manifest = exporter.manifest().await?;
    write(&path, serde_saphyr::to_string(&manifest)?.as_bytes())?;
    session.out().done(&format!("wrote {}", path.display()), &manifest)
}

struct Exporter<'a> {
    session: &'a Session,
    client: &'a Client,
    place: Place,
    export: &'a Export,
}

impl Exporter<'_> {
    async fn manifest(&self) -> anyhow::Result<Manifest> {
        let mut manifest = Manifest {
            project: Project {
                name: self.export.project.clone().unwrap_or_else(|| self.folder_name()),
                ..Project::default()
            },
            ..Manifest::default()
        };
        for item in self.items(Collection::Packages).await? {
            let document: Value = self.client.get(Collection::Packages, &full_name(&item)?).await?;
            manifest.packages.insert(text(&item["name"]), package(&document));
        }
        for item in self.items(Collection::Actions).await? {
            let name = full_name(&item)?;
            let mut action: Value = self.client.get_with_code(&name).await?;
            if let Some(package) = name.package_fqn() {
                inherited::strip(self.client, &mut action, &package).await?;
            }
            let home = match name.package() {
                None => (&mut manifest.actions, &mut manifest.sequences),
                Some(package) => {
                    // One that another project owns is named all the same: the action is in it.
                    let package = manifest.packages.entry(package.to_owned()).or_default();
                    (&mut package.actions, &mut package.sequences)
                }
            };
            match action["exec"]["kind"] == "sequence" {
                true => drop(home.1.insert(name.name().to_owned(), sequence(&action))),
                false => drop(home.0.insert(name.name().to_owned(), self.action(&name, &action)?)),
            }
        }
        for item in self.items(Collection::Triggers).await? {
            manifest
                .triggers
                .insert(text(&item["name"]), self.trigger(&item).await?);
        }
        for item in self.items(Collection::Rules).await? {
            let rule: Value = self.client.get(Collection::Rules, &full_name(&item)?).await?;
            manifest.rules.insert(text(&item["name"]), self::rule(&rule));
        }
        Ok(manifest)
    }

    fn folder_name(&self) -> String {
        let folder = fs::canonicalize(&self.export.folder).unwrap_or_else(|_| self.export.folder.clone());
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "exported".to_owned())
    }

    async fn items(&self, collection: Collection) -> anyhow::Result<Vec<Value>> {
        let mut items: Vec<Value> = self.client.list(collection, &self.place, Page::ALL).await?;
        if let Some(project) = &self.export.project {
            items.retain(|item| cli::annotation(item, PROJECT).and_then(Value::as_str) == Some(project));
        }
        Ok(items)
    }

    fn action(&self, name: &Fqn, document: &Value) -> anyhow::Result<Action> {
        let exec = &document["exec"];
        let mut annotations = plain(&document["annotations"]);
        let mut take = |key: &str| annotations.remove(key);
        let raw = take("raw-http") == Some(Value::Bool(true));
        let web = match take("web-export") {
            Some(Value::Bool(true)) if raw => Some("raw".into()),
            Some(Value::Bool(true)) => Some(true.into()),
            _ => None,
        };
        if web.is_some() {
            take("final");
        }
        let conductor = take("conductor").and_then(|value| value.as_bool());
        let isolation = take("isolation").and_then(|level| level.as_str()?.parse().ok());
        let secrets = take("secrets").and_then(|secrets| serde_json::from_value(secrets).ok());
        let (parameters, environment) = parameters(&document["parameters"]);
        let image = exec["image"].as_str().map(str::to_owned);
        Ok(Action {
            function: self.code(name, exec)?,
            runtime: exec["kind"].as_str().filter(|_| image.is_none()).map(str::to_owned),
            docker: image,
            main: exec["main"].as_str().map(str::to_owned),
            web,
            conductor,
            isolation,
            limits: limits(&document["limits"]),
            environment,
            secrets: secrets.unwrap_or_default(),
            parameters,
            annotations,
            ..Action::default()
        })
    }

    /// Writes the code into a file, and says where.
    fn code(&self, name: &Fqn, exec: &Value) -> anyhow::Result<Option<String>> {
        let Some(code) = exec["code"].as_str() else {
            return Ok(None);
        };
        let bytes = match exec["binary"] == true {
            true => BASE64_STANDARD
                .decode(code)
                .with_context(|| format!("the code of '{name}' is no base64"))?,
            false => code.as_bytes().to_vec(),
        };
        let ending = match exec["kind"].as_str().unwrap_or_default() {
            _ if bytes.starts_with(b"PK\x03\x04") => ".zip",
            kind if kind.starts_with("nodejs") || kind.starts_with("js") => ".js",
            kind if kind.starts_with("python") => ".py",
            kind if kind.starts_with("wasm") => ".wasm",
            _ => "",
        };
        let package = name.package().map(|package| format!("{package}/")).unwrap_or_default();
        let path = format!("src/{package}{}{ending}", name.name());
        let target = self.export.folder.join(&path);
        if target.exists() && !self.export.force {
            bail!(Usage(format!(
                "'{}' is there already: give --force to replace it",
                target.display()
            )));
        }
        write(&target, &bytes)?;
        Ok(Some(path))
    }

    /// A trigger; what its feed was told is asked of the feed.
    async fn trigger(&self, item: &Value) -> anyhow::Result<Trigger> {
        let name = full_name(item)?;
        let document: Value = self.client.get(Collection::Triggers, &name).await?;
        let mut trigger = Trigger {
            feed: feed::of(&document).map(str::to_owned),
            parameters: parameters(&document["parameters"]).0,
            annotations: plain(&document["annotations"]),
        };
        trigger.annotations.retain(|key, _| key != "feed" && key != FEED_DIGEST);
        if let Some(feed) = &trigger.feed {
            match feed::call(self.session, self.client, feed, Event::Read, &name, None).await {
                Ok(told) => {
                    trigger.parameters = told["response"]["result"]["config"]
                        .as_object()
                        .cloned()
                        .unwrap_or_default()
                }
                Err(error) => anstream::eprintln!(
                    "warning: the parameters of trigger '{}' are not in the manifest: {error:#}",
                    name.name()
                ),
            }
        }
        Ok(trigger)
    }
}

fn package(item: &Value) -> Package {
    let binding = &item["binding"];
    let provider = |binding: &Value| {
        Some(format!(
            "/{}/{}",
            binding["namespace"].as_str()?,
            binding["name"].as_str()?
        ))
    };
    Package {
        publish: (item["publish"] == true).then_some(true),
        binding: provider(binding),
        parameters: parameters(&item["parameters"]).0,
        annotations: plain(&item["annotations"]),
        ..Package::default()
    }
}

fn sequence(document: &Value) -> Sequence {
    let mut annotations = plain(&document["annotations"]);
    let web = annotations.remove("web-export").filter(|export| *export == true);
    for key in ["raw-http", "final"] {
        annotations.remove(key);
    }
    let steps = document["exec"]["components"].as_array().into_iter().flatten();
    Sequence {
        actions: steps
            .map(|step| reference(&text(step), &text(&document["namespace"])))
            .collect(),
        web,
        annotations,
    }
}

fn rule(document: &Value) -> Rule {
    let end = |end: &Value| {
        let name = format!("/{}/{}", text(&end["path"]), text(&end["name"]));
        reference(&name, &text(&document["namespace"]))
    };
    Rule {
        trigger: end(&document["trigger"]),
        action: end(&document["action"]),
        status: (document["status"] == "inactive").then(|| "inactive".into()),
        annotations: plain(&document["annotations"]),
    }
}

/// A full name as a manifest for any namespace says it: `package/name`, and `/_/name` for what is in no package.
fn reference(name: &str, home: &str) -> String {
    let namespace = home.split('/').next().unwrap_or_default();
    match name.strip_prefix(&format!("/{namespace}/")) {
        Some(own) if own.contains('/') => own.to_owned(),
        Some(own) => format!("/_/{own}"),
        None => name.to_owned(),
    }
}

fn limits(document: &Value) -> Limits {
    let limit = |name: &str| document[name].as_u64();
    Limits {
        timeout: limit("timeout"),
        memory: limit("memory"),
        logs: limit("logs"),
        concurrency: limit("concurrency"),
    }
}

/// Parameters of every run, and those of the environment.
fn parameters(list: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let pairs = list.as_array().into_iter().flatten();
    let (environment, parameters): (Vec<_>, Vec<_>) = pairs.partition(|pair| pair["init"] == true);
    let map = |pairs: Vec<&Value>| {
        let pair = |pair: &Value| (text(&pair["key"]), escaped(pair["value"].clone()));
        pairs.into_iter().map(pair).collect()
    };
    (map(parameters), map(environment))
}

/// Annotations that are the user's.
fn plain(list: &Value) -> Map<String, Value> {
    let (mut all, _) = parameters(list);
    all.retain(|key, _| !["exec", "provide-api-key", PROJECT].contains(&key.as_str()));
    all
}

/// Dollar signs in a manifest stand for variables, unless they are doubled.
fn escaped(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace('$', "$$").into(),
        Value::Array(items) => items.into_iter().map(escaped).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, field)| (key, escaped(field))).collect(),
        other => other,
    }
}

fn full_name(item: &Value) -> anyhow::Result<Fqn> {
    Ok(format!("{}/{}", text(&item["namespace"]), text(&item["name"])).parse()?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder '{}'", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write '{}'", path.display()))
}
