use std::{
    io::{BufRead, IsTerminal, Write, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Parser;
use serde_json::json;
use wisp_core::model::EntityName;
use wisp_wire::client::Client;

use super::{
    apply::apply,
    plan::{Plan, Subject},
    read,
    wanted::{Reader, Wanted},
};
use crate::cli::{Session, Usage, Verb};

/// Make the namespace as a manifest says: wisp.yaml, or a manifest.yaml of wskdeploy
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  wisp deploy\n  wisp deploy ./shop --plan\n  wisp deploy shop.yaml --yes --prune\n  \
                        wisp deploy --plan --output json"
)]
struct Deploy {
    /// The manifest, or the folder that it is in
    #[arg(value_name = "MANIFEST")]
    manifest: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long, visible_alias = "preview", conflicts_with = "yes")]
    plan: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    /// Also delete what the project has in the namespace and the manifest has no more
    #[arg(long)]
    prune: bool,
    /// Name of the project, instead of the manifest's
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

/// `wisp deploy`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, deploy: Deploy) -> anyhow::Result<()> {
    let client = session.client()?;
    let plan = deploy.make_plan(&session, &client).await?;
    let out = session.out();
    if out.for_people() {
        plan.show(out)?;
    }
    warn_of_secrets(&client, &plan).await?;
    let apply_it = !plan.is_empty() && !deploy.plan && deploy.agreed(out.for_people())?;
    if apply_it {
        apply(&session, &client, &plan).await?;
    }
    match out.for_people() {
        true => Ok(()),
        false => out.document(&json!({ "plan": plan, "applied": apply_it })),
    }
}

impl Deploy {
    async fn make_plan(&self, session: &Session, client: &Client) -> anyhow::Result<Plan> {
        let path = read::find(self.manifest.clone())?;
        let manifest = read::read(&path)?;
        let project = match self.project.as_deref().unwrap_or(&manifest.project.name) {
            "" => bail!(Usage(format!(
                "'{}' names no project: add `project: NAME`, or give --project NAME",
                path.display()
            ))),
            name => name.to_owned(),
        };
        let namespace = namespace(session, client).await?;
        let reader = Reader {
            folder: path.parent().unwrap_or(Path::new(".")),
            namespace: &namespace,
            project: &project,
            web: format!("{}{}/web", client.endpoint(), client.base_path()),
        };
        let wanted = reader
            .all(manifest)
            .with_context(|| format!("in '{}'", path.display()))?;
        Plan::make(client, &project, &namespace, wanted, self.prune).await
    }

    /// Whether the plan is to be carried out. Without a terminal nobody can be asked.
    fn agreed(&self, for_people: bool) -> anyhow::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        if !for_people || !stdin().is_terminal() {
            bail!(Usage(
                "nothing was done: give --yes to carry the plan out, or --plan to see it".into()
            ));
        }
        anstream::print!("Carry it out? [y/N] ");
        std::io::stdout().flush()?;
        let mut answer = String::new();
        stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}

/// The namespace's own name, which documents show where `_` was written.
async fn namespace(session: &Session, client: &Client) -> anyhow::Result<EntityName> {
    let namespace = match session.namespace()?.as_str() {
        "_" => client.namespaces().await?.into_iter().next(),
        named => Some(named.to_owned()),
    };
    let namespace = namespace.context("the key belongs to no namespace")?;
    Ok(EntityName::namespace(&namespace)?)
}

/// Tells of secrets that functions want and nobody has set: they can be set later, but not forgotten.
async fn warn_of_secrets(client: &Client, plan: &Plan) -> anyhow::Result<()> {
    let changed = plan.steps.iter().filter_map(|step| match &step.subject {
        Subject::Entity { wanted, .. } => wanted.as_deref(),
        Subject::Api { .. } => None,
    });
    let mut names: Vec<String> = changed.flat_map(secrets).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let known = client.secrets(plan.namespace.as_str()).await?;
    for name in names
        .iter()
        .filter(|name| known.iter().all(|secret| secret.name != **name))
    {
        anstream::eprintln!("warning: the secret '{name}' is not set: wisp secret set {name}");
    }
    Ok(())
}

fn secrets(wanted: &Wanted) -> Vec<String> {
    let annotations = wanted.body["annotations"].as_array().into_iter().flatten();
    let secrets = annotations.filter(|annotation| annotation["key"] == "secrets");
    let names = secrets.flat_map(|annotation| annotation["value"].as_object().into_iter().flat_map(|all| all.values()));
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
