//! `compress man [DIR]`: the manual pages, one a command.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use super::failure::Failure;
use super::process::VERSION;
use super::{output, terminal};
use base::files;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write compress.1, compress-run.1, ...; without it, compress(1) is printed
    directory: Option<PathBuf>,
}

pub fn main(args: &Args, command: Command) -> Result<(), Failure> {
    // `compress help run` is `compress run --help`, and needs no page.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.directory else {
        return Ok(terminal::print(&String::from_utf8_lossy(&page(&command)?))?);
    };
    output::directory(directory, "man writes one page a command")?;
    files::make_directory(directory).map_err(Failure::writing)?;
    let mut text = String::new();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        text.push_str(&write(command, directory)?);
    }
    Ok(terminal::print(&text)?)
}

/// Writes a command's page and returns its path, for reading.
fn write(command: &Command, directory: &Path) -> Result<String, Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = directory.join(format!("{name}.1"));
    files::write_atomically(&path, &page(command)?).map_err(Failure::writing)?;
    Ok(format!("{}\n", path.display()))
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    Man::new(command.clone())
        .source(format!("compress {VERSION}"))
        .render(&mut bytes)?;
    Ok(bytes)
}
