//! `compress sweep STUDY`: all runs of a study, and its tables.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::failure::Failure;
use super::instructions::Instructions;
use super::kind::{self, Kind};
use super::recover_study::{self, Task};
use super::signals::StopRequest;
use super::sweep_progress::{self, SweepReporter};
use super::{keys, output, table, terminal};
use crate::config::StudyFile;
use crate::results::RunState;
use crate::results::group::by_key;
use crate::results::layout::RECOVERY_SCORES;
use crate::results::runs::ENDING;
use crate::results::trainings::Endings;
use crate::study::estimate::Estimate;
use crate::study::record::RecordError;
use crate::study::sweep::{Report, sweep};
use crate::study::{Plan, Record, Tables};
use base::escape;
use base::limits;
use base::numbers::count;

/// Where studies go if --output says nothing, in the working directory.
const RESULTS: &str = "results";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The study file
    #[arg(required_unless_present = "collect", conflicts_with = "collect")]
    study: Option<PathBuf>,
    /// Replace one key in all runs, as in --set training.steps=2000; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "collect", value_parser = keys::Assignment, hide_possible_values = true)]
    set: Vec<String>,
    /// Number of parallel runs, one thread each [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Take only every n-th run, starting from the i-th (counted from 0)
    #[arg(long, value_name = "i/n", conflicts_with = "collect")]
    shard: Option<Shard>,
    /// List the runs, which are done and how long the rest will take; run nothing
    #[arg(long, conflicts_with = "collect")]
    dry_run: bool,
    /// The study's directory, instead of results/NAME
    #[arg(long, value_name = "DIR", conflicts_with = "collect")]
    output: Option<PathBuf>,
    #[command(flatten)]
    instructions: Instructions,
    /// Rebuild runs.csv and summary.csv from the run directories in DIR; run nothing
    #[arg(long, value_name = "DIR")]
    collect: Option<PathBuf>,
    /// Show no progress on stderr
    #[arg(long)]
    quiet: bool,
}

impl Args {
    /// A sweep of all runs of a study.
    pub fn of_study(
        study: PathBuf,
        set: Vec<String>,
        output: Option<PathBuf>,
        instructions: Instructions,
        quiet: bool,
    ) -> Self {
        Self {
            study: Some(study),
            set,
            jobs: None,
            shard: None,
            dry_run: false,
            output,
            instructions,
            collect: None,
            quiet,
        }
    }
}

/// A share of a study's runs.
#[derive(Clone, Copy, Debug)]
struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || "expected i/n with i from 0 to n-1, as in 0/4, 1/4, 2/4, 3/4".to_owned();
        let (index, count) = text.split_once('/').ok_or_else(malformed)?;
        let number = |part: &str| part.parse::<usize>().map_err(|_| malformed());
        let (index, count) = (number(index)?, number(count)?);
        if index < count {
            Ok(Self { index, count })
        } else {
            Err(malformed())
        }
    }
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    match (&args.collect, &args.study) {
        (Some(directory), _) => collect(directory),
        (None, Some(study)) => run(args, study, stop),
        (None, None) => Err(Failure::Input(anyhow::anyhow!(
            "which study? give its file, or --collect DIR"
        ))),
    }
}

