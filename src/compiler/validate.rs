//! What Tracr refuses whatever the vocabulary and the length (`compiler/validating.py` and the
//! checks of `expr_to_craft_graph.py`).

use super::error::{CompileError, Problem, Reason};
use super::Options;
use super::values::{is_finite, number};
use crate::model::Value;
use crate::rasp::graph::{Encoding, Graph, Kind, NodeId};
use crate::rasp::python::{Key, equal, repr};

/// The nodes that `output` depends on, children first, itself included.
///
/// # Errors
/// If a child does not come before its parent, or is no node, or output is a selector.
pub fn reachable(graph: &Graph, output: NodeId) -> Result<Vec<NodeId>, CompileError> {
    let malformed = |problem: String| CompileError::from(Reason::Malformed(problem));
    if output.0 >= graph.nodes.len() {
        return Err(malformed(format!("it has no node {}", output.0)));
    }
    if graph.node(output).kind.is_selector() {
        let reason = "the output is a selector and not an s-op; aggregate with it, or take its \
                      selector_width";
        return Err(Reason::Options(reason.into()).at(output).into());
    }
    let mut needed = vec![false; output.0 + 1];
    needed[output.0] = true;
    for id in (0..=output.0).rev() {
        if !needed[id] {
            continue;
        }
        for child in graph.nodes[id].kind.children() {
            if child.0 >= id {
                return Err(malformed(format!("node {id} comes before its child {}", child.0)));
            }
            needed[child.0] = true;
        }
    }
    Ok((0..=output.0).filter(|id| needed[*id]).map(NodeId).collect())
}

/// Everything wrong with the reachable nodes.
pub fn problems(graph: &Graph, output: NodeId, reachable: &[NodeId]) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        reachable.iter().filter_map(|id| Some(problem(graph, *id)?.at(*id))).collect();
    let kind = &graph.node(output).kind;
    if let Kind::Full(value) = kind {
        problems.push(Reason::Constant(value.to_string()).at(output));
    } else if matches!(kind, Kind::Tokens | Kind::Indices) && problems.is_empty() {
        problems.push(Reason::NothingToCompute(kind.default_name().into()).at(output));
    }
    problems
}

fn problem(graph: &Graph, id: NodeId) -> Option<Reason> {
    let node = graph.node(id);
    let numerical = |id: NodeId| graph.node(id).encoding == Encoding::Numerical;
    let name = |id: NodeId| graph.node(id).name.clone();
    if let Some(problem) = misplaced(graph, id) {
        return Some(Reason::Malformed(problem));
    }
    match &node.kind {
        Kind::Tokens | Kind::Indices if numerical(id) => {
            Some(Reason::NumericalPrimitive(node.kind.default_name().into()))
        }
        Kind::Select { keys, queries, .. } => [("keys", *keys), ("queries", *queries)]
            .into_iter()
            .find(|(_, sop)| numerical(*sop))
            .map(|(role, sop)| Reason::NumericalSelector(role, name(sop))),
        Kind::Aggregate { sop, default, .. } => aggregate(graph, id, *sop, default),
        Kind::SequenceMap { first, second, .. } => [id, *first, *second]
            .into_iter()
            .find(|sop| numerical(*sop))
            .map(|sop| Reason::NumericalSequenceMap(name(sop))),
        Kind::LinearSequenceMap { first, second, .. } => [id, *first, *second]
            .into_iter()
            .find(|sop| !numerical(*sop))
            .map(|sop| Reason::CategoricalLinear(name(sop))),
        _ => None,
    }
    // A constant is fine inside of a selector, which folds it away, and nowhere else.
    .or_else(|| {
        let constant = |child: &NodeId| match &graph.node(*child).kind {
            Kind::Full(value) => Some(Reason::Constant(value.to_string())),
            _ => None,
        };
        match &node.kind {
            Kind::Select { .. } => None,
            kind => kind.children().iter().find_map(constant),
        }
    })
}

fn aggregate(graph: &Graph, id: NodeId, sop: NodeId, default: &Value) -> Option<Reason> {
    let word = |encoding| match encoding {
        Encoding::Categorical => "categorical",
        Encoding::Numerical => "numerical",
    };
    let (own, inner) = (graph.node(id).encoding, graph.node(sop).encoding);
    if own != inner {
        let name = graph.node(sop).name.clone();
        return Some(Reason::AggregateEncoding { aggregate: word(own), name, sop: word(inner) });
    }
    let fits = match own {
        Encoding::Categorical => *default == Value::None,
        Encoding::Numerical => number(default) == Some(0.0),
    };
    let wanted = if own == Encoding::Categorical { "None" } else { "0" };
    (!fits).then(|| Reason::AggregateDefault(word(own), wanted, default.to_string()))
}

/// A selector where an s-op belongs, or the other way round.
fn misplaced(graph: &Graph, id: NodeId) -> Option<String> {
    let kind = &graph.node(id).kind;
    let wants_selector: Vec<bool> = match kind {
        Kind::Aggregate { .. } => vec![true, false],
        Kind::SelectorWidth { .. } | Kind::SelectorNot(_) => vec![true],
        Kind::SelectorAnd(..) | Kind::SelectorOr(..) => vec![true, true],
        _ => vec![false; kind.children().len()],
    };
    kind.children()
        .into_iter()
        .zip(wants_selector)
        .find(|(child, wanted)| graph.node(*child).kind.is_selector() != *wanted)
        .map(|(child, wanted)| {
            let (own, name) = (kind.default_name(), graph.node(child).kind.default_name());
            let belongs = if wanted { "a selector" } else { "an s-op" };
            format!("{own} has {name} where {belongs} belongs")
        })
}

/// Checks the options.
///
/// # Errors
/// The first that is out of range.
pub fn options(options: &Options) -> Result<(), CompileError> {
    let wrong = |text: String| Err(Reason::Options(text).into());
    if options.max_seq_len == 0 {
        return wrong("max_seq_len is 0; it is the number of tokens of the longest input".into());
    }
    if options.vocab.is_empty() {
        return wrong("the vocabulary is empty; give the tokens that inputs consist of".into());
    }
    if !(options.mlp_exactness > 0.0 && options.mlp_exactness.is_finite()) {
        let given = options.mlp_exactness;
        return wrong(format!("mlp_exactness is {given}; it must be a positive number, like 100"));
    }
    let mut seen = std::collections::HashSet::new();
    for token in options.vocab.iter().chain([&options.bos, &options.pad]) {
        if *token == Value::None || !is_finite(token) {
            return wrong(format!("{token} cannot be a token; use text or finite numbers"));
        }
        if !seen.insert(Key(token.clone())) {
            let special = equal(token, &options.bos) || equal(token, &options.pad);
            return wrong(if special {
                format!("`{token}` is placed by the compiler and cannot be in the vocabulary")
            } else {
                format!("the vocabulary has {} twice", repr(token))
            });
        }
    }
    // Every position has a feature and an embedding: T² numbers at least.
    let embeddings = (options.max_seq_len as u128).pow(2) * 4;
    if embeddings > u128::from(options.max_bytes) {
        let (given, limit) = (options.max_seq_len, options.max_bytes);
        return wrong(format!("max_seq_len is {given}, too long for a model of {limit} bytes"));
    }
    Ok(())
}
