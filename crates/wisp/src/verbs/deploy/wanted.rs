use std::path::Path;

use anyhow::{Context, anyhow, bail};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use wisp_core::model::{EntityName, Fqn, Isolation};
use wisp_wire::client::Collection;

use super::{
    apis,
    manifest::{Action, Api, Manifest, Named, Package, Rule, Sequence, Source, Trigger},
};
use crate::{
    cli,
    verbs::action::{artifact, web::Web},
};

/// The annotation that says which project an entity belongs to.
pub const PROJECT: &str = "wisp-project";
/// The annotation that says what a trigger's feed was told: a digest, since it may hold secrets.
pub const FEED_DIGEST: &str = "wisp-feed-digest";

/// One entity as the manifest wants it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is.
    pub collection: Collection,
    /// Its full name.
    pub name: Fqn,
    /// Body of the PUT that makes it so.
    pub body: Value,
    /// What to tell a trigger's feed, and the feed.
    pub feed: Option<(String, Map<String, Value>)>,
    /// What it needs, which is made before it.
    pub needs: Vec<Fqn>,
    /// What it is, for people.
    pub note: String,
    /// Whether a rule is to be active.
    pub active: bool,
}

/// Reads a manifest into entities.
pub struct Reader<'a> {
    /// The folder that files of the manifest are in.
    pub folder: &'a Path,
    /// The namespace.
    pub namespace: &'a EntityName,
    /// The project.
    pub project: &'a str,
    /// The address that web actions are below.
    pub web: String,
}

