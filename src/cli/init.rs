//! `compress init NAME [DIR]`: an example of the library, written into a directory.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::programs::about;
use super::{output, table, terminal};
use crate::examples::Example;
use crate::library::{File, Folder};
use base::files::{self, FileError};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The example: a run file, a study, or a program of the library (see --list)
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Where to write it, created if missing [default: the working directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// List the examples
    #[arg(long, conflicts_with_all = ["name", "force"])]
    list: bool,
    /// Overwrite existing files whose content differs
    #[arg(long)]
    force: bool,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    match &args.name {
        Some(name) => {
            let directory = args.directory.as_deref().unwrap_or(Path::new(""));
            output::directory(directory, "init writes the example's files")?;
            write(name, directory, args.force)
        }
        None => Ok(terminal::print(&list())?),
    }
}

fn write(name: &str, directory: &Path, force: bool) -> Result<(), Failure> {
    let example = Example::new(name).map_err(Failure::input)?;
    let mut new = Vec::new();
    for file in &example.files {
        let path = directory.join(&file.name);
        match std::fs::read(&path) {
            Ok(bytes) if bytes == file.text.as_bytes() => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => new.push((path, file)),
            _ if force => new.push((path, file)),
            Ok(_) => {
                return Err(Failure::Input(anyhow::anyhow!(
                    "{} exists with different content, and nothing was written: overwrite it with --force, or write to another \
                     directory (compress init {name} DIR)",
                    path.display()
                )));
            }
            Err(e) => return Err(Failure::input(FileError::new("read", &path)(e))),
        }
    }
    let failed = |e: FileError| Failure::Running(e.into());
    if directory != Path::new("") {
        files::make_directory(directory).map_err(failed)?;
    }
    let mut text = String::new();
    for (path, file) in new {
        files::write_atomically(&path, file.text.as_bytes()).map_err(failed)?;
        text.push_str(&format!("{}\n", path.display()));
    }
    let command = if example.is_study { "sweep" } else { "train" };
    let first = directory.join(&example.files[0].name);
    text.push_str(&format!("{}\n", output::next(command, &first)));
    Ok(terminal::print(&text)?)
}

fn list() -> String {
    let mut text = String::new();
    for (title, folder, describe) in [
        (
            "run files",
            Folder::Configs,
            first_sentence as fn(&File) -> String,
        ),
        ("studies", Folder::Experiments, question),
        (
            "programs (with a run file made for them)",
            Folder::Programs,
            about,
        ),
    ] {
        let rows: Vec<Vec<String>> = folder
            .files()
            .filter(|file| {
                folder != Folder::Programs || Folder::Configs.find(file.name()).is_none()
            })
            .map(|file| vec![format!("  {}", file.name()), describe(file)])
            .collect();
        text.push_str(&format!("{title}\n{}", table::aligned(&rows, 2)));
    }
    text
}

/// What the comment at the top of a run file begins with.
fn first_sentence(file: &File) -> String {
    let line = file.text.lines().next().unwrap_or_default();
    line.trim_start_matches(['#', ' ']).to_owned()
}

/// What a study asks.
fn question(file: &File) -> String {
    let key = |line: &'static str| line.strip_prefix("question = ");
    let line = file.text.lines().find_map(key).unwrap_or_default();
    line.trim_matches('"').to_owned()
}
