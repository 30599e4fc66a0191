//! One run, watched from Python.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use superposition::trainer::Record;
use tracr_compress::cli::output;
use tracr_compress::config::{Assignment, ConfigSource, StudyFile};
use tracr_compress::run::directory::Place;
use tracr_compress::run::experiment::{Experiment, Models};
use tracr_compress::run::{self, NoResult, Progress};

use crate::errors::{input, of_failure, of_run, running};

/// Time between two looks at signals, and between two signs of progress.
const INTERVAL: Duration = Duration::from_millis(100);

/// Runs a run file, or the text of one, as `compress` does, and returns its directory.
///
/// The observer has `begin(step, steps)`, `step(step, loss)`, `record(metrics as JSON)`, `warn(text)` and `end()`.
#[pyfunction]
#[pyo3(signature = (path, text, set, output, force, observer))]
pub fn train(
    py: Python<'_>,
    path: PathBuf,
    text: Option<String>,
    set: Vec<String>,
    output: Option<PathBuf>,
    force: bool,
    observer: Py<PyAny>,
) -> PyResult<PathBuf> {
    let source = match text {
        Some(text) => {
            let set: Result<Vec<_>, _> = set.iter().map(|text| Assignment::parse(text)).collect();
            ConfigSource::parse(&path, &text, set.map_err(input)?)
        }
        None if StudyFile::is_one(&path) => {
            return Err(input(format!(
                "{} is a study: give it to sweep",
                path.display()
            )));
        }
        None => ConfigSource::read(&path, &set),
    };
    let source = source.map_err(input)?;
    let (result, error) = py.detach(|| {
        let experiment = Experiment::from_source(&source, output.as_deref(), &Models::default())
            .map_err(input)?;
        let directory = &experiment.config.output.dir;
        output::directory(directory, "a run writes its files").map_err(of_failure)?;
        let mut watch = Watch {
            observer,
            error: RefCell::new(None),
            looked: Cell::new(Instant::now()),
        };
        let outcome =
            run::run(&experiment, Place::Own { force }, &mut watch).map_err(|e| of_run(&e))?;
        let result = outcome
            .summary(&experiment.config)
            .map(|_| directory.clone());
        PyResult::Ok((result, watch.error.into_inner()))
    })?;
    match (result, error) {
        (Err(NoResult::Interrupted(place)), Some(error))
            if error.is_instance_of::<PyKeyboardInterrupt>(py) =>
        {
            Err(PyKeyboardInterrupt::new_err(place))
        }
        (_, Some(error)) => Err(error),
        (Ok(directory), None) => Ok(directory),
        (Err(NoResult::Interrupted(place)), None) => Err(PyKeyboardInterrupt::new_err(place)),
        (Err(none @ NoResult::Diverged(_)), None) => Err(running(none)),
    }
}

/// The name of a study, which is also its directory's.
#[pyfunction]
pub fn study_name(path: PathBuf, set: Vec<String>) -> PyResult<String> {
    Ok(StudyFile::read(&path, &set).map_err(input)?.name)
}

/// Passes on a run's progress, and the request to stop that an exception is.
struct Watch {
    observer: Py<PyAny>,
    /// What Python raised: an interrupt, or a fault of the observer.
    error: RefCell<Option<PyErr>>,
    looked: Cell<Instant>,
}

impl Watch {
    /// Calls the observer, unless something was raised before.
    fn tell(&self, tell: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>) {
        if self.error.borrow().is_some() {
            return;
        }
        let told = Python::attach(|py| {
            py.check_signals()?;
            tell(self.observer.bind(py)).map(drop)
        });
        self.looked.set(Instant::now());
        if let Err(error) = told {
            *self.error.borrow_mut() = Some(error);
        }
    }

    /// Looks at signals, if it is time.
    fn look(&self) {
        if self.looked.get().elapsed() >= INTERVAL {
            self.tell(|observer| Ok(observer.clone()));
        }
    }
}

impl Progress for Watch {
    fn begin(&mut self, step: u64, steps: u64) {
        self.tell(|observer| observer.call_method1("begin", (step, steps)));
    }

    fn step(&mut self, step: u64, loss: f64) -> bool {
        if self.looked.get().elapsed() >= INTERVAL {
            self.tell(|observer| observer.call_method1("step", (step, loss)));
        }
        self.error.borrow().is_some()
    }

    fn is_to_stop(&self) -> bool {
        self.look();
        self.error.borrow().is_some()
    }

    fn record(&mut self, record: &Record) {
        // An evaluation that is no JSON is not shown.
        if let Ok(text) = serde_json::to_string(&record.evaluation) {
            self.tell(|observer| observer.call_method1("record", (text,)));
        }
    }

    fn warn(&mut self, warning: &str) {
        self.tell(|observer| observer.call_method1("warn", (warning,)));
    }

    fn end(&mut self) {
        self.tell(|observer| observer.call_method0("end"));
    }
}
