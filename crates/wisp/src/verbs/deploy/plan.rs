use anstyle::{AnsiColor, Style};
use anyhow::Context;
use serde::{Serialize, Serializer};
use serde_json::Value;
use wisp_core::model::{EntityName, Fqn};
use wisp_wire::client::{Client, Collection, Page, Place};

use super::{
    difference::differences,
    inherited,
    wanted::{PROJECT, Wanted},
};
use crate::cli::{self, Out};

/// The collections that manifests have, in the order in which they are made.
const COLLECTIONS: [Collection; 4] = [
    Collection::Packages,
    Collection::Actions,
    Collection::Triggers,
    Collection::Rules,
];

/// What is to be done to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is not there.
    Create,
    /// It is not as wanted.
    Update,
    /// It belongs to the project, and the manifest has it no more.
    Delete,
    /// It is as wanted.
    Keep,
}

/// One line of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What is to be done.
    pub what: What,
    /// To what kind of entity.
    #[serde(serialize_with = "plural")]
    pub collection: Collection,
    /// Its full name.
    pub name: Fqn,
    /// In what it differs, or what it is.
    pub differences: Vec<String>,
    /// What is wanted; none of what is deleted.
    #[serde(skip)]
    pub wanted: Option<Wanted>,
    /// What is there; none of what is created.
    #[serde(skip)]
    pub current: Option<Value>,
}

impl Step {
    /// The entity's kind, in the singular.
    pub fn noun(&self) -> &'static str {
        self.collection.as_str().trim_end_matches('s')
    }
}

fn plural<S: Serializer>(collection: &Collection, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(collection.as_str())
}

/// What makes a namespace as a manifest wants it.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The project.
    pub project: String,
    /// The namespace.
    pub namespace: EntityName,
    /// What is to be done, in this order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Compares what is wanted with what is there; with `prune` also what the project has beside.
    pub async fn make(
        client: &Client,
        project: &str,
        namespace: &EntityName,
        wanted: Vec<Wanted>,
        prune: bool,
    ) -> anyhow::Result<Self> {
        let mut superfluous = Vec::new();
        if prune {
            superfluous = owned(client, project, namespace).await?;
            superfluous.retain(|(_, name)| wanted.iter().all(|one| one.name != *name));
        }
        let mut steps = Vec::new();
        for (collection, name) in superfluous.into_iter().rev() {
            steps.push(Step {
                what: What::Delete,
                collection,
                current: current(client, collection, &name).await?,
                name,
                differences: Vec::new(),
                wanted: None,
            });
        }
        for one in wanted {
            let mut current = current(client, one.collection, &one.name).await?;
            if let (Some(action), Some(package)) = (&mut current, one.name.package_fqn()) {
                inherited::strip(client, action, &package).await?;
            }
            let (what, differences) = match current.as_ref().map(|current| differences(&one, current)) {
                None => (What::Create, vec![one.note.clone()]),
                Some(none) if none.is_empty() => (What::Keep, none),
                Some(some) => (What::Update, some),
            };
            steps.push(Step {
                what,
                collection: one.collection,
                name: one.name.clone(),
                differences,
                wanted: Some(one),
                current,
            });
        }
        Ok(Self {
            project: project.to_owned(),
            namespace: namespace.clone(),
            steps,
        })
    }

    /// How many steps do this.
    pub fn count(&self, what: What) -> usize {
        self.steps.iter().filter(|step| step.what == what).count()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.count(What::Keep) == self.steps.len()
    }

    /// Shows it to people.
    pub fn show(&self, out: Out) -> anyhow::Result<()> {
        let bold = cli::BOLD;
        out.line(&format!(
            "Project {bold}{}{bold:#} in namespace {bold}{}{bold:#}",
            self.project, self.namespace
        ))?;
        for step in self.steps.iter().filter(|step| step.what != What::Keep) {
            let (sign, style) = step.what.sign();
            let noun = step.noun();
            let name = step.name.absolute();
            let differences = step.differences.join(", ");
            out.line(&format!("  {style}{sign}{style:#} {noun:<8} {name:<40} {differences}"))?;
        }
        out.line(&format!(
            "{} to create, {} to change, {} to delete, {} as wanted",
            self.count(What::Create),
            self.count(What::Update),
            self.count(What::Delete),
            self.count(What::Keep)
        ))
    }
}

impl What {
    /// Terraform's signs and colours.
    fn sign(self) -> (char, Style) {
        match self {
            What::Create => ('+', AnsiColor::Green.on_default()),
            What::Update => ('~', AnsiColor::Yellow.on_default()),
            What::Delete => ('-', AnsiColor::Red.on_default()),
            What::Keep => (' ', Style::new()),
        }
    }
}

async fn current(client: &Client, collection: Collection, name: &Fqn) -> anyhow::Result<Option<Value>> {
    let got = match collection {
        Collection::Actions => client.get_with_code(name).await,
        _ => client.get(collection, name).await,
    };
    match got {
        Ok(document) => Ok(Some(document)),
        // What is in a package that does not exist is not there either.
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if error.status() == Some(403) && name.package().is_some() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", name.absolute())),
    }
}

/// What a project owns in a namespace, each kind after those that it may need.
async fn owned(client: &Client, project: &str, namespace: &EntityName) -> anyhow::Result<Vec<(Collection, Fqn)>> {
    let place = Place {
        namespace: namespace.to_string(),
        package: None,
    };
    let mut owned = Vec::new();
    for collection in COLLECTIONS {
        let items: Vec<Value> = client.list(collection, &place, Page::ALL).await?;
        for item in items {
            if cli::annotation(&item, PROJECT).and_then(Value::as_str) != Some(project) {
                continue;
            }
            let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
            owned.push((collection, format!("{}/{}", text("namespace"), text("name")).parse()?));
        }
    }
    Ok(owned)
}
