//! What Tracr refuses whatever the vocabulary and the length (`compiler/validating.py` and the
//! checks of `expr_to_craft_graph.py`).

use super::error::{CompileError, Problem, Reason};
use super::options::Options;
use super::values::{is_finite, number};
use crate::model::Value;
use crate::rasp::graph::{Encoding, Graph, Kind, NodeId};
use crate::rasp::python::{Key, equal, literal};

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
                return Err(malformed(format!(
                    "node {id} comes before its child {}",
                    child.0
                )));
            }
            needed[child.0] = true;
        }
    }
    Ok((0..=output.0)
        .filter(|id| needed[*id])
        .map(NodeId)
        .collect())
}

/// The first of all nodes that are the same s-op: all `tokens` are one, and so are all `indices`.
pub fn canonical<'a>(
    graph: &'a Graph,
    reachable: &[NodeId],
) -> impl Fn(NodeId) -> NodeId + use<'a> {
    let first = |same: fn(&Kind) -> bool| {
        let mut nodes = reachable.iter().copied();
        nodes.find(|id| same(&graph.node(*id).kind))
    };
    let tokens = first(|kind| matches!(kind, Kind::Tokens));
    let indices = first(|kind| matches!(kind, Kind::Indices));
    move |id: NodeId| match graph.node(id).kind {
        Kind::Tokens => tokens.unwrap_or(id),
        Kind::Indices => indices.unwrap_or(id),
        _ => id,
    }
}

