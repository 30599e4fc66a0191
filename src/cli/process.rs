//! A process that is one command: arguments, signals, the message of a failure, the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use super::failure::Failure;
use super::signals::{self, StopRequest};
use super::terminal;
use base::escape::is_hidden;

/// The version with the commit.
pub const VERSION: &str = env!("COMPRESS_VERSION");

/// Runs a command line and returns its exit code.
pub fn run<C: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    dispatch: impl FnOnce(C, &StopRequest) -> Result<(), Failure>,
) -> ExitCode {
    code(arguments, dispatch).into()
}

/// The same, with the exit code as a number.
pub fn code<C: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    dispatch: impl FnOnce(C, &StopRequest) -> Result<(), Failure>,
) -> u8 {
    let stop = match StopRequest::listen() {
        Ok(stop) => stop,
        Err(e) => {
            terminal::message(&format!("error: cannot listen for signals: {e}"));
            return 1;
        }
    };
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_plain = |argument: &OsString| !argument.to_string_lossy().chars().any(is_hidden);
    let arguments_are_plain = arguments.iter().all(is_plain);
    let cli = match C::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            terminal::usage(&e, arguments_are_plain);
            return u8::from(e.use_stderr()) * 2;
        }
    };
    let _ = signals::survive_size_limits(); // without, the limit ends the process as it does others
    let result = dispatch(cli, &stop);
    stop.end_by_itself();
    match result {
        Ok(()) => 0,
        Err(Failure::Input(e)) => {
            terminal::message(&format!("error: {e}"));
            2
        }
        Err(Failure::Running(e)) => {
            terminal::message(&format!("error: {e}"));
            1
        }
        Err(Failure::Interrupted(text)) => {
            terminal::message(&text);
            signals::INTERRUPTED
        }
        Err(Failure::Closed) => 0,
    }
}
