//! The `reproduce` command: what is published of the studies, and the report that compares them with the paper.

#![forbid(unsafe_code)]

mod paper_command;
mod publish_command;
mod searches_command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracr_compress::cli::failure::Failure;
use tracr_compress::cli::process;
use tracr_compress::cli::signals::StopRequest;

/// Publish the studies of this repository, and compare them with what the paper reports.
#[derive(Debug, Parser)]
#[command(name = "reproduce", version = tracr_compress::cli::VERSION)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the files of a finished study that the repository keeps: tables, median runs, figures, page
    Publish(publish_command::Args),
    /// Gather what searches for the smallest d found: found.csv
    Searches(searches_command::Args),
    /// Compare the published studies with what the paper reports: REPORT.md
    Paper(paper_command::Args),
}

fn main() -> ExitCode {
    process::run(std::env::args_os(), dispatch)
}

fn dispatch(cli: Cli, stop: &StopRequest) -> Result<(), Failure> {
    match cli.command {
        Command::Publish(args) => publish_command::main(&args, stop),
        Command::Searches(args) => searches_command::main(&args),
        Command::Paper(args) => paper_command::main(&args),
    }
}