/// Everything wrong with the reachable nodes.
pub fn problems(graph: &Graph, output: NodeId, reachable: &[NodeId]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = reachable
        .iter()
        .filter_map(|id| Some(problem(graph, *id)?.at(*id)))
        .collect();
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
        return Some(Reason::AggregateEncoding {
            aggregate: word(own),
            name,
            sop: word(inner),
        });
    }
    let fits = match own {
        Encoding::Categorical => *default == Value::None,
        Encoding::Numerical => number(default) == Some(0.0),
    };
    // Other finite values and numbers are none of a lowered graph's defaults.
    let wanted = match own {
        Encoding::Categorical => "None or a finite value",
        Encoding::Numerical => "a number",
    };
    (!fits).then(|| Reason::AggregateDefault(word(own), wanted, literal(default)))
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
        return wrong(format!(
            "mlp_exactness is {given}; it must be a positive number, like 100"
        ));
    }
    let mut seen = std::collections::HashSet::new();
    for token in options.vocab.iter().chain([&options.bos, &options.pad]) {
        if *token == Value::None || !is_finite(token) {
            return wrong(format!(
                "{token} cannot be a token; use text or finite numbers"
            ));
        }
        if !seen.insert(Key(token.clone())) {
            let special = equal(token, &options.bos) || equal(token, &options.pad);
            return wrong(if special {
                format!(
                    "`{token}` is placed by the compiler and cannot be in the vocabulary: leave it out"
                )
            } else {
                format!("the vocabulary has {} twice: leave one out", literal(token))
            });
        }
    }
    // Every position has a feature and an embedding: T² numbers at least.
    let embeddings = (options.max_seq_len as u128).pow(2) * 4;
    if embeddings > u128::from(options.max_bytes) {
        let (given, limit) = (options.max_seq_len, options.max_bytes);
        return Err(Reason::TooLong { given, limit }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::compiler::compile;
    use crate::compiler::test_graphs::{Builder, options};
    use crate::model::Value;
    use crate::rasp::graph::{Encoding, Kind, NodeId};

    /// The problems of a program over the tokens 1, 2, 3, each with its node.
    fn refused(b: &Builder, output: NodeId) -> Vec<(NodeId, String)> {
        let error = compile(&b.graph, output, &options(&[1, 2, 3], 5)).unwrap_err();
        let place = |node: Option<NodeId>| node.unwrap_or(NodeId(usize::MAX));
        error
            .problems
            .iter()
            .map(|p| (place(p.node), p.reason.to_string()))
            .collect()
    }

    #[test]
    fn an_aggregate_has_the_encoding_of_what_it_aggregates() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let all = b.select(tokens, tokens, "true");
        let aggregate = b.aggregate(all, tokens, Value::None);
        let aggregate = b.encoded(aggregate, Encoding::Numerical);
        let message = "an aggregate is encoded as what it aggregates: this one is numerical, \
                       `tokens` is categorical";
        assert_eq!(refused(&b, aggregate), [(aggregate, message.into())]);
    }

    #[test]
    fn defaults_are_values_and_of_numerical_aggregates_numbers() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let all = b.select(tokens, tokens, "true");
        let aggregate = b.aggregate(all, tokens, Value::Float(f64::INFINITY));
        let message =
            "the default of a categorical aggregate must be None or a finite value, not inf";
        assert_eq!(refused(&b, aggregate), [(aggregate, message.into())]);
        let number = b.map("x", tokens, |v| Ok(v[0].clone()));
        let number = b.encoded(number, Encoding::Numerical);
        let mean = b.aggregate(all, number, Value::None);
        assert!(
            refused(&b, mean)[0]
                .1
                .contains("must be a number, not None")
        );
        let given = b.aggregate(all, number, Value::Str("z".into()));
        assert!(
            refused(&b, given)[0]
                .1
                .contains("must be a number, not \"z\"")
        );
    }

    #[test]
    fn means_are_of_zeros_and_ones() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let all = b.select(tokens, tokens, "true");
        let number = b.map("x", tokens, |v| Ok(v[0].clone()));
        let number = b.encoded(number, Encoding::Numerical);
        let mean = b.aggregate(all, number, Value::Int(0));
        assert!(
            refused(&b, mean)[0]
                .1
                .starts_with("a numerical aggregate can only average 0 and 1, but `map` can be 2")
        );
    }

    #[test]
    fn encodings_fit_the_operators_and_every_misfit_is_named() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let number = b.map("x", tokens, |v| Ok(v[0].clone()));
        let number = b.encoded(number, Encoding::Numerical);
        let select = b.select(tokens, number, "<");
        let width = b.selector_width(select);
        let sum = b.sequence_map("x + y", width, number, |v| Ok(v[0].clone()));
        let linear = b.graph.add(Kind::LinearSequenceMap {
            first: sum,
            second: number,
            a: 1.0,
            b: 1.0,
        });
        let nodes: Vec<NodeId> = refused(&b, linear)
            .into_iter()
            .map(|(node, _)| node)
            .collect();
        assert_eq!(nodes, [select, sum, linear]);
        let messages = refused(&b, linear);
        assert!(
            messages[0]
                .1
                .starts_with("the queries of a selector must be categorical, `map`")
        );
        assert!(
            messages[1]
                .1
                .starts_with("a sequence map has categorical arguments")
        );
        assert!(
            messages[2]
                .1
                .starts_with("`linear` has numerical arguments")
        );
    }

    #[test]
    fn inputs_are_categorical_and_no_output() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        assert!(
            refused(&b, tokens)[0]
                .1
                .starts_with("there is nothing to compute")
        );
        let indices = b.indices();
        let map = b.map("x", indices, |v| Ok(v[0].clone()));
        assert!(
            refused(&b, map)[0]
                .1
                .starts_with("the output does not depend on `tokens`")
        );
        b.encoded(indices, Encoding::Numerical);
        assert!(
            refused(&b, map)[0]
                .1
                .starts_with("`indices` is always categorical")
        );
        let full = b.graph.add(Kind::Full(Value::Int(3)));
        let sum = b.sequence_map("x + y", tokens, full, |v| Ok(v[0].clone()));
        assert!(
            refused(&b, sum)[0]
                .1
                .starts_with("the constant 3 is no model component")
        );
    }

    #[test]
    fn a_selector_is_no_sop() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let all = b.select(tokens, tokens, "true");
        assert!(
            refused(&b, all)[0]
                .1
                .starts_with("the output is a selector")
        );
        let map = b.map("x", all, |v| Ok(v[0].clone()));
        assert!(
            refused(&b, map)[0]
                .1
                .contains("map has select where an s-op belongs")
        );
        assert!(refused(&b, NodeId(99))[0].1.contains("it has no node 99"));
    }

    #[test]
    fn options_out_of_range_are_named() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let map = b.map("x", tokens, |v| Ok(v[0].clone()));
        let refused = |change: fn(&mut crate::compiler::Options)| {
            let mut options = options(&[1, 2], 3);
            change(&mut options);
            compile(&b.graph, map, &options).unwrap_err().to_string()
        };
        assert!(refused(|o| o.max_seq_len = 0).starts_with("max_seq_len is 0"));
        assert!(refused(|o| o.max_seq_len = 1 << 40).contains("too long for a model of"));
        assert!(refused(|o| o.vocab.clear()).starts_with("the vocabulary is empty"));
        assert!(refused(|o| o.mlp_exactness = 0.0).starts_with("mlp_exactness is 0"));
        assert!(refused(|o| o.vocab.push(Value::Bool(true))).contains("has True twice"));
        assert!(
            refused(|o| o.vocab.push(Value::Str("BOS".into()))).contains("placed by the compiler")
        );
        assert!(refused(|o| o.max_bytes = 99).contains("limit"));
    }
}
