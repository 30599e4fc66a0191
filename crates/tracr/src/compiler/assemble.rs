//! From blocks to weights (Tracr's `assemble.py`).
//!
//! Heads of a layer stand side by side, padded to the largest key size of the model; hidden units
//! of a layer are sorted by name, padded to the widest MLP. What is unused is 0, and so is every
//! bias. As Tracr's, all weights are float32 numbers, and summed as such.

use ndarray::{Array1, Array2};

use super::blocks::Blocks;
use super::craft::{Dim, Group, Head, Mlp, Space, space::Variable, width::CLEAN_BOS};
use super::error::Note;
use super::layers::HalfLayer;
use super::program::{OpId, OpKind, Program};
use super::report::Report;
use super::sizes::needs_one;
use crate::model::{Layer, Linear};

/// The layers of the model, `L` of them.
pub fn layers(blocks: &mut Blocks<'_>, halves: &[HalfLayer], report: &Report) -> Vec<Layer<f32>> {
    let mut layers: Vec<Layer<f32>> = (0..report.layers).map(|_| empty(report)).collect();
    for half in halves {
        let layer = &mut layers[half.layer];
        if half.is_attention {
            for (place, id) in half.ops.iter().enumerate() {
                put_head(layer, &blocks.head(*id), place * report.key_size);
            }
        } else {
            let mlps: Vec<Mlp> = half.ops.iter().map(|id| blocks.mlp(*id)).collect();
            let once = cleans_once(blocks, half);
            put_mlp(layer, in_parallel(mlps, once));
        }
    }
    layers
}

/// Shape `[V, D]`: the token's feature, and `one` if anything uses it.
pub fn token_embed(program: &Program, space: &Space) -> Array2<f64> {
    let words = space.vocabulary.len();
    let mut embed = Array2::zeros((words, space.width()));
    for token in 0..words {
        embed[[token, space.dim(Variable::Tokens).0 + token]] = 1.0;
        if needs_one(program) {
            embed[[token, space.dim(Variable::One).0]] = 1.0;
        }
    }
    embed
}

/// Shape `[T, D]`: the position's feature; nothing at BOS.
pub fn pos_embed(space: &Space, max_seq_len: usize) -> Array2<f64> {
    let mut embed = Array2::zeros((max_seq_len + 1, space.width()));
    for position in 0..max_seq_len {
        embed[[position + 1, space.dim(Variable::Indices).0 + position]] = 1.0;
    }
    embed
}

/// Shape `[D, O]`: the output's features.
pub fn unembed(space: &Space, outputs: &[Dim]) -> Array2<f64> {
    let mut unembed = Array2::zeros((space.width(), outputs.len()));
    for (column, dim) in outputs.iter().enumerate() {
        unembed[[dim.0, column]] = 1.0;
    }
    unembed
}

fn empty(report: &Report) -> Layer<f32> {
    let linear = |inputs: usize, outputs: usize| Linear {
        weight: Array2::zeros((inputs, outputs)),
        bias: Array1::zeros(outputs),
    };
    let (width, attended) = (report.width, report.heads * report.key_size);
    Layer {
        query: linear(width, attended),
        key: linear(width, attended),
        value: linear(width, attended),
        output: linear(attended, width),
        fc1: linear(width, report.mlp_width),
        fc2: linear(report.mlp_width, width),
    }
}

/// A head in the columns from `start`. The query matrix holds the scores, so that `q·k` is the
/// score of the pair; the others only copy.
fn put_head(layer: &mut Layer<f32>, head: &Head, start: usize) {
    for (query, column, score) in &head.scores {
        layer.query.weight[[query.0, start + column]] = *score as f32;
    }
    for (column, key) in head.keys.iter().enumerate() {
        layer.key.weight[[key.0, start + column]] = 1.0;
    }
    for (column, (from, to)) in head.values.iter().enumerate() {
        layer.value.weight[[from.0, start + column]] = 1.0;
        layer.output.weight[[start + column, to.0]] = 1.0;
    }
}

fn put_mlp(layer: &mut Layer<f32>, groups: Mlp) {
    for (column, unit) in groups.iter().flat_map(|group| &group.units).enumerate() {
        for (dim, weight) in &unit.inputs {
            layer.fc1.weight[[dim.0, column]] += *weight as f32;
        }
        for (dim, weight) in &unit.outputs {
            layer.fc2.weight[[column, dim.0]] += *weight as f32;
        }
    }
}

