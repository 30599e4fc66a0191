//! The analysis of a run and the files it is kept in.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::experiment::Experiment;
use crate::analysis::faithfulness::{BlockFit, Kind, ReadFit, VariableFit};
use crate::analysis::interchange::Interchange;
use crate::analysis::redundancy::Carried;
use crate::analysis::verdict::{Budget, FeatureReport, Verdict};
use crate::analysis::worst::WorstInput;
use crate::analysis::{self, Analysis, Settings, Subject};
use crate::results::Metric;
use crate::results::layout::{
    ANALYSIS, FEATURES, INTERVENTIONS, LAYER_POSITIONS, LAYERS, POSITIONS, VARIABLES, WORST_INPUTS,
};
use crate::results::table::write_csv;
use base::files::{self, FileError};
use base::interrupt;
use superposition::Projection;

/// A run's analysis with what it is about.
#[derive(Clone, Debug)]
pub struct Analyzed {
    /// The run's name.
    pub name: String,
    /// The program's.
    pub program: String,
    /// `d`.
    pub dim: usize,
    /// The seed.
    pub seed: u64,
    /// The thresholds.
    pub settings: Settings,
    /// The result.
    pub analysis: Analysis,
}

/// `analysis.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    name: &'a str,
    program: &'a str,
    version: &'a str,
    dim: usize,
    width: usize,
    seed: u64,
    gram_rank: usize,
    activation_rank: usize,
    read_rank: usize,
    inputs: usize,
    inputs_are_all: bool,
    verdict: &'static str,
    dimensions_given_up: f64,
    budget: &'a Budget,
    verdicts: BTreeMap<Verdict, Vec<&'a str>>,
    metrics: BTreeMap<Metric, f64>,
    blocks: Vec<&'a BlockFit>,
    variables: Vec<Variable<'a>>,
    interventions: &'a [Interchange],
    carried: &'a [Carried],
    dropped_but_used: Vec<&'a str>,

    accuracy: Option<f64>,
    worst_inputs: &'a [WorstInput],
    settings: &'a Settings,
}

/// A variable in `analysis.json`: the columns of `variables.csv`, and as far as it is read.
#[derive(Debug, Serialize)]
struct Variable<'a> {
    #[serde(flatten)]
    all: &'a VariableFit,
    #[serde(flatten)]
    read: &'a ReadFit,
}

impl<'a> Variable<'a> {
    fn new(fit: &'a VariableFit) -> Self {
        Self {
            all: fit,
            read: &fit.read,
        }
    }
}

/// Analyses `W` over the experiment's evaluation inputs.
pub fn analyze(experiment: &Experiment, projection: &Projection, settings: &Settings) -> Analyzed {
    let Experiment {
        config,
        model,
        space,
        ..
    } = experiment;
    let inputs = experiment.evaluation_set();
    let subject = Subject {
        model,
        space,
        inputs: &inputs,
        w: &projection.w,
        wiring: &projection.wiring,
    };
    Analyzed {
        name: config.name.clone(),
        program: model.metadata.program.clone(),
        dim: projection.width(),
        seed: config.training.seed,
        settings: settings.clone(),
        analysis: analysis::analyze(subject, settings, config.training.threads),
    }
}

impl Analyzed {
    /// The labels of the features of each verdict, every verdict named.
    pub fn verdicts(&self) -> BTreeMap<Verdict, Vec<&str>> {
        Verdict::ALL
            .into_iter()
            .map(|verdict| {
                let features = self.analysis.features.iter();
                let labels = features
                    .filter(|f| f.verdict == verdict)
                    .map(|f| f.feature.as_str());
                (verdict, labels.collect())
            })
            .collect()
    }

    /// The share of the positions of tokens whose output is right; none where there is no such position.
    pub fn accuracy(&self) -> Option<f64> {
        let positions = self.analysis.faithfulness.positions.iter();
        let (mut right, mut inputs) = (0.0, 0.0);
        for p in positions.filter(|p| p.kind == Kind::Token) {
            right += p.weight * p.accuracy;
            inputs += p.weight;
        }
        (inputs > 0.0).then(|| right / inputs)
    }

    /// The blocks over all positions.
    pub fn blocks(&self) -> Vec<&BlockFit> {
        let blocks = self.analysis.faithfulness.blocks.iter();
        blocks.filter(|b| b.position.is_none()).collect()
    }

    /// Single figures for comparing runs: `cosine_mean` and `cosine_min` over the blocks that write
    /// anything, `variance_explained_min` over the same, `interchange_accuracy_min` over the variables
    /// whose exchange has an effect.
    pub fn metrics(&self) -> BTreeMap<Metric, f64> {
        let cosines: Vec<f64> = self.blocks().iter().filter_map(|b| b.cosine).collect();
        let explained = self.blocks();
        let explained = explained.iter().filter_map(|b| b.variance_explained);
        let exchanged = self.analysis.interchange.iter();
        let exchanged = exchanged.filter_map(|i| i.accuracy_affected);
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        [
            (Metric::CosineMean, (!cosines.is_empty()).then_some(mean)),
            (Metric::CosineMin, cosines.iter().copied().reduce(f64::min)),
            (Metric::VarianceExplainedMin, explained.reduce(f64::min)),
            (Metric::InterchangeAccuracyMin, exchanged.reduce(f64::min)),
        ]
        .into_iter()
        .filter_map(|(metric, value)| Some((metric, value?)))
        .collect()
    }

    /// Of the variable whose exchange shows least, and little, what else its readers take it from.
    pub fn least_exchanged(&self) -> Option<&Carried> {
        let low = self
            .analysis
            .interchange
            .iter()
            .filter(|i| i.shows_little());
        let share = |i: &Interchange| i.accuracy_affected.unwrap_or(f64::INFINITY);
        let least = low.min_by(|a, b| share(a).total_cmp(&share(b)))?;
        let mut carried = self.analysis.carried.iter();
        carried.find(|c| {
            c.is_the_same && c.explains() && c.variable == least.variable && c.site == least.site
        })
    }

