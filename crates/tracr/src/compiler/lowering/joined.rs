//! `and` and `or` of selectors over different s-ops: an attention head compares one s-op of keys with one
//! of queries, so several are joined to tuples, as `sequence_map((x, y) -> (x, y), a, b)` does.

use std::sync::Arc;

use super::builder::{Added, Builder};
use crate::compiler::error::CompileError;
use crate::compiler::selector::{Predicate, Sides};
use crate::model::Value;
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Function, Graph, Kind, NodeId};
use crate::rasp::syntax::ast::Binary;

/// What the selects of a combination read, if that is more than one head compares. Nothing of what is
/// refused anyway.
pub fn sides(
    graph: &Graph,
    selector: NodeId,
    canonical: &impl Fn(NodeId) -> NodeId,
) -> Option<Sides> {
    let kind = &graph.node(selector).kind;
    let is_composite = matches!(
        kind,
        Kind::SelectorAnd(..) | Kind::SelectorOr(..) | Kind::SelectorNot(_)
    );
    let sides = is_composite.then(|| Sides::of(graph, selector, canonical))?;
    let mut sops = sides.keys.iter().chain(&sides.queries);
    let are_categorical = sops.all(|id| {
        let node = graph.node(*id);
        node.encoding == Encoding::Categorical && !node.kind.is_selector()
    });
    (are_categorical && !sides.fit_one_head()).then_some(sides)
}

impl Builder<'_> {
    /// Makes one `select` of a combination, if it has to be.
    pub(super) fn joined(
        &mut self,
        root: NodeId,
        canonical: &impl Fn(NodeId) -> NodeId,
    ) -> Result<(), CompileError> {
        if self.selectors.contains_key(&root) {
            return Ok(());
        }
        let Some(mut sides) = sides(self.old, root, canonical) else {
            return Ok(());
        };
        // The same s-ops on both sides are joined once, and a side of constants reads what the other one does.
        let is_same = sides.keys.len() == sides.queries.len()
            && sides.keys.iter().all(|sop| sides.queries.contains(sop));
        if is_same || sides.queries.is_empty() {
            sides.queries.clone_from(&sides.keys);
        } else if sides.keys.is_empty() {
            sides.keys.clone_from(&sides.queries);
        }
        let predicate = Predicate::of(self.old, root, canonical, &sides)?;
        let (keys, queries) = (
            self.tuple(&sides.keys, root),
            self.tuple(&sides.queries, root),
        );
        let cost = predicate.cost();
        let call = move |arguments: &[Value]| {
            // A tuple with an undefined element is undefined, and neither selects nor is selected.
            let [key, query] = arguments else {
                return Ok(Value::Bool(false));
            };
            if *key == Value::None || *query == Value::None {
                return Ok(Value::Bool(false));
            }
            let selects = predicate.selects(key, query, &mut Vec::new());
            selects.map(Value::Bool)
        };
        let select = Kind::Select {
            keys,
            queries,
            predicate: Function {
                text: "a combination of selectors".into(),
                call: Arc::new(call),
                cost,
            },
        };
        let select = self.instead(select, root);
        self.selectors.insert(root, select);
        Ok(())
    }

    /// The tuple of s-ops, made as the language makes it; one is itself.
    fn tuple(&mut self, old: &[NodeId], root: NodeId) -> NodeId {
        let sops: Vec<NodeId> = old.iter().map(|sop| self.place(*sop)).collect();
        let [first, rest @ ..] = sops.as_slice() else {
            return root;
        };
        if rest.is_empty() {
            return *first;
        }
        if let Some(known) = self.tuples.get(&sops) {
            return *known;
        }
        let (x, y) = (Formula::argument(0), Formula::argument(1));
        let mut nodes = Vec::new();
        let mut tuple = *first;
        for (i, next) in rest.iter().enumerate() {
            let f = match i {
                0 => Formula::tuple(vec![x.clone(), y.clone()]),
                _ => Formula::binary(Binary::Add, x.clone(), Formula::tuple(vec![y.clone()])),
            };
            let kind = Kind::SequenceMap {
                first: tuple,
                second: *next,
                f: f.function(&["x", "y"]),
            };
            tuple = self.add(kind, root);
            nodes.push(tuple);
        }
        if rest.len() > 1 {
            // The language makes the tuple that a function of three is of, and maps that; here to itself.
            let parts = (0..sops.len()).map(|i| {
                let place = Formula::constant(Value::Int(i as i64));
                Formula::binary(Binary::Index, x.clone(), place)
            });
            let f = Formula::tuple(parts.collect()).function(&["x"]);
            tuple = self.add(Kind::Map { inner: tuple, f }, root);
            nodes.push(tuple);
        }
        let names: Vec<String> = old.iter().map(|sop| self.shown(*sop)).collect();
        let what = format!("tuples of {}", names.join(" and "));
        self.tuples.insert(sops, tuple);
        self.added.push(Added { what, nodes });
        tuple
    }

    /// An s-op as messages call it.
    fn shown(&self, old: NodeId) -> String {
        let node = self.old.node(old);
        match &node.kind {
            Kind::Tokens | Kind::Indices => node.name.clone(),
            _ if node.named => node.name.clone(),
            Kind::Map { f, .. } | Kind::SequenceMap { f, .. } => format!("({})", f.text),
            kind => kind.default_name().replace('_', " "),
        }
    }
}
