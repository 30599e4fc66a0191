//! `compress generate`: random RASP programs, and a study that compresses them.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::signals::StopRequest;
use super::{output, terminal};
use crate::zoo::generate::{self, MOST_PROGRAMS, Wanted};
use crate::zoo::study::{self, PROGRAMS, STUDY};
use base::files::{self, FileError};

/// Programs of more operators are wider than anybody trains.
const MOST_OPERATORS: usize = 24;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many programs
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PROGRAMS)))]
    count: u32,
    /// The seed of the programs
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// How many operators a program has: a range, whose sizes come in turn, or one number
    #[arg(long, value_name = "FROM..TO", default_value = "3..12", value_parser = operators)]
    operators: OperatorRange,
    /// The directory to write, created if missing: NAME.rasp for each program, programs.csv, run.toml and zoo.toml
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Overwrite existing files whose content differs
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Debug)]
struct OperatorRange(RangeInclusive<usize>);

fn operators(text: &str) -> Result<OperatorRange, String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    match (from.trim().parse(), to.trim().parse()) {
        (Ok(from), Ok(to)) if 1 <= from && from <= to && to <= MOST_OPERATORS => {
            Ok(OperatorRange(from..=to))
        }
        _ => Err(format!(
            "expected a range from 1 to {MOST_OPERATORS}, both ends included, such as 3..12"
        )),
    }
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    output::directory(&args.output, "generate writes programs")?;
    stop.say(format!(
        "stopped: nothing was written to {}; the same command starts over",
        args.output.display()
    ));
    let wanted = Wanted {
        count: args.count,
        seed: args.seed,
        operators: args.operators.0.clone(),
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let programs = generate::generate(&wanted, threads).map_err(Failure::input)?;
    let new = new_files(&args.output, study::files(&programs, &wanted), args.force)?;
    let failed = |e: FileError| Failure::Running(e.into());
    files::make_directory(&args.output).map_err(failed)?;
    for (path, text) in &new {
        files::write_atomically(path, text.as_bytes()).map_err(failed)?;
    }
    let table = args.output.join(PROGRAMS);
    Ok(terminal::print(&format!(
        "{}: {} program{}\n{}\n",
        table.display(),
        programs.len(),
        if programs.len() == 1 { "" } else { "s" },
        output::next("sweep", &args.output.join(STUDY))
    ))?)
}

/// The files that are not there yet with the same content.
fn new_files(
    directory: &Path,
    files: Vec<(String, String)>,
    force: bool,
) -> Result<Vec<(PathBuf, String)>, Failure> {
    let mut new = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        match std::fs::read(&path) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => new.push((path, text)),
            Err(e) if !force || path.is_dir() => {
                return Err(Failure::input(FileError::new("read", &path)(e)));
            }
            Ok(_) if !force => {
                return Err(Failure::Input(anyhow::anyhow!(
                    "{} exists with different content, and nothing was written: overwrite it with --force, or choose another \
                     --output directory",
                    path.display()
                )));
            }
            _ => new.push((path, text)),
        }
    }
    Ok(new)
}
