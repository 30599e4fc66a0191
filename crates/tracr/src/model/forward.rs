//! The exact forward pass of a compiled transformer, uncompressed or through any `W`.
//!
//! With `read(s) = s` and `write(h) = h` this is the compiled model; with `read(s) = s·W` and
//! `write(h) = h·Wᵀ` it is the compressed one ([`super::wiring`]: with one `W`, or with several):
//!
//! ```text
//! stream_0     = write(token_embed[x] + pos_embed)
//! h̃_i          = block_i(read(stream_i))
//! stream_{i+1} = stream_i + write(h̃_i)
//! output       = read(stream_last) · U
//! ```
//!
//! No layer norm, no dropout; logits are divided by `sqrt(key_size)`; a causal model masks with
//! −1e30, which leaves a key out whatever the other logits are; PAD is *not* masked. What is no finite
//! number stays none up to the output. Checked against Tracr's own float64 activations in
//! `tests/engines/parity.rs` (`reference/activations`).
//!
//! It is written plainly: this is what targets and exact metrics come from, and engines are judged by. Zeros of the
//! weights are left out ([`super::sparse`]), sums have one order and exponentials are those of the crate `libm`, so that the
//! bits of a result do not depend on the machine.

use std::ops::Range;

use ndarray::{Array2, Array4, ArrayView1, ArrayView2, Axis};

use super::compiled::{Layer, Linear, Site};
use super::frozen::{Frozen, Maps};
use super::real::Real;
use super::sparse::{SparseMap, product, product_into};
use super::wiring::{Reader, Wiring};

/// Logit of a masked position, as in Tracr.
pub const MASKED: f64 = -1e30;

/// Where blocks read from and write to.
#[derive(Clone, Copy, Debug)]
pub enum Stream<'a, F> {
    /// The compiled residual stream: `D` dimensions, one a feature.
    Full,
    /// The compressed one: `d` dimensions, through one `W` `[d, D]` or a stack of several
    /// `[k·d, D]`.
    Compressed(&'a Array2<F>, &'a Wiring),
}

impl<F: Real> Stream<'_, F> {
    /// `[N, D]` features of a site to `[N, D or d]` stream.
    fn write(&self, site: Site, features: &Array2<F>) -> Array2<F> {
        match self {
            Stream::Full => features.clone(),
            Stream::Compressed(w, wiring) => product(
                features,
                wiring.matrix(w, wiring.write(site)).reversed_axes(),
            ),
        }
    }

    /// `[N, D or d]` stream to the `[N, D]` features that a reader reads.
    pub fn read(&self, reader: Reader, stream: &Array2<F>) -> Array2<F> {
        self.read_some(reader, None, stream)
    }

    /// The same, but zero in the features that `maps` do not read.
    fn read_for(&self, reader: Reader, maps: &[&SparseMap<F>], stream: &Array2<F>) -> Array2<F> {
        let mut read: Vec<usize> = maps.iter().flat_map(|map| map.read()).copied().collect();
        read.sort_unstable();
        read.dedup();
        self.read_some(reader, Some(read), stream)
    }

    /// These features, or all.
    fn read_some(
        &self,
        reader: Reader,
        features: Option<Vec<usize>>,
        stream: &Array2<F>,
    ) -> Array2<F> {
        let Stream::Compressed(w, wiring) = self else {
            return stream.clone();
        };
        let w = wiring.matrix(w, wiring.read(reader));
        match features {
            None => product(stream, w),
            Some(features) => {
                let some = w.select(Axis(1), &features);
                product_into(stream, some.view(), (&features, w.ncols()))
            }
        }
    }
}

/// Everything that a forward pass over `B` inputs of `T` positions computes. Row `b·T + t` of a
/// matrix belongs to position `t` of input `b`.
#[derive(Clone, Debug)]
pub struct Trace<F> {
    /// The stream after the embedding and after each block: `1 + 2L` of `[B·T, D or d]`.
    pub residuals: Vec<Array2<F>>,
    /// What each block writes, in feature dimensions: `2L` of `[B·T, D]`.
    pub block_outputs: Vec<Array2<F>>,
    /// Scaled, masked logits of each layer's attention: `L` of `[B, H, T, T]`.
    pub attention_logits: Vec<Array4<F>>,
    /// What the unembedding reads: `[B·T, D]`.
    pub last_read: Array2<F>,
    /// The unembedded output: `[B·T, O]`.
    pub output: Array2<F>,
}

