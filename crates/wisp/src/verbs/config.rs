use clap::{Parser, Subcommand};
use serde_json::json;

use super::serve::Sources;
use crate::cli::{Session, Verb};

/// Show the settings of the server
#[derive(Parser)]
struct Config {
    #[command(subcommand)]
    verb: Choice,
}

#[derive(Subcommand)]
enum Choice {
    Show(Show),
}

/// List every setting with its value
#[derive(Parser)]
#[command(after_help = "Examples:\n  wisp config show\n  wisp config show --origin\n  \
                        wisp config show --config wisp.toml --output json")]
struct Show {
    #[command(flatten)]
    sources: Sources,
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
}

/// The verb.
pub fn register() -> Verb {
    Verb::local::<Config>(
        |session,
         Config {
             verb: Choice::Show(show),
         }| show.run(&session),
    )
}

impl Show {
    fn run(&self, session: &Session) -> anyhow::Result<()> {
        let layers = self.sources.layers(Vec::new())?;
        let out = session.out();
        if !out.for_people() {
            let all = layers.iter().map(|(key, value, origin)| match self.origin {
                true => (key.to_owned(), json!({"value": value, "origin": origin.to_string()})),
                false => (key.to_owned(), value.clone()),
            });
            return out.document(&serde_json::Value::Object(all.collect()));
        }
        let width = layers.iter().map(|(key, _, _)| key.len()).max().unwrap_or(0);
        for (key, value, origin) in layers.iter() {
            match self.origin {
                true => out.line(&format!("{key:width$} = {value}  # {origin}"))?,
                false => out.line(&format!("{key:width$} = {value}"))?,
            }
        }
        Ok(())
    }
}
