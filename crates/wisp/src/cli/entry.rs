use std::{ffi::OsString, process::ExitCode};

use clap::{Command, error::ErrorKind};

use super::{Flags, Registration, Session, failure};

/// Parses the command line, runs the verb it names, prints a failure.
pub fn run(verbs: &'static [Registration], arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match dispatch(verbs, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn dispatch(verbs: &'static [Registration], arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let matches = tree(verbs).try_get_matches_from(arguments)?;
    let (name, chosen) = matches
        .subcommand()
        .ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
    let session = Session::new(Flags::of(&matches), verbs);
    match verbs.iter().find(|(verb, _)| *verb == name) {
        Some((_, register)) => register().run(session, chosen),
        None => Err(clap::Error::new(ErrorKind::InvalidSubcommand).into()),
    }
}

/// The whole command tree.
pub fn tree(verbs: &[Registration]) -> Command {
    let root = Command::new("wisp")
        .about("Serverless functions that speak Apache OpenWhisk's API: the platform and its command line")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(
            "Examples:\n  wisp serve                              start a platform on this machine\n  \
             wisp action create hello hello.js       create a function from a file\n  \
             wisp action invoke hello -r -p name Ada invoke it and show its result\n  \
             wisp explain WSP-0429                   what an error means and what to do",
        );
    let root = verbs
        .iter()
        .fold(root, |root, (name, register)| root.subcommand(register().command(name)));
    Flags::add_to(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::VERBS;

    #[test]
    fn the_tree_is_sound_and_every_verb_shows_examples() {
        let mut tree = tree(VERBS);
        tree.build();
        tree.clone().debug_assert();
        let mut pending: Vec<&Command> = tree
            .get_subcommands()
            .filter(|verb| verb.get_name() != "help")
            .collect();
        while let Some(command) = pending.pop() {
            let children: Vec<_> = command
                .get_subcommands()
                .filter(|verb| verb.get_name() != "help")
                .collect();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                !children.is_empty() || help.contains("Examples:\n"),
                "{} has no examples",
                command.get_name()
            );
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
            pending.extend(children);
        }
    }
}
