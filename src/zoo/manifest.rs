//! `manifest.csv` of a zoo, a row for each model, and `model.json`, the same beside the model's files.

use serde::{Deserialize, Serialize};

use crate::certify::{Certificate, Rule, Verdict};
use crate::circuit::file::CircuitFile;
use crate::config::{Init, Method, Start};
use crate::library::Folder;
use crate::run::finished::Subject;
use tracr::model::OutputKind;

/// A row for each model.
pub const MANIFEST: &str = "manifest.csv";
/// The row of one model, written after its other files: the model is complete.
pub const MODEL: &str = "model.json";
/// A model is faithful if every block that writes has at least this cosine, as for `compress shrink`.
pub const FAITHFUL: f64 = 0.99;

/// The columns of `manifest.csv`.
pub const COLUMNS: [&str; 23] = [
    "model",
    "program",
    "source",
    "D",
    "d",
    "seed",
    "init",
    "method",
    "output",
    "inputs",
    "answers",
    "counted",
    "right",
    "mean_error",
    "largest_error",
    "smallest_gap",
    "smallest_cosine",
    "faithful",
    "verdict",
    "d_at_least",
    "edges",
    "true_edges",
    "run",
];

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The library.
    Library,
    /// `compress generate`.
    Generated,
    /// Its author.
    Other,
}

impl Source {
    /// Of a program's text; none where a run has a model file.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some(text) if Folder::Programs.files().any(|file| file.text == text) => Self::Library,
            Some(text) if text.starts_with("#! about: random program ") => Self::Generated,
            _ => Self::Other,
        }
    }
}

/// What `W` was trained from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// A word of `compression.init`.
    Word(Init),
    /// Another `W`.
    Other(From),
}

/// Of a table `{ from = ... }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum From {
    From,
}

impl Origin {
    fn of(start: &Start) -> Self {
        match start {
            Start::Word(init) => Self::Word(*init),
            Start::File(_) => Self::Other(From::From),
        }
    }
}

/// A row of `manifest.csv`. Numbers are exact over all inputs, from the certificate; over its sample where the space is
/// too large to enumerate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The directory of its files.
    pub model: String,
    /// The program's name.
    pub program: String,
    /// Where that comes from.
    pub source: Source,
    /// `D`.
    #[serde(rename = "D")]
    pub width: usize,
    /// `d`.
    #[serde(rename = "d")]
    pub dim: usize,
    /// Of the start and the batches.
    pub seed: u64,
    /// What training began with.
    pub init: Origin,
    /// Training, or a baseline.
    pub method: Method,
    /// Class or number.
    pub output: OutputKind,
    /// Inputs that were run.
    pub inputs: u64,
    /// Different answers of the compiled model.
    pub answers: usize,
    /// Answers that count: those that the compiled model decides.
    pub counted: u64,
    /// The share of these that is proved right.
    pub right: f64,
    /// Numbers: the mean absolute error.
    pub mean_error: Option<f64>,
    /// Numbers: the largest absolute error.
    pub largest_error: Option<f64>,
    /// Classes: the smallest lead of the right one, negative where another one leads.
    pub smallest_gap: Option<f64>,
    /// Of a block's output with the compiled model's, the smallest.
    pub smallest_cosine: Option<f64>,
    /// Whether that is at least [`FAITHFUL`].
    pub faithful: bool,
    /// What is proved.
    pub verdict: Verdict,
    /// No smaller `d` can have all outputs right; none of a sample.
    pub d_at_least: Option<usize>,
    /// Edges that the order of the layers allows.
    pub edges: usize,
    /// Those that belong to the program.
    pub true_edges: usize,
    /// The run's directory, relative to the study's.
    pub run: String,
}

impl Row {
    /// Of a run with what was measured of it.
    pub fn new(
        (model, run): (&str, &str),
        subject: &Subject,
        program: Option<&str>,
        certificate: &Certificate<'_>,
        circuit: &CircuitFile,
    ) -> Self {
        let config = &subject.experiment.config;
        let meta = &subject.experiment.model.metadata;
        let findings = &certificate.findings;
        let is_numerical = matches!(certificate.rule, Rule::Numbers(_));
        let extreme = findings.extreme.map(|(value, _)| value);
        let cosine = findings.smallest_cosine().map(|(_, cosine)| cosine);
        let edges = circuit.counts();
        Self {
            model: model.to_owned(),
            program: meta.program.clone(),
            source: Source::of(program),
            width: subject.experiment.model.width(),
            dim: subject.projection.width(),
            seed: config.training.seed,
            init: Origin::of(&config.compression.init),
            method: config.compression.method,
            output: meta.output_kind,
            inputs: findings.inputs,
            answers: findings.different(),
            counted: findings.counted,
            right: findings.right as f64 / findings.counted as f64, // a certificate without any is refused
            mean_error: is_numerical.then(|| findings.mean().0),
            largest_error: extreme.filter(|_| is_numerical),
            smallest_gap: extreme.filter(|_| !is_numerical),
            smallest_cosine: cosine,
            faithful: cosine.is_none_or(|cosine| cosine >= FAITHFUL),
            verdict: certificate.verdict,
            d_at_least: certificate
                .lower_bounds
                .as_ref()
                .map(|bounds| bounds.outputs),
            edges: edges.all,
            true_edges: edges.of_truth(),
            run: run.to_owned(),
        }
    }
}

/// `model.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1.
    pub format_version: u32,
    /// Of everything that decides the run's results.
    pub config_hash: String,
    /// SHA-256 of `projection.safetensors`.
    pub projection_sha256: String,
    /// The model's row.
    #[serde(flatten)]
    pub row: Row,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_the_librarys_by_its_text_and_not_by_its_name() {
        let hist = Folder::Programs.find("hist").unwrap().text;
        assert_eq!(Source::of(Some(hist)), Source::Library);
        assert_eq!(
            Source::of(Some(&hist.replace("max_seq_len: 5", "max_seq_len: 4"))),
            Source::Other
        );
        let generated = "#! about: random program 3 of seed 0, with 4 operators\n";
        assert_eq!(Source::of(Some(generated)), Source::Generated);
        assert_eq!(Source::of(None), Source::Other);
    }

    #[test]
    fn a_start_is_the_word_of_the_run_file() {
        let word = |origin: Origin| serde_json::to_string(&origin).unwrap();
        assert_eq!(word(Origin::Word(Init::Rank)), "\"rank\"");
        assert_eq!(word(Origin::Other(From::From)), "\"from\"");
    }
}
