//! The forward pass of a model in numbers whose error is bounded: what docs of [`tracr::model::forward`] define, input
//! by input, once for every scalar and for the compiled and the compressed stream.
//!
//! It shares the weights and the wiring with the rest of the program, and no arithmetic: its sums have an order of their
//! own and its exponential is that of [`super::ball`].

use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Linear, Site};

use ndarray::{Array2, ArrayView2};
use superposition::Projection;

use super::ball::{Ball, Sum};
use super::scalar::Scalar;

/// A linear map without its zeros, output by output.
struct Map {
    /// Of each output: what is added, and its inputs with their weights.
    outputs: Vec<(f64, Vec<(usize, f64)>)>,
    /// The inputs that have weights, in order.
    read: Vec<usize>,
}

impl Map {
    fn new(weight: ArrayView2<'_, f64>, bias: Option<&[f64]>) -> Self {
        let outputs = weight.columns().into_iter().enumerate().map(|(c, column)| {
            let weights = column.iter().copied().enumerate();
            let weights = weights.filter(|(_, weight)| *weight != 0.0).collect();
            (bias.map_or(0.0, |bias| bias[c]), weights)
        });
        let read = (0..weight.nrows()).filter(|row| weight.row(*row).iter().any(|x| *x != 0.0));
        Self {
            outputs: outputs.collect(),
            read: read.collect(),
        }
    }

    fn of(linear: &Linear<f64>) -> Self {
        Self::new(linear.weight.view(), linear.bias.as_slice())
    }

    fn apply<S: Scalar>(&self, inputs: &[Ball<S>]) -> Vec<Ball<S>> {
        let output = |(bias, weights): &(f64, Vec<(usize, f64)>)| {
            let mut sum = Sum::default();
            for (input, weight) in weights {
                sum.add_weighted(*weight, inputs[*input]);
            }
            sum.add(Ball::exact(*bias));
            sum.finish()
        };
        self.outputs.iter().map(output).collect()
    }
}

struct Layer {
    /// None where the attention writes nothing, whatever it reads.
    attention: Option<[Map; 4]>,
    /// None where the MLP writes nothing, whatever it reads.
    mlp: Option<[Map; 2]>,
}

/// How the stream is written and read: through `W`, or as it is.
struct Access {
    /// By site, the embedding first: `[d, D]`.
    writes: Vec<Array2<f64>>,
    /// By block, the unembedding last: `[d, D]`.
    reads: Vec<Array2<f64>>,
}

/// A model, compiled or compressed, ready for any scalar.
pub struct Network {
    token_embed: Array2<f64>,
    pos_embed: Array2<f64>,
    layers: Vec<Layer>,
    unembed: Map,
    heads: usize,
    key_size: usize,
    causal: bool,
    access: Option<Access>,
}

/// What one input gives.
pub struct Pass<S> {
    /// What each of the `2L` blocks writes at each position; empty rows for a dead one.
    pub blocks: Vec<Vec<Vec<Ball<S>>>>,
    /// The scores at each position.
    pub scores: Vec<Vec<Ball<S>>>,
}

impl Network {
    /// The compiled model, or what `W` makes of it.
    pub fn new(model: &CompiledModel, projection: Option<&Projection>) -> Self {
        let layers = model.layers.iter().map(|layer| Layer {
            attention: (!layer.attention_is_dead())
                .then(|| [&layer.query, &layer.key, &layer.value, &layer.output].map(Map::of)),
            mlp: (!layer.mlp_is_dead()).then(|| [&layer.fc1, &layer.fc2].map(Map::of)),
        });
        let blocks = 2 * model.layers.len();
        let access = projection.map(|projection| {
            let matrix = |number| projection.wiring.matrix(&projection.w, number).to_owned();
            let sites = std::iter::once(Site::Embedding).chain((0..blocks).map(Site::Block));
            let readers = (0..blocks).map(Reader::Block).chain([Reader::Unembedding]);
            Access {
                writes: sites
                    .map(|site| matrix(projection.wiring.write(site)))
                    .collect(),
                reads: readers
                    .map(|reader| matrix(projection.wiring.read(reader)))
                    .collect(),
            }
        });
        Self {
            token_embed: model.token_embed.clone(),
            pos_embed: model.pos_embed.clone(),
            layers: layers.collect(),
            unembed: Map::new(model.unembed.view(), None),
            heads: model.metadata.num_heads,
            key_size: model.metadata.key_size,
            causal: model.metadata.causal,
            access,
        }
    }

