//! The files of a dictionary's scores: `recovery.json`, `recovery.csv`, `recovery_cosines.csv`; and the export of the
//! truth.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::causal::VariableScore;
use super::judgement::Judgement;
use super::nulls::{Ceilings, NAMES, Nulls, Spread, Spreads, judges};
use super::scores::Scores;
use super::scores::directions::RECOVERED;
use super::scores::saelens::SaeLens;
use super::truth::gauge::{Near, THRESHOLD};
use super::truth::{Part, Truth};
use crate::results::table::write_csv;
use base::files::{self, FileError};
use base::numbers::{count, listed};
use base::tensors::{TensorError, TensorWriter};

/// All scores of a dictionary.
pub const RECOVERY: &str = "recovery.json";
/// A row for each target.
pub const TARGETS: &str = "recovery.csv";
/// A row for each pair of a target and a matched atom.
pub const COSINES: &str = "recovery_cosines.csv";
/// The same, drawn.
pub const DRAWING: &str = "recovery.svg";
/// What writes them again.
pub const SCORE: &str = "`compress score` writes it again";
/// Where the export keeps what its tensors are.
pub const METADATA: &str = "compress_truth";

const TARGET_COLUMNS: [&str; 10] = [
    "target",
    "share",
    "atom",
    "direction",
    "cosine",
    "activation_atom",
    "activation_correlation",
    "f1",
    "f1_best_threshold",
    "causal",
];

const COSINE_COLUMNS: [&str; 4] = ["target", "matched_target", "atom", "cosine"];

/// The rows that were scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// The program's name.
    pub program: String,
    /// `d`.
    pub dim: usize,
    /// `D`.
    pub width: usize,
    /// The sites, in the order of the forward pass.
    pub sites: Vec<String>,
    /// Whether the position of BOS counts.
    pub bos: bool,
    /// Inputs that were run.
    pub inputs: usize,
    /// Whether these are all that the model has.
    pub inputs_are_all: bool,
    /// Positions of all inputs at all sites.
    pub places: usize,
    /// Different rows among these.
    pub rows: usize,
}

/// What the rows leave open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GaugeRecord {
    /// A combination of features varies if its singular value is above this share of the largest.
    pub threshold: f64,
    /// How many do.
    pub rank: usize,
    /// All singular values, shares of the largest.
    pub singular_values: Vec<f64>,
    /// Those that are near the threshold.
    pub near: Vec<Near>,
}

/// `recovery.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// 1.
    pub format_version: u32,
    /// The dictionary, as given.
    pub dictionary: String,
    /// The codes, as given; none where they are the dictionary's own.
    pub codes: Option<String>,
    /// How many atoms it has.
    pub atoms: usize,
    /// How many targets there are.
    pub targets: usize,
    /// What it was scored on.
    pub data: Data,
    /// What the data leaves open.
    pub gauge: GaugeRecord,
    /// The scores.
    pub scores: Scores,
    /// The MCC between the better null and 1.
    pub mcc_corrected: Option<f64>,
    /// SAELens' own numbers.
    pub saelens: SaeLens,
    /// What knows nothing.
    pub nulls: Nulls,
    /// What knows all.
    pub ceilings: Ceilings,
    /// The causal score, variable by variable.
    pub variables: Vec<VariableScore>,
}

impl Data {
    /// Of a truth.
    pub fn new(truth: &Truth, program: &str, part: Part) -> Self {
        Self {
            program: program.to_owned(),
            dim: truth.w.nrows(),
            width: truth.w.ncols(),
            sites: truth.places.sites.iter().map(|site| site.name()).collect(),
            bos: part.bos,
            inputs: truth.places.inputs.len(),
            inputs_are_all: truth.places.all_inputs,
            places: truth.places.count(),
            rows: truth.rows.z.nrows(),
        }
    }
}

impl GaugeRecord {
    /// Of a truth.
    pub fn new(truth: &Truth) -> Self {
        Self {
            threshold: THRESHOLD,
            rank: truth.gauge.rank,
            singular_values: truth.gauge.singular_values.clone(),
            near: truth.gauge.near.clone(),
        }
    }
}

impl Record {
    /// What was said of a dictionary, given as `dictionary`, with these codes or its own.
    pub fn new(
        (dictionary, codes): (&Path, Option<&Path>),
        truth: &Truth,
        data: Data,
        judgement: &Judgement,
    ) -> Self {
        Self {
            format_version: 1,
            dictionary: dictionary.display().to_string(),
            codes: codes.map(|path| path.display().to_string()),
            atoms: judgement.atoms,
            targets: truth.targets.len(),
            gauge: GaugeRecord::new(truth),
            data,
            scores: judgement.scores,
            mcc_corrected: judgement.mcc_corrected,
            saelens: judgement.saelens.clone(),
            nulls: judgement.nulls.clone(),
            ceilings: judgement.ceilings,
            variables: judgement.variables.clone(),
        }
    }

