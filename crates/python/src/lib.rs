//! The extension module behind the Python package `tracr_compress`: the crates of this workspace as a few classes and
//! functions. It decides nothing: `python/tracr_compress` is what users see, and what is computed stands in the crates.
//!
//! - `values`: tokens and outputs between the two languages; `errors`: messages as exceptions.
//! - `program`: RASP, interpreted; `transformer`: a compiled model, or a run's compressed one.
//! - `train`: a run, watched from Python.

mod errors;
mod program;
mod train;
mod transformer;
mod values;

use pyo3::prelude::*;

/// The crates behind `tracr_compress`.
#[pymodule]
mod _native {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    #[pymodule_export]
    use super::errors::{CompressError, FailedError};
    #[pymodule_export]
    use super::program::Program;
    #[pymodule_export]
    use super::train::{study_name, train};
    #[pymodule_export]
    use super::transformer::{Transformer, compile};

    /// The program's version, with the commit.
    #[pymodule_export]
    const VERSION: &str = tracr_compress::cli::VERSION;

    /// The names of the library's programs.
    #[pyfunction]
    fn library() -> Vec<&'static str> {
        let programs = tracr::library::PROGRAMS.iter();
        programs.map(tracr::library::File::name).collect()
    }

    /// Runs a command line, the name of the program first, and returns its exit code.
    #[pyfunction]
    fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        py.detach(|| tracr_compress::cli::code(arguments))
    }
}
