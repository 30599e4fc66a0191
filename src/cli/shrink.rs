//! `compress shrink CONFIG|RUN`: the smallest `d` at which a program still works.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::instructions::Instructions;
use super::kind::{self, Kind};
use super::signals::StopRequest;
use super::{keys, output, terminal};
use crate::config::{ConfigSource, Criterion, Method, ShrinkConfig};
use crate::results::layout::{CONFIG, PROJECTION};
use crate::run::experiment::{Experiment, Models};
use crate::shrink::directory::ShrinkDirectory;
use crate::shrink::path::Row;
use crate::shrink::{Dropping, Session, Shrink, ShrinkError, Watcher};
use base::numbers::four_digits;
use superposition::Projection;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run file, or the directory of a run whose W to begin with
    #[arg(value_name = "CONFIG|RUN")]
    from: PathBuf,
    /// What W has to do: outputs (all are right), faithful (the blocks too), or both, one after the other
    #[arg(long, value_parser = criterion)]
    criterion: Option<Criterion>,
    /// Replace one key of the run file, as in --set shrink.tries=16; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = keys::Assignment, hide_possible_values = true)]
    set: Vec<String>,
    /// Where to write [default: the run directory's name with -shrink]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Number of parallel trainings, one thread each [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    instructions: Instructions,
    /// Print nothing but the result
    #[arg(long)]
    quiet: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn criterion(word: &str) -> Result<Criterion, &'static str> {
    Criterion::named(word).ok_or("it is outputs, faithful or both")
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    args.instructions.select();
    kind::expect("shrink", &args.from, &[Kind::RunFile, Kind::RunDirectory])?;
    let is_run = args.from.is_dir();
    let file = if is_run {
        args.from.join(CONFIG)
    } else {
        args.from.clone()
    };
    let source = ConfigSource::read(&file, &args.set).map_err(Failure::input)?;
    let experiment = Experiment::from_source(&source, args.output.as_deref(), &Models::default())
        .map_err(Failure::input)?;
    let mut settings = ShrinkConfig::new(&source).map_err(Failure::input)?;
    settings.criterion = args.criterion.unwrap_or(settings.criterion);
    let refuse = |problem: &str| {
        Err(Failure::Input(anyhow::anyhow!(
            "{}: {problem}",
            file.display()
        )))
    };
    if experiment.wiring().count() > 1 {
        return refuse(
            "shrink drops dimensions of one W: set compression.tied=true and compression.per_layer=false",
        );
    }
    let start = if is_run {
        let path = args.from.join(PROJECTION);
        let projection = Projection::load(&path, &experiment.model).map_err(Failure::input)?;
        if projection.labels != experiment.model.metadata.residual_labels {
            return refuse("its W has other features than its model");
        }
        Some(projection.w)
    } else if experiment.config.compression.method == Method::Train {
        experiment.start_matrix().cloned()
    } else {
        return refuse("shrink trains: leave compression.method at \"train\"");
    };
    let default = beside(if is_run {
        &args.from
    } else {
        &experiment.config.output.dir
    });
    let path = args.output.clone().unwrap_or(output::from_here(&default));
    output::directory(&path, "shrink writes its table and matrices")?;
    let failed = |e: ShrinkError| {
        if e.is_input() {
            Failure::input(e)
        } else {
            Failure::Running(e.into())
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from);
    let shrink = Shrink::new(&experiment, settings, jobs).map_err(failed)?;
    let start = shrink.start(start).map_err(failed)?;
    let directory = ShrinkDirectory::open(&path, &experiment.config, &settings)
        .map_err(|e| failed(e.into()))?;
    let place = format!(
        "stopped; the same command continues from the last accepted W, without the trainings that have failed since ({})",
        path.display()
    );
    stop.say(place.clone());
    let mut watcher = Printer {
        quiet: args.quiet,
        width: experiment.model.width(),
        last: None,
        last_word: Instant::now(),
    };
    let session = shrink
        .run(&directory, &start, &mut watcher)
        .map_err(failed)?;
    match session {
        Session::Complete(outcome) if args.json => Ok(terminal::print(&output::json(&outcome)?)?),
        Session::Complete(outcome) => {
            let mut text = outcome.sentences().join("\n");
            let mut smallest = None;
            for found in &outcome.found {
                let w = path.join(&found.standard).join(format!("d={}", found.d));
                text += &format!("\n{:8}  d = {}: {}", found.standard, found.d, w.display());
                smallest = Some(w);
            }
            terminal::print(&format!("{text}\n"))?;
            if let (false, Some(w)) = (args.quiet, smallest) {
                terminal::message(&output::next("certify", &w));
            }
            Ok(())
        }
        Session::TimeIsOver => {
            let reached = match watcher.last {
                Some((standard, d)) => format!(" {standard}: d = {d} so far;"),
                None => String::new(),
            };
            Err(Failure::Interrupted(format!(
                "the time limit, shrink.max_seconds, has passed:{reached} {place}"
            )))
        }
    }
}

/// The directory of the same name with `-shrink`.
fn beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push("-shrink");
    directory.with_file_name(name)
}

/// A line a drop.
struct Printer {
    quiet: bool,
    width: usize,
    /// The last W that was accepted.
    last: Option<(String, usize)>,
    /// When a line was last printed.
    last_word: Instant,
}

/// The least time between two lines about trainings that failed.
const WORD_INTERVAL: Duration = Duration::from_secs(10);

impl Watcher for Printer {
    fn failed(&mut self, dropping: Dropping, (number, most): (usize, usize), seconds: f64) {
        if self.quiet {
            return;
        }
        // A word now and then: most trainings take a second or a few.
        if self.last_word.elapsed() < WORD_INTERVAL {
            return;
        }
        self.last_word = Instant::now();
        terminal::message(&format!(
            "{:8}  d = {:<4} not yet: training {number} of at most {most} failed; it took {seconds:.1} s",
            dropping.descent.standard.name(),
            dropping.d - dropping.dropped,
        ));
    }

    fn row(&mut self, row: &Row) {
        self.last_word = Instant::now();
        self.last = Some((row.standard.clone(), row.d));
        if self.quiet {
            return;
        }
        let how = match row.origin.as_str() {
            "start" => format!("start, of D = {}", self.width),
            "random" => format!("random start, training {}", row.attempt),
            _ => format!("{} dropped, training {}", row.dropped, row.attempt),
        };
        let mut figures = Vec::new();
        if let Some(gap) = row.gap {
            figures.push(format!("smallest lead {}", four_digits(gap)));
        }
        if let (Some(mae), Some(max)) = (row.mae, row.max_error) {
            figures.push(format!("error {mae:.1e}, at most {max:.1e}"));
        }
        if let Some(cosine) = row.lowest_cosine {
            figures.push(format!("lowest cosine {cosine:.4}"));
        }
        let descent = match row.descent {
            1 => String::new(),
            number => format!("  descent {number}"),
        };
        terminal::message(&format!(
            "{:8}{descent}  d = {:<4} {how:26} {}; {} updates, {:.1} s",
            row.standard,
            row.d,
            figures.join(", "),
            row.steps,
            row.seconds
        ));
    }
}
