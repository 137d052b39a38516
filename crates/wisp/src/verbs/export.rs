//! `wisp export`: writes the manifest of what a namespace has, and the code beside it.

use std::{
    collections::BTreeMap,
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
    action::web::Web,
    deploy::{
        MANIFEST, apis, inherited,
        manifest::{Action, Api, Limits, Manifest, Package, Project, Rule, Sequence, Source, Trigger},
        wanted::{FEED_DIGEST, PROJECT, is_of},
    },
    trigger::feed::{self, Event},
};
use crate::cli::{self, Session, Usage, Verb};

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
            let document: Value = self
                .client
                .get(Collection::Packages, &cli::full_name(&item).parse()?)
                .await?;
            manifest.packages.insert(text(&item["name"]), package(&document));
        }
        for item in self.items(Collection::Actions).await? {
            let name: Fqn = cli::full_name(&item).parse()?;
            let mut action: Value = self.client.get_with_code(&name).await?;
            if let Some(package) = name.package_fqn() {
                inherited::strip(self.client, &mut action, &package).await?;
            }
            let home = match name.package() {
                None => (&mut manifest.own.actions, &mut manifest.own.sequences),
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
            let (name, trigger) = (text(&item["name"]), self.trigger(&item).await?);
            match trigger
                .feed
                .as_deref()
                .and_then(|feed| feed.strip_prefix(Source::FEEDS))
            {
                Some(feed) => drop(manifest.own.sources.insert(name, source(feed.to_owned(), trigger))),
                None => drop(manifest.own.triggers.insert(name, trigger)),
            }
        }
        for item in self.items(Collection::Rules).await? {
            let rule: Value = self
                .client
                .get(Collection::Rules, &cli::full_name(&item).parse()?)
                .await?;
            manifest.own.rules.insert(text(&item["name"]), self::rule(&rule));
        }
        manifest.own.apis = self.apis().await?;
        Ok(manifest)
    }

    /// APIs as paths with actions; what is more than that is written into a file.
    async fn apis(&self) -> anyhow::Result<BTreeMap<String, Api>> {
        let mut exported: BTreeMap<String, Api> = BTreeMap::new();
        let documents = apis::list(self.client).await?;
        let namespaces = self.client.namespaces().await?;
        let namespace = namespaces.first().map(String::as_str).unwrap_or_default();
        let project = self.export.project.as_deref();
        for document in documents {
            if project.is_some_and(|project| document[apis::PROJECT] != project) {
                continue;
            }
            let (title, base) = (text(&document["info"]["title"]), apis::base(&document));
            match apis::shape(&document, namespace) {
                Some(paths) => {
                    let api = exported.entry(title).or_default();
                    api.paths.insert(base, paths);
                }
                None => {
                    let name = base.trim_matches('/').replace('/', "-");
                    let path = format!("apis/{}.json", if name.is_empty() { "root" } else { &name });
                    let document = serde_json::to_vec_pretty(&apis::portable(document, namespace))?;
                    self.write(&path, &document)?;
                    let document = Some(path);
                    exported.insert(
                        format!("{title} {base}"),
                        Api {
                            document,
                            ..Api::default()
                        },
                    );
                }
            }
        }
        Ok(exported)
    }

    fn folder_name(&self) -> String {
        let folder = fs::canonicalize(&self.export.folder).unwrap_or_else(|_| self.export.folder.clone());
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "exported".to_owned())
    }

    async fn items(&self, collection: Collection) -> anyhow::Result<Vec<Value>> {
        let mut items: Vec<Value> = self.client.list(collection, &self.place, Page::ALL).await?;
        if let Some(project) = &self.export.project {
            items.retain(|item| is_of(item, project));
        }
        Ok(items)
    }

    fn action(&self, name: &Fqn, document: &Value) -> anyhow::Result<Action> {
        let exec = &document["exec"];
        let mut annotations = plain(&document["annotations"]);
        let web = web(&mut annotations);
        let mut take = |key: &str| annotations.remove(key);
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
        self.write(&path, &bytes)?;
        Ok(Some(path))
    }

    /// Writes a file beside the manifest; none that is there, unless it was asked to.
    fn write(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let target = self.export.folder.join(path);
        if target.exists() && !self.export.force {
            bail!(Usage(format!(
                "'{}' is there already: give --force to replace it",
                target.display()
            )));
        }
        write(&target, bytes)
    }

    /// A trigger; what its feed was told is asked of the feed.
    async fn trigger(&self, item: &Value) -> anyhow::Result<Trigger> {
        let name: Fqn = cli::full_name(item).parse()?;
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
    let web = web(&mut annotations);
    let steps = document["exec"]["components"].as_array().into_iter().flatten();
    Sequence {
        actions: steps
            .map(|step| reference(&text(step), &text(&document["namespace"])))
            .collect(),
        web,
        annotations,
    }
}

/// What `web` of a manifest is to say, if that says all: the annotations that it stands for are taken away.
fn web(annotations: &mut Map<String, Value>) -> Option<Value> {
    let is = |web: &Web| {
        let mut meant = web.annotations().into_iter();
        meant.all(|(key, value)| annotations.get(key) == Some(&value.into()))
    };
    let web = [Web::Parsed, Web::Raw, Web::No].into_iter().find(is)?;
    for (key, _) in web.annotations() {
        annotations.remove(key);
    }
    Some(match web {
        Web::Parsed => true.into(),
        Web::Raw => "raw".into(),
        Web::No => false.into(),
    })
}

/// The platform's feeds answer with the trigger's name beside what they were told, and with another name of the payload.
fn source(feed: String, trigger: Trigger) -> Source {
    let mut parameters = trigger.parameters;
    for answered in ["name", "namespace"] {
        parameters.remove(answered);
    }
    if let Some(payload) = parameters.remove("payload") {
        parameters.insert("trigger_payload".to_owned(), payload);
    }
    Source {
        feed,
        parameters,
        annotations: trigger.annotations,
        actions: Vec::new(),
        delivery: Map::new(),
    }
}

fn rule(document: &Value) -> Rule {
    let end = |end: &Value| {
        let name = format!("/{}/{}", text(&end["path"]), text(&end["name"]));
        reference(&name, &text(&document["namespace"]))
    };
    let mut annotations = plain(&document["annotations"]);
    let delivery = match annotations.remove("delivery") {
        Some(Value::Object(delivery)) => delivery,
        _ => Map::new(),
    };
    Rule {
        trigger: end(&document["trigger"]),
        action: end(&document["action"]),
        status: (document["status"] == "inactive").then(|| "inactive".into()),
        delivery,
        annotations,
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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder '{}'", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write '{}'", path.display()))
}
