//! The command line: one file a command, no maths.
//!
//! Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed while
//! running, 2 usage, configuration or input file, 130 interrupted, in every phase of every command
//! (`signals`).

mod analyze;
mod analyze_run;
mod analyze_study;
mod bar;
mod certify;
mod circuit;
mod circuit_subject;
mod compile;
mod completions;
mod export;
mod export_zoo;
pub mod failure;
mod generate;
mod init;
mod instructions;
mod judge;
mod judge_study;
mod keys;
mod kind;
mod man;
pub mod output;
mod plan;
mod plot;
pub mod process;
mod programs;
mod progress;
mod recover;
mod recover_directory;
mod recover_run;
mod recover_study;
mod report;
mod run;
mod run_attention;
mod run_input;
mod run_many;
mod run_model;
mod run_program;
mod score;
mod shrink;
pub mod signals;
mod stream_part;
mod sweep;
mod sweep_progress;
mod table;
pub mod terminal;
mod train;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::library::Folder;
use failure::Failure;
use signals::StopRequest;

pub use circuit_subject::inputs_of;
pub use compile::{Checked, check};
pub use process::VERSION;
pub use run_program::tokens;

/// Compress the residual stream of a compiled transformer with one learned matrix W, and see what
/// survives.
#[derive(Debug, Parser)]
#[command(
    name = "compress",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "To begin: compress init frac_prevs, then compress frac_prevs.toml"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: Option<train::Args>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train W: the same as --config FILE, and as FILE alone
    Train(train::OfFile),
    /// Compile a RASP program into a transformer
    Compile(compile::Args),
    /// Show what a model or a program computes on an input, position by position
    Run(run::Args),
    /// Run every configuration of a study and write its tables
    Sweep(sweep::Args),
    /// Find the smallest d at which a program still works
    Shrink(shrink::Args),
    /// Analyse what W learned (geometry, faithfulness, interventions), in one run or many
    Analyze(analyze::Args),
    /// Prove that a run's compressed model is right on every input, and write a certificate
    Certify(certify::Args),
    /// List the edges of a model's circuit: which are true, and what each one does
    Circuit(circuit::Args),
    /// Score a circuit, a list of edges, against the true one
    Judge(judge::Args),
    /// Look for the directions of a run's features by dictionary learning
    Recover(recover::Args),
    /// Write a run's compressed model, W or activations; or every model of a study, as a zoo
    Export(export::Args),
    /// Score a dictionary (of a sparse autoencoder, say) against a run's true features
    Score(score::Args),
    /// Draw the figures of a run or a study, from its tables
    Plot(plot::Args),
    /// Write one HTML page about a run or a study
    Report(report::Args),
    /// List the programs of the library, or print one
    Programs(programs::Args),
    /// Write random programs, and a study that compresses them
    Generate(generate::Args),
    /// Write files to begin with: a run file and a study for a program, or an example
    Init(init::Args),
    /// List the keys of run files and study files: their values, defaults and meanings
    Keys(keys::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Write the manual pages
    Man(man::Args),
}

/// Runs a command line and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    process::run(with_train(arguments), dispatch)
}

/// The same for a host that ends the process itself: the exit code as a number.
pub fn code(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    process::code(with_train(arguments), dispatch)
}

/// `compress FILE` is `compress train FILE`: where the first argument is a file, or looks like a run file. What it cannot
/// train, a directory or a program of the library, `train` says what to do with.
fn with_train(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(first) = arguments.get(1) {
        let is_command = Cli::command()
            .get_subcommands()
            .any(|command| first == command.get_name());
        let path = Path::new(first);
        let is_program = path.to_str().and_then(|name| Folder::Programs.find(name));
        let is_file =
            path.exists() || path.extension().is_some_and(|e| e == "toml") || is_program.is_some();
        if is_file && !is_command && !first.to_string_lossy().starts_with('-') {
            arguments.insert(1, "train".into());
        }
    }
    arguments
}

fn dispatch(cli: Cli, stop: &StopRequest) -> Result<(), Failure> {
    match (cli.command, cli.train) {
        (Some(Command::Train(args)), _) => train::main(args.into(), stop),
        (Some(Command::Compile(args)), _) => compile::main(&args),
        (Some(Command::Run(args)), _) => run::main(&args),
        (Some(Command::Sweep(args)), _) => sweep::main(&args, stop),
        (Some(Command::Shrink(args)), _) => shrink::main(&args, stop),
        (Some(Command::Analyze(args)), _) => analyze::main(&args, stop),
        (Some(Command::Certify(args)), _) => certify::main(&args, stop),
        (Some(Command::Circuit(args)), _) => circuit::main(&args, stop),
        (Some(Command::Judge(args)), _) => judge::main(&args, stop),
        (Some(Command::Recover(args)), _) => recover::main(&args, stop),
        (Some(Command::Export(args)), _) => export::main(&args, stop),
        (Some(Command::Score(args)), _) => score::main(&args, stop),
        (Some(Command::Plot(args)), _) => plot::main(&args),
        (Some(Command::Report(args)), _) => report::main(&args),
        (Some(Command::Programs(args)), _) => programs::main(&args),
        (Some(Command::Generate(args)), _) => generate::main(&args, stop),
        (Some(Command::Init(args)), _) => init::main(&args),
        (Some(Command::Keys(args)), _) => keys::main(&args),
        (Some(Command::Completions(args)), _) => completions::main(&args, Cli::command()),
        (Some(Command::Man(args)), _) => man::main(&args, Cli::command()),
        (None, Some(args)) => train::main(args, stop),
        (None, None) => Err(Failure::Input(anyhow::anyhow!(
            "nothing to do: give a run file, or a command (see --help)"
        ))),
    }
}
