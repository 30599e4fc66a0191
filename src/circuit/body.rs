//! What a node computes of what it reads, and the derivative of that.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use super::graph::{Input, Node, head_columns};
use super::map::Map;
use tracr::model::forward::softmax_rows;
use tracr::model::sparse::product;
use tracr::model::{CompiledModel, Layer, Linear};

/// The weights of a head, an MLP or the unembedding, in the features that are read and written.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Head(Box<Head>),
    Mlp { fc1: Map, fc2: Map },
    Unembedding(Map),
}

/// `c` are the columns of a head that take part in its scores, `v` those through which values get out.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// `[read, c]`.
    query: Map,
    /// `[read, c]`.
    key: Map,
    /// `[read, v]`.
    value: Map,
    /// `[v, written]`.
    output: Map,
    scale: f64,
    causal: bool,
}

/// A body with the features that it reads, by receiver, and writes.
pub(super) struct Parts {
    pub body: Body,
    pub read: Vec<Vec<usize>>,
    pub written: Vec<usize>,
}

impl Parts {
    /// Those of a node; none for the embeddings, which compute nothing.
    pub fn of(model: &CompiledModel, node: Node) -> Option<Self> {
        match node {
            Node::TokenEmbedding | Node::PositionEmbedding => None,
            Node::Head { layer, head } => Some(Head::parts(model, &model.layers[layer], head)),
            Node::Mlp { layer } => Some(mlp(&model.layers[layer])),
            Node::Unembedding => {
                let columns: Vec<usize> = (0..model.unembed.ncols()).collect();
                let bias = Array1::zeros(columns.len());
                let (read, map) = reading(&model.unembed, &bias, &columns);
                Some(Self {
                    body: Body::Unembedding(map),
                    read: vec![read],
                    written: Vec::new(),
                })
            }
        }
    }
}

impl Body {
    /// What the node writes (the unembedding: the output), `[N, ·]`, of what its receivers read.
    pub fn compute(&self, reads: &[&Array2<f64>], shape: (usize, usize)) -> Array2<f64> {
        match (self, reads) {
            (Self::Head(head), [query, key, value]) => head.compute([query, key, value], shape),
            (Self::Mlp { fc1, fc2 }, [read]) => fc2.apply(&fc1.apply(read).mapv_into(relu)),
            (Self::Unembedding(map), [read]) => map.apply(read),
            // A node has the receivers that `Node::receivers` gives it.
            _ => Array2::zeros((shape.0 * shape.1, 0)),
        }
    }

    /// The derivative by each receiver's input of what has the derivative `gradient` by the output.
    pub fn gradients(
        &self,
        reads: &[Array2<f64>],
        gradient: &Array2<f64>,
        shape: (usize, usize),
    ) -> Vec<Array2<f64>> {
        match (self, reads) {
            (Self::Head(head), [query, key, value]) => {
                head.gradients([query, key, value], gradient, shape).into()
            }
            (Self::Mlp { fc1, fc2 }, [read]) => {
                let mut by_hidden = fc2.back(gradient);
                by_hidden.zip_mut_with(&fc1.apply(read), |by_hidden, before| {
                    if *before <= 0.0 {
                        *by_hidden = 0.0;
                    }
                });
                vec![fc1.back(&by_hidden)]
            }
            (Self::Unembedding(map), [_]) => vec![map.back(gradient)],
            _ => Vec::new(),
        }
    }
}

impl Head {
    fn parts(model: &CompiledModel, layer: &Layer<f64>, head: usize) -> Parts {
        let k = model.metadata.key_size;
        let scoring: Vec<usize> = (head * k..(head + 1) * k)
            .filter(|c| layer.query.is_live(*c) && layer.key.is_live(*c))
            .collect();
        let values = head_columns(model, layer, head);
        let [query, key, value] = Input::ALL.map(|input| match input {
            Input::Query => reading_of(&layer.query, &scoring),
            Input::Key => reading_of(&layer.key, &scoring),
            Input::Value => reading_of(&layer.value, &values),
        });
        let rows = layer.output.weight.select(Axis(0), &values);
        let written = nonzero(rows.columns().into_iter().map(|c| c.to_owned()));
        let body = Self {
            query: query.1,
            key: key.1,
            value: value.1,
            output: Map::new(rows.select(Axis(1), &written)),
            scale: 1.0 / (k as f64).sqrt(),
            causal: model.metadata.causal,
        };
        Parts {
            body: Body::Head(Box::new(body)),
            read: vec![query.0, key.0, value.0],
            written,
        }
    }

    fn compute(
        &self,
        [query, key, value]: [&Array2<f64>; 3],
        shape: (usize, usize),
    ) -> Array2<f64> {
        let (query, key) = (self.query.apply(query), self.key.apply(key));
        let value = self.value.apply(value);
        let mut attended = Array2::zeros(value.dim());
        for rows in inputs(shape) {
            let pattern = self.pattern(&query, &key, &rows);
            rows_of_mut(&mut attended, &rows).assign(&product(&pattern, rows_of(&value, &rows)));
        }
        self.output.apply(&attended)
    }

