//! Expression graphs without the language.

use std::sync::Arc;

use tracr::model::Value;
use tracr::rasp::graph::{Encoding, Function, Graph, Kind, NodeId, ValueError};

pub type Result = std::result::Result<Value, ValueError>;

/// A graph that grows operator by operator.
#[derive(Default)]
pub struct Rasp {
    pub graph: Graph,
}

pub fn string(text: &str) -> Value {
    Value::Str(text.into())
}

pub fn int(i: i64) -> Value {
    Value::Int(i)
}

fn function<F>(text: &str, call: F) -> Function
where
    F: Fn(&[Value]) -> Result + Send + Sync + 'static,
{
    Function {
        text: text.into(),
        call: Arc::new(call),
        cost: 1,
    }
}

impl Rasp {
    pub fn tokens(&mut self) -> NodeId {
        self.graph.add(Kind::Tokens)
    }

    pub fn indices(&mut self) -> NodeId {
        self.graph.add(Kind::Indices)
    }

    /// A map of a map stays one, for the compiler to see it.
    pub fn map<F>(&mut self, inner: NodeId, f: F) -> NodeId
    where
        F: Fn(&Value) -> Result + Send + Sync + 'static,
    {
        let f = function("f", move |v| f(&v[0]));
        self.graph.add(Kind::Map { inner, f })
    }

    pub fn sequence_map<F>(&mut self, first: NodeId, second: NodeId, f: F) -> NodeId
    where
        F: Fn(&Value, &Value) -> Result + Send + Sync + 'static,
    {
        let f = function("f", move |v| f(&v[0], &v[1]));
        self.graph.add(Kind::SequenceMap { first, second, f })
    }

    pub fn linear(&mut self, first: NodeId, second: NodeId, a: f64, b: f64) -> NodeId {
        let id = self.graph.add(Kind::LinearSequenceMap {
            first,
            second,
            a,
            b,
        });
        self.numerical(id)
    }

    pub fn select<F>(&mut self, keys: NodeId, queries: NodeId, predicate: F) -> NodeId
    where
        F: Fn(&Value, &Value) -> Result + Send + Sync + 'static,
    {
        let predicate = function("p", move |v| predicate(&v[0], &v[1]));
        self.graph.add(Kind::Select {
            keys,
            queries,
            predicate,
        })
    }

    /// Encoded as `sop` is.
    pub fn aggregate(&mut self, selector: NodeId, sop: NodeId) -> NodeId {
        let encoding = self.graph.node(sop).encoding;
        let default = if encoding == Encoding::Numerical {
            int(0)
        } else {
            Value::None
        };
        let id = self.graph.add(Kind::Aggregate {
            selector,
            sop,
            default,
        });
        self.graph.nodes[id.0].encoding = encoding;
        id
    }

    pub fn width(&mut self, selector: NodeId) -> NodeId {
        self.graph.add(Kind::SelectorWidth { selector })
    }

    pub fn numerical(&mut self, id: NodeId) -> NodeId {
        self.graph.nodes[id.0].encoding = Encoding::Numerical;
        id
    }
}