fn run(args: &Args, study: &Path, stop: &StopRequest) -> Result<(), Failure> {
    args.instructions.select();
    if let Some(path) = &args.output {
        output::directory(path, "a sweep writes runs and tables")?;
    }
    kind::expect("sweep", study, &[Kind::Study])?;
    let file = StudyFile::read(study, &args.set).map_err(Failure::input)?;
    let plan = Plan::new(file, &args.set).map_err(Failure::input)?;
    let default = Path::new(RESULTS).join(&plan.record.name);
    let directory = args.output.as_deref().unwrap_or(&default);
    plan.record.inspect(directory).map_err(Failure::input)?;
    let shard = args.shard.unwrap_or(Shard { index: 0, count: 1 });
    let mine: Vec<usize> = (shard.index..plan.len()).step_by(shard.count).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from);
    let mut tables = Tables::new(directory, &plan.record);
    let conflicts = plan.conflicts(directory);
    if args.dry_run {
        tables.look().map_err(Failure::input)?;
        let changed: Vec<usize> = conflicts.iter().map(|(run, _)| *run).collect();
        return dry_run(&plan, directory, &tables, &mine, &changed, jobs);
    }
    if let Some((_, first)) = conflicts.first() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} of the {} runs of {} hold something else than this study; nothing was changed. The \
             first: {first}",
            conflicts.len(),
            plan.len(),
            directory.display(),
        )));
    }
    if let Some(reasons) = plan.hopeless(directory) {
        return Err(Failure::Input(anyhow::anyhow!(
            "no run of {} can start; nothing was written\n{}",
            plan.record.name,
            reasons_of(&plan.record, &reasons)
        )));
    }
    plan.record.keep(directory).map_err(|e| match e {
        RecordError::File(e) if e.is_of_the_machine() => Failure::Running(e.into()),
        e => Failure::input(e),
    })?;
    let study = (plan.record.name.as_str(), directory);
    let reporter = SweepReporter::new(study, mine.len(), jobs, args.quiet, stop.clone());
    let report = sweep(&plan, directory, &mine, jobs, &mut tables, &reporter);
    reporter.finish();
    let report = report.map_err(|e| Failure::Running(e.into()))?;
    let endings = endings(mine.iter().map(|run| &tables.states()[*run]));
    if let (Some(config), false) = (&plan.record.recovery, report.interrupted) {
        let task = Task {
            directory,
            record: &plan.record,
            config,
            threads: jobs,
            quiet: args.quiet,
        };
        let outcome = task.run(&mine, stop)?;
        for reason in &outcome.left_out {
            terminal::message(&format!("no dictionaries of {reason}"));
        }
        terminal::print(&recovered(directory, &outcome))?;
    }
    conclude(&plan.record, directory, &report, mine.len(), &endings)?;
    if !args.quiet {
        terminal::message(&output::next("analyze", directory));
    }
    Ok(())
}

/// What became of `[recovery]`.
fn recovered(directory: &Path, outcome: &recover_study::Outcome) -> String {
    format!(
        "{}: {} in {}\n",
        recover_study::sentence(outcome),
        RECOVERY_SCORES,
        directory.display()
    )
}

/// How the completed trainings ended where some did not learn; where all did, nothing.
fn endings<'a>(states: impl Iterator<Item = &'a RunState>) -> String {
    let ending = |state: &RunState| match state {
        RunState::Completed(summary) => summary.origin().ending(),
        _ => None,
    };
    let endings: Endings = states.filter_map(ending).collect();
    if endings.learned() == endings.total() {
        return String::new();
    }
    format!(
        "{} (column {ENDING} of runs.csv; ending.meaning in the summary.json of a run says what that means)\n",
        endings.sentence("")
    )
}

/// Results to stdout, failures to stderr, and the exit code.
fn conclude(
    record: &Record,
    directory: &Path,
    report: &Report,
    mine: usize,
    endings: &str,
) -> Result<(), Failure> {
    let name = &record.name;
    let done = report.completed + report.already;
    let place = directory.display();
    if report.interrupted {
        let text = sweep_progress::stopped((name, directory), done, mine);
        return Err(Failure::Interrupted(text));
    }
    terminal::print(&format!(
        "{name}: {done} of {mine} runs complete ({} of them before), {} failed\n{endings}runs.csv and \
         summary.csv in {place}\n",
        report.already,
        report.failed.len(),
    ))?;
    if report.failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Running(anyhow::anyhow!(
        "{} of {mine} runs of {name} failed:\n{}",
        report.failed.len(),
        reasons_of(record, &report.failed)
    )))
}