impl<F: Real> Frozen<F> {
    /// Runs the model on token ids `[B, T]`; `T` may be less than the model's positions.
    ///
    /// The ids must be below `V` and `T` at most the model's positions, as everything in
    /// [`crate::model::codec`] and the input space guarantee.
    pub fn forward(&self, stream: Stream<'_, F>, tokens: ArrayView2<'_, usize>) -> Trace<F> {
        let (batch, positions) = tokens.dim();
        let mut residual = stream.write(Site::Embedding, &self.embed(tokens));
        let mut trace = Trace {
            residuals: vec![residual.clone()],
            block_outputs: Vec::with_capacity(2 * self.layers.len()),
            attention_logits: Vec::with_capacity(self.layers.len()),
            last_read: Array2::zeros((0, 0)),
            output: Array2::zeros((0, 0)),
        };
        for (i, (layer, maps)) in self.layers.iter().zip(self.maps()).enumerate() {
            let read = stream.read(Reader::Block(2 * i), &residual);
            let mut logits = Array4::zeros((batch, self.heads, positions, positions));
            let attended =
                self.attention((layer, maps), &read, (batch, positions), Some(&mut logits));
            residual += &stream.write(Site::Block(2 * i), &attended);
            trace.attention_logits.push(logits);
            trace.block_outputs.push(attended);
            trace.residuals.push(residual.clone());

            let mapped = maps.mlp(&stream.read(Reader::Block(2 * i + 1), &residual));
            residual += &stream.write(Site::Block(2 * i + 1), &mapped);
            trace.block_outputs.push(mapped);
            trace.residuals.push(residual.clone());
        }
        trace.last_read = stream.read(Reader::Unembedding, &residual);
        trace.output = self.scores().apply(&trace.last_read);
        trace
    }

    /// Runs the model and returns the block outputs and the output alone: the same numbers as
    /// [`Frozen::forward`], without computing what dead blocks would add, which is exactly zero.
    pub fn evaluate(
        &self,
        stream: Stream<'_, F>,
        tokens: ArrayView2<'_, usize>,
    ) -> (Vec<Array2<F>>, Array2<F>) {
        self.evaluate_edited(stream, tokens, &mut |_, _| {})
    }

    /// As [`Frozen::evaluate`], but `edit` may change what is written before it is: it is shown the
    /// embedding and then each live block's output, `[B·T, D]` in feature dimensions.
    pub fn evaluate_edited(
        &self,
        stream: Stream<'_, F>,
        tokens: ArrayView2<'_, usize>,
        edit: &mut dyn FnMut(Site, &mut Array2<F>),
    ) -> (Vec<Array2<F>>, Array2<F>) {
        let (batch, positions) = tokens.dim();
        let mut embedding = self.embed(tokens);
        edit(Site::Embedding, &mut embedding);
        let mut residual = stream.write(Site::Embedding, &embedding);
        let mut blocks = Vec::with_capacity(2 * self.layers.len());
        let dead = || Array2::zeros((batch * positions, self.width()));
        for (i, (layer, maps)) in self.layers.iter().zip(self.maps()).enumerate() {
            let attended = if layer.attention_is_dead() {
                dead()
            } else {
                let readers = [&maps.query, &maps.key, &maps.value];
                let read = stream.read_for(Reader::Block(2 * i), &readers, &residual);
                let mut attended = self.attention((layer, maps), &read, (batch, positions), None);
                edit(Site::Block(2 * i), &mut attended);
                residual += &stream.write(Site::Block(2 * i), &attended);
                attended
            };
            blocks.push(attended);
            let mapped = if layer.mlp_is_dead() {
                dead()
            } else {
                let read = stream.read_for(Reader::Block(2 * i + 1), &[&maps.fc1], &residual);
                let mut mapped = maps.mlp(&read);
                edit(Site::Block(2 * i + 1), &mut mapped);
                residual += &stream.write(Site::Block(2 * i + 1), &mapped);
                mapped
            };
            blocks.push(mapped);
        }
        let read = stream.read_for(Reader::Unembedding, &[self.scores()], &residual);
        (blocks, self.scores().apply(&read))
    }

    /// `token_embed[x] + pos_embed`: `[B·T, D]`.
    pub fn embed(&self, tokens: ArrayView2<'_, usize>) -> Array2<F> {
        let (batch, positions) = tokens.dim();
        let mut features = Array2::zeros((batch * positions, self.width()));
        for (row, (position, id)) in tokens
            .iter()
            .enumerate()
            .map(|(row, id)| (row, (row % positions, *id)))
        {
            let mut target = features.row_mut(row);
            target += &self.token_embed.row(id);
            target += &self.pos_embed.row(position);
        }
        features
    }

