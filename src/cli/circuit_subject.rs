//! What `circuit` and `judge` look at: a compiled model, or a run's compressed one, with its inputs.

use std::num::NonZero;
use std::path::Path;

use ndarray::Array2;

use super::compile::SettingArgs;
use super::failure::Failure;
use super::run_input::model_of;
use crate::analysis::interchange::Pairs;
use crate::analysis::{Settings, Subject};
use crate::circuit::effects::{Exchanges, Watch};
use crate::circuit::network::Network;
use crate::config::Method;
use crate::examples::widths;
use crate::run::finished::Subject as Compressed;
use base::{escape, limits};
use superposition::Projection;
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::model::{CompiledModel, Wiring};

/// Inputs that stand for a model's space if that is too large to enumerate.
const SAMPLE: usize = 16_384;

/// A model with its inputs, read.
pub struct CircuitSubject {
    model: CompiledModel,
    space: InputSpace,
    inputs: EvaluationSet,
    /// `W` of a run.
    projection: Option<Projection>,
    /// What found it.
    method: Option<Method>,
    /// The compiled model's `W`, which changes nothing.
    identity: Array2<f64>,
    wiring: Wiring,
}

/// Options that both commands have.
#[derive(Debug, clap::Args)]
pub struct PairArgs {
    /// Pairs of inputs to exchange values between, or `all`: a sample if there are more
    #[arg(long, value_name = "N", default_value = "1024", value_parser = pairs)]
    pairs: PairCount,
    /// The seed of that sample, and of random circuits
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct PairCount(Option<u64>);

fn pairs(text: &str) -> Result<PairCount, String> {
    let most = limits::INTERVENTION_PAIRS;
    if text == "all" {
        return Ok(PairCount(None));
    }
    match text.parse::<u64>() {
        Ok(n) if (2..=most).contains(&n) => Ok(PairCount(Some(n))),
        _ => Err(format!("expected a number from 2 to {most}, or `all`")),
    }
}

impl PairArgs {
    /// The pairs of a subject.
    pub fn of<'a>(&self, subject: &'a CircuitSubject) -> Pairs<'a> {
        subject.pairs(self.pairs.0, self.seed)
    }
}

impl CircuitSubject {
    /// A run's directory with the inputs of its configuration, or a model file or program with all inputs that it takes,
    /// from one token to the longest.
    ///
    /// # Errors
    /// If it is neither, or cannot be used.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            let run = Compressed::load(path).map_err(Failure::input)?;
            return Ok(Self::of_run(run));
        }
        let model = model_of(path, &SettingArgs::default())?;
        let (space, inputs) = inputs_of(path, &model)?;
        Ok(Self {
            identity: Array2::eye(model.width()),
            wiring: Wiring::default(),
            inputs,
            space,
            model,
            projection: None,
            method: None,
        })
    }

    /// A run, with the inputs of its configuration.
    pub fn of_run(run: Compressed) -> Self {
        let inputs = run.experiment.evaluation_set();
        Self {
            identity: Array2::eye(run.experiment.model.width()),
            wiring: Wiring::default(),
            inputs,
            space: run.experiment.space,
            model: run.experiment.model,
            projection: Some(run.projection),
            method: Some(run.experiment.config.compression.method),
        }
    }

    /// The model.
    pub fn model(&self) -> &CompiledModel {
        &self.model
    }

    /// `pairs` pairs of its inputs, drawn by a seed; all of them if there are no more, or if it is `None`.
    pub fn pairs(&self, pairs: Option<u64>, seed: u64) -> Pairs<'_> {
        let settings = Settings {
            pairs,
            seed,
            ..Settings::default()
        };
        Pairs::new(self.inputs.len(), self.inputs.weights(), &settings)
    }

    /// The exchanges over some pairs, in `network`, which is this model compressed, or compiled.
    pub fn exchanges<'a>(
        &'a self,
        (compiled, network): (&'a Network, &'a Network),
        pairs: &'a Pairs<'a>,
    ) -> Exchanges<'a> {
        Exchanges {
            subject: self.subject(),
            compiled,
            network,
            pairs,
            threads: threads(),
            watch: Watch::NOBODY,
        }
    }

    /// What found the run's `W`.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// For the analysis: with the run's `W`, or the identity.
    pub fn subject(&self) -> Subject<'_> {
        let (w, wiring) = match &self.projection {
            Some(projection) => (&projection.w, &projection.wiring),
            None => (&self.identity, &self.wiring),
        };
        Subject {
            model: &self.model,
            space: &self.space,
            inputs: &self.inputs,
            w,
            wiring,
        }
    }

    /// The compiled model, taken apart.
    pub fn compiled(&self) -> Network {
        Network::new(&self.model, &self.identity, &self.wiring)
    }

    /// The run's model, likewise; none of a compiled model.
    pub fn compressed(&self) -> Option<Network> {
        let projection = self.projection.as_ref()?;
        Some(Network::new(&self.model, &projection.w, &projection.wiring))
    }
}

/// All inputs that a model takes, from one token to the longest, and those that stand for them: all, or a sample of more
/// than 2^20.
///
/// # Errors
/// If the model is too large, or none of its inputs is valid.
pub fn inputs_of(
    path: &Path,
    model: &CompiledModel,
) -> Result<(InputSpace, EvaluationSet), Failure> {
    check_size(path, model)?;
    let lengths: Vec<usize> = (1..=widths::longest(&model.metadata)).collect();
    let space = widths::space(model, &lengths).map_err(Failure::input)?;
    let inputs = EvaluationSet::new(&space, SAMPLE);
    Ok((space, inputs))
}

/// Threads for the exchanges.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Refuses exchanges that would not fit in memory.
pub fn check_memory(exchanges: &Exchanges<'_>) -> Result<(), Failure> {
    let bytes = exchanges.bytes();
    if bytes <= u128::from(limits::RUN_BYTES) {
        return Ok(());
    }
    Err(Failure::Input(anyhow::anyhow!(
        "exchanging edges would need about {} of memory, the limit is {}: compile the program with a smaller --max-seq-len or \
         vocabulary",
        limits::readable(bytes),
        limits::readable(limits::RUN_BYTES.into()),
    )))
}

/// A run has such limits, too.
fn check_size(path: &Path, model: &CompiledModel) -> Result<(), Failure> {
    let (width, positions) = (model.width(), model.positions());
    if width <= limits::WIDTH && positions <= limits::POSITIONS {
        return Ok(());
    }
    Err(Failure::Input(anyhow::anyhow!(
        "{} has D = {width} and {positions} positions, the limits are {} and {}: compile it with a smaller vocabulary or \
         --max-seq-len",
        escape::path(path),
        limits::WIDTH,
        limits::POSITIONS
    )))
}