    /// The features that were dropped although the program uses them.
    fn dropped_but_used(&self) -> Vec<&str> {
        let features = self.analysis.features.iter();
        let used =
            features.filter(|f| f.verdict == Verdict::Dropped && f.read && f.active_share > 0.0);
        used.map(|f| f.feature.as_str()).collect()
    }

    /// The whole as JSON: the content of `analysis.json`.
    ///
    /// # Errors
    /// If it cannot be put in words, which no number causes.
    pub fn json(&self) -> serde_json::Result<String> {
        let analysis = &self.analysis;
        let document = Document {
            name: &self.name,
            program: &self.program,
            version: env!("CARGO_PKG_VERSION"),
            dim: self.dim,
            width: analysis.features.len(),
            seed: self.seed,
            gram_rank: analysis.gram_rank,
            activation_rank: analysis.activation_rank,
            read_rank: analysis.read_rank,
            inputs: analysis.inputs,
            inputs_are_all: analysis.inputs_are_all,
            verdict: analysis.budget.verdict(),
            dimensions_given_up: analysis.budget.total(),
            budget: &analysis.budget,
            verdicts: self.verdicts(),
            metrics: self.metrics(),
            blocks: self.blocks(),
            variables: analysis
                .faithfulness
                .variables
                .iter()
                .map(Variable::new)
                .collect(),
            interventions: &analysis.interchange,
            carried: &analysis.carried,
            dropped_but_used: self.dropped_but_used(),
            accuracy: self.accuracy(),
            worst_inputs: &analysis.faithfulness.worst,
            settings: &self.settings,
        };
        serde_json::to_string_pretty(&document)
    }

    /// Writes all tables and `analysis.json` into a run directory.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), FileError> {
        files::remove_leftovers(directory)?;
        let _of_one_analysis = interrupt::hold();
        let fits = &self.analysis.faithfulness;
        let features = self.analysis.features.iter().map(feature_row);
        write_csv(&directory.join(FEATURES), FEATURE_COLUMNS, features)?;
        let flat = self.blocks().into_iter();
        write_csv(
            &directory.join(LAYERS),
            &["block", "mse", "cosine", "variance_explained"],
            flat.map(|b| (&b.block, b.mse, b.cosine, b.variance_explained)),
        )?;
        let by_position = fits.blocks.iter().filter(|b| b.position.is_some());
        write_csv(
            &directory.join(LAYER_POSITIONS),
            &["block", "position", "mse", "cosine", "variance_explained"],
            by_position.map(|b| (&b.block, b.position, b.mse, b.cosine, b.variance_explained)),
        )?;
        write_csv(
            &directory.join(POSITIONS),
            &[
                "position",
                "kind",
                "inputs",
                "mae",
                "rmse",
                "max_error",
                "accuracy",
            ],
            fits.positions.iter(),
        )?;
        write_csv(
            &directory.join(VARIABLES),
            &[
                "variable",
                "site",
                "positions",
                "features",
                "rank",
                "variance",
                "mse",
                "cosine",
                "r2",
                "r2_mapped",
            ],
            fits.variables.iter(),
        )?;
        write_csv(
            &directory.join(INTERVENTIONS),
            INTERVENTION_COLUMNS,
            self.analysis.interchange.iter(),
        )?;
        write_csv(
            &directory.join(WORST_INPUTS),
            &[
                "rank", "input", "wrong", "position", "token", "expected", "found", "error",
                "right",
            ],
            worst_rows(&fits.worst),
        )?;
        let path = directory.join(ANALYSIS);
        let text = self
            .json()
            .map_err(|e| FileError::new("write", &path)(io::Error::other(e)))?;
        files::write_atomically(&path, format!("{text}\n").as_bytes())
    }
}

const FEATURE_COLUMNS: &[&str] = &[
    "feature",
    "norm",
    "dimensionality",
    "max_interference",
    "verdict",
    "margin",
    "partner",
    "partner_response",
    "dimensionality_active",
    "from_companions",
    "from_strangers",
    "active_share",
    "mean_active",
    "largest",
    "read",
    "variable",
];

/// A row under [`FEATURE_COLUMNS`].
fn feature_row(f: &FeatureReport) -> impl Serialize {
    let response = f.geometry.strongest.map(|(_, x)| x);
    (
        (
            f.feature.clone(),
            f.geometry.norm,
            f.geometry.dimensionality,
            response.map_or(0.0, f64::abs),
            f.verdict,
            f.margin,
        ),
        (f.partner.clone(), response, f.dimensionality_active),
        (f.from_companions, f.from_strangers),
        (f.active_share, f.mean_active, f.largest),
        (f.read, f.variable.clone()),
    )
}

const INTERVENTION_COLUMNS: &[&str] = &[
    "variable",
    "site",
    "pairs",
    "all_pairs",
    "positions",
    "undecided",
    "accuracy",
    "affected",
    "accuracy_affected",
    "mae",
    "mae_affected",
    "max_error",
];

/// One row a token, `rank` 1 being the worst input.
fn worst_rows(worst: &[WorstInput]) -> impl Iterator<Item = impl Serialize> {
    worst.iter().enumerate().flat_map(|(rank, input)| {
        input.tokens.iter().map(move |t| {
            (
                rank + 1,
                input.input,
                input.wrong,
                t.position,
                t.token.to_string(),
                t.expected.to_string(),
                t.found.to_string(),
                t.error,
                t.right,
            )
        })
    })
}
