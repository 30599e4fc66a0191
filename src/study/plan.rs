//! From a study file to its runs: every combination, its directory, and its checked configuration.

use std::path::Path;

use super::names;
use super::record::{Record, RunEntry};
use crate::config::keys::METHOD;
use crate::config::{Assignment, Method, StudyFile, StudyFileError};
use crate::run::directory::{self, DirectoryError};
use crate::run::experiment::{Experiment, ExperimentError, Models};
use base::files::links;

/// A study's runs.
#[derive(Debug)]
pub struct Plan {
    file: StudyFile,
    /// What `study.toml` will hold; its runs are these.
    pub record: Record,
    /// What is laid over the base, run by run.
    points: Vec<Vec<Assignment>>,
    models: Models,
}

impl Plan {
    /// All runs of a study; `set` are the `--set` that the file was read with.
    ///
    /// # Errors
    /// If two runs are the same.
    pub fn new(file: StudyFile, set: &[String]) -> Result<Self, StudyFileError> {
        let mut keys: Vec<String> = Vec::new();
        for axis in file.blocks.iter().flatten() {
            if !keys.iter().any(|key| key == axis.key()) {
                keys.push(axis.key().to_owned());
            }
        }
        let mut record = Record {
            name: file.name.clone(),
            question: file.question.clone(),
            set: set.to_vec(),
            keys,
            recovery: file.recovery.clone(),
            runs: Vec::new(),
        };
        let base: Vec<String> = record.keys.iter().map(|k| file.base_value(k)).collect();
        let base_method = Method::named(&file.base_value(METHOD)).unwrap_or_default();
        let mut points = Vec::new();
        let mut taken = std::collections::HashSet::new();
        for axes in &file.blocks {
            let mut chosen = vec![0; axes.len()];
            loop {
                let mut point = Vec::with_capacity(axes.len());
                let mut values = base.clone();
                let mut given = vec![false; values.len()];
                for (axis, &i) in axes.iter().zip(&chosen) {
                    let value = &axis.values[i];
                    point.push(axis.assignment(value));
                    if let Some(column) = record.keys.iter().position(|key| key == axis.key()) {
                        values[column].clone_from(&value.text);
                        given[column] = true;
                    }
                }
                let parts = record.keys.iter().zip(&values).zip(&given);
                let directory =
                    names::directory(parts.filter(|(_, given)| **given).map(
                        |((key, value), _)| (names::label(key, &record.keys), value.as_str()),
                    ));
                if !taken.insert(directory.clone()) {
                    return Err(StudyFileError::Invalid {
                        location: axes[0].location().to_owned(),
                        problem: format!("the run {directory} is in the study twice"),
                    });
                }
                let method = record.keys.iter().position(|key| key == METHOD);
                record.runs.push(RunEntry {
                    directory,
                    method: method
                        .and_then(|i| Method::named(&values[i]))
                        .unwrap_or(base_method),
                    values,
                });
                points.push(point);
                if !advance(&mut chosen, |i| axes[i].values.len()) {
                    break;
                }
            }
        }
        Ok(Self {
            file,
            record,
            points,
            models: Models::default(),
        })
    }

    /// The number of runs.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is no run; never so for a study file that was read.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// A run's configuration with its model, in its directory below the study's.
    ///
    /// # Errors
    /// If this run cannot start.
    pub fn experiment(&self, run: usize, study: &Path) -> Result<Experiment, ExperimentError> {
        let source = self.file.source(&self.points[run])?;
        let entry = &self.record.runs[run];
        let output = study.join(&entry.directory);
        let mut experiment = Experiment::from_source(&source, Some(&output), &self.models)?;
        experiment.config.name = format!("{}/{}", self.record.name, entry.directory);
        experiment.config.training.threads = 1; // as many runs at a time as there are cores
        Ok(experiment)
    }

    /// If no run of the study can start, why: each run with its error.
    pub fn hopeless(&self, study: &Path) -> Option<Vec<(usize, String)>> {
        let reason = |run| {
            self.experiment(run, study)
                .err()
                .map(|e| (run, e.to_string()))
        };
        (0..self.len()).map(reason).collect()
    }

    /// The runs whose directories hold something else, another configuration's run for instance,
    /// and what. Runs that cannot start are passed over. Reads only.
    pub fn conflicts(&self, study: &Path) -> Vec<(usize, String)> {
        let place = |run: usize| study.join(&self.record.runs[run].directory);
        (0..self.len())
            .filter(|run| std::fs::symlink_metadata(place(*run)).is_ok())
            .filter_map(|run| {
                if let Err(link) = links::refuse_link(&place(run), "write into") {
                    return Some((run, link.to_string()));
                }
                let experiment = self.experiment(run, study).ok()?;
                let config = &experiment.config;
                let problem = directory::inspect(&config.output.dir, config, false).err()?;
                Some((run, conflict(&problem)))
            })
            .collect()
    }
}

/// What is wrong with a run's directory, and what to do about it: a sweep deletes nothing.
pub fn conflict(problem: &DirectoryError) -> String {
    match problem {
        DirectoryError::OtherConfig {
            directory,
            differences,
        } => format!(
            "{} holds the run of another configuration:\n{differences}\ngive the study the same keys as then \
             (with the same --set, if there was one), or another directory with --output; to give that run up and make it again, delete {}",
            directory.display(),
            directory.display()
        ),
        other => other.to_string(),
    }
}

/// The next combination, the last axis changing fastest; false after the last.
fn advance(chosen: &mut [usize], values: impl Fn(usize) -> usize) -> bool {
    for i in (0..chosen.len()).rev() {
        chosen[i] += 1;
        if chosen[i] < values(i) {
            return true;
        }
        chosen[i] = 0;
    }
    false
}
