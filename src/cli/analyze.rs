//! `compress analyze DIR`: what W learned, for a run or for all runs below a directory.

use std::path::PathBuf;

use super::failure::Failure;
use super::kind::{self, Kind};
use super::signals::{StopRequest, stopped_at};
use super::{analyze_run, analyze_study, output, terminal};
use crate::analysis::Settings;
use crate::results::critical::Tolerance;
use crate::results::layout::{GRAM, is_accepted_w};
use crate::run::analyzed;
use crate::run::finished::{self, FinishedError, FinishedRun, Subject};
use crate::run::reference::Reference;
use crate::run::tables;
use crate::study::collection::{self, CollectionError};
use base::files::FileError;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run directory, or a directory with runs somewhere below it
    pub directory: PathBuf,
    /// Print the result as JSON (the content of analysis.json)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// Compare G with this CSV file, which has the columns feature_a, feature_b and value
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Leave a feature out of that comparison; may be repeated
    #[arg(long, value_name = "LABEL", requires = "reference")]
    exclude: Vec<String>,
    /// For a study: the tolerance of a metric, as in --within mae=0.01; may be repeated
    #[arg(long, value_name = "METRIC=VALUE")]
    within: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Thresholds")]
struct ThresholdArgs {
    /// A feature whose direction is shorter than this is dropped [default: 0.25]
    #[arg(long, value_name = "NORM")]
    dropped_below: Option<f64>,
    /// A feature is dedicated if it has at least this share of a dimension for itself [default: 0.9]
    #[arg(long, value_name = "SHARE")]
    dedicated_from: Option<f64>,
    /// Features co-occur if the other is active at this share of the rarer one's token positions
    /// [default: 0.6]
    #[arg(long, value_name = "SHARE")]
    together_from: Option<f64>,
    /// Features are redundant if their values correlate at least this much [default: 0.95]
    #[arg(long, value_name = "CORRELATION")]
    redundant_from: Option<f64>,
    /// A feature is active where its compiled value is larger in magnitude than this [default: 0.001]
    #[arg(long, value_name = "VALUE")]
    active_above: Option<f64>,
    /// A numerical output is right if its error is at most this [default: 0.025]
    #[arg(long, value_name = "ERROR")]
    tolerance: Option<f64>,
    /// Pairs of inputs for interventions, or `all` [default: 4096]
    #[arg(long, value_name = "N", value_parser = pairs)]
    pairs: Option<Pairs>,
    /// How many of the worst inputs to keep [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1000))]
    worst: Option<u16>,
    /// The seed of the sampled pairs and of the bootstrap over seeds [default: 0]
    #[arg(long, value_name = "SEED")]
    analysis_seed: Option<u64>,
}

/// A larger sample would not fit in memory; `all` needs none.
const MAX_PAIRS: u64 = base::limits::INTERVENTION_PAIRS;

#[derive(Clone, Copy, Debug)]
struct Pairs(Option<u64>);

fn pairs(text: &str) -> Result<Pairs, String> {
    if text == "all" {
        return Ok(Pairs(None));
    }
    match text.parse::<u64>() {
        Ok(n) if (1..=MAX_PAIRS).contains(&n) => Ok(Pairs(Some(n))),
        _ => Err(format!("expected a number from 1 to {MAX_PAIRS}, or `all`")),
    }
}

impl ThresholdArgs {
    fn settings(&self) -> Result<Settings, Failure> {
        let default = Settings::default();
        let settings = Settings {
            dropped_below: self.dropped_below.unwrap_or(default.dropped_below),
            dedicated_from: self.dedicated_from.unwrap_or(default.dedicated_from),
            together_from: self.together_from.unwrap_or(default.together_from),
            redundant_from: self.redundant_from.unwrap_or(default.redundant_from),
            active_above: self.active_above.unwrap_or(default.active_above),
            tolerance: self.tolerance.unwrap_or(default.tolerance),
            pairs: self.pairs.map_or(default.pairs, |pairs| pairs.0),
            worst: self.worst.map_or(default.worst, usize::from),
            seed: self.analysis_seed.unwrap_or(default.seed),
        };
        settings.check().map_err(Failure::input)?;
        Ok(settings)
    }
}