/// The MLPs of a layer as one: groups sorted by name, groups of one name joined unit by unit. If
/// `once`, joined units read what the first of them reads, else the sum of what they read.
fn in_parallel(mlps: Vec<Mlp>, once: bool) -> Mlp {
    let mut groups: Mlp = mlps.into_iter().flatten().collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    let mut joined: Mlp = Vec::with_capacity(groups.len());
    for group in groups {
        match joined.last_mut() {
            Some(Group { name, units }) if *name == group.name => {
                for (unit, more) in units.iter_mut().zip(group.units) {
                    if !once {
                        unit.inputs.extend(more.inputs);
                    }
                    unit.outputs.extend(more.outputs);
                }
            }
            _ => joined.push(group),
        }
    }
    joined
}

/// Whether the unit that cleans BOS must not add up over the widths of a layer, as it does in Tracr.
///
/// With `n` widths in one layer Tracr's unit is `n` at BOS and takes everything away `n` times, so
/// the zero of a categorical width is left at `1 − n`. No MLP sees the difference to 0, since a
/// relu cuts it off, and the numerical feature is 0 anyway; but a head does that has such a width
/// as its keys or moves it. Only then our model differs from Tracr's, in one weight, 1 instead of
/// `n`, and says so.
fn cleans_once(blocks: &mut Blocks<'_>, half: &HalfLayer) -> bool {
    let program = blocks.program;
    let widths: Vec<OpId> = half
        .ops
        .iter()
        .copied()
        .filter(|id| matches!(program.op(*id).kind, OpKind::Width { .. }))
        .collect();
    let read_by_a_head = |width: &OpId| {
        program.op(*width).is_categorical()
            && program.ops.iter().any(|op| match &op.kind {
                OpKind::Aggregate { selector, sop } => selector.keys == *width || sop == width,
                OpKind::Width { selector } => selector.keys == *width,
                _ => false,
            })
    };
    let Some(width) = widths.iter().find(|width| read_by_a_head(width)) else {
        return false;
    };
    if widths.len() < 2 {
        return false;
    }
    let op = program.op(*width);
    let text = format!(
        "Tracr's model would leave `{}` at {} in the BOS position, which is attended to later, \
         because {} selector widths share a layer; here it is 0, so the weight of \
         `{CLEAN_BOS}` is 1 instead of {}",
        op.name,
        1 - widths.len() as i64,
        widths.len(),
        widths.len(),
    );
    let node = op.node;
    blocks.notes.push(Note { node, text });
    true
}

#[cfg(test)]
mod tests {
    use crate::compiler::compile;
    use crate::compiler::test_graphs::{Builder, options};
    use crate::model::Value;

    /// hist and length, which share a layer, and the weight of the unit that cleans BOS.
    fn clean_weight(read_by_a_head: bool) -> (f64, usize) {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let (same, all) = (
            b.select(tokens, tokens, "=="),
            b.select(tokens, tokens, "true"),
        );
        let (hist, length) = (b.selector_width(same), b.selector_width(all));
        let output = if read_by_a_head {
            let select = b.select(hist, length, "==");
            b.aggregate(select, tokens, Value::None)
        } else {
            b.sequence_map("x - y", length, hist, |v| {
                crate::rasp::python::subtract(&v[0], &v[1])
            })
        };
        let (model, notes) = compile(&b.graph, output, &options(&[1, 2], 3)).unwrap();
        let bos = model
            .metadata
            .residual_labels
            .iter()
            .position(|l| l == "tokens:BOS")
            .unwrap();
        let weights = model.layers[0].fc1.weight.row(bos);
        (weights.iter().copied().fold(0.0, f64::max), notes.len())
    }

    #[test]
    fn widths_of_one_layer_clean_bos_together_as_in_tracr() {
        assert_eq!(clean_weight(false), (2.0, 0));
    }

    #[test]
    fn bos_is_cleaned_once_where_a_head_would_see_it_and_that_is_noted() {
        assert_eq!(clean_weight(true), (1.0, 1));
    }
}
