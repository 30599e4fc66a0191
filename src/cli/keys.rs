//! `compress keys [PREFIX]`: what may stand in a run file and in a study file.

use super::failure::Failure;
use super::terminal;
use crate::config::schema::{self, Key, RANGE_KEYS, RECOVERY_KEYS, STUDY_KEYS};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only keys of a run file with this prefix, as in `compress keys training.restarts`
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
            "no key of a run file begins with `{prefix}`{hint}"
        )));
    }
    Ok(terminal::print(&text)?)
}

fn of_run_file(prefix: &str) -> String {
    entries(schema::of_run_files().filter(|key| key.name.starts_with(prefix)))
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
