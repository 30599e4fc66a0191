//! `diagnostics.csv`: what [`superposition::diagnostics`] measures, a row a reading.

use std::io;
use std::path::Path;

use ndarray::Array2;

use super::step_log::{LogError, StepLog};
use base::files::FileError;
use superposition::diagnostics::{Diagnostics, Reading};

/// The columns, in order. A value is empty where there is none, as of the cosine with a feature
/// that has no direction.
pub const COLUMNS: [&str; 4] = ["step", "subject", "quantity", "value"];

/// Measures, and writes what it measured.
pub struct DiagnosticsLog {
    diagnostics: Diagnostics,
    log: StepLog,
}

impl DiagnosticsLog {
    /// Goes on after `step` updates, which ended with `w`; all measurements from step 0 on, one every
    /// `every` steps, must be there. A run that has no checkpoint has no measurement either.
    ///
    /// # Errors
    /// See [`StepLog::resume`].
    pub fn resume(
        path: &Path,
        mut diagnostics: Diagnostics,
        every: u64,
        (step, w): (u64, &Array2<f64>),
    ) -> Result<Self, LogError> {
        let (next, rows) = match step {
            0 => (0, 0),
            _ => {
                let readings = diagnostics.measure(w).len() as u64;
                (step + 1, readings * (step / every + 1))
            }
        };
        Ok(Self {
            diagnostics,
            log: StepLog::resume(path, &COLUMNS, next, rows)?,
        })
    }

    /// Measures `w` after `step` updates.
    ///
    /// # Errors
    /// If the rows cannot be written.
    pub fn measure(&mut self, step: u64, w: &Array2<f64>) -> Result<(), FileError> {
        let readings = self.diagnostics.measure(w);
        let rows = rows(step, &readings).map_err(FileError::new("write", self.log.path()))?;
        self.log.append(&rows)
    }

    /// Makes all rows durable.
    ///
    /// # Errors
    /// If the system cannot.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.log.sync()
    }
}

fn rows(step: u64, readings: &[Reading]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for reading in readings {
        let value = reading.value.is_finite().then_some(reading.value);
        writer.serialize((step, &reading.subject, reading.quantity, value))?;
    }
    writer
        .into_inner()
        .map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_a_row_whatever_its_subject_is() {
        let reading = |subject: &str, value| Reading {
            subject: subject.into(),
            quantity: "norm",
            value,
        };
        let readings = [
            reading("tokens:a\nb", 0.5),
            reading("tokens:,", 1e-9),
            reading("x", f64::NAN),
        ];
        assert_eq!(
            String::from_utf8(rows(7, &readings).unwrap()).unwrap(),
            "7,\"tokens:a\nb\",norm,0.5\n7,\"tokens:,\",norm,1e-9\n7,x,norm,\n"
        );
    }
}