    /// How much was found, and which scores are beyond what knows nothing of the features.
    pub fn sentence(&self) -> String {
        let found = (self.scores.recovered * self.targets as f64).round() as usize;
        let are = if found == 1 { "is" } else { "are" };
        let (mut above, mut within, mut below) = (Vec::new(), Vec::new(), Vec::new());
        let mut void = Vec::new();
        for (name, word, of) in NAMES {
            let judges = judges(name);
            let (Some(value), Some(null)) = (of(&self.scores), self.nulls.data_rows.get(name))
            else {
                continue;
            };
            if judges && of(&self.ceilings.nnls).is_some_and(|known| known <= null.high) {
                void.push(word.to_owned());
            }
            let list = match value {
                _ if !judges => continue,
                x if x > null.high => &mut above,
                x if x < null.low => &mut below,
                _ => &mut within,
            };
            list.push(word.to_owned());
        }
        let parts: Vec<String> = [("above", above), ("within", within), ("below", below)]
            .into_iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(place, words)| format!("{place} it: {}", listed(&words)))
            .collect();
        let beside = match parts.is_empty() {
            true => String::new(),
            false => format!(
                " Beside the middle 95 % of random data rows, which know nothing of the features, {}.",
                parts.join("; ")
            ),
        };
        let void = match void.is_empty() {
            true => String::new(),
            false => format!(
                " The columns of W themselves, with codes by non-negative least squares, are not above random data rows either in: {}. Here that \
                 does not tell dictionaries apart.",
                listed(&void)
            ),
        };
        format!(
            "{found} of {} {are} found: an atom has a |cosine| of at least {RECOVERED} with their direction.{beside}{void}",
            count(self.targets, "target")
        )
    }

    /// The scores as a table for reading: a header, and each score beside what it is worth.
    pub fn table(&self) -> Vec<Vec<String>> {
        let header = [
            "",
            "dictionary",
            "random directions",
            "random data rows",
            "shuffled labels",
            "W, NNLS codes",
            "truth",
        ];
        let mut rows = vec![header.map(String::from).to_vec()];
        let value = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
        let spread = |spreads: &Spreads, name: &str| match spreads.get(name) {
            Some(Spread { mean, low, high }) => format!("{mean:.3} ({low:.2} to {high:.2})"),
            None => "-".to_owned(),
        };
        let ceiling = |x: Option<f64>, is_bounded: bool| match is_bounded {
            true => value(x),
            false => String::new(),
        };
        for (name, word, of) in NAMES {
            // Columns of W are no bound for what looks at canonical directions alone, or at when a code is 0.
            let is_bounded = !name.ends_with("_canonical") && !name.starts_with("f1");
            rows.push(vec![
                word.to_owned(),
                value(of(&self.scores)),
                spread(&self.nulls.random_directions, name),
                spread(&self.nulls.data_rows, name),
                spread(&self.nulls.shuffled_labels, name),
                ceiling(of(&self.ceilings.nnls), is_bounded),
                ceiling(of(&self.ceilings.truth), is_bounded),
            ]);
        }
        rows
    }
}

/// Writes the three files.
///
/// # Errors
/// If one of them cannot be written.
pub fn write(directory: &Path, record: &Record, judgement: &Judgement) -> Result<(), FileError> {
    write_csv(
        &directory.join(TARGETS),
        &TARGET_COLUMNS,
        &judgement.targets,
    )?;
    write_csv(
        &directory.join(COSINES),
        &COSINE_COLUMNS,
        &judgement.cosines,
    )?;
    let path = directory.join(RECOVERY);
    let text = json(record).map_err(|e| FileError::new("write", &path)(e.into()))?;
    files::write_atomically(&path, text.as_bytes())
}

/// The text of `recovery.json`.
///
/// # Errors
/// If a number is none.
pub fn json(record: &Record) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(record)? + "\n")
}

/// A target in the export's metadata.
#[derive(Debug, Serialize)]
struct TargetRecord<'a> {
    label: &'a str,
    features: Vec<&'a str>,
    share: f64,
}

/// The export's metadata.
#[derive(Debug, Serialize)]
struct Exported<'a> {
    format_version: u32,
    data: Data,
    labels: &'a [String],
    vocabulary: Vec<String>,
    targets: Vec<TargetRecord<'a>>,
    gauge: GaugeRecord,
}

/// The truth as a safetensors file: what it was scored on, and what there is to find.
///
/// # Errors
/// If it cannot be laid out.
pub fn export(truth: &Truth, data: Data, vocabulary: Vec<String>) -> Result<Vec<u8>, TensorError> {
    let mut writer = TensorWriter::default();
    let activations = truth.target_activations();
    let directions = truth.target_directions();
    for (name, matrix) in [
        ("z", &truth.rows.z),
        ("features", &truth.features),
        ("compiled_features", &truth.compiled),
        ("W", &truth.w),
        ("W_canonical", &truth.canonical),
        ("targets", &directions),
        ("target_activations", &activations),
    ] {
        writer.add(name, matrix.shape(), matrix.iter().copied());
    }
    let n = truth.rows.z.nrows();
    writer.add("weights", &[n], truth.rows.weights.iter().copied());
    let first = &truth.places.first;
    let tokens = &truth.places.tokens;
    let of_rows = first.iter().flat_map(|place| tokens.row(place.input));
    writer.add("input", &[n, tokens.ncols()], of_rows.map(|id| *id as i32));
    writer.add(
        "position",
        &[n],
        first.iter().map(|place| place.position as i32),
    );
    writer.add("site", &[n], first.iter().map(|place| place.site as i32));
    let exported = Exported {
        format_version: 1,
        data,
        labels: &truth.labels,
        vocabulary,
        targets: truth
            .targets
            .iter()
            .map(|target| TargetRecord {
                label: &target.label,
                features: target
                    .members
                    .iter()
                    .map(|member| truth.labels[member.feature].as_str())
                    .collect(),
                share: target.share,
            })
            .collect(),
        gauge: GaugeRecord::new(truth),
    };
    let text = serde_json::to_string(&exported).unwrap_or_default(); // strings and finite numbers
    writer.finish(METADATA, text)
}
