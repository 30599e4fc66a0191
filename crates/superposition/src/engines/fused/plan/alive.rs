//! What of the frozen weights contributes: live columns, heads, dimensions and hidden units become the
//! columns of a reader and the work of a block ([`super::parts`]).

use std::ops::Range;

use super::head::Head;
use super::parts::{Method, Reader, SparseRow, Work};
use tracr::model::{Frozen, Layer, Linear};

pub(super) fn sparse(numbers: impl Iterator<Item = f64>) -> SparseRow {
    numbers.enumerate().filter(|(_, x)| *x != 0.0).collect()
}

pub(super) fn columns_of(matrix: &ndarray::Array2<f64>) -> Vec<SparseRow> {
    matrix
        .columns()
        .into_iter()
        .map(|column| sparse(column.iter().copied()))
        .collect()
}

pub(super) fn attention(
    model: &Frozen<f64>,
    layer: &Layer<f64>,
    live: &[usize],
    sources: usize,
) -> (Reader, Work) {
    let mut reader = Reader {
        columns: Vec::new(),
        bias: Vec::new(),
        sources,
        tabulated: Vec::new(),
    };
    let mut heads = Vec::new();
    let scale = 1.0 / (model.key_size as f64).sqrt();
    for h in 0..model.heads {
        let own = h * model.key_size..(h + 1) * model.key_size;
        let written = |c: usize| {
            layer.value.is_live(c) && layer.output.weight.row(c).iter().any(|x| *x != 0.0)
        };
        let values: Vec<usize> = own.clone().filter(|&c| written(c)).collect();
        if values.is_empty() {
            continue;
        }
        let logits: Vec<usize> = own
            .filter(|&c| layer.query.is_live(c) && layer.key.is_live(c))
            .collect();
        let query = reader.add(&layer.query, &logits, scale);
        let key = reader.add(&layer.key, &logits, 1.0);
        let value = reader.add(&layer.value, &values, 1.0);
        let output = values
            .iter()
            .flat_map(|&v| live.iter().map(move |&c| layer.output.weight[[v, c]]))
            .collect();
        heads.push(Head {
            query,
            key,
            value,
            output,
        });
    }
    let method = Method::Dense;
    (reader, Work::Attention { heads, method })
}

pub(super) fn mlp(layer: &Layer<f64>, live: &[usize], sources: usize) -> (Reader, Work) {
    let mut reader = Reader {
        columns: Vec::new(),
        bias: Vec::new(),
        sources,
        tabulated: Vec::new(),
    };
    let hidden: Vec<usize> = (0..layer.fc1.bias.len())
        .filter(|&u| layer.fc1.is_live(u) && layer.fc2.weight.row(u).iter().any(|x| *x != 0.0))
        .collect();
    reader.add(&layer.fc1, &hidden, 1.0);
    let weights = hidden
        .iter()
        .flat_map(|&u| live.iter().map(move |&c| layer.fc2.weight[[u, c]]))
        .collect();
    (reader, Work::Mlp { weights })
}

impl Reader {
    /// Appends columns of `linear`, scaled; where they are now.
    fn add(&mut self, linear: &Linear<f64>, columns: &[usize], scale: f64) -> Range<usize> {
        let start = self.columns.len();
        for &c in columns {
            let column = linear.weight.column(c);
            self.tabulated.push(self.columns.len());
            self.columns.push(sparse(column.iter().map(|x| x * scale)));
            self.bias.push(linear.bias[c] * scale);
        }
        start..self.columns.len()
    }
}