fn tolerances(within: &[String]) -> Result<Vec<Tolerance>, Failure> {
    let mut tolerances = Tolerance::defaults();
    for text in within {
        let wrong = |problem: String| Failure::Input(anyhow::anyhow!("--within {text}: {problem}"));
        let (metric, value) = text
            .split_once('=')
            .ok_or_else(|| wrong("expected METRIC=VALUE, as in --within mae=0.01".into()))?;
        let known = || {
            let names = Tolerance::defaults().into_iter();
            let names: Vec<&str> = names.map(|t| t.metric.name()).collect();
            wrong(format!(
                "there is no metric `{metric}`; there are {}",
                names.join(", ")
            ))
        };
        let found = tolerances.iter_mut().find(|t| t.metric.name() == metric);
        let number = value.parse::<f64>().ok().filter(|x| x.is_finite());
        found.ok_or_else(known)?.value =
            number.ok_or_else(|| wrong(format!("`{value}` is not a finite number")))?;
    }
    Ok(tolerances)
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    kind::expect(
        "analyze",
        &args.directory,
        &[Kind::RunDirectory, Kind::StudyDirectory],
    )?;
    stop.say(format!(
        "stopped: {} is as it was; the same command starts over",
        args.directory.display()
    ));
    let settings = args.thresholds.settings()?;
    let tolerances = tolerances(&args.within)?;
    let reference = args
        .reference
        .as_deref()
        .map(|path| Reference::load(path, &args.exclude))
        .transpose()
        .map_err(Failure::input)?;
    if finished::is_run(&args.directory) {
        return run(args, &settings, reference.as_ref());
    }
    if !args.directory.is_dir() {
        return Err(Failure::input(FinishedError::NotARun(
            args.directory.clone(),
        )));
    }
    let collection = collection::analyze(
        &args.directory,
        &settings,
        &tolerances,
        reference.as_ref(),
        &mut |run, runs, path| {
            stop.say(stopped_at(run, runs, path));
            terminal::message(&format!("analysing {run} of {runs}: {}", path.display()));
        },
    )
    .map_err(|e| match e {
        CollectionError::Output(e) => write_failure(e),
        e => Failure::input(e),
    })?;
    for reason in &collection.left_out {
        terminal::message(&format!("left out: {reason}"));
    }
    let text = if args.json {
        json(collection.json(&settings))?
    } else {
        analyze_study::text(&collection, &args.directory)
    };
    print(&text, args)
}

fn run(args: &Args, settings: &Settings, reference: Option<&Reference>) -> Result<(), Failure> {
    let alone = is_accepted_w(&args.directory);
    let run = if alone {
        Subject::load(&args.directory)
    } else {
        FinishedRun::load(&args.directory).map(Subject::from)
    }
    .map_err(Failure::input)?;
    let gram = run.projection.gram(&run.experiment.model);
    let agreement = reference
        .map(|r| r.compare(&run.projection.labels, gram.view()))
        .transpose()
        .map_err(Failure::input)?;
    let analyzed = analyzed::analyze(&run.experiment, &run.projection, settings);
    if alone {
        // A run has it from training.
        let path = args.directory.join(GRAM);
        tables::write_gram(&path, &run.experiment.model, &run.projection).map_err(write_failure)?;
    }
    analyzed.write(&args.directory).map_err(write_failure)?;
    let text = if args.json {
        json(analyzed.json())?
    } else {
        analyze_run::text(&analyzed, agreement, &args.directory)
    };
    print(&text, args)
}

fn print(text: &str, args: &Args) -> Result<(), Failure> {
    terminal::print(text)?;
    if !args.json {
        terminal::message(&output::next("report", &args.directory));
    }
    Ok(())
}

fn json(text: serde_json::Result<String>) -> Result<String, Failure> {
    text.map(|text| text + "\n")
        .map_err(|e| Failure::Running(e.into()))
}

/// A file that could not be written is the machine's failure, not the user's.
fn write_failure(error: FileError) -> Failure {
    if error.doing == "read" || error.doing == "list" {
        Failure::input(error)
    } else {
        Failure::Running(error.into())
    }
}