    /// Runs it on token ids `[T]`.
    pub fn run<S: Scalar>(&self, tokens: &[usize]) -> Pass<S> {
        let width = self.token_embed.ncols();
        let stream_width = self.access.as_ref().map_or(width, |a| a.writes[0].nrows());
        let mut stream = vec![vec![Ball::<S>::exact(0.0); stream_width]; tokens.len()];
        for (position, (row, id)) in stream.iter_mut().zip(tokens).enumerate() {
            let of_token = self.token_embed.row(*id);
            let sums = of_token.iter().zip(self.pos_embed.row(position));
            let sums = sums.map(|(a, b)| Ball::exact(*a) + Ball::exact(*b));
            self.write(0, &sums.collect::<Vec<_>>(), row);
        }
        let mut blocks = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            let mut attended = vec![Vec::new(); tokens.len()];
            if let Some(maps) = &layer.attention {
                attended = self.attention(maps, &self.read(2 * i, &maps[..3], &stream));
            }
            self.write_all(2 * i + 1, &attended, &mut stream);
            blocks.push(attended);
            let mut mapped = vec![Vec::new(); tokens.len()];
            if let Some([fc1, fc2]) = &layer.mlp {
                let read = self.read(2 * i + 1, std::slice::from_ref(fc1), &stream);
                let hidden = |row: &Vec<Ball<S>>| -> Vec<Ball<S>> {
                    fc1.apply(row).into_iter().map(Ball::relu).collect()
                };
                mapped = read.iter().map(|row| fc2.apply(&hidden(row))).collect();
            }
            self.write_all(2 * i + 2, &mapped, &mut stream);
            blocks.push(mapped);
        }
        let last = 2 * self.layers.len();
        let read = self.read(last, std::slice::from_ref(&self.unembed), &stream);
        Pass {
            blocks,
            scores: read.iter().map(|row| self.unembed.apply(row)).collect(),
        }
    }

    fn write_all<S: Scalar>(
        &self,
        site: usize,
        features: &[Vec<Ball<S>>],
        stream: &mut [Vec<Ball<S>>],
    ) {
        for (features, row) in features.iter().zip(stream) {
            self.write(site, features, row);
        }
    }

    /// Adds `W h` to the stream, `h` `[D]` features: empty, if they are all 0.
    fn write<S: Scalar>(&self, site: usize, features: &[Ball<S>], stream: &mut [Ball<S>]) {
        let Some(access) = &self.access else {
            for (x, h) in stream.iter_mut().zip(features) {
                *x = *x + *h;
            }
            return;
        };
        let live = features.iter().enumerate().filter(|(_, h)| !h.is_zero());
        let live: Vec<(usize, Ball<S>)> = live.map(|(f, h)| (f, *h)).collect();
        for (x, w) in stream.iter_mut().zip(access.writes[site].rows()) {
            let mut sum = Sum::default();
            sum.add(*x);
            for (feature, h) in &live {
                sum.add_weighted(w[*feature], *h);
            }
            *x = sum.finish();
        }
    }

    /// What `maps` read of the stream, `[T, D]` features: those that none of them reads are 0.
    fn read<S: Scalar>(
        &self,
        reader: usize,
        maps: &[Map],
        stream: &[Vec<Ball<S>>],
    ) -> Vec<Vec<Ball<S>>> {
        let Some(access) = &self.access else {
            return stream.to_vec();
        };
        let w = &access.reads[reader];
        let mut read: Vec<usize> = maps
            .iter()
            .flat_map(|map| map.read.iter().copied())
            .collect();
        read.sort_unstable();
        read.dedup();
        let of_position = |row: &Vec<Ball<S>>| {
            let mut features = vec![Ball::exact(0.0); w.ncols()];
            for &feature in &read {
                let mut sum = Sum::default();
                for (x, weight) in row.iter().zip(w.column(feature)) {
                    sum.add_weighted(*weight, *x);
                }
                features[feature] = sum.finish();
            }
            features
        };
        stream.iter().map(of_position).collect()
    }

    /// What multi-head attention writes, `[T, D]` to `[T, D]`: logits over `√k`, and a softmax that does not depend on
    /// what is taken off all logits.
    fn attention<S: Scalar>(
        &self,
        [query, key, value, output]: &[Map; 4],
        read: &[Vec<Ball<S>>],
    ) -> Vec<Vec<Ball<S>>> {
        let of = |map: &Map| -> Vec<Vec<Ball<S>>> { read.iter().map(|x| map.apply(x)).collect() };
        let (queries, keys, values) = (of(query), of(key), of(value));
        let root = Ball::<S>::sqrt_of(self.key_size);
        let attend = |position: usize| {
            let seen = if self.causal {
                position + 1
            } else {
                read.len()
            };
            let mut mixed = vec![Ball::exact(0.0); values[position].len()];
            for head in 0..self.heads {
                let columns = head * self.key_size..(head + 1) * self.key_size;
                let live = |c: &usize| values[..seen].iter().any(|value| !value[*c].is_zero());
                let live: Vec<usize> = columns.clone().filter(live).collect();
                if live.is_empty() {
                    continue;
                }
                let logit = |key: &Vec<Ball<S>>| {
                    let mut sum = Sum::default();
                    for c in columns.clone() {
                        sum.add_product(queries[position][c], key[c]);
                    }
                    sum.finish() / root
                };
                let logits: Vec<Ball<S>> = keys[..seen].iter().map(logit).collect();
                let weights = exponentials(&logits);
                let mut total = Sum::default();
                weights.iter().for_each(|weight| total.add(*weight));
                let total = total.finish();
                for c in live {
                    let mut sum = Sum::default();
                    for (weight, value) in weights.iter().zip(&values) {
                        sum.add_product(*weight, value[c]);
                    }
                    mixed[c] = sum.finish() / total;
                }
            }
            output.apply(&mixed)
        };
        (0..read.len()).map(attend).collect()
    }
}

/// `e^(x − m)` of each logit, `m` the largest one as computed.
fn exponentials<S: Scalar>(logits: &[Ball<S>]) -> Vec<Ball<S>> {
    let largest = logits
        .iter()
        .map(|x| x.mid)
        .reduce(|a, b| if b > a { b } else { a });
    let largest = largest.unwrap_or(S::new(0.0));
    let shift = Ball {
        mid: largest.neg(),
        radius: 0.0,
    };
    logits.iter().map(|x| (*x + shift).exp()).collect()
}
