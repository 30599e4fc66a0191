//! RASP programs, interpreted.

use std::path::PathBuf;

use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tracr::model::{Value, value};
use tracr::program::{Settings, Source};
use tracr::rasp::{self, interpreter};
use tracr_compress::cli;

use crate::errors::{input, of_failure};
use crate::values::{all_from_python, all_to_python, words};

/// Where a program is: its text, or the path of its file, or the name of one of the library.
pub fn source(text: Option<String>, path: Option<PathBuf>, name: String) -> PyResult<Source> {
    match (text, path) {
        (Some(text), None) => Ok(Source::Text { name, text }),
        (None, Some(path)) => Ok(Source::find(&path)),
        _ => Err(input(
            "a program is given as its text, or as the path of its file",
        )),
    }
}

/// What its header says, said otherwise.
pub fn settings(
    vocab: Option<Vec<Bound<'_, PyAny>>>,
    max_seq_len: Option<i64>,
    causal: Option<bool>,
    mlp_exactness: Option<f64>,
    output: Option<String>,
) -> PyResult<Settings> {
    let vocab = vocab.map(|tokens| all_from_python(&tokens)).transpose()?;
    let length = |n: i64| {
        usize::try_from(n).map_err(|_| {
            input(format!("max_seq_len is {n}, but it is the number of tokens of the longest input, at least 1"))
        })
    };
    Ok(Settings {
        output,
        vocab,
        max_seq_len: max_seq_len.map(length).transpose()?,
        causal,
        mlp_exactness,
    })
}

/// A RASP program, ready to be interpreted.
#[pyclass(frozen, module = "tracr_compress._native")]
pub struct Program {
    program: rasp::Program,
    vocab: Option<Vec<Value>>,
    causal: bool,
}

impl Program {
    fn interpret(&self, py: Python<'_>, tokens: &[Bound<'_, PyAny>]) -> PyResult<interpreter::Run> {
        let Self {
            program,
            vocab,
            causal,
        } = self;
        let given = all_from_python(tokens)?;
        let words = words(&given, vocab.as_deref());
        let tokens = cli::tokens(&words, vocab.as_deref(), &program.header).map_err(of_failure)?;
        py.detach(|| interpreter::run(&program.graph, program.output, &tokens, *causal))
            .map_err(|e| input(format!("on input {}: {e}", value::list(&tokens))))
    }
}

#[pymethods]
impl Program {
    #[new]
    #[pyo3(signature = (text, path, name, vocab, max_seq_len, causal, output))]
    fn new(
        text: Option<String>,
        path: Option<PathBuf>,
        name: String,
        vocab: Option<Vec<Bound<'_, PyAny>>>,
        max_seq_len: Option<i64>,
        causal: Option<bool>,
        output: Option<String>,
    ) -> PyResult<Self> {
        let settings = settings(vocab, max_seq_len, causal, None, output)?;
        let program = source(text, path, name)?.read(&settings).map_err(input)?;
        Ok(Self {
            vocab: settings.vocab.or_else(|| program.header.vocab.clone()),
            causal: settings.causal.or(program.header.causal).unwrap_or(false),
            program,
        })
    }

    /// What the published RASP reads otherwise.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.program.notes.clone()
    }

    /// The output, one value a token.
    fn run<'py>(
        &self,
        py: Python<'py>,
        tokens: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let run = self.interpret(py, &tokens)?;
        all_to_python(py, &self.program.output_of(&run))
    }

    /// The values of the s-ops that have a name and that the output depends on.
    fn trace<'py>(
        &self,
        py: Python<'py>,
        tokens: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let run = self.interpret(py, &tokens)?;
        let trace = PyDict::new(py);
        for (name, values) in self.program.trace_of(&run) {
            trace.set_item(name, all_to_python(py, &values)?)?;
        }
        Ok(trace)
    }

    /// The selectors that the output depends on, in order: names and matrices `[T, T]`.
    #[allow(clippy::type_complexity)] // of Python
    fn selectors<'py>(
        &self,
        py: Python<'py>,
        tokens: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<(String, Bound<'py, PyArray2<bool>>)>> {
        let run = self.interpret(py, &tokens)?;
        let matrix = |rows: &[Vec<bool>]| {
            let width = rows.first().map_or(0, Vec::len);
            Array2::from_shape_fn((rows.len(), width), |(q, k)| {
                rows.get(q)
                    .and_then(|row| row.get(k))
                    .copied()
                    .unwrap_or(false)
            })
        };
        let selectors = self.program.selectors_of(&run);
        Ok(selectors
            .map(|(name, rows)| (name, matrix(rows).into_pyarray(py)))
            .collect())
    }
}
