use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use wisp_workflow::drawing;

use super::show;
use crate::cli::Session;

/// Draw when an execution was in which state, as SVG
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp workflow timeline order:order-7 > order-7.svg\n  \
                        wisp workflow timeline order:order-7 --file order-7.svg --rows 50\n  \
                        wisp workflow timeline order:order-7 --output json")]
pub struct Timeline {
    /// The execution: MACHINE:NAME
    execution: String,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Draw no more than this many states
    #[arg(long, value_name = "ROWS", default_value_t = 500)]
    rows: usize,
}

impl Timeline {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let events = show::events(session, &self.execution, false, usize::MAX).await?;
        let (visits, took) = drawing::visits(&events);
        if !session.out().for_people() {
            return session.out().document(&visits);
        }
        let svg = drawing::timeline(&visits, took, self.rows);
        match self.file {
            Some(file) => {
                std::fs::write(&file, svg).with_context(|| format!("Unable to write '{}'", file.display()))?;
                session.out().ok(&format!("drew {}", file.display()))
            }
            None => session.out().line(&svg),
        }
    }
}