/// Why runs failed, each reason once.
fn reasons_of(record: &Record, failed: &[(usize, String)]) -> String {
    let by_reason = by_key(failed.iter().map(|(run, reason)| (reason, *run)));
    let lines = by_reason.iter().map(|(reason, runs)| {
        let first = &record.runs[runs[0]].directory;
        let others = match runs.len() - 1 {
            0 => String::new(),
            n => format!(" and {}", count(n, "other run")),
        };
        format!("  {first}{others}: {reason}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn collect(directory: &Path) -> Result<(), Failure> {
    let record = Record::load(directory).map_err(Failure::input)?;
    let mut tables = Tables::new(directory, &record);
    tables.rewrite().map_err(|e| Failure::Running(e.into()))?;
    recover_study::collect(directory, &record)?;
    let states = tables.states();
    let completed = states
        .iter()
        .filter(|state| matches!(state, RunState::Completed(_)))
        .count();
    let failed = states.iter().filter(|s| s.failure().is_some()).count();
    let missing = states.len() - completed - failed;
    if missing > 0 {
        terminal::message(&format!(
            "warning: {missing} of the {} runs are not over; the tables leave them out",
            states.len()
        ));
    }
    Ok(terminal::print(&format!(
        "{}: {completed} of {} runs complete, {failed} failed, {missing} not over\n{}runs.csv and \
         summary.csv in {}\n",
        record.name,
        states.len(),
        endings(states.iter()),
        directory.display()
    ))?)
}

fn dry_run(
    plan: &Plan,
    directory: &Path,
    tables: &Tables,
    mine: &[usize],
    changed: &[usize],
    jobs: usize,
) -> Result<(), Failure> {
    let states = tables.states();
    let rows: Vec<Vec<String>> = mine
        .iter()
        .map(|&run| {
            let state = match &states[run] {
                _ if changed.contains(&run) => "holds another configuration".into(),
                RunState::Pending => "to do".into(),
                RunState::Unfinished { step } => format!("unfinished, at least {step} steps done"),
                RunState::Completed(_) => "done".into(),
                state @ RunState::Failed(_) => format!(
                    "to do again; failed: {}",
                    state.failure().unwrap_or_default()
                ),
                state => state.failure().unwrap_or_default(),
            };
            vec![plan.record.runs[run].directory.clone(), state]
        })
        .collect();
    let done = mine
        .iter()
        .filter(|run| !changed.contains(*run) && matches!(states[**run], RunState::Completed(_)))
        .count();
    let estimate = Estimate::new(plan, directory, states, mine);
    let memory = match estimate.memory {
        0 => String::new(),
        bytes => format!(
            "memory: at most about {} a run, {} with {}\n",
            limits::readable(bytes),
            limits::readable(bytes * jobs as u128),
            count(jobs, "job")
        ),
    };
    let left = if !changed.is_empty() {
        format!(
            "the sweep would be refused for {}: --output names another directory",
            count(changed.len(), "run") + " of another configuration"
        )
    } else if done == mine.len() {
        "nothing is left to do".to_owned()
    } else if estimate.measured == 0 {
        "time left: not known before the first run has logged its speed".to_owned()
    } else {
        let time = Duration::from_secs_f64((estimate.seconds / jobs as f64).min(1e12));
        let unknown = match estimate.unknown {
            0 => String::new(),
            n => format!(", and {n} runs of methods that were not measured yet"),
        };
        format!(
            "time left: about {} with {}, from the speed of {}{unknown}",
            indicatif::HumanDuration(time),
            count(jobs, "job"),
            count(estimate.measured, "run")
        )
    };
    Ok(terminal::print(&format!(
        "{}: {}\n{}{done} of {} runs done in {}; {left}\n{memory}",
        plan.record.name,
        escape::visible(plan.record.question.trim()),
        table::aligned(&rows, 2),
        mine.len(),
        directory.display(),
    ))?)
}
