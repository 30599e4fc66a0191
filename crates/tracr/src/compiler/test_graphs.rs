//! Graphs for tests, built in a few words, as Tracr's Python embedding builds them.

#![allow(missing_docs)]

use std::sync::Arc;

use super::Options;
use crate::model::Value;
use crate::rasp::graph::{Encoding, Function, Graph, Kind, NodeId, ValueError};
use crate::rasp::python;

/// Builds a graph operator by operator.
#[derive(Default)]
pub struct Builder {
    /// What has been built.
    pub graph: Graph,
}

/// A function of a node.
pub type Call = fn(&[Value]) -> Result<Value, ValueError>;

/// Integer tokens, with the defaults.
pub fn options(vocab: &[i64], max_seq_len: usize) -> Options {
    Options::new(
        "test",
        vocab.iter().copied().map(Value::Int).collect(),
        max_seq_len,
    )
}

impl Builder {
    pub fn tokens(&mut self) -> NodeId {
        self.graph.add(Kind::Tokens)
    }

    pub fn indices(&mut self) -> NodeId {
        self.graph.add(Kind::Indices)
    }

    pub fn function(text: &str, call: Call) -> Function {
        Function {
            text: text.into(),
            call: Arc::new(call),
            cost: 1,
        }
    }

    pub fn map(&mut self, text: &str, inner: NodeId, call: Call) -> NodeId {
        self.graph.add(Kind::Map {
            inner,
            f: Self::function(text, call),
        })
    }

    pub fn sequence_map(
        &mut self,
        text: &str,
        first: NodeId,
        second: NodeId,
        call: Call,
    ) -> NodeId {
        self.graph.add(Kind::SequenceMap {
            first,
            second,
            f: Self::function(text, call),
        })
    }

    /// `predicate` is `==`, `<`, ... or `true`.
    pub fn select(&mut self, keys: NodeId, queries: NodeId, predicate: &str) -> NodeId {
        let call: Call = match predicate {
            "==" => |v| Ok(Value::Bool(python::equal(&v[0], &v[1]))),
            "<" => |v| python::less(&v[0], &v[1]).map(Value::Bool),
            "<=" => |v| Ok(Value::Bool(!python::less(&v[1], &v[0])?)),
            "true" => |_| Ok(Value::Bool(true)),
            other => unreachable!("{other}"),
        };
        let predicate = Self::function(predicate, call);
        self.graph.add(Kind::Select {
            keys,
            queries,
            predicate,
        })
    }

    pub fn aggregate(&mut self, selector: NodeId, sop: NodeId, default: Value) -> NodeId {
        let encoding = self.graph.node(sop).encoding;
        let id = self.graph.add(Kind::Aggregate {
            selector,
            sop,
            default,
        });
        self.encoded(id, encoding)
    }

    pub fn selector_width(&mut self, selector: NodeId) -> NodeId {
        self.graph.add(Kind::SelectorWidth { selector })
    }

    pub fn named(&mut self, id: NodeId, name: &str) -> NodeId {
        let node = &mut self.graph.nodes[id.0];
        (node.name, node.named) = (name.to_owned(), true);
        id
    }

    pub fn encoded(&mut self, id: NodeId, encoding: Encoding) -> NodeId {
        self.graph.nodes[id.0].encoding = encoding;
        id
    }
}
