//! `reproduce searches DIR`: what searches for the smallest `d` found, in one table.

use std::path::PathBuf;

use reproduce::searches::{self, FOUND};
use tracr_compress::cli::failure::Failure;
use tracr_compress::cli::terminal;
use tracr_compress::results::ReadError;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A directory of directories that `compress shrink` wrote, each named after its program
    directory: PathBuf,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let rows = searches::gather(&args.directory).map_err(|e| match e {
        ReadError::File(e) if e.is_of_the_machine() => Failure::Running(e.into()),
        e => Failure::input(e),
    })?;
    Ok(terminal::print(&format!(
        "{} rows in {}\n",
        rows.len(),
        args.directory.join(FOUND).display()
    ))?)
}
