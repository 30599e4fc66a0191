//! What `compress run` is given, and what of it is refused.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::compile::SettingArgs;
use super::failure::Failure;
use crate::results::layout::PROJECTION;
use base::{escape, limits};
use superposition::Projection;
use tracr::model::CompiledModel;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file, or a RASP program to interpret: a .rasp file, or the name of a library program
    pub model: PathBuf,
    /// The input's tokens (BOS is put in front)
    #[arg(
        required_unless_present = "plan",
        value_name = "TOKEN",
        allow_negative_numbers = true
    )]
    pub tokens: Vec<String>,
    /// Run the model compressed by this W: a run directory, or its projection.safetensors
    #[arg(long, value_name = "RUN")]
    pub projection: Option<PathBuf>,
    /// For a program: show interpreter, compiled and (with --projection) compressed model side by
    /// side
    #[arg(long)]
    pub compare: bool,
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Fill the input up to the model's length with PAD, as training does
    #[arg(long)]
    pub pad: bool,
    /// Show every feature's value at every position after every block
    #[arg(long)]
    pub trace: bool,
    /// Print what the fused engine computes in a step of training on all inputs of full length
    #[arg(long, conflicts_with_all = ["tokens", "projection", "compare", "trace", "pad", "json"])]
    pub plan: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Refuses an input of this many positions that what a pass keeps of them would not fit in memory.
pub fn check_pass(model: &CompiledModel, positions: usize) -> Result<(), Failure> {
    let (layers, heads) = (model.layers.len() as u128, model.metadata.num_heads as u128);
    let t = positions as u128;
    let numbers = (4 * layers + 4) * t * model.width() as u128 + (layers * heads + 2) * t * t;
    if 8 * numbers <= u128::from(limits::RUN_BYTES) {
        return Ok(());
    }
    Err(Failure::Input(anyhow::anyhow!(
        "an input of {positions} positions would need about {} of memory, the limit is {}: give fewer tokens, \
         and no padding",
        limits::readable(8 * numbers),
        limits::readable(limits::RUN_BYTES.into()),
    )))
}

/// Refuses to show scores `[T, O]` that are non-finite.
pub fn check_finite(scores: &Array2<f64>) -> Result<(), Failure> {
    match scores.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some(((position, _), value)) => Err(Failure::Input(anyhow::anyhow!(
            "the model computes {value} at position {position} on this input, which is no output: its weights, \
             or those of W, are too large for float64"
        ))),
    }
}

/// The `W` of a run directory or a projection file, which must be for this model.
pub fn load_projection(path: &Path, model: &CompiledModel) -> Result<Projection, Failure> {
    let file = if path.is_dir() {
        path.join(PROJECTION)
    } else {
        path.to_owned()
    };
    let projection = Projection::load(&file, model).map_err(Failure::input)?;
    if projection.labels != model.metadata.residual_labels {
        return Err(Failure::Input(anyhow::anyhow!(
            "the features of {} are not those of {}: it was trained on another model",
            file.display(),
            escape::name(&model.metadata.program)
        )));
    }
    Ok(projection)
}
