//! How large a model will be, before any of it is built.

use super::error::{Problem, Reason};
use super::inference::Inferred;
use super::layers::HalfLayer;
use super::lowering::Added;
use super::options::Options;
use super::program::{OpId, OpKind, Program};
use super::report::{Report, Share};

/// The dimensions of an operator's head: query, key and value space.
///
/// The query space has `one` and BOS besides the queries, the key space BOS besides the keys.
fn head_dims(program: &Program, inferred: &Inferred, id: OpId) -> Option<[usize; 3]> {
    let op = program.op(id);
    let dims = |id: OpId| inferred.dims(program.op(id), id);
    match &op.kind {
        OpKind::Aggregate { selector, sop } => Some([
            dims(selector.queries) + 2,
            dims(selector.keys) + 1,
            dims(*sop),
        ]),
        OpKind::Width { selector } => {
            Some([dims(selector.queries) + 2, dims(selector.keys) + 1, 1])
        }
        _ => None,
    }
}

/// Hidden units of an operator's MLP, the BOS clean-up of a width left out.
fn hidden_units(program: &Program, inferred: &Inferred, id: OpId) -> usize {
    let op = program.op(id);
    match &op.kind {
        OpKind::Map { inner, .. } if program.op(*inner).is_categorical() => inferred.dims(op, id),
        // One for the lowest value, two a threshold.
        OpKind::Map { .. } => {
            2 * inferred.tables[id.0]
                .results
                .iter()
                .flatten()
                .count()
                .saturating_sub(1)
                + 1
        }
        OpKind::Filled { .. } => inferred.dims(op, id),
        OpKind::SequenceMap { first, second, .. } if first == second => inferred.dims(op, id),
        OpKind::SequenceMap { first, second, .. } => {
            inferred.set(*first).len() * inferred.set(*second).len()
        }
        OpKind::Linear { .. } => 4,
        OpKind::Width { .. } => 2 * (inferred.set(id).len() - 1) + 1,
        _ => 0,
    }
}

/// Whether the constant feature `one` is needed: by every head, by products, by thresholds.
pub fn needs_one(program: &Program) -> bool {
    program.components().any(|id| match &program.op(id).kind {
        OpKind::Map { inner, .. } => !program.op(*inner).is_categorical(),
        OpKind::SequenceMap { first, second, .. } => first != second,
        OpKind::Linear { .. } | OpKind::Filled { .. } => false,
        _ => true,
    })
}

/// The sizes of a program's model.
pub fn measure(
    program: &Program,
    inferred: &Inferred,
    halves: &[HalfLayer],
    options: &Options,
) -> Report {
    let is_width = |id: &OpId| matches!(program.op(*id).kind, OpKind::Width { .. });
    let outputs_of = |id: OpId| features(program, inferred, id);
    let own: usize = program.components().map(outputs_of).sum();
    let vocabulary = options.vocab.len() + 2;
    let attention = || halves.iter().filter(|half| half.is_attention);
    // Tracr takes queries and keys alone, and fails where the values are more.
    let key_size = attention()
        .flat_map(|half| &half.ops)
        .filter_map(|id| head_dims(program, inferred, *id)?.into_iter().max())
        .max();
    let mlp_width = halves
        .iter()
        .filter(|half| !half.is_attention)
        .map(|half| {
            let units = |id: &OpId| hidden_units(program, inferred, *id);
            // All widths of a layer share the unit that cleans BOS.
            half.ops.iter().map(units).sum::<usize>() + usize::from(half.ops.iter().any(is_width))
        })
        .max();
    let mut report = Report {
        width: vocabulary + options.max_seq_len + usize::from(needs_one(program)) + own,
        layers: halves.last().map_or(0, |half| half.layer + 1),
        heads: attention().map(|half| half.ops.len()).max().unwrap_or(1),
        key_size: key_size.unwrap_or(1),
        mlp_width: mlp_width.unwrap_or(1),
        vocabulary,
        positions: options.max_seq_len + 1,
        outputs: inferred.dims(program.op(OpId(0)), OpId(0)),
        bytes: 0,
        added: Vec::new(),
    };
    report.bytes = bytes(&report);
    report
}

/// What the operators that the compiler adds take of that.
pub fn added(all: &[Added], program: &Program, inferred: &Inferred) -> Vec<Share> {
    let share = |added: &Added| {
        let is_added = |id: &OpId| added.nodes.contains(&program.op(*id).node);
        let ops: Vec<OpId> = program.components().filter(is_added).collect();
        let of = |id: &OpId| {
            let features = features(program, inferred, *id);
            let hidden = hidden_units(program, inferred, *id);
            let head = usize::from(head_dims(program, inferred, *id).is_some());
            (features, hidden, head)
        };
        let zero = Share {
            what: added.what.clone(),
            features: 0,
            hidden_units: 0,
            heads: 0,
        };
        ops.iter()
            .map(of)
            .fold(zero, |mut sum, (features, hidden, heads)| {
                sum.features += features;
                sum.hidden_units += hidden;
                sum.heads += heads;
                sum
            })
    };
    all.iter().map(share).collect()
}

/// Features that an operator writes; a width has one more, its head's output.
fn features(program: &Program, inferred: &Inferred, id: OpId) -> usize {
    let op = program.op(id);
    inferred.dims(op, id) + usize::from(matches!(op.kind, OpKind::Width { .. }))
}

fn bytes(report: &Report) -> u128 {
    let big = |n: usize| n as u128;
    let (width, hidden) = (big(report.width), big(report.mlp_width));
    let attended = big(report.heads) * big(report.key_size);
    let layer = 4 * width * attended + 3 * attended + width + 2 * width * hidden + hidden + width;
    let rows = big(report.vocabulary) + big(report.positions) + big(report.outputs);
    4 * (width * rows + big(report.layers) * layer)
}

/// Refuses a model above the limit and names the expression that makes it so large.
///
/// # Errors
/// If `report.bytes` is more than `options.max_bytes`.
pub fn check(
    report: &Report,
    program: &Program,
    inferred: &Inferred,
    options: &Options,
) -> Result<(), Problem> {
    if report.bytes <= u128::from(options.max_bytes) {
        return Ok(());
    }
    // What the model would shrink to without the expression says little, since sizes multiply; the
    // largest share of any of them is what there is to shorten.
    let shares = |id: OpId| {
        let head =
            head_dims(program, inferred, id).map_or(0, |dims| dims.into_iter().max().unwrap_or(0));
        [
            (hidden_units(program, inferred, id), "hidden units"),
            (inferred.dims(program.op(id), id), "features"),
            (head, "dimensions of keys"),
        ]
    };
    let largest = program
        .components()
        .flat_map(|id| shares(id).map(|(count, what)| (count, what, id)))
        .max_by_key(|(count, ..)| *count);
    let (count, what, id) = largest.unwrap_or((0, "features", OpId(0)));
    let op = program.op(id);
    Err(Reason::TooLarge {
        report: Box::new(report.clone()),
        limit: options.max_bytes,
        name: op.name.clone(),
        share: format!("{count} {what}"),
    }
    .at(op.node))
}
