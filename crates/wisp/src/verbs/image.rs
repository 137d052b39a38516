//! `wisp image`: the container images that actions of the kind `blackbox` run.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};
use wisp_core::ports::{Image as Document, ImportOptions};
use wisp_wire::document::{ImageImport, ImagePull};

use crate::cli::{self, Session, Stored, Usage, Verb, size};

/// Manage the container images of this machine
#[derive(Parser)]
enum Image {
    Import(Import),
    /// Fetch an image from its registry, even if one by this name is there
    #[command(after_help = "Examples:\n  wisp image pull hello-world\n  wisp image pull registry.example/team/app:2")]
    Pull(Named),
    List(List),
    /// Show an image
    #[command(after_help = "Examples:\n  wisp image show hello-world")]
    Show(Named),
    /// Take an image's name away, and with the last one the image; its layers go when nothing runs of them
    #[command(after_help = "Examples:\n  wisp image delete hello-world")]
    Delete(Named),
}

/// Take images from a file: what `docker save` writes, an OCI layout (folder or archive), or an archive of a root file
/// system
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp image import app.tar\n  wisp image import ./layout --name team/app:2\n  \
                        wisp image import rootfs.tar.gz --name mine --command '[\"/bin/server\", \"--quiet\"]'"
)]
struct Import {
    /// The file or folder
    file: PathBuf,
    /// Its name; needed when the file has none
    #[arg(long)]
    name: Option<String>,
    /// What it starts: a JSON list of program and arguments, or text for its shell
    #[arg(long)]
    command: Option<String>,
    /// More environment; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE")]
    environment: Vec<String>,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Args)]
struct Named {
    /// Its name, such as hello-world or registry.example/team/app:2
    name: String,
    #[command(flatten)]
    stored: Stored,
}

/// List all images
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp image list")]
struct List {
    #[command(flatten)]
    stored: Stored,
}

/// `wisp image`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, image: Image) -> anyhow::Result<()> {
    let out = session.out();
    match image {
        Image::Import(import) => import.run(&session).await,
        Image::List(list) => list.run(&session).await,
        Image::Pull(named) => {
            let (admin, name) = (named.stored.admin().await?, named.name);
            let pulled = admin.pull_image(&ImagePull { name: name.clone() }).await;
            let pulled = pulled.with_context(|| format!("Unable to pull image '{name}'"))?;
            out.done(&format!("pulled image {}", familiar(&pulled, &name)), &pulled)
        }
        Image::Show(named) => {
            let shown = named.stored.admin().await?.image(&named.name).await;
            let shown = shown.with_context(|| format!("Unable to get image '{}'", named.name))?;
            out.got(&format!("got image {}", named.name), &shown)
        }
        Image::Delete(named) => {
            let gone = named.stored.admin().await?.delete_image(&named.name).await;
            let gone = gone.with_context(|| format!("Unable to delete image '{}'", named.name))?;
            out.done(&format!("deleted image {}", named.name), &gone)
        }
    }
}

impl Import {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let shown = self.file.display().to_string();
        let import = ImageImport {
            path: std::path::absolute(&self.file)?,
            options: ImportOptions {
                name: self.name,
                command: self.command.as_deref().map(command).transpose()?.unwrap_or_default(),
                environment: self.environment,
            },
        };
        let imported = self.stored.admin().await?.import_image(&import).await;
        let imported = imported.with_context(|| format!("Unable to import '{shown}'"))?;
        let names: Vec<&str> = imported.iter().map(|image| familiar(image, &image.id)).collect();
        session
            .out()
            .done(&format!("imported image {}", names.join(", ")), &imported)
    }
}

impl List {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let images = self
            .stored
            .admin()
            .await?
            .images()
            .await
            .context("Unable to list images")?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&images);
        }
        out.line(&format!(
            "{0}{1:<50} {2:<14} {3:>7} {4:>10}{0:#}",
            cli::BOLD,
            "Image",
            "Id",
            "Layers",
            "Size"
        ))?;
        let rows = images
            .iter()
            .flat_map(|image| image.names.iter().map(move |name| (name, image)));
        let mut rows = rows.map(|(name, image)| {
            let (id, layers) = (&image.id[..image.id.len().min(12)], image.layers.len());
            format!("{:<50} {id:<14} {layers:>7} {:>10}", short(name), size(image.size))
        });
        rows.try_for_each(|row| out.line(&row))
    }
}

/// A command in either of its spellings.
fn command(text: &str) -> anyhow::Result<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return Ok(["/bin/sh", "-c", text].map(String::from).into());
    }
    let list: Result<Vec<String>, _> = serde_json::from_str(text);
    list.map_err(|error| Usage(format!("--command is no JSON list of texts: {error}")).into())
}

fn familiar<'a>(image: &'a Document, otherwise: &'a str) -> &'a str {
    image.names.first().map_or(otherwise, |name| short(name))
}

/// A name without what everybody leaves out.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_are_lists_or_text_for_the_shell() {
        assert_eq!(command(r#"["/run", "a b"]"#).unwrap(), ["/run", "a b"]);
        assert_eq!(command("run me").unwrap(), ["/bin/sh", "-c", "run me"]);
        assert!(command("[1]").is_err());
        assert_eq!(short("docker.io/library/hello:latest"), "hello:latest");
    }
}
