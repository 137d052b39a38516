use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::PathBuf;

use super::Format;

const HEADING: &str = "Everywhere";

/// The flags that all verbs have.
///
/// They are not clap's global ones: `property get --auth` is a switch where `--auth KEY` is a value elsewhere, and
/// clap cannot have both. So they are added to each command that has no flag of that name itself.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--apihost`
    pub apihost: Option<String>,
    /// `--auth`
    pub auth: Option<String>,
    /// `--apiversion`
    pub apiversion: Option<String>,
    /// `--insecure`
    pub insecure: bool,
    /// `--cacert`
    pub cacert: Option<PathBuf>,
    /// `--cert`
    pub cert: Option<PathBuf>,
    /// `--key`
    pub key: Option<PathBuf>,
    /// `--verbose`
    pub verbose: bool,
    /// `--debug`
    pub debug: bool,
    /// `--output`
    pub output: Option<Format>,
}

impl Flags {
    /// The command and all below it, with these flags.
    pub fn add_to(mut command: Command) -> Command {
        for flag in all() {
            let taken = |arg: &Arg| {
                arg.get_long() == flag.get_long() || (flag.get_short().is_some() && arg.get_short() == flag.get_short())
            };
            if !command.get_arguments().any(taken) {
                command = command.arg(flag);
            }
        }
        let names: Vec<String> = command
            .get_subcommands()
            .map(|child| child.get_name().to_owned())
            .collect();
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, Self::add_to))
    }

    /// Reads them wherever they stand; the innermost wins.
    pub fn of(matches: &ArgMatches) -> Self {
        let mut flags = Self::default();
        let mut level = Some(matches);
        while let Some(matches) = level {
            flags.read(matches);
            level = matches.subcommand().map(|(_, inner)| inner);
        }
        flags
    }

    fn read(&mut self, matches: &ArgMatches) {
        overlay(&mut self.apihost, matches, "all.apihost");
        overlay(&mut self.auth, matches, "all.auth");
        overlay(&mut self.apiversion, matches, "all.apiversion");
        overlay(&mut self.cacert, matches, "all.cacert");
        overlay(&mut self.cert, matches, "all.cert");
        overlay(&mut self.key, matches, "all.key");
        overlay(&mut self.output, matches, "all.output");
        self.insecure |= switch(matches, "all.insecure");
        self.verbose |= switch(matches, "all.verbose");
        self.debug |= switch(matches, "all.debug");
    }
}

fn overlay<T: Clone + Send + Sync + 'static>(slot: &mut Option<T>, matches: &ArgMatches, id: &str) {
    if let Ok(Some(value)) = matches.try_get_one::<T>(id) {
        *slot = Some(value.clone());
    }
}

fn switch(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.try_get_one::<bool>(id), Ok(Some(true)))
}

fn all() -> [Arg; 10] {
    let flag = |id: &'static str, help: &'static str| {
        let long = id.strip_prefix("all.").unwrap_or(id);
        Arg::new(id)
            .long(long)
            .help(help)
            .help_heading(HEADING)
            .hide_short_help(true)
    };
    let path = || value_parser!(PathBuf);
    [
        flag(
            "all.apihost",
            "API host of the server: http://host:port, https://host, or host (https)",
        )
        .value_name("HOST"),
        flag("all.auth", "Authorization key").short('u').value_name("KEY"),
        flag("all.apiversion", "Version of the API").value_name("VERSION"),
        flag("all.insecure", "Accept any certificate of the server")
            .short('i')
            .action(ArgAction::SetTrue),
        flag("all.cacert", "PEM file of certificates to trust")
            .value_name("FILE")
            .value_parser(path()),
        flag("all.cert", "PEM file of the certificate to present")
            .value_name("FILE")
            .value_parser(path()),
        flag("all.key", "PEM file of its key")
            .value_name("FILE")
            .value_parser(path()),
        flag("all.verbose", "Show requests and replies on stderr")
            .short('v')
            .action(ArgAction::SetTrue),
        flag("all.debug", "Show them with their bodies, secrets included")
            .short('d')
            .action(ArgAction::SetTrue),
        flag("all.output", "How results are printed")
            .value_name("FORMAT")
            .value_parser(value_parser!(Format)),
    ]
}
