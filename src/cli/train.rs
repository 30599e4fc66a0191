//! `compress train FILE`, and `compress --config FILE`: train W on a compiled model.

use std::path::PathBuf;

use super::failure::Failure;
use super::instructions::Instructions;
use super::kind::{self, Kind};
use super::progress::Reporter;
use super::signals::StopRequest;
use super::{keys, output, sweep, table, terminal};
use crate::config::{Method, RunConfig, StudyFile};
use crate::results::trainings::Verdict;
use crate::results::{Metric, Summary};
use crate::run::directory::Place;
use crate::run::experiment::Experiment;
use crate::run::{self, NoResult, Outcome};
use base::escape;
use base::limits;
use superposition::inputs::InputSpace;

/// `compress train FILE`.
#[derive(Debug, clap::Args)]
pub struct OfFile {
    /// The run file; a study file is handed to `compress sweep`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// `compress --config FILE`.
// clap leaves the group of a struct that flattens another one empty, and would take the options for absent.
#[derive(Debug, clap::Args)]
#[group(args = ["config"])]
pub struct Args {
    /// The run file; a study file is handed to `compress sweep`
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Replace one key of the run file, as in --set compression.dim=8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = keys::Assignment, hide_possible_values = true)]
    set: Vec<String>,
    /// The run directory, instead of the run file's output.dir
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Delete the run that the directory holds and start over
    #[arg(long)]
    force: bool,
    /// Show no progress on stderr
    #[arg(long)]
    quiet: bool,
    /// Print the plan of a training step (what the fused engine computes) instead of training
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    instructions: Instructions,
    /// Print the run's summary as JSON
    #[arg(long)]
    json: bool,
}

impl From<OfFile> for Args {
    fn from(OfFile { file, options }: OfFile) -> Self {
        Self {
            config: file,
            options,
        }
    }
}

pub fn main(args: Args, stop: &StopRequest) -> Result<(), Failure> {
    if StudyFile::is_one(&args.config) {
        return study(args, stop);
    }
    let (file, args) = (&args.config, &args.options);
    kind::expect("train", file, &[Kind::RunFile, Kind::Study])?;
    args.instructions.select();
    let experiment =
        Experiment::load(file, &args.set, args.output.as_deref()).map_err(Failure::input)?;
    output::directory(&experiment.config.output.dir, "a run writes its files")?;
    if args.plan {
        let Experiment {
            config,
            model,
            space,
            ..
        } = &experiment;
        super::plan::print(model, space, config.training.batch_size)?;
        let bytes = experiment.memory().map_or(0, |memory| memory.bytes());
        let needed = limits::readable(bytes);
        if let Some(valid) = valid_inputs(space) {
            terminal::print(&format!("{valid}\n"))?;
        }
        return Ok(terminal::print(&format!(
            "memory: about {needed} at most\n"
        ))?);
    }
    let config = &experiment.config;
    let name = escape::name(&config.name);
    let here = output::from_here(&config.output.dir);
    let directory = here.display();
    if let (false, Some(valid)) = (args.quiet, valid_inputs(&experiment.space)) {
        terminal::message(&format!("{name}: {valid}"));
    }
    let mut reporter = Reporter::new(&name, &directory.to_string(), args.quiet, stop.clone());
    let outcome =
        run::run(&experiment, Place::Own { force: args.force }, &mut reporter).map_err(|e| {
            if e.is_input() {
                Failure::input(e)
            } else {
                Failure::Running(e.into())
            }
        })?;
    let is_new = matches!(outcome, Outcome::Completed(_));
    let summary = outcome.summary(config).map_err(|none| match none {
        NoResult::Interrupted(text) => Failure::Interrupted(text),
        NoResult::Diverged(_) => Failure::Running(none.into()),
    })?;
    if !is_new {
        return report(
            &summary,
            config,
            args.json,
            "is complete already; nothing to do",
        );
    }
    report(&summary, config, args.json, "completed")?;
    if !args.quiet && !args.json {
        terminal::message(&output::next("report", &here));
    }
    Ok(())
}

/// A study in the place of a run file.
fn study(Args { config, options }: Args, stop: &StopRequest) -> Result<(), Failure> {
    let of_runs = [
        (options.force, "--force"),
        (options.plan, "--plan"),
        (options.json, "--json"),
    ];
    if let Some((_, option)) = of_runs.iter().find(|(given, _)| *given) {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} is a study, and {option} is for a run: leave it out (`compress sweep {} --dry-run` shows what \
             there is to do)",
            config.display(),
            output::argument(&config)
        )));
    }
    let args = sweep::Args::of_study(
        config,
        options.set,
        options.output,
        options.instructions,
        options.quiet,
    );
    sweep::main(&args, stop)
}

/// How many inputs are left, where only some are valid.
fn valid_inputs(space: &InputSpace) -> Option<String> {
    let size = space.estimated_size();
    space.is_restricted().then(|| match space.size() {
        Some(size) => format!("valid inputs: {size}"),
        None => format!("valid inputs: about {size:.1e}, by a sample"),
    })
}

/// The run's result on stdout.
fn report(summary: &Summary, config: &RunConfig, json: bool, what: &str) -> Result<(), Failure> {
    if json {
        return Ok(terminal::print(&output::json(summary)?)?);
    }
    let mut rows = Vec::new();
    if let Some(last) = &summary.last {
        for metric in Metric::OF_EVALUATION {
            if let Some(value) = last.get(metric) {
                let label = format!("  {}", metric.column().label);
                rows.push(vec![label, table::significant(value)]);
            }
        }
    }
    rows.push(vec![
        "  seconds".into(),
        format!("{:.1}", summary.wall_time_seconds),
    ]);
    let how = match summary.method {
        Method::Train => format!("{} steps, d = {}", summary.steps, summary.dim),
        other => format!("{other}, d = {}", summary.dim),
    };
    terminal::print(&format!(
        "{} {what}: {how}, seed {}\n{}results in {}\n",
        escape::name(&summary.name),
        summary.seed,
        table::aligned(&rows, 1),
        output::from_here(&config.output.dir).display(),
    ))?;
    if let Some(remark) = summary.ending.and_then(|ending| ending.remark()) {
        // A search for the smallest d takes what trains one W.
        let is_searched = config.compression.method == Method::Train
            && config.compression.tied
            && !config.compression.per_layer;
        let search = match summary.ending.map(|ending| ending.verdict) {
            Some(Verdict::Stuck) if is_searched => {
                "; `compress shrink` takes another route: it begins with a W that loses nothing and drops dimensions"
            }
            _ => "",
        };
        terminal::message(&format!("note: {}: {remark}{search}", summary.name));
    }
    Ok(())
}
