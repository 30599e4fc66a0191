//! `compress init NAME|PROGRAM [DIR]`: files to begin with, written into a directory: an example of the library, or
//! a run file and a study for any program.

use std::path::{Path, PathBuf};

use super::compile::{Check, CompileArgs, checked, compiled};
use super::failure::Failure;
use super::programs::about;
use super::{output, table, terminal};
use crate::config::StudyFile;
use crate::examples::own::Own;
use crate::examples::{Example, Written};
use crate::library::{File, Folder};
use base::files::{self, FileError};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A program (a .rasp file), or an example of the library: a run file, a study or a program (see --list)
    #[arg(value_name = "PROGRAM|NAME", required_unless_present = "list")]
    name: Option<String>,
    /// Where to write, created if missing [default: the working directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The same as DIR
    #[arg(long, value_name = "DIR", conflicts_with = "directory")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: CompileArgs,
    /// List the examples
    #[arg(long, conflicts_with_all = ["name", "force"])]
    list: bool,
    /// Overwrite existing files whose content differs
    #[arg(long)]
    force: bool,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        return Ok(terminal::print(&list())?);
    };
    let given = args.directory.as_deref().or(args.output.as_deref());
    let directory = given.unwrap_or(Path::new(""));
    output::directory(directory, "init writes its files")?;
    let example = example(name, directory, &args.settings)?;
    if let Some(warning) = &example.warning {
        terminal::message(&format!("warning: {warning}"));
    }
    let again = format!("compress init {} DIR", output::argument(Path::new(name)));
    write(&example, directory, args.force, &again)
}

/// The files that a name or a program means.
fn example(name: &str, directory: &Path, settings: &CompileArgs) -> Result<Example, Failure> {
    let path = Path::new(name);
    let known = [Folder::Configs, Folder::Experiments, Folder::Programs]
        .iter()
        .any(|folder| folder.find(name).is_some());
    if !known && (path.extension().is_some_and(|e| e == "rasp") || path.exists()) {
        return of_file(path, directory, settings);
    }
    match Folder::Programs.find(name) {
        Some(program) if !settings.is_empty() => {
            Example::of_program(program, &settings.resolve()?).map_err(Failure::input)
        }
        None if known && !settings.is_empty() => Err(Failure::Input(anyhow::anyhow!(
            "{name} is a study, and --vocab, --max-seq-len, --causal and --mlp-exactness are for programs: leave them out, \
             and set model.vocab and the like in the file"
        ))),
        _ => Example::new(name).map_err(Failure::input),
    }
}

/// The files of a program that is a file, which stays where it is.
fn of_file(path: &Path, directory: &Path, settings: &CompileArgs) -> Result<Example, Failure> {
    let settings = settings.resolve()?;
    let compiled = compiled(path, &settings)?;
    checked(path, &compiled, Check::Warn)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let own = Own {
        name: &stem,
        program: &seen_from(path, directory)?,
        settings: &settings,
        compiled: &compiled,
    };
    own.example().map_err(Failure::input)
}

/// A file's path as seen from a directory, which may not be there yet.
fn seen_from(path: &Path, directory: &Path) -> Result<PathBuf, Failure> {
    let here = directory.as_os_str().is_empty();
    if here || path.is_absolute() {
        return Ok(path.to_owned());
    }
    let real = |p: &Path| output::real(p).map_err(|e| Failure::input(FileError::new("read", p)(e)));
    let (path, there) = (real(path)?, real(directory)?);
    Ok(pathdiff::diff_paths(&path, there).unwrap_or(path))
}

fn write(example: &Example, directory: &Path, force: bool, again: &str) -> Result<(), Failure> {
    let mut new: Vec<(PathBuf, &Written)> = Vec::new();
    for file in &example.files {
        let path = directory.join(&file.name);
        match std::fs::read(&path) {
            Ok(bytes) if bytes == file.text.as_bytes() => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => new.push((path, file)),
            _ if force => new.push((path, file)),
            Ok(_) => {
                return Err(Failure::Input(anyhow::anyhow!(
                    "{} exists with different content, and nothing was written: overwrite it with --force, or write to another \
                     directory ({again})",
                    path.display()
                )));
            }
            Err(e) => return Err(Failure::input(FileError::new("read", &path)(e))),
        }
    }
    if directory != Path::new("") {
        files::make_directory(directory).map_err(Failure::writing)?;
    }
    let mut text = String::new();
    for (path, file) in new {
        files::write_atomically(&path, file.text.as_bytes()).map_err(Failure::writing)?;
        text.push_str(&format!("{}\n", path.display()));
    }
    let command = if example.is_study { "sweep" } else { "train" };
    let first = directory.join(&example.files[0].name);
    text.push_str(&output::next(command, &first));
    // Of a program's two files the second is a study.
    let study = example.files.get(1).map(|file| directory.join(&file.name));
    if let Some(study) = study.filter(|path| StudyFile::is_one(path)) {
        text.push_str(&format!(
            " (or compress sweep {})",
            output::argument(&study)
        ));
    }
    text.push('\n');
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
