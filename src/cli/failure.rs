//! Why a command ended without its result, and so its exit code.

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
