//! The command line: one file a command, no maths.
//!
//! Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed while
//! running, 2 usage, configuration or input file, 130 interrupted, in every phase of every command
//! (`signals`).

mod analyze;
mod analyze_run;
mod analyze_study;
mod compile;
mod completions;
mod export;
mod init;
mod keys;
mod man;
mod output;
mod paper;
mod plan;
mod plot;
mod programs;
mod progress;
mod publish;
mod report;
mod run;
mod run_program;
mod signals;
mod sweep;
mod sweep_progress;
mod table;
mod terminal;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use base::escape::is_hidden;
use signals::StopRequest;

/// The version with the commit.
const VERSION: &str = env!("COMPRESS_VERSION");

/// Compress the residual stream of a compiled transformer with one learned matrix W, and see what
/// survives.
#[derive(Debug, Parser)]
#[command(
    name = "compress",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "To begin: compress init frac_prevs, then compress --config frac_prevs.toml"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: Option<train::Args>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn a RASP program into a compiled model
    Compile(compile::Args),
    /// Show what a model or a program computes on an input, position by position
    Run(run::Args),
    /// Run all runs of a study, and make its tables
    Sweep(sweep::Args),
    /// Say what W learned: geometry, faithfulness, interventions; for a run or many
    Analyze(analyze::Args),
    /// Write a run's compressed model as a model file, or W for NumPy
    Export(export::Args),
    /// Draw the figures of a run or a study, from its tables
    Plot(plot::Args),
    /// Write one HTML page about a run or a study
    Report(report::Args),
    /// Leave what is kept of a finished study: tables, median runs, figures, page
    Publish(publish::Args),
    /// Compare the published studies with what the paper reports: REPORT.md
    Paper(paper::Args),
    /// List the programs of the library, or print one
    Programs(programs::Args),
    /// Write an example into a directory: a run file or a study, with all it needs
    Init(init::Args),
    /// List the keys of a run file and of a study: what they take, and what they do
    Keys(keys::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Write the manual pages
    Man(man::Args),
}

/// Why a command ended without its result.
#[derive(Debug)]
enum Failure {
    /// The user's arguments or files: exit code 2.
    Input(anyhow::Error),
    /// Something while running: exit code 1.
    Running(anyhow::Error),
    /// Stopped on request: exit code 130; the text says where.
    Interrupted(String),
    /// Whoever read stdout went away: nothing to say, nobody to say it to.
    Closed,
}

impl Failure {
    fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }
}

/// A command that could not write its result to stdout.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Running(anyhow::anyhow!("cannot write to standard output: {error}"))
        }
    }
}

/// Runs a command line and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let stop = match StopRequest::listen() {
        Ok(stop) => stop,
        Err(e) => {
            terminal::message(&format!("error: cannot listen for signals: {e}"));
            return ExitCode::from(1);
        }
    };
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_plain = |argument: &OsString| !argument.to_string_lossy().chars().any(is_hidden);
    let arguments_are_plain = arguments.iter().all(is_plain);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            terminal::usage(&e, arguments_are_plain);
            return ExitCode::from(u8::from(e.use_stderr()) * 2);
        }
    };
    let _ = signals::survive_size_limits(); // without, the limit ends the process as it does others
    let result = dispatch(cli, &stop);
    stop.end_by_itself();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(e)) => {
            terminal::message(&format!("error: {e}"));
            ExitCode::from(2)
        }
        Err(Failure::Running(e)) => {
            terminal::message(&format!("error: {e}"));
            ExitCode::from(1)
        }
        Err(Failure::Interrupted(text)) => {
            terminal::message(&text);
            ExitCode::from(signals::INTERRUPTED)
        }
        Err(Failure::Closed) => ExitCode::SUCCESS,
    }
}

fn dispatch(cli: Cli, stop: &StopRequest) -> Result<(), Failure> {
    match (cli.command, cli.train) {
        (Some(Command::Compile(args)), _) => compile::main(&args),
        (Some(Command::Run(args)), _) => run::main(&args),
        (Some(Command::Sweep(args)), _) => sweep::main(&args, stop),
        (Some(Command::Analyze(args)), _) => analyze::main(&args, stop),
        (Some(Command::Export(args)), _) => export::main(&args),
        (Some(Command::Plot(args)), _) => plot::main(&args),
        (Some(Command::Report(args)), _) => report::main(&args),
        (Some(Command::Publish(args)), _) => publish::main(&args, stop),
        (Some(Command::Paper(args)), _) => paper::main(&args),
        (Some(Command::Programs(args)), _) => programs::main(&args),
        (Some(Command::Init(args)), _) => init::main(&args),
        (Some(Command::Keys(args)), _) => keys::main(&args),
        (Some(Command::Completions(args)), _) => completions::main(&args),
        (Some(Command::Man(args)), _) => man::main(&args),
        (None, Some(args)) => train::main(&args, stop),
        (None, None) => Err(Failure::Input(anyhow::anyhow!(
            "nothing to do: give --config FILE, or a command (see --help)"
        ))),
    }
}
