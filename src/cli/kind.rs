//! What a path is, where a command takes something else: the message says which command takes it.

use std::path::Path;

use super::failure::Failure;
use super::output;
use crate::config::{ConfigSource, StudyFile};
use crate::library::Folder;
use crate::results::layout::{CONFIG, STUDY};
use base::escape;

/// What a path can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A RASP program.
    Program,
    /// A run file.
    RunFile,
    /// A study.
    Study,
    /// The directory of a run.
    RunDirectory,
    /// The directory of a study's runs.
    StudyDirectory,
    /// The name of a program of the library, and no file.
    LibraryProgram,
    /// A model file, which each command reads, or refuses, itself.
    Model,
}

impl Kind {
    /// By what is there and, of a TOML file, by its keys; nothing where that does not tell.
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            let has = |name: &str| path.join(name).is_file();
            return match (has(CONFIG), has(STUDY)) {
                (true, _) => Some(Self::RunDirectory),
                (_, true) => Some(Self::StudyDirectory),
                _ => None,
            };
        }
        if !path.is_file() {
            let name = path.to_str()?;
            return Folder::Programs.find(name).map(|_| Self::LibraryProgram);
        }
        match ending? {
            "rasp" => Some(Self::Program),
            "toml" if StudyFile::is_one(path) => Some(Self::Study),
            "toml" if ConfigSource::is_one(path) => Some(Self::RunFile),
            _ => None,
        }
    }

    /// With its article.
    fn name(self) -> &'static str {
        match self {
            Self::Program => "a RASP program",
            Self::RunFile => "a run file",
            Self::Study => "a study",
            Self::RunDirectory => "the directory of a run",
            Self::StudyDirectory => "the directory of a study",
            Self::LibraryProgram => "a program of the library",
            Self::Model => "a model file",
        }
    }

    /// What can be done with it.
    fn advice(self, path: &Path) -> String {
        let shown = output::argument(path);
        match self {
            Self::Program | Self::LibraryProgram | Self::Model => {
                format!("`compress init {shown}` writes a run file and a study for it")
            }
            Self::RunFile => {
                format!("`compress train {shown}` trains it and leaves the directory of a run")
            }
            Self::Study => format!("`compress sweep {shown}` makes its runs"),
            Self::RunDirectory => format!(
                "`compress report {shown}` writes a page about it, and `compress train {}` continues a run that \
                 is not finished",
                output::argument(&path.join(CONFIG))
            ),
            Self::StudyDirectory => {
                format!(
                    "`compress report {shown}` writes a page about it, and the directories of its runs are below it"
                )
            }
        }
    }
}

/// What commands take that look at a model, or at a run's.
pub const MODELS: [Kind; 4] = [
    Kind::Model,
    Kind::Program,
    Kind::LibraryProgram,
    Kind::RunDirectory,
];

/// Refuses what is known to be of another kind than the command takes.
///
/// # Errors
/// If it is; the message says what it is, what the command takes, and what takes it.
pub fn expect(command: &str, path: &Path, takes: &[Kind]) -> Result<(), Failure> {
    let Some(kind) = Kind::of(path).filter(|kind| !takes.contains(kind)) else {
        return Ok(());
    };
    let names: Vec<&str> = takes.iter().map(|kind| kind.name()).collect();
    Err(Failure::Input(anyhow::anyhow!(
        "{} is {}, and `compress {command}` takes {}: {}",
        escape::path(path),
        kind.name(),
        names.join(" or "),
        kind.advice(path)
    )))
}