impl Reader<'_> {
    /// All entities, each after what it needs, and all APIs.
    pub fn all(&self, manifest: Manifest) -> anyhow::Result<(Vec<Wanted>, Vec<apis::Wanted>)> {
        let (mut wanted, mut apis) = (Vec::new(), Vec::new());
        let packages = manifest.packages.into_iter().chain(manifest.project.packages);
        for (name, package) in packages.chain([("default".to_owned(), manifest.own)]) {
            let own = (name != "default").then_some(name.as_str());
            if let Some(name) = own {
                let read = self.package(name, &package);
                wanted.push(read.with_context(|| format!("package '{name}'"))?);
            }
            self.contents(own, package, &mut wanted, &mut apis)?;
        }
        Ok((in_order(wanted)?, apis))
    }

    fn contents(
        &self,
        package: Option<&str>,
        contents: Package,
        wanted: &mut Vec<Wanted>,
        apis: &mut Vec<apis::Wanted>,
    ) -> anyhow::Result<()> {
        each("action", contents.actions, wanted, |name, action| {
            Ok(vec![self.action(package, name, action)?])
        })?;
        each("sequence", contents.sequences, wanted, |name, sequence| {
            Ok(vec![self.sequence(package, name, sequence)?])
        })?;
        each("trigger", contents.triggers, wanted, |name, trigger| {
            Ok(vec![self.trigger(name, trigger)?])
        })?;
        each("rule", contents.rules, wanted, |name, rule| {
            Ok(vec![self.rule(package, name, rule)?])
        })?;
        each("source", contents.sources, wanted, |name, source| {
            self.source(package, name, source)
        })?;
        each("API", contents.apis, apis, |title, api| self.api(package, title, api))
    }

    /// A trigger with its feed, and a rule for each action.
    fn source(&self, package: Option<&str>, name: &str, source: Source) -> anyhow::Result<Vec<Wanted>> {
        let trigger = Trigger {
            feed: Some(format!("{}{}", Source::FEEDS, source.feed)),
            parameters: source.parameters,
            annotations: source.annotations,
        };
        let mut wanted = vec![self.trigger(name, trigger)?];
        for action in &source.actions {
            let rule = Rule {
                trigger: format!("/_/{name}"),
                action: action.clone(),
                status: None,
                delivery: source.delivery.clone(),
                annotations: Map::new(),
            };
            let own = action.rsplit('/').next().unwrap_or_default();
            wanted.push(self.rule(package, &format!("{name}-{own}"), rule)?);
        }
        Ok(wanted)
    }

    fn api(&self, package: Option<&str>, title: &str, api: Api) -> anyhow::Result<Vec<apis::Wanted>> {
        let read = |file: String| apis::Wanted::from_file(&self.folder.join(file), self.project);
        let mut wanted: Vec<apis::Wanted> = api.document.map(read).transpose()?.into_iter().collect();
        for (base, paths) in api.paths {
            let action = |name: &str| self.name(package, name);
            wanted.push(apis::Wanted::from_paths(
                title,
                &base,
                paths,
                action,
                &self.web,
                self.project,
            )?);
        }
        Ok(wanted)
    }

    fn package(&self, name: &str, package: &Package) -> anyhow::Result<Wanted> {
        let mut body = json!({
            "parameters": pairs(&package.parameters),
            "annotations": self.annotations(&package.annotations),
        });
        if let Some(publish) = package.publish {
            body["publish"] = publish.into();
        }
        let mut note = String::new();
        if let Some(binding) = &package.binding {
            let provider = self.name(None, binding)?;
            note = format!("binding to {}", provider.absolute());
            body["binding"] = json!({ "namespace": provider.namespace(), "name": provider.name() });
        }
        Ok(self.wanted(Collection::Packages, self.name(None, name)?, body, note))
    }

    fn action(&self, package: Option<&str>, name: &str, action: Action) -> anyhow::Result<Wanted> {
        let (exec, note) = self.exec(&action)?;
        let mut annotations = action.annotations.clone();
        if let Some(web) = &action.web {
            annotate(&mut annotations, web)?;
        }
        if let Some(conductor) = action.conductor {
            annotations.insert("conductor".into(), conductor.into());
        }
        if let Some(level) = action.isolation {
            annotations.insert(Isolation::ANNOTATION.into(), level.as_str().into());
        }
        if !action.secrets.is_empty() {
            annotations.insert("secrets".into(), json!(action.secrets));
        }
        let mut parameters = pairs(&action.parameters);
        for (key, value) in &action.environment {
            parameters.push(json!({ "key": key, "value": value, "init": true }));
        }
        let body = json!({
            "exec": exec,
            "limits": action.limits,
            "parameters": parameters,
            "annotations": self.annotations(&annotations),
        });
        Ok(self.wanted(Collection::Actions, self.name(package, name)?, body, note))
    }

    fn exec(&self, action: &Action) -> anyhow::Result<(Value, String)> {
        let mut exec = Map::new();
        let mut note = String::new();
        let mut kind = action.runtime.clone();
        match (&action.function, &action.code) {
            (Some(_), Some(_)) => bail!("has both 'function', a file, and 'code', a text"),
            (Some(path), None) => {
                let code = artifact::read(&self.folder.join(path))?;
                note = format!(", {}", cli::size(code.bytes));
                kind = kind.or(code.kind().ok());
                exec.insert("code".into(), code.text.into());
            }
            (None, Some(text)) => {
                note = format!(", {}", cli::size(text.len() as u64));
                exec.insert("code".into(), text.clone().into());
            }
            (None, None) => {}
        }
        let image = match action.native {
            true => Some(artifact::SKELETON.to_owned()),
            false => action.docker.clone(),
        };
        if let Some(image) = image {
            kind = Some("blackbox".into());
            exec.insert("image".into(), image.into());
        } else if !exec.contains_key("code") {
            bail!("has no code: say 'function' for a file or folder, 'code' for a text, or 'docker' for an image");
        }
        let kind = kind
            .ok_or_else(|| anyhow!("its kind cannot be told from its file: say 'runtime', such as nodejs:default"))?;
        let note = format!("{kind}{note}");
        exec.insert("kind".into(), kind.into());
        if let Some(main) = &action.main {
            exec.insert("main".into(), main.clone().into());
        }
        Ok((exec.into(), note))
    }

    fn sequence(&self, package: Option<&str>, name: &str, sequence: Sequence) -> anyhow::Result<Wanted> {
        let steps = sequence.actions.iter().map(|step| self.name(package, step));
        let steps = steps.collect::<anyhow::Result<Vec<_>>>()?;
        let mut annotations = sequence.annotations;
        if let Some(web) = &sequence.web {
            annotate(&mut annotations, web)?;
        }
        let components: Vec<String> = steps.iter().map(Fqn::absolute).collect();
        let note = format!("sequence of {}", components.len());
        let body = json!({
            "exec": { "kind": "sequence", "components": components },
            "annotations": self.annotations(&annotations),
        });
        let wanted = self.wanted(Collection::Actions, self.name(package, name)?, body, note);
        Ok(Wanted { needs: steps, ..wanted })
    }

    fn trigger(&self, name: &str, trigger: Trigger) -> anyhow::Result<Wanted> {
        let mut annotations = trigger.annotations;
        let feed = trigger.feed.map(|feed| self.name(None, &feed)).transpose()?;
        let mut body = json!({});
        match &feed {
            Some(feed) => {
                annotations.insert("feed".into(), feed.absolute().into());
                annotations.insert(FEED_DIGEST.into(), digest(&trigger.parameters).into());
            }
            None => body["parameters"] = pairs(&trigger.parameters).into(),
        }
        body["annotations"] = self.annotations(&annotations).into();
        let note = feed.as_ref().map(|feed| format!("fed by {}", feed.absolute()));
        let wanted = self.wanted(
            Collection::Triggers,
            self.name(None, name)?,
            body,
            note.unwrap_or_default(),
        );
        Ok(Wanted {
            needs: feed.iter().cloned().collect(),
            feed: feed.map(|feed| (feed.absolute(), trigger.parameters)),
            ..wanted
        })
    }

    fn rule(&self, package: Option<&str>, name: &str, rule: Rule) -> anyhow::Result<Wanted> {
        let active = match rule.status.as_deref() {
            None | Some("active") => true,
            Some("inactive") => false,
            Some(other) => bail!("status '{other}' is neither active nor inactive"),
        };
        let (trigger, action) = (self.name(None, &rule.trigger)?, self.name(package, &rule.action)?);
        let note = format!("{} → {}", trigger.name(), action.absolute());
        let mut annotations = rule.annotations;
        if !rule.delivery.is_empty() {
            annotations.insert("delivery".into(), Value::Object(rule.delivery));
        }
        let body = json!({
            "trigger": trigger.absolute(),
            "action": action.absolute(),
            "annotations": self.annotations(&annotations),
        });
        let wanted = self.wanted(Collection::Rules, self.name(None, name)?, body, note);
        Ok(Wanted {
            needs: vec![trigger, action],
            active,
            ..wanted
        })
    }

    fn wanted(&self, collection: Collection, name: Fqn, body: Value, note: String) -> Wanted {
        let needs = name.package_fqn().into_iter().collect();
        Wanted {
            collection,
            name,
            body,
            feed: None,
            needs,
            note,
            active: true,
        }
    }

    fn annotations(&self, annotations: &Map<String, Value>) -> Vec<Value> {
        let mut all = pairs(annotations);
        all.push(json!({ "key": PROJECT, "value": self.project }));
        all
    }

    /// What a name means: in this namespace unless it says another, in `package` unless it says another.
    fn name(&self, package: Option<&str>, name: &str) -> anyhow::Result<Fqn> {
        let qualified = match package {
            Some(package) if !name.contains('/') => format!("{package}/{name}"),
            _ => name.to_owned(),
        };
        let resolved = Fqn::resolve(&qualified, self.namespace);
        resolved.map_err(|error| anyhow!("'{name}' is not a valid name: {error}"))
    }
}