    /// How much each position of one input attends to each, `[T, T]`.
    fn pattern(&self, query: &Array2<f64>, key: &Array2<f64>, rows: &Range<usize>) -> Array2<f64> {
        let mut scores = product(
            &rows_of(query, rows).to_owned(),
            rows_of(key, rows).reversed_axes(),
        );
        scores *= self.scale;
        softmax_rows(&mut scores, self.causal);
        scores
    }

    fn gradients(
        &self,
        reads: [&Array2<f64>; 3],
        gradient: &Array2<f64>,
        shape: (usize, usize),
    ) -> [Array2<f64>; 3] {
        let (query, key) = (self.query.apply(reads[0]), self.key.apply(reads[1]));
        let value = self.value.apply(reads[2]);
        let by_attended = self.output.back(gradient);
        let [mut by_query, mut by_key] = [&query, &key].map(|like| Array2::zeros(like.dim()));
        let mut by_value = Array2::zeros(value.dim());
        for rows in inputs(shape) {
            let pattern = self.pattern(&query, &key, &rows);
            // With the pattern P and what is attended PV: ∂/∂V = Pᵀ·g and ∂/∂P = g·Vᵀ, and through the softmax
            // ∂/∂S_qk = P_qk (∂/∂P_qk − Σ_j P_qj ∂/∂P_qj).
            let own = rows_of(&by_attended, &rows).to_owned();
            let by_own_value = product(&pattern.t().to_owned(), own.view());
            let mut by_score = product(&own, rows_of(&value, &rows).reversed_axes());
            for (mut row, weights) in by_score.rows_mut().into_iter().zip(pattern.rows()) {
                let mean: f64 = row.iter().zip(weights).map(|(g, p)| g * p).sum();
                row.zip_mut_with(&weights, |g, p| *g = p * (*g - mean) * self.scale);
            }
            let by_own_query = product(&by_score, rows_of(&key, &rows));
            let by_own_key = product(&by_score.t().to_owned(), rows_of(&query, &rows));
            rows_of_mut(&mut by_query, &rows).assign(&by_own_query);
            rows_of_mut(&mut by_key, &rows).assign(&by_own_key);
            rows_of_mut(&mut by_value, &rows).assign(&by_own_value);
        }
        [
            self.query.back(&by_query),
            self.key.back(&by_key),
            self.value.back(&by_value),
        ]
    }
}

fn mlp(layer: &Layer<f64>) -> Parts {
    let rows = layer.fc2.weight.rows().into_iter();
    let units = nonzero(rows.map(|row| row.to_owned()));
    let (read, fc1) = reading_of(&layer.fc1, &units);
    let written = layer.fc2.live_columns();
    let weight = layer.fc2.weight.select(Axis(0), &units);
    let fc2 = Map::of(
        weight.select(Axis(1), &written),
        layer.fc2.bias.select(Axis(0), &written),
    );
    Parts {
        body: Body::Mlp { fc1, fc2 },
        read: vec![read],
        written,
    }
}

/// The features that these columns of a map read, and the map in them alone.
fn reading_of(linear: &Linear<f64>, columns: &[usize]) -> (Vec<usize>, Map) {
    reading(&linear.weight, &linear.bias, columns)
}

fn reading(weight: &Array2<f64>, bias: &Array1<f64>, columns: &[usize]) -> (Vec<usize>, Map) {
    let weight = weight.select(Axis(1), columns);
    let read = nonzero(weight.rows().into_iter().map(|row| row.to_owned()));
    let map = Map::of(weight.select(Axis(0), &read), bias.select(Axis(0), columns));
    (read, map)
}

/// Which of these have an entry other than zero.
fn nonzero(vectors: impl Iterator<Item = Array1<f64>>) -> Vec<usize> {
    vectors
        .enumerate()
        .filter(|(_, vector)| vector.iter().any(|x| *x != 0.0))
        .map(|(number, _)| number)
        .collect()
}

/// The rows of each input.
fn inputs((batch, positions): (usize, usize)) -> impl Iterator<Item = Range<usize>> {
    (0..batch).map(move |b| b * positions..(b + 1) * positions)
}

fn rows_of<'a>(all: &'a Array2<f64>, rows: &Range<usize>) -> ArrayView2<'a, f64> {
    all.slice_axis(Axis(0), Slice::from(rows.clone()))
}

fn rows_of_mut<'a>(all: &'a mut Array2<f64>, rows: &Range<usize>) -> ArrayViewMut2<'a, f64> {
    all.slice_axis_mut(Axis(0), Slice::from(rows.clone()))
}

/// NaN for what is no finite number, as in the plain forward pass.
fn relu(x: f64) -> f64 {
    if x.is_finite() { x.max(0.0) } else { f64::NAN }
}
