//! The residual stream of a program: its features in Tracr's order.
//!
//! Features are sorted by variable (as text) and then by value. A variable is an operator's label,
//! `tokens`, `indices`, `one`, or the number that a selector width's head hands to its MLP.

use std::collections::HashMap;

use crate::compiler::inference::Inferred;
use crate::compiler::options::Options;
use crate::compiler::program::{OpId, OpKind, Program};
use crate::compiler::sizes::needs_one;
use crate::compiler::values::ValueSet;
use crate::model::Value;

/// The name of the constant feature.
pub const ONE: &str = "one";
/// What the label of a selector width's auxiliary feature ends in.
pub const WIDTH_TAIL: &str = "_selector_width_attn_output";

/// A dimension of the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim(pub usize);

/// A group of features that together say one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// Always 1.
    One,
    /// The token, BOS and PAD included.
    Tokens,
    /// The position.
    Indices,
    /// An operator's result.
    Op(OpId),
    /// `1 / (1 + width)`, of a selector width.
    WidthHead(OpId),
}

/// One feature: a value of a categorical variable, or a numerical variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// The variable.
    pub variable: Variable,
    /// The value; `None` for a numerical variable.
    pub value: Option<Value>,
}

/// The residual stream.
#[derive(Clone, Debug)]
pub struct Space {
    /// The `D` features.
    pub features: Vec<Feature>,
    /// The vocabulary, BOS and PAD included; the index is the token id.
    pub vocabulary: ValueSet,
    /// The first dimension of each variable.
    starts: HashMap<Variable, usize>,
    bos: usize,
}

impl Space {
    /// The residual stream of a program.
    pub fn new(program: &Program, inferred: &Inferred, options: &Options) -> Self {
        let special = [options.bos.clone(), options.pad.clone()];
        let vocabulary = ValueSet::new(options.vocab.iter().cloned().chain(special));
        let indices: Vec<Value> = (0..options.max_seq_len as i64).map(Value::Int).collect();
        let mut variables: Vec<(String, Variable, Option<Vec<Value>>)> = vec![
            (
                "tokens".into(),
                Variable::Tokens,
                Some(vocabulary.values().to_vec()),
            ),
            ("indices".into(), Variable::Indices, Some(indices)),
        ];
        if needs_one(program) {
            variables.push((ONE.into(), Variable::One, None));
        }
        for id in program.components() {
            let op = program.op(id);
            let values = op
                .is_categorical()
                .then(|| inferred.set(id).values().to_vec());
            variables.push((op.label.clone(), Variable::Op(id), values));
            if matches!(op.kind, OpKind::Width { .. }) {
                let name = format!("{}{WIDTH_TAIL}", op.label);
                variables.push((name, Variable::WidthHead(id), None));
            }
        }
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let bos = vocabulary.place(&options.bos).unwrap_or(0);
        let mut space = Self {
            features: Vec::new(),
            vocabulary,
            starts: HashMap::new(),
            bos,
        };
        for (_, variable, values) in variables {
            space.starts.insert(variable, space.features.len());
            match values {
                None => space.features.push(Feature {
                    variable,
                    value: None,
                }),
                Some(values) => space
                    .features
                    .extend(values.into_iter().map(|value| Feature {
                        variable,
                        value: Some(value),
                    })),
            }
        }
        space
    }

    /// `D`.
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// The only dimension of a numerical variable, the first of a categorical one.
    pub fn dim(&self, variable: Variable) -> Dim {
        Dim(self.starts.get(&variable).copied().unwrap_or(0))
    }

    /// The feature of BOS.
    pub fn bos(&self) -> Dim {
        Dim(self.dim(Variable::Tokens).0 + self.bos)
    }

    /// The features of an s-op, in the order of its values: one a value if it is categorical.
    /// `tokens` has those of the vocabulary without BOS and PAD.
    pub fn basis(&self, program: &Program, inferred: &Inferred, id: OpId) -> Vec<Dim> {
        let op = program.op(id);
        match op.kind {
            OpKind::Tokens => {
                let start = self.dim(Variable::Tokens).0;
                let words = inferred.set(id).values().iter();
                words
                    .filter_map(|word| Some(Dim(start + self.vocabulary.place(word)?)))
                    .collect()
            }
            OpKind::Indices => self.range(Variable::Indices, inferred.set(id).len()),
            _ => self.range(Variable::Op(id), inferred.dims(op, id)),
        }
    }

    fn range(&self, variable: Variable, dims: usize) -> Vec<Dim> {
        let start = self.dim(variable).0;
        (start..start + dims).map(Dim).collect()
    }
}
