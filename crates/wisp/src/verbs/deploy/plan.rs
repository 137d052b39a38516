use anstyle::{AnsiColor, Style};
use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use wisp_core::model::{EntityName, Fqn};
use wisp_wire::client::{Client, Collection, Page, Place};

use super::{
    apis,
    difference::differences,
    inherited,
    wanted::{Wanted, is_of},
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
    /// To what kind of thing: the collection's word.
    pub collection: &'static str,
    /// The full name of an entity, the base path of an API.
    pub name: String,
    /// In what it differs, or what it is.
    pub differences: Vec<String>,
    /// The thing itself.
    #[serde(skip)]
    pub subject: Subject,
}

/// What a step is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An entity.
    Entity {
        /// What it is.
        collection: Collection,
        /// Its full name.
        name: Fqn,
        /// What is wanted; none of what is deleted.
        wanted: Option<Box<Wanted>>,
        /// What is there; none of what is created.
        current: Option<Value>,
    },
    /// An API: the same.
    Api {
        /// What is wanted.
        wanted: Option<apis::Wanted>,
        /// The document that is there.
        current: Option<Value>,
    },
}

impl Step {
    fn new(what: What, name: String, differences: Vec<String>, subject: Subject) -> Self {
        let collection = match &subject {
            Subject::Entity { collection, .. } => collection.as_str(),
            Subject::Api { .. } => "apis",
        };
        Self {
            what,
            collection,
            name,
            differences,
            subject,
        }
    }

    /// The kind of thing, in the singular.
    pub fn noun(&self) -> &'static str {
        match self.collection {
            "apis" => "API",
            collection => collection.trim_end_matches('s'),
        }
    }

    /// Its name for people, with a slash before it.
    pub fn shown(&self) -> String {
        format!("/{}", self.name.trim_start_matches('/'))
    }
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
        (wanted, apis): (Vec<Wanted>, Vec<apis::Wanted>),
        prune: bool,
    ) -> anyhow::Result<Self> {
        let (mut deletions, changes) = compare_apis(client, project, namespace, apis, &wanted, prune).await?;
        if prune {
            let superfluous = owned(client, project, namespace).await?;
            for (collection, name) in superfluous.into_iter().rev() {
                if wanted.iter().all(|one| one.name != name) {
                    let current = current(client, collection, &name).await?;
                    let wanted = None;
                    let shown = name.to_string();
                    let subject = Subject::Entity {
                        collection,
                        name,
                        wanted,
                        current,
                    };
                    deletions.push(Step::new(What::Delete, shown, Vec::new(), subject));
                }
            }
        }
        let mut steps = deletions;
        for one in wanted {
            steps.push(compare(client, one).await?);
        }
        steps.extend(changes);
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
            let (noun, name) = (step.noun(), step.shown());
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

/// What is to be done to make an entity as wanted.
async fn compare(client: &Client, wanted: Wanted) -> anyhow::Result<Step> {
    let mut current = current(client, wanted.collection, &wanted.name).await?;
    if let (Some(action), Some(package)) = (&mut current, wanted.name.package_fqn()) {
        inherited::strip(client, action, &package).await?;
    }
    let found = current.as_ref().map(|current| differences(&wanted, current));
    let (what, differences) = judged(found, &wanted.note);
    let subject = Subject::Entity {
        collection: wanted.collection,
        name: wanted.name.clone(),
        current,
        wanted: Some(Box::new(wanted.clone())),
    };
    Ok(Step::new(what, wanted.name.to_string(), differences, subject))
}

/// The same of all APIs: those to be deleted, and what is to be done to those that are wanted.
async fn compare_apis(
    client: &Client,
    project: &str,
    namespace: &EntityName,
    apis: Vec<apis::Wanted>,
    entities: &[Wanted],
    prune: bool,
) -> anyhow::Result<(Vec<Step>, Vec<Step>)> {
    if apis.is_empty() && !prune {
        return Ok(Default::default());
    }
    let known = apis::list(client).await?;
    let (mut deletions, mut changes) = (Vec::new(), Vec::new());
    let superfluous = |document: &&Value| {
        let base = apis::base(document);
        document[apis::PROJECT] == *project && apis.iter().all(|api| api.base != base)
    };
    for document in known.iter().filter(superfluous).filter(|_| prune) {
        let subject = Subject::Api {
            wanted: None,
            current: Some(document.clone()),
        };
        deletions.push(Step::new(What::Delete, apis::base(document), Vec::new(), subject));
    }
    for mut api in apis {
        apis::add_secrets(client, namespace, &mut api, entities).await?;
        let current = known.iter().find(|document| apis::base(document) == api.base);
        let found = current.map(|current| apis::differences(&api, current, namespace.as_str()));
        let (what, differences) = judged(found, api.document["info"]["title"].as_str().unwrap_or_default());
        let (name, current) = (api.base.clone(), current.cloned());
        let wanted = Some(api);
        changes.push(Step::new(what, name, differences, Subject::Api { wanted, current }));
    }
    Ok((deletions, changes))
}

/// What differences ask for; none if there is nothing to compare with.
fn judged(differences: Option<Vec<String>>, note: &str) -> (What, Vec<String>) {
    match differences {
        None => (What::Create, vec![note.to_owned()]),
        Some(none) if none.is_empty() => (What::Keep, none),
        Some(some) => (What::Update, some),
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
            if is_of(&item, project) {
                owned.push((collection, cli::full_name(&item).parse()?));
            }
        }
    }
    Ok(owned)
}
