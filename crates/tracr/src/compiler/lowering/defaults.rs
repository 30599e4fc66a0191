//! Aggregates with a default of their own. Where nothing is selected, attention rests on BOS, which gives
//! nothing: no feature, or 0. So what is to stand there comes in afterwards, where a selector width is 0.

use super::builder::{Added, Builder};
use crate::compiler::values::{is_finite, number};
use crate::model::Value;
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Graph, Kind, NodeId};
use crate::rasp::python::repr;
use crate::rasp::syntax::ast::Binary;

/// The default of an aggregate, if it is another one than attention gives and can come in afterwards.
pub fn filler(graph: &Graph, id: NodeId) -> Option<Value> {
    let node = graph.node(id);
    let Kind::Aggregate {
        selector,
        sop,
        default,
    } = &node.kind
    else {
        return None;
    };
    let (selector, sop) = (graph.node(*selector), graph.node(*sop));
    if !selector.kind.is_selector() || sop.kind.is_selector() || sop.encoding != node.encoding {
        return None;
    }
    let is_other = match node.encoding {
        Encoding::Categorical => *default != Value::None && is_finite(default),
        Encoding::Numerical => number(default).is_some_and(|x| x != 0.0),
    };
    is_other.then(|| default.clone())
}

impl Builder<'_> {
    /// The aggregate `old` of new nodes, with `filler` where nothing is selected.
    pub(super) fn filled(
        &mut self,
        old: NodeId,
        selector: NodeId,
        sop: NodeId,
        filler: Value,
    ) -> NodeId {
        let encoding = self.old.node(old).encoding;
        let default = match encoding {
            Encoding::Categorical => Value::None,
            Encoding::Numerical => Value::Int(0),
        };
        let kind = Kind::Aggregate {
            selector,
            sop,
            default,
        };
        let inner = self.add(kind, old);
        self.new.nodes[inner.0].encoding = encoding;
        let mut nodes = Vec::new();
        let width = match self.widths.get(&selector) {
            Some(width) => *width,
            None => {
                let width = self.add(Kind::SelectorWidth { selector }, old);
                self.widths.insert(selector, width);
                nodes.push(width);
                width
            }
        };
        let what = format!("the default {}", repr(&filler));
        let factor = number(&filler).unwrap_or(0.0);
        let kind = match encoding {
            Encoding::Categorical => Kind::Filled {
                inner,
                width,
                filler,
            },
            Encoding::Numerical => {
                let zero = Formula::constant(Value::Int(0));
                let is_zero = Formula::binary(Binary::Equal, Formula::argument(0), zero);
                let f = is_zero.function(&["x"]);
                let empty = self.add(Kind::Map { inner: width, f }, old);
                self.new.nodes[empty.0].encoding = Encoding::Numerical;
                nodes.push(empty);
                Kind::LinearSequenceMap {
                    first: inner,
                    second: empty,
                    a: 1.0,
                    b: factor,
                }
            }
        };
        let filled = self.instead(kind, old);
        nodes.push(filled);
        self.added.push(Added { what, nodes });
        filled
    }
}