/// Reads each thing of a kind; what is wrong is said with its name.
fn each<T, W>(
    noun: &str,
    named: Named<T>,
    wanted: &mut Vec<W>,
    read: impl Fn(&str, T) -> anyhow::Result<Vec<W>>,
) -> anyhow::Result<()> {
    for (name, thing) in named {
        wanted.extend(read(&name, thing).with_context(|| format!("{noun} '{name}'"))?);
    }
    Ok(())
}

/// Whether a document, as lists have it, belongs to a project.
pub fn is_of(document: &Value, project: &str) -> bool {
    cli::annotation(document, PROJECT).and_then(Value::as_str) == Some(project)
}

/// Sets the annotations of a web action, as `--web` does.
fn annotate(annotations: &mut Map<String, Value>, web: &Value) -> anyhow::Result<()> {
    let word = web.as_str().map_or_else(|| web.to_string(), str::to_owned);
    let web: Web = word
        .parse()
        .map_err(|expected| anyhow!("web is '{word}': {expected}"))?;
    annotations.extend(web.annotations().map(|(key, value)| (key.to_owned(), value.into())));
    Ok(())
}

fn pairs(map: &Map<String, Value>) -> Vec<Value> {
    map.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn digest(parameters: &Map<String, Value>) -> String {
    let text = Value::Object(parameters.clone()).to_string();
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// Packages, actions, triggers, rules; among them each after what it needs.
fn in_order(mut wanted: Vec<Wanted>) -> anyhow::Result<Vec<Wanted>> {
    let mut ordered: Vec<Wanted> = Vec::with_capacity(wanted.len());
    if let Some(twice) = wanted.iter().enumerate().find_map(|(index, one)| {
        let other = wanted[..index].iter().find(|other| other.name == one.name);
        other.map(|_| &one.name)
    }) {
        bail!("'{twice}' is there twice: all kinds of entities of a namespace share one space of names");
    }
    while !wanted.is_empty() {
        let ready = |one: &Wanted| {
            one.needs
                .iter()
                .all(|need| wanted.iter().all(|other| other.name != *need))
        };
        let (now, later): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(ready);
        if now.is_empty() {
            let names: Vec<String> = later.iter().map(|one| one.name.to_string()).collect();
            bail!("these need each other in a circle: {}", names.join(", "));
        }
        ordered.extend(now);
        wanted = later;
    }
    let rank = |one: &Wanted| match one.collection {
        Collection::Packages => 0,
        Collection::Actions => 1,
        Collection::Triggers => 2,
        Collection::Rules | Collection::Activations => 3,
    };
    ordered.sort_by_key(rank);
    Ok(ordered)
}
