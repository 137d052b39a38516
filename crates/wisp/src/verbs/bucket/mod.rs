//! `wisp bucket`: objects that functions leave for functions, and triggers on them.

mod object;
mod trigger;

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::{Map, Value};
use wisp_core::model::Fqn;

use crate::cli::{self, Session, Usage, Verb};

/// Work with buckets: objects that functions leave for functions, and triggers on them
#[derive(Parser)]
enum Bucket {
    Create(Create),
    List(List),
    Get(Get),
    Delete(Delete),
    Put(object::Put),
    Objects(object::Objects),
    /// Set and remove what happens when objects come
    #[command(subcommand)]
    Trigger(trigger::Trigger),
}

/// Create a bucket, or change how long objects are kept in one
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp bucket create words\n  wisp bucket create orders --durability strict --life 600\n  \
                  wisp bucket create clicks --scope bucket"
)]
struct Create {
    /// Its name
    #[arg(value_name = "BUCKET_NAME")]
    name: String,
    /// What survives: `none`, `speculative` (the end of the server), `strict` (power loss)
    #[arg(long, value_parser = ["none", "speculative", "strict"])]
    durability: Option<String>,
    /// What triggers see together: the objects of a `session`, or of the whole `bucket`
    #[arg(long, value_parser = ["session", "bucket"])]
    scope: Option<String>,
    /// How long objects are kept, in seconds
    #[arg(long, value_name = "SECONDS")]
    life: Option<u64>,
}

/// List buckets
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp bucket list\n  wisp bucket list --output json")]
struct List {}

/// Show a bucket with its triggers, or an object
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp bucket get words\n  wisp bucket get words total --session 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20\n  \
                  wisp bucket get words total --session s1 --wait 30"
)]
struct Get {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    name: String,
    /// The object's key
    #[arg(requires = "session")]
    key: Option<String>,
    /// The object's session
    #[arg(long, requires = "key")]
    session: Option<String>,
    /// Wait so many seconds for the object
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "key")]
    wait: u32,
}

/// Delete a bucket with all that is in it, or an object
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp bucket delete words\n  wisp bucket delete words total --session s1")]
struct Delete {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    name: String,
    /// The object's key
    #[arg(requires = "session")]
    key: Option<String>,
    /// The object's session
    #[arg(long, requires = "key")]
    session: Option<String>,
}

/// `wisp bucket`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, bucket: Bucket) -> anyhow::Result<()> {
    match bucket {
        Bucket::Create(create) => create.run(&session).await,
        Bucket::List(List {}) => list(&session).await,
        Bucket::Get(get) => get.run(&session).await,
        Bucket::Delete(delete) => delete.run(&session).await,
        Bucket::Put(put) => put.run(&session).await,
        Bucket::Objects(objects) => objects.run(&session).await,
        Bucket::Trigger(trigger) => trigger.run(&session).await,
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let name = top_level(session, &self.name)?;
        let fields = [
            ("durability", self.durability.map(Value::from)),
            ("scope", self.scope.map(Value::from)),
            ("life", self.life.map(Value::from)),
        ];
        let said = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let options = Value::Object(said.collect::<Map<_, _>>());
        let bucket = session.client()?.put_bucket(&name, &options).await;
        let bucket = bucket.with_context(|| format!("Unable to create bucket '{}'", self.name))?;
        session.out().done(&format!("created bucket {}", self.name), &bucket)
    }
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let buckets = session.client()?.buckets(&session.namespace()?).await;
    let (buckets, out) = (buckets.context("Unable to obtain the list of buckets")?, session.out());
    if !out.for_people() {
        return out.document(&buckets);
    }
    out.line(&format!("{}buckets{:#}", cli::BOLD, cli::BOLD))?;
    buckets.iter().try_for_each(|bucket| {
        let word = |field: &str| bucket[field].as_str().unwrap_or_default().to_owned();
        let triggers = bucket["triggers"].as_object().map_or(0, Map::len);
        out.line(&format!(
            "{:<40} {:<12} {:<8} {triggers} triggers",
            word("name"),
            word("durability"),
            word("scope")
        ))
    })
}

impl Get {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (name, client) = (top_level(session, &self.name)?, session.client()?);
        let (Some(key), Some(of)) = (self.key, self.session) else {
            let bucket = client.get_bucket(&name).await;
            return session
                .out()
                .document(&bucket.with_context(|| format!("Unable to get bucket '{}'", self.name))?);
        };
        let value = client.get_object(&name, &of, &key, self.wait).await;
        let value = value.with_context(|| format!("Unable to get object '{key}'"))?;
        let value: Value = serde_json::from_slice(&value).context("The object is not JSON")?;
        session.out().document(&value)
    }
}

impl Delete {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (name, client) = (top_level(session, &self.name)?, session.client()?);
        let (Some(key), Some(of)) = (self.key, self.session) else {
            let bucket = client.delete_bucket(&name).await;
            let bucket = bucket.with_context(|| format!("Unable to delete bucket '{}'", self.name))?;
            return session.out().done(&format!("deleted bucket {}", self.name), &bucket);
        };
        let deleted = client.delete_object(&name, &of, &key).await;
        let deleted = deleted.with_context(|| format!("Unable to delete object '{key}'"))?;
        session.out().done(&format!("deleted object {key}"), &deleted)
    }
}

/// A bucket belongs to a namespace, not to a package.
fn top_level(session: &Session, name: &str) -> anyhow::Result<Fqn> {
    let full = session.entity(name)?;
    match full.package() {
        None => Ok(full),
        Some(_) => Err(Usage(format!(
            "'{name}' is not the name of a bucket: they are not in packages"
        ))
        .into()),
    }
}
