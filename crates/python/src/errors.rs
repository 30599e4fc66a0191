//! Messages of the crates as Python exceptions.

use std::fmt::Display;

use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use tracr_compress::cli::failure::Failure;
use tracr_compress::run::RunError;

create_exception!(
    tracr_compress,
    CompressError,
    PyValueError,
    "What was given cannot be used: the message says what, where, and how to mend it."
);
create_exception!(
    tracr_compress,
    FailedError,
    CompressError,
    "What was given is right, but it failed while running: a disk that is full, a training that diverged."
);

/// What was given is wrong.
pub fn input(problem: impl Display) -> PyErr {
    CompressError::new_err(problem.to_string())
}

/// It failed while running.
pub fn running(problem: impl Display) -> PyErr {
    FailedError::new_err(problem.to_string())
}

/// Why a command has no result.
pub fn of_failure(failure: Failure) -> PyErr {
    match failure {
        Failure::Input(e) => input(e),
        Failure::Running(e) => running(e),
        Failure::Interrupted(text) => PyKeyboardInterrupt::new_err(text),
        Failure::Closed => running("standard output is closed"),
    }
}

/// Why a run could not go on.
pub fn of_run(error: &RunError) -> PyErr {
    if error.is_input() {
        input(error)
    } else {
        running(error)
    }
}
