use std::future::Future;

use clap::{ArgMatches, Command, Parser};

use super::Session;

/// An entry of the table of verbs.
pub type Registration = (&'static str, fn() -> Verb);

type Run = Box<dyn Fn(Session, &ArgMatches) -> anyhow::Result<()>>;

/// A verb of the command line: its flags and what it does.
pub struct Verb {
    command: Command,
    run: Run,
}

impl Verb {
    /// A verb that needs no async runtime, or brings its own.
    pub fn local<A: Parser + 'static>(run: fn(Session, A) -> anyhow::Result<()>) -> Self {
        Self::new::<A>(run)
    }

    /// A verb that talks to a server.
    pub fn remote<A, F>(run: fn(Session, A) -> F) -> Self
    where
        A: Parser + 'static,
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        Self::new::<A>(move |session, args| {
            // A client needs one thread; more would only cost start-up time.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(session, args))
        })
    }

    fn new<A: Parser + 'static>(run: impl Fn(Session, A) -> anyhow::Result<()> + 'static) -> Self {
        let run: Run = Box::new(move |session, matches| run(session, A::from_arg_matches(matches)?));
        Self {
            command: A::command(),
            run,
        }
    }

    /// Its flags and help, under the name it has in the table.
    pub fn command(&self, name: &'static str) -> Command {
        self.command.clone().name(name)
    }

    /// Does it.
    pub fn run(&self, session: Session, matches: &ArgMatches) -> anyhow::Result<()> {
        (self.run)(session, matches)
    }
}
