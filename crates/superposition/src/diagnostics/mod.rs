//! What hinders training: measurements of `W` on the way, to find out why a run ends on a plateau.
//!
//! - [`terms`]: each term of the loss, and how strongly it pulls at `W`.
//! - [`blocks`]: attention that looks elsewhere or is saturated, hidden units that never fire.
//! - features: the length of their directions, and whether a block's output has that of its input.
//!
//! All of it is exact and in float64, over the evaluation set (evenly spaced inputs of a larger one),
//! and depends on `W` alone.

pub mod blocks;
mod reading;
pub mod terms;

use std::sync::Arc;

pub use reading::Reading;

use ndarray::{Array2, Axis};

use self::terms::Terms;
use super::objective::Objective;
use super::teacher::Teacher;
use crate::inputs::sampler::Batch;
use tracr::model::{CompiledModel, Linear, Wiring};

/// A larger evaluation set is thinned out to at most this many inputs.
const MAX_INPUTS: usize = 4096;

impl Reading {
    fn new(subject: impl Into<String>, quantity: &'static str, value: f64) -> Self {
        Self {
            subject: subject.into(),
            quantity,
            value,
        }
    }
}

/// Measures any `W` of a run.
pub struct Diagnostics {
    teacher: Arc<Teacher>,
    inputs: Batch,
    terms: Terms,
    names: Vec<String>,
    labels: Vec<String>,
    /// A feature that a live block reads and one that it writes.
    through: Vec<(usize, usize)>,
    wiring: Wiring,
}

impl Diagnostics {
    /// For the teacher's model and evaluation set.
    pub fn new(
        model: &CompiledModel,
        teacher: &Arc<Teacher>,
        objective: &Objective,
        wiring: Wiring,
    ) -> Self {
        Self {
            inputs: thinned(teacher),
            terms: Terms::new(model, teacher, objective, &wiring),
            names: model.block_names(),
            labels: model.metadata.residual_labels.clone(),
            through: features_through_blocks(teacher),
            teacher: Arc::clone(teacher),
            wiring,
        }
    }

    /// All readings at `w` `[d, D]`, or a stack of several: always the same subjects and quantities, in the same order.
    pub fn measure(&mut self, w: &Array2<f64>) -> Vec<Reading> {
        let mut readings = self.terms.measure(w, &self.inputs);
        let tokens = self.inputs.tokens(self.teacher.space());
        readings.extend(blocks::measure(
            self.teacher.model(),
            &self.names,
            (w, &self.wiring),
            tokens.view(),
        ));
        let lengths: Vec<f64> = w
            .axis_iter(Axis(1))
            .map(|direction| direction.dot(&direction).sqrt())
            .collect();
        for (label, length) in self.labels.iter().zip(&lengths) {
            readings.push(Reading::new(label, "norm", *length));
        }
        for &(read, written) in &self.through {
            let product = w.column(read).dot(&w.column(written));
            readings.push(Reading::new(
                format!("{} -> {}", self.labels[read], self.labels[written]),
                "cosine",
                product / (lengths[read] * lengths[written]),
            ));
        }
        readings
    }
}

/// The evaluation set, or every so manieth input of a large one. All count alike, whatever
/// `inputs.token_weights` say.
fn thinned(teacher: &Teacher) -> Batch {
    let evaluation = teacher.evaluation();
    let size = evaluation.len();
    let stride = size.div_ceil(MAX_INPUTS);
    match evaluation.batch(0, size) {
        Batch::Members(members) => Batch::Members(members.into_iter().step_by(stride).collect()),
        Batch::Sequences(sample) => {
            let rows: Vec<usize> = (0..size).step_by(stride).collect();
            Batch::Sequences(sample.select(Axis(0), &rows))
        }
    }
}

/// For each live block, every feature that it reads with every one that it writes, each pair once.
fn features_through_blocks(teacher: &Teacher) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (i, layer) in teacher.model().layers.iter().enumerate() {
        let attention: &[&Linear<f64>] = &[&layer.query, &layer.key, &layer.value];
        for (block, readers) in [(2 * i, attention), (2 * i + 1, &[&layer.fc1])] {
            let is_read = |feature: &usize| {
                let reads = |l: &&Linear<f64>| l.weight.row(*feature).iter().any(|x| *x != 0.0);
                readers.iter().any(reads)
            };
            for read in (0..teacher.model().width()).filter(is_read) {
                for &written in teacher.live_columns(block) {
                    if read != written && !pairs.contains(&(read, written)) {
                        pairs.push((read, written));
                    }
                }
            }
        }
    }
    pairs
}
