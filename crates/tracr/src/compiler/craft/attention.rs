//! A head that attends where a predicate holds (Tracr's `categorical_attn.py`).
//!
//! Scores are `C·[predicate]` between one-hot queries and keys, plus a score of BOS. Proof that a
//! position attends uniformly to exactly the keys selected, and to BOS if there are none: position
//! BOS holds `bos + one` and nothing else, every other position has `one` and no `bos`. The query of
//! a position is its value `q` and `one`. The score of key position `k` is then `C·[predicate(k,
//! q)]`, that of BOS is `c·C` from the pair (`one`, `bos`). With `c = 1/2`, softmax at a large `C`
//! gives BOS everything if no key scores `C`, and nothing if one does. With `c = 1`, BOS is attended
//! to as one more selected key. `C` is [`COLDNESS`] before the division by `√key_size`.

use super::parts::Head;
use super::space::{Dim, Space, Variable};
use crate::model::Value;
use crate::rasp::graph::ValueError;
use crate::rasp::python::literal;

/// The score of a selected key.
pub const COLDNESS: f64 = 100.0;

/// What BOS is attended to for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bos {
    /// Where nothing else is selected.
    Default,
    /// Always, besides what is selected.
    Always,
}

/// Keys or queries: the values of an s-op and their features.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The values.
    pub values: &'a [Value],
    /// Their features.
    pub basis: &'a [Dim],
}

/// A head that selects by `selects(key, query)` and moves `values` `(from, to)`.
///
/// # Errors
/// `Ok` with the first failure of the predicate beside the head: a pair it fails on is not selected.
pub fn head(
    space: &Space,
    keys: Side<'_>,
    queries: Side<'_>,
    bos: Bos,
    values: Vec<(Dim, Dim)>,
    mut selects: impl FnMut(&Value, &Value) -> Result<bool, ValueError>,
) -> (Head, Option<String>) {
    let mut failure = None;
    // Key columns in the order of the residual stream, BOS among them.
    let mut columns: Vec<Dim> = keys.basis.iter().copied().chain([space.bos()]).collect();
    columns.sort();
    let column = |dim: Dim| columns.binary_search(&dim).unwrap_or(0);
    let key_columns: Vec<usize> = keys.basis.iter().map(|dim| column(*dim)).collect();
    let strength = if bos == Bos::Always { 1.0 } else { 0.5 };
    let one = space.dim(Variable::One);
    let mut scores = vec![(one, column(space.bos()), strength * COLDNESS)];
    for (query, query_dim) in queries.values.iter().zip(queries.basis) {
        for (key, column) in keys.values.iter().zip(&key_columns) {
            match selects(key, query) {
                Ok(true) => scores.push((*query_dim, *column, COLDNESS)),
                Ok(false) => {}
                Err(error) => {
                    failure.get_or_insert_with(|| {
                        format!(
                            "for key {} and query {}: {}",
                            literal(key),
                            literal(query),
                            error.0
                        )
                    });
                }
            }
        }
    }
    (
        Head {
            keys: columns,
            scores,
            values,
        },
        failure,
    )
}
