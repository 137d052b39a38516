use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use wisp_wire::client::{self, Invoked};

use crate::cli::{self, Params, Quiet, Session, Waiting};

/// Invoke an action
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp action invoke hello --result -p name Ada\n  \
                        wisp action invoke hello -b -P arguments.json\n  wisp action invoke tools/resize")]
pub struct Invoke {
    /// Its name
    #[arg(value_name = "ACTION_NAME")]
    name: String,
    /// Wait for the end and show the record
    #[arg(long, short)]
    blocking: bool,
    /// Wait for the end and show only the result
    #[arg(long, short)]
    result: bool,
    #[command(flatten)]
    params: Params,
}

impl Invoke {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name, out) = (session.client()?, session.entity(&self.name)?, session.out());
        let how = client::Invoke {
            blocking: self.blocking || self.result,
            result: self.result,
            timeout: None,
        };
        let invoked = {
            let _waiting = how.blocking.then(|| Waiting::new(format!("waiting for {}", self.name)));
            client.invoke(&name, self.params.object(), how).await
        };
        let invoked = invoked.with_context(|| format!("Unable to invoke action '{}'", self.name))?;
        let done = format!("invoked {} with id {}", name.absolute(), invoked.id());
        match invoked {
            Invoked::Accepted { id } if how.blocking => {
                let text = format!(
                    "invoked {}, but the request has not yet finished, with id {id}",
                    name.absolute()
                );
                eprintln!("{}ok:{:#} {text}", cli::OK, cli::OK);
                Err(Quiet::status(202).into())
            }
            Invoked::Accepted { id } => out.done(&done, &json!({ "activationId": id })),
            Invoked::Ended { status: 200, body, .. } if self.result => out.document(&body),
            Invoked::Ended { status: 200, body, .. } => out.got(&done, &body),
            Invoked::Ended { status, body, .. } => {
                if !self.result && out.for_people() {
                    eprintln!("{}ok:{:#} {done}", cli::OK, cli::OK);
                }
                eprintln!("{}", cli::pretty(&body)?);
                Err(Quiet::status(status).into())
            }
        }
    }
}
