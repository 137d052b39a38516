//! `wisp doctor`: what this machine can and cannot do.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use clap::Parser;
use rustix::{
    fs::{Access, access, statvfs},
    process::{Resource, getrlimit},
};
use wisp_core::model::Isolation;
use wisp_runtimes::sandboxes::{Check, Health, process};
use wisp_wire::document::ServerDoc;

use crate::cli::{self, Out, Quiet, Session, Verb};

/// Open files that a busy server needs: each instance and each client takes some.
const OPEN_FILES: u64 = 4096;

/// The kernel's virtual machines.
const KVM: &str = "/dev/kvm";

/// Free space below which a data directory is worth a warning, in bytes.
const FREE_SPACE: u64 = 1 << 30;

/// Check what this machine can and cannot do: sandboxes, interpreters, limits, storage
#[derive(Parser)]
#[command(after_help = "Examples:\n  wisp doctor\n  wisp doctor --output json")]
struct Doctor {}

/// `wisp doctor`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, _: Doctor) -> anyhow::Result<()> {
    let data = cli::data_directory().context("there is no home directory: set HOME")?;
    let mut checks = process::probe();
    checks.extend([open_files(), storage(&data)]);
    checks.extend(server(&session).await?);
    checks.push(microvm());
    print(session.out(), &checks)?;
    match checks.iter().any(|check| check.health == Health::Missing) {
        true => Err(Quiet(1).into()),
        false => Ok(()),
    }
}

fn open_files() -> Check {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    match limit >= OPEN_FILES {
        true => Check::ok("open files", format!("up to {limit}")),
        false => Check::limited(
            "open files",
            format!("up to {limit}, and a busy server wants {OPEN_FILES}"),
            format!("raise the hard limit: `ulimit -Hn {OPEN_FILES}`, or LimitNOFILE in the service"),
        ),
    }
}

/// Whether data can be kept in the folder, or in the nearest one above it that exists.
fn storage(data: &Path) -> Check {
    let (name, shown) = ("data directory", data.display());
    let existing = data
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    if let Err(error) = access(existing, Access::WRITE_OK) {
        return Check::missing(
            name,
            format!("{shown}: {error}"),
            "name another with `wisp serve --data FOLDER`",
        );
    }
    match statvfs(existing) {
        Err(error) => Check::limited(name, format!("{shown}: {error}"), "its free space cannot be watched"),
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let detail = format!("{shown}, {} free", cli::size(free));
            match free >= FREE_SPACE {
                true => Check::ok(name, detail),
                false => Check::limited(
                    name,
                    detail,
                    "free some space, or name another with `wisp serve --data FOLDER`",
                ),
            }
        }
    }
}

/// Functions in virtual machines: nothing here starts them yet, so that the level is nobody's to choose.
fn microvm() -> Check {
    let device = match Path::new(KVM).exists() {
        true => format!("{KVM} is here"),
        false => format!("the machine has no {KVM}"),
    };
    Check::limited(
        "microvm",
        format!("{device}, but this build has no driver for virtual machines"),
        "use the level `process` or `oci`; docs/reference/isolation.md says what they do not stop",
    )
}

/// The server and the kinds it offers: those say which interpreters it found.
async fn server(session: &Session) -> anyhow::Result<Vec<Check>> {
    let host = session.apihost()?;
    let platform = match session.anonymous()?.platform().await {
        Ok(platform) => platform,
        Err(error) => {
            let check = Check::limited(
                "server",
                error.to_string(),
                "start one with `wisp serve` to see its kinds, too",
            );
            return Ok(vec![check]);
        }
    };
    let kinds = platform.runtimes.values().flatten();
    let kinds: Vec<String> = kinds.map(|kind| format!("{} ({})", kind.kind, kind.image)).collect();
    let kinds = match kinds.is_empty() {
        true => Check::missing("kinds", "none", "install an interpreter: nodejs, python3"),
        false => Check::ok("kinds", kinds.join("; ")),
    };
    Ok(vec![
        Check::ok("server", format!("answers at {host}")),
        kinds,
        isolation(&platform),
    ])
}

/// The levels of isolation that the server's kinds can run at.
fn isolation(platform: &ServerDoc) -> Check {
    let kinds = || platform.runtimes.values().flatten();
    let offered = Isolation::ALL.into_iter().filter_map(|level| {
        let mut names = kinds()
            .filter(|kind| kind.isolation.contains(&level))
            .map(|kind| kind.kind.as_str())
            .peekable();
        names.peek()?;
        Some(format!("{level} ({})", names.collect::<Vec<_>>().join(", ")))
    });
    Check::ok("isolation", offered.collect::<Vec<_>>().join("; "))
}

fn print(out: Out, checks: &[Check]) -> anyhow::Result<()> {
    if !out.for_people() {
        return out.document(&checks);
    }
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for Check {
        name,
        health,
        detail,
        remedy,
    } in checks
    {
        let (word, style) = match health {
            Health::Ok => ("ok", AnsiColor::Green.on_default()),
            Health::Limited => ("limited", AnsiColor::Yellow.on_default()),
            Health::Missing => ("missing", Style::new().fg_color(Some(AnsiColor::Red.into())).bold()),
        };
        out.line(&format!("{name:<width$}  {style}{word:<7}{style:#}  {detail}"))?;
        if !remedy.is_empty() {
            out.line(&format!("{:<width$}           {remedy}", ""))?;
        }
    }
    Ok(())
}
