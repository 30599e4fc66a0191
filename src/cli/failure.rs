//! Why a command ended without its result, and so its exit code.

use base::escape;
use base::files::FileError;

/// Why a command ended without its result.
#[derive(Debug)]
pub enum Failure {
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
    /// Of an error in what the user gave.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }

    /// Of a file or directory that cannot be written: the user's path is wrong, or the machine cannot. A file is
    /// written beside its place first, under a name that means nothing to the user: the system's answer is said
    /// without it.
    pub fn writing(error: FileError) -> Self {
        let source = error.source.to_string();
        let answer = source.split(" at path \"").next().unwrap_or_default();
        let said = anyhow::anyhow!(
            "cannot {} {}: {answer}",
            error.doing,
            escape::path(&error.path)
        );
        if error.is_of_the_machine() {
            Self::Running(said)
        } else {
            Self::Input(said)
        }
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
