//! How small `d` can be at all: bounds from below, each with what it assumes. docs/certify.md proves them.
//!
//! Ranks are numerical ones: directions of less than 1e-5 of the largest do not count, which only makes a bound smaller.
//! They are those of some of the inputs, evenly spaced, and the rank of a part is at most that of the whole.

use ndarray::{Array1, Array2, Axis, Slice};
use serde::Serialize;

use base::linalg::SymmetricEigen;
use superposition::inputs::InputSpace;
use tracr::model::visited::VisitedStates;
use tracr::model::{CompiledModel, Frozen, Linear, OutputKind, Stream, Wiring, block_name};

/// Inputs whose states are looked at.
const INPUTS: u64 = 512;

/// Bounds of `d` from below.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LowerBounds {
    /// If all outputs are right: 2 where three or more classes occur, else 1.
    pub outputs: usize,
    /// If one head's attention and what it moves are exact on one input; none without attention.
    pub attention: Option<OfAttention>,
    /// If every state is read as it is in every direction that is read; none where each block has its own `W`.
    pub reads: Option<usize>,
}

/// The largest bound that one head on one input gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfAttention {
    /// `layer0.attn`, ...
    pub block: String,
    /// The head, from 0.
    pub head: usize,
    /// The bound.
    pub d: usize,
}

impl LowerBounds {
    /// Of a model on the inputs of an enumerable space of `size` inputs, in which `different` answers occur.
    pub fn new(
        (model, wiring): (&CompiledModel, &Wiring),
        (space, size): (&InputSpace, u64),
        different: usize,
    ) -> Self {
        let frozen = Frozen::<f64>::new(model);
        let basis = read_basis(model);
        let mut states = VisitedStates::none(basis.ncols());
        let mut attention: Option<OfAttention> = None;
        let step = size.div_ceil(INPUTS).max(1);
        let mut tokens = Array2::zeros((1, space.positions()));
        for member in (0..size).step_by(step as usize) {
            if let Some(tokens) = tokens.as_slice_mut() {
                space.write_member(member, tokens);
            }
            let trace = frozen.forward(Stream::Full, tokens.view());
            for state in &trace.residuals {
                states.add(&state.dot(&basis), None);
            }
            for i in 0..model.layers.len() {
                for head in 0..model.metadata.num_heads {
                    let d = of_head(model, i, head, &trace.residuals[2 * i]);
                    if d > attention.as_ref().map_or(0, |best| best.d) {
                        let block = block_name(2 * i);
                        attention = Some(OfAttention { block, head, d });
                    }
                }
            }
        }
        Self {
            outputs: of_outputs(model.metadata.output_kind, different),
            attention,
            reads: (wiring.count() <= 2).then(|| states.rank(0..basis.ncols())),
        }
    }
}

/// No smaller `d` has right outputs where so many different answers occur: three or more classes and no bias in the
/// unembedding need two dimensions.
pub fn of_outputs(kind: OutputKind, different: usize) -> usize {
    if kind == OutputKind::Categorical && different > 2 {
        2
    } else {
        1
    }
}

/// The directions that live blocks and the unembedding read, as columns of unit length: `[D, n]`.
fn read_directions(model: &CompiledModel) -> Vec<Array1<f64>> {
    let mut matrices = vec![model.unembed.clone()];
    for layer in &model.layers {
        if !layer.attention_is_dead() {
            matrices.extend([&layer.query, &layer.key, &layer.value].map(|map| map.weight.clone()));
        }
        if !layer.mlp_is_dead() {
            let used = |unit: &usize| layer.fc2.weight.row(*unit).iter().any(|x| *x != 0.0);
            let used: Vec<usize> = (0..layer.fc2.weight.nrows()).filter(used).collect();
            matrices.push(layer.fc1.weight.select(Axis(1), &used));
        }
    }
    let columns = matrices.iter().flat_map(|matrix| matrix.columns());
    let columns = columns.filter_map(|column| {
        let norm = column.dot(&column).sqrt();
        (norm > 0.0).then(|| column.mapv(|x| x / norm))
    });
    columns.collect()
}

/// An orthonormal basis `[D, n]` of what is read: `rank(X R) = rank(X B)`.
fn read_basis(model: &CompiledModel) -> Array2<f64> {
    let mut moment = Array2::zeros((model.width(), model.width()));
    for direction in read_directions(model) {
        let column = direction.insert_axis(Axis(1));
        moment += &column.dot(&column.t());
    }
    let eigen = SymmetricEigen::new(moment.view());
    let kept: Vec<usize> = (0..eigen.rank()).collect();
    eigen.vectors.select(Axis(1), &kept)
}

/// The bound that a head gives on one input, whose state `[T, D]` it reads: the rank `[T, ..]` of its scores less those of
/// the first key beside the values that are written. A causal head's scores are not all seen: its values alone.
fn of_head(model: &CompiledModel, layer: usize, head: usize, state: &Array2<f64>) -> usize {
    let (layer, key_size) = (&model.layers[layer], model.metadata.key_size);
    let columns = Slice::from(head * key_size..(head + 1) * key_size);
    let written = layer.output.weight.slice_axis(Axis(0), columns);
    if written.iter().all(|x| *x == 0.0) {
        return 0;
    }
    let of = |map: &Linear<f64>| {
        let weight = map.weight.slice_axis(Axis(1), columns);
        state.dot(&weight) + map.bias.slice_axis(Axis(0), columns)
    };
    let keys = of(&layer.key);
    let mut scores = of(&layer.query).dot(&(&keys - &keys.row(0)).t());
    // In the unit of the values, which are about 1: a rank that is found numerically depends on it.
    let largest = scores
        .iter()
        .fold(1.0, |largest: f64, x| largest.max(x.abs()));
    scores /= largest;
    if model.metadata.causal {
        scores.fill(0.0);
    }
    let values = of(&layer.value).dot(&written);
    let positions = state.nrows();
    let mut rows = VisitedStates::none(positions);
    rows.add(&scores.t().to_owned(), None);
    rows.add(&values.t().to_owned(), None);
    // A bias is the same at every position: it adds at most 1 to the rank.
    let has_bias = [&layer.query, &layer.value].iter().any(|map| {
        map.bias
            .slice_axis(Axis(0), columns)
            .iter()
            .any(|x| *x != 0.0)
    });
    rows.rank(0..positions)
        .saturating_sub(usize::from(has_bias))
}
