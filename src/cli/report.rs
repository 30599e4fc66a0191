//! `compress report DIR`: one page about a run or a study.

use std::path::PathBuf;

use super::failure::Failure;
use super::kind::{self, Kind};
use super::output::{self, FileKind};
use super::terminal;
use crate::report;
use base::files;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run or a study
    directory: PathBuf,
    /// The page to write, .html [default: DIR/report.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    kind::expect(
        "report",
        &args.directory,
        &[Kind::RunDirectory, Kind::StudyDirectory],
    )?;
    if let Some(path) = &args.output {
        let command = format!("compress report {} -o", output::argument(&args.directory));
        output::format_of(&command, path, &[FileKind::Page])?;
    }
    let page = report::page(&args.directory).map_err(Failure::input)?;
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.directory.join("report.html"));
    files::write_atomically(&output, page.as_bytes()).map_err(Failure::writing)?;
    Ok(terminal::print(&format!("{}\n", output.display()))?)
}
