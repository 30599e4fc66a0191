//! `compress keys [PREFIX]`: what may stand in a run file and in a study file.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use super::failure::Failure;
use super::terminal;
use crate::config::schema::{self, Key, RANGE_KEYS, RECOVERY_KEYS, STUDY_KEYS};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only keys of a run file that begin with this, or have it after a dot: `compress keys training.restarts`
    prefix: Option<String>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let text = match &args.prefix {
        Some(prefix) => of_run_file(prefix),
        None => format!(
            "A run file (compress --config FILE)\n\n{}\nA study file (compress sweep FILE)\n\n{}\n\
             [recovery] in a study file\n\n{}\n\
             A range of values in a study, as in {{ from = 0, count = 10 }}\n\n{}",
            of_run_file(""),
            entries(STUDY_KEYS),
            entries(RECOVERY_KEYS),
            entries(RANGE_KEYS),
        ),
    };
    if text.is_empty() {
        let prefix = args.prefix.as_deref().unwrap_or_default();
        let hint = schema::suggestion(prefix)
            .map_or_else(String::new, |known| format!(": did you mean `{known}`?"));
        return Err(Failure::Input(anyhow::anyhow!(
            "no key of a run file, and no part of one after a dot, begins with `{prefix}`{hint}"
        )));
    }
    Ok(terminal::print(&text)?)
}

fn of_run_file(prefix: &str) -> String {
    let after_a_dot = format!(".{prefix}");
    entries(
        schema::of_run_files()
            .filter(|key| key.name.starts_with(prefix) || key.name.contains(&after_a_dot)),
    )
}

fn entries<'a>(keys: impl IntoIterator<Item = &'a Key>) -> String {
    let entry = |key: &Key| {
        format!(
            "  {}\n      {}\n      takes {}; default: {}\n",
            key.name,
            key.meaning,
            key.takes(),
            key.default.text()
        )
    };
    keys.into_iter().map(entry).collect()
}

/// What `--set` takes: any `KEY=VALUE`, judged with the file. Shells complete the keys, and the values that are choices.
#[derive(Clone, Copy, Debug)]
pub struct Assignment;

impl TypedValueParser for Assignment {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let of_key = |key: &Key| {
            let choices = key.choices();
            let values = if choices.is_empty() {
                vec![""]
            } else {
                choices
            };
            let name = key.name;
            values
                .into_iter()
                .map(move |value| PossibleValue::new(format!("{name}={value}")))
        };
        Some(Box::new(schema::of_run_files().flat_map(of_key)))
    }
}
