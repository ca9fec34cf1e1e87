//! What was typed on the command line: texts, not yet looked at.

use std::collections::BTreeMap;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Command};

use super::options::{self, Kind, Opt};

/// The flags that were given. Secrets have no flag, so none is ever in here.
#[derive(Clone, Debug, Default)]
pub struct Args {
    typed: BTreeMap<&'static str, String>,
}

impl Args {
    pub(super) fn get(&self, opt: &Opt) -> Option<&str> {
        self.typed.get(opt.name).map(String::as_str)
    }
}

impl clap::FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for opt in options::ALL.iter().filter(|opt| !opt.is_secret()) {
            if let Some(value) = matches.get_one::<String>(opt.name) {
                self.typed.insert(opt.name, value.clone());
            }
        }
        Ok(())
    }
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        command.args(options::ALL.iter().filter_map(|opt| flag(opt)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The command-line form of an option. Global, so that it may stand on either side of a subcommand.
fn flag(opt: &Opt) -> Option<Arg> {
    let default = opt.default.map_or_else(String::new, |default| format!(" [default: {default}]"));
    let arg = Arg::new(opt.name)
        .long(opt.flag()?)
        .global(true)
        .help_heading("Options of the server")
        .value_parser(NonEmptyStringValueParser::new())
        .help(format!("{} [env: {}]{default}", opt.help.replace('`', ""), opt.name));
    Some(match opt.kind {
        Kind::Value(name) => arg.value_name(name),
        Kind::ConfigFile => arg.value_name("FILE"),
        Kind::Switch => arg.value_name("BOOL").num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::Secret => return None,
    })
}
