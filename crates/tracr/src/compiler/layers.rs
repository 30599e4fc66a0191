//! Which operator goes into which layer (Tracr's `craft_graph_to_model.py` and `assemble.py`).
//!
//! An operator's depth is the longest way from the inputs, selectors not counted. Depth `d` is one
//! layer: attention first, then the MLP. A selector width is both. If one depth has only attention
//! and the next only MLPs, they share a layer. Afterwards half layers in which nothing happens are
//! dropped as far as the order attention, MLP, attention, ... allows.

use super::program::{OpId, OpKind, Program};

/// An attention block or an MLP block of the model, and the operators in it.
#[derive(Clone, Debug, PartialEq)]
pub struct HalfLayer {
    /// The layer of the model.
    pub layer: usize,
    /// Whether it is the attention of the layer; else its MLP.
    pub is_attention: bool,
    /// Operators with a head, or hidden units, here; heads stand in this order.
    pub ops: Vec<OpId>,
}

/// The blocks of one operator.
#[derive(Clone, Copy, PartialEq)]
enum Blocks {
    Attention,
    Mlp,
    Both,
}

/// The half layers of a program, in the order in which they run.
pub fn allocate(program: &Program) -> Vec<HalfLayer> {
    let depths = condense(by_depth(program), program);
    let mut half_layers: Vec<HalfLayer> = Vec::new();
    let mut add = |is_attention: bool, ops: Vec<OpId>| {
        if ops.is_empty() {
            return;
        }
        // The next free half layer of this kind.
        let layer = match half_layers.last() {
            None => 0,
            Some(last) if last.is_attention && !is_attention => last.layer,
            Some(last) => last.layer + 1,
        };
        half_layers.push(HalfLayer {
            layer,
            is_attention,
            ops,
        });
    };
    for ops in depths {
        let having = |unwanted: Blocks| -> Vec<OpId> {
            ops.iter()
                .copied()
                .filter(|id| blocks(program, *id) != unwanted)
                .collect()
        };
        add(true, having(Blocks::Mlp));
        add(false, having(Blocks::Attention));
    }
    half_layers
}

fn blocks(program: &Program, id: OpId) -> Blocks {
    match program.op(id).kind {
        OpKind::Aggregate { .. } => Blocks::Attention,
        OpKind::Width { .. } => Blocks::Both,
        _ => Blocks::Mlp,
    }
}

/// The operators of depth 1, 2, ..., each breadth first.
fn by_depth(program: &Program) -> Vec<Vec<OpId>> {
    let mut depth = vec![0; program.ops.len()];
    for id in &program.order {
        let op = program.op(*id);
        depth[id.0] = op
            .children()
            .iter()
            .map(|child| depth[child.0] + 1)
            .max()
            .unwrap_or(0);
    }
    let deepest = depth.iter().copied().max().unwrap_or(0);
    let mut levels = vec![Vec::new(); deepest];
    for id in program.components() {
        levels[depth[id.0] - 1].push(id);
    }
    levels
}

/// Joins each level of attention alone with a following level of MLPs alone.
fn condense(levels: Vec<Vec<OpId>>, program: &Program) -> Vec<Vec<OpId>> {
    let all = |ops: &[OpId], wanted| ops.iter().all(|id| blocks(program, *id) == wanted);
    let mut condensed: Vec<Vec<OpId>> = Vec::with_capacity(levels.len());
    let mut levels = levels.into_iter().peekable();
    while let Some(mut level) = levels.next() {
        if all(&level, Blocks::Attention)
            && let Some(next) = levels.next_if(|next| all(next, Blocks::Mlp))
        {
            level.extend(next);
        }
        condensed.push(level);
    }
    condensed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::test_graphs::Builder;
    use crate::model::Value;

    #[test]
    fn attention_and_the_mlp_after_it_share_a_layer() {
        // indices == indices aggregates tokens, then a map: one layer.
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let same = b.select(indices, indices, "==");
        let moved = b.aggregate(same, tokens, Value::None);
        let mapped = b.map("x", moved, |v| Ok(v[0].clone()));
        let program = Program::read(&b.graph, mapped).unwrap();
        let halves = allocate(&program);
        assert_eq!(halves.len(), 2);
        assert!(halves.iter().all(|half| half.layer == 0));
    }

    #[test]
    fn an_mlp_before_attention_leaves_the_first_attention_empty() {
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let mapped = b.map("x", tokens, |v| Ok(v[0].clone()));
        let same = b.select(indices, indices, "==");
        let moved = b.aggregate(same, mapped, Value::None);
        let program = Program::read(&b.graph, moved).unwrap();
        let places: Vec<(usize, bool)> = allocate(&program)
            .iter()
            .map(|half| (half.layer, half.is_attention))
            .collect();
        assert_eq!(places, [(0, false), (1, true)]);
    }
}
