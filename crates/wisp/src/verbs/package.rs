//! `wisp package`: packages and bindings.

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::Value;
use wisp_wire::client::{BindingRef, Collection, PackagePut};

use crate::cli::{self, Annotations, Pages, Params, Session, Verb};

/// Work with packages
#[derive(Parser)]
enum Package {
    /// Create a package
    #[command(
        after_help = "Examples:\n  wisp package create tools\n  wisp package create tools --shared yes -p region eu"
    )]
    Create(Put),
    /// Update a package, or create it if it does not exist
    #[command(
        after_help = "Examples:\n  wisp package update tools --shared no\n  wisp package update tools -p region us"
    )]
    Update(Put),
    Bind(Bind),
    Get(Get),
    List(List),
    Delete(Delete),
    Refresh(Refresh),
}

#[derive(Args)]
struct Put {
    /// Its name
    #[arg(value_name = "PACKAGE_NAME")]
    name: String,
    /// Whether others may use it
    #[arg(long, value_name = "SCOPE", value_parser = ["yes", "no"])]
    shared: Option<String>,
    #[command(flatten)]
    params: Params,
    #[command(flatten)]
    annotations: Annotations,
}

/// Bind a package under a name and with parameters of one's own
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp package bind /whisk.system/utils myutils\n  \
                        wisp package bind /whisk.system/slack chat -p channel general")]
struct Bind {
    /// The package
    #[arg(value_name = "PACKAGE_NAME")]
    package: String,
    /// The name of the binding
    #[arg(value_name = "BOUND_PACKAGE_NAME")]
    name: String,
    #[command(flatten)]
    params: Params,
    #[command(flatten)]
    annotations: Annotations,
}

/// Show a package and what is in it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp package get tools\n  wisp package get /whisk.system/utils --summary\n  \
                        wisp package get tools parameters"
)]
struct Get {
    /// Its name
    #[arg(value_name = "PACKAGE_NAME")]
    name: String,
    /// Show only this field
    #[arg(value_name = "FIELD_FILTER")]
    field: Option<String>,
    /// Summarize it; parameters with * are bound
    #[arg(long, short)]
    summary: bool,
}

/// List the packages of a namespace
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp package list\n  wisp package list /whisk.system")]
struct List {
    /// `/namespace`
    #[arg(value_name = "NAMESPACE")]
    place: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

/// Delete a package
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp package delete tools\n  wisp package delete tools --force")]
struct Delete {
    /// Its name
    #[arg(value_name = "PACKAGE_NAME")]
    name: String,
    /// Delete what is in it, too
    #[arg(long, short)]
    force: bool,
}

/// Renew the bindings of shared packages, where the platform does that
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp package refresh")]
struct Refresh {
    /// `/namespace`
    #[arg(value_name = "NAMESPACE")]
    place: Option<String>,
}

/// `wisp package`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, package: Package) -> anyhow::Result<()> {
    match package {
        Package::Create(put) => put.run(&session, false).await,
        Package::Update(put) => put.run(&session, true).await,
        Package::Bind(bind) => bind.run(&session).await,
        Package::Get(get) => get.run(&session).await,
        Package::List(list) => list.run(&session).await,
        Package::Delete(delete) => delete.run(&session).await,
        Package::Refresh(refresh) => refresh.run(&session).await,
    }
}

impl Put {
    async fn run(&self, session: &Session, update: bool) -> anyhow::Result<()> {
        let verb = if update { "update" } else { "create" };
        let body = PackagePut {
            binding: None,
            parameters: self.params.pairs(),
            annotations: self.annotations.pairs(),
            publish: self.shared.as_ref().map(|shared| shared == "yes"),
        };
        let name = session.entity(&self.name)?;
        let put = session.client()?.put(Collection::Packages, &name, &body, update).await;
        let document: Value = put.with_context(|| format!("Unable to {verb} package '{}'", self.name))?;
        session.out().done(&format!("{verb}d package {}", self.name), &document)
    }
}

impl Bind {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (package, name) = (session.entity(&self.package)?, session.entity(&self.name)?);
        let provider = BindingRef {
            namespace: package.namespace().to_owned(),
            name: package.name().to_owned(),
        };
        let body = PackagePut {
            binding: Some(provider),
            parameters: self.params.pairs(),
            annotations: self.annotations.pairs(),
            publish: None,
        };
        let put = session.client()?.put(Collection::Packages, &name, &body, false).await;
        let document: Value = put.context("Binding creation failed")?;
        session.out().done(&format!("created binding {}", self.name), &document)
    }
}

impl Get {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (name, out) = (session.entity(&self.name)?, session.out());
        let got = session.client()?.get(Collection::Packages, &name).await;
        let document: Value = got.with_context(|| format!("Unable to get package '{}'", self.name))?;
        if self.summary {
            return out.line(&summary(name.name(), &document));
        }
        match &self.field {
            None => out.got(&format!("got package {}", self.name), &document),
            Some(field) => {
                let text = format!("got package {}, displaying field {field}", self.name);
                out.got(&text, cli::field(&document, field)?)
            }
        }
    }
}

fn summary(name: &str, document: &Value) -> String {
    let full = format!("/{}/{name}", document["namespace"].as_str().unwrap_or_default());
    let part = |kind: &str, item: &Value| {
        cli::summary(
            kind,
            &format!("{full}/{}", item["name"].as_str().unwrap_or_default()),
            item,
        )
    };
    let mut lines = vec![cli::summary("package", &full, document)];
    for (field, kind) in [("actions", " action"), ("feeds", " feed  ")] {
        lines.extend(
            document[field]
                .as_array()
                .into_iter()
                .flatten()
                .map(|item| part(kind, item)),
        );
    }
    lines.join("\n")
}

impl List {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let place = session.place(self.place.as_deref())?;
        let listed = cli::list(
            session.out(),
            &session.client()?,
            Collection::Packages,
            &place,
            &self.pages,
        )
        .await;
        listed.with_context(|| {
            format!(
                "Unable to obtain the list of packages for namespace '{}'",
                place.namespace
            )
        })
    }
}

impl Delete {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name) = (session.client()?, session.entity(&self.name)?);
        let deleted = match self.force {
            true => client.delete_with_contents(&name).await,
            false => client.delete(Collection::Packages, &name).await,
        };
        let document: Value = deleted.with_context(|| format!("Unable to delete package '{}'", self.name))?;
        session.out().done(&format!("deleted package {}", self.name), &document)
    }
}

impl Refresh {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let namespace = session.place(self.place.as_deref())?.namespace;
        let refreshed = session.client()?.refresh_packages(&namespace).await;
        let refreshed = refreshed.with_context(|| format!("Package refresh for namespace '{namespace}' failed"))?;
        match refreshed {
            None => session
                .out()
                .line("The package refresh feature is not implemented in the target deployment"),
            Some(bindings) if session.out().for_people() => {
                session.out().line(&format!("'{namespace}' refreshed successfully"))?;
                session.out().document(&bindings)
            }
            Some(bindings) => session.out().document(&bindings),
        }
    }
}
