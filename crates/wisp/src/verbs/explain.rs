//! `wisp explain`: what an error means and what to do.

use clap::Parser;
use include_dir::{Dir, include_dir};
use wisp_core::Code;

use crate::cli::{self, Session, Usage, Verb};

/// A page for each code, as in the documentation.
static PAGES: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

/// Explain an error: cause, how to see it, remedy
#[derive(Parser)]
#[command(after_help = "Examples:\n  wisp explain WSP-0429\n  wisp explain 429\n  wisp explain")]
struct Explain {
    /// Its code; all codes are listed without one
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// `wisp explain`
pub fn register() -> Verb {
    Verb::local(run)
}

fn run(session: Session, explain: Explain) -> anyhow::Result<()> {
    let out = session.out();
    let Some(text) = explain.code else {
        out.line(&format!(
            "{0}{1:<10} {2:<6} {3}{0:#}",
            cli::BOLD,
            "Code",
            "HTTP",
            "Meaning"
        ))?;
        let line = |code: &Code| format!("{:<10} {:<6} {}", code.id(), code.status(), code.meaning());
        return Code::ALL.iter().try_for_each(|code| out.line(&line(code)));
    };
    let unknown = || Usage(format!("there is no error {text}; `wisp explain` lists all"));
    let code = find(&text).ok_or_else(unknown)?;
    let page = PAGES
        .get_file(format!("{code}.md"))
        .and_then(|page| page.contents_utf8());
    out.line(page.unwrap_or_else(|| code.meaning()).trim_end())
}

/// The code that somebody means by `WSP-0429`, `wsp-0429`, `0429` or `429`.
fn find(text: &str) -> Option<Code> {
    let number: u32 = text.to_uppercase().trim_start_matches("WSP-").parse().ok()?;
    Code::ALL
        .iter()
        .find(|code| code.id() == format!("WSP-{number:04}"))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_however_they_are_written() {
        for text in ["WSP-0429", "wsp-0429", "0429", "429"] {
            assert_eq!(find(text), Some(Code::Throttled), "{text}");
        }
        for text in ["", "WSP-", "9999", "nonsense"] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
