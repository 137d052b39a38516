//! `wisp completions`: what shells need to complete commands.

use std::io::Write;

use clap::{Parser, ValueEnum};
use clap_complete::{Shell as Generator, generate};

use crate::cli::{self, Session, Verb};

/// Print completions for a shell
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  source <(wisp completions bash)\n  wisp completions zsh > ~/.zfunc/_wisp\n  \
                        wisp completions fish > ~/.config/fish/completions/wisp.fish"
)]
struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `wisp completions`
pub fn register() -> Verb {
    Verb::local(run)
}

fn run(session: Session, completions: Completions) -> anyhow::Result<()> {
    let generator = match completions.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = Vec::new();
    generate(generator, &mut cli::tree(session.verbs()), "wisp", &mut script);
    Ok(std::io::stdout().lock().write_all(&script)?)
}