    /// What multi-head attention over `read` `[B·T, D]` writes, `[B·T, D]`; its logits `[B, H, T, T]` are
    /// kept for who wants them.
    fn attention(
        &self,
        (layer, maps): (&Layer<F>, &Maps<F>),
        read: &Array2<F>,
        (batch, positions): (usize, usize),
        mut logits: Option<&mut Array4<F>>,
    ) -> Array2<F> {
        let [query, key, value] = [&maps.query, &maps.key, &maps.value].map(|map| map.apply(read));
        let width = value.ncols();
        let [query, key, value] = [&query, &key, &value].map(|all| {
            let all = all.as_slice().unwrap_or_default();
            all.chunks_exact(width).collect::<Vec<_>>()
        });
        let scale = F::from_f64(1.0 / (self.key_size as f64).sqrt());
        let live = |linear: &Linear<F>, head: &Range<usize>| -> Vec<usize> {
            head.clone().filter(|c| linear.is_live(*c)).collect()
        };
        let mut attended = Array2::zeros((batch * positions, width));
        let mut scores = vec![F::zero(); positions];
        for h in 0..self.heads {
            let head = h * self.key_size..(h + 1) * self.key_size;
            let (pairs, values) = (live(&layer.query, &head), live(&layer.value, &head));
            for (row, query) in query.iter().enumerate() {
                let (b, q) = (row / positions, row % positions);
                let others = b * positions..(b + 1) * positions;
                for (k, (score, key)) in scores.iter_mut().zip(&key[others.clone()]).enumerate() {
                    let product = |sum, &c: &usize| sum + query[c] * key[c];
                    *score = if self.causal && k > q {
                        F::from_f64(MASKED)
                    } else {
                        pairs.iter().fold(F::zero(), product) * scale
                    };
                }
                if let Some(logits) = &mut logits {
                    let mut kept = logits.index_axis_mut(Axis(0), b);
                    let mut kept = kept.index_axis_mut(Axis(0), h);
                    kept.row_mut(q).assign(&ArrayView1::from(&scores));
                }
                let seen = if self.causal { q + 1 } else { positions };
                softmax(&mut scores, seen);
                let mut own = attended.row_mut(row);
                for (weight, value) in scores[..seen].iter().zip(&value[others]) {
                    for &c in &values {
                        own[c] += *weight * value[c];
                    }
                }
            }
        }
        maps.output.apply(&attended)
    }
}

impl<F: Real> Maps<F> {
    /// What the MLP writes, `[N, D]` to `[N, D]`.
    fn mlp(&self, read: &Array2<F>) -> Array2<F> {
        self.fc2.apply(&self.fc1.apply(read).mapv_into(relu))
    }
}

/// NaN for what is no finite number: a sum that overflowed on its way would end as an innocent 0.
fn relu<F: Real>(x: F) -> F {
    if x.is_finite() {
        x.max(F::zero())
    } else {
        F::nan()
    }
}

/// Softmax of each row over the keys up to the row's own if `causal`, else over all; shifted by its
/// maximum: logits of 1e6 are common at the start of training. A row of NaN where a logit is not finite.
pub fn softmax_rows<F: Real>(scores: &mut Array2<F>, causal: bool) {
    for (asking, mut row) in scores.axis_iter_mut(Axis(0)).enumerate() {
        let mut own = row.to_vec();
        let seen = if causal { asking + 1 } else { own.len() };
        softmax(&mut own, seen);
        row.assign(&ArrayView1::from(&own));
    }
}

/// Softmax over the first `seen` logits; 0 for the others.
fn softmax<F: Real>(logits: &mut [F], seen: usize) {
    let (logits, masked) = logits.split_at_mut(seen);
    let max = logits.iter().copied().fold(F::neg_infinity(), F::max);
    let lost = logits
        .iter()
        .fold(F::zero(), |lost, x| lost + *x * F::zero());
    let mut sum = F::zero();
    for x in &mut *logits {
        *x = F::from_f64(libm::exp((*x - max).widen())) + lost;
        sum += *x;
    }
    for x in logits {
        *x /= sum;
    }
    masked.fill(F::zero());
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn softmax_survives_logits_of_a_million() {
        let mut scores = array![[1e6, 1e6, -1e6], [0.0, f64::ln(3.0), -1e6]];
        softmax_rows(&mut scores, false);
        assert_eq!(scores.row(0).to_vec(), [0.5, 0.5, 0.0]);
        approx::assert_abs_diff_eq!(scores[[1, 0]], 0.25, epsilon = 1e-15);
        assert_eq!(scores[[1, 2]], 0.0);
    }

    #[test]
    fn a_masked_key_is_left_out_however_small_the_others_are() {
        let mut scores = array![[-1e40, MASKED, MASKED], [-3e35, -3e35, MASKED]];
        softmax_rows(&mut scores, true);
        assert_eq!(scores.row(0).to_vec(), [1.0, 0.0, 0.0]);
        assert_eq!(scores.row(1).to_vec(), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn what_is_no_finite_number_is_not_rectified_away() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(relu(x).is_nan());
            let mut scores = array![[x, 0.0], [0.0, 1.0]];
            softmax_rows(&mut scores, false);
            assert!(scores.row(0).iter().all(|x| x.is_nan()));
            assert!(scores.row(1).iter().all(|x| x.is_finite()));
        }
    }
}
