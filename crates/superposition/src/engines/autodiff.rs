//! The reference engine: the objective's formulas, op by op, in Burn tensors with burn-autodiff.
//!
//! ```text
//! stream_0     = embed(x) Wᵀ
//! stream_{i+1} = stream_i + h̃_i Wᵀ,   h̃_i = block_i(stream_i W)
//! output       = stream_last W U
//! ```
//!
//! With several `W` ([`tracr::model::wiring`]) every block reads and writes with its own.
//!
//! A batch is cut into pieces of 128 inputs, each with a graph of its own; their losses and
//! gradients are added in float64 in a fixed order, so the number of threads changes nothing. A
//! dead block (all-zero output weights) writes exactly zero and is skipped.
//!
//! What goes into a ReLU or a softmax is looked at beside the graph: an infinity there, which both may
//! turn into an innocent 0, makes the loss NaN, as in the fused engine.

mod memory;
mod terms;

use std::marker::PhantomData;
use std::sync::Arc;

use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Bool, DType, Device, Element, Tensor, TensorData};
use ndarray::{Array2, ArrayView2, Axis};

use super::engine::Engine;
use crate::inputs::sampler::Batch;
use crate::objective::{Loss, Objective};
use crate::teacher::{Targets, Teacher};
use memory::PIECE;
pub use memory::graphs;
use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Layer, Linear, Real, Site, Wiring};

/// The one place that chooses Burn's backend.
#[allow(deprecated)] // burn-ndarray is the backend this project is built on
fn device() -> Device {
    Device::ndarray()
}

/// The engine in precision `F` (`f32` or `f64`).
pub struct Autodiff<F> {
    teacher: Arc<Teacher>,
    objective: Objective,
    model: BurnModel<F>,
    threads: usize,
    wiring: Wiring,
}

/// The frozen weights as Burn tensors.
struct BurnModel<F> {
    layers: Vec<BurnLayer>,
    unembed: Tensor<2>,
    heads: usize,
    key_size: usize,
    causal: bool,
    precision: PhantomData<F>,
}

struct BurnLayer {
    attention: Option<BurnAttention>,
    mlp: Option<BurnMlp>,
}

struct BurnAttention {
    query: BurnLinear,
    key: BurnLinear,
    value: BurnLinear,
    output: BurnLinear,
}

struct BurnMlp {
    fc1: BurnLinear,
    fc2: BurnLinear,
}

struct BurnLinear {
    weight: Tensor<2>,
    bias: Tensor<2>,
}

/// What one piece of a batch contributes: sums, not yet divided by the batch's counts.
struct Part {
    output: f64,
    layers: f64,
    gradient: Array2<f64>,
}

impl<F: Real + Element> Autodiff<F> {
    /// An engine for `model` with the teacher's targets, using up to `threads` threads.
    pub fn new(
        model: &CompiledModel,
        teacher: Arc<Teacher>,
        objective: Objective,
        threads: usize,
    ) -> Self {
        Self {
            teacher,
            objective,
            model: BurnModel::new(model),
            threads,
            wiring: Wiring::default(),
        }
    }

    /// The same for a stack of several `W`.
    pub fn with_wiring(mut self, wiring: Wiring) -> Self {
        self.wiring = wiring;
        self
    }

    /// Loss and gradient sums of inputs `start..end`; `counted` is how many positions `L_out`
    /// averages over in the whole batch, `rows` how many `L_layer` does.
    fn part(
        &self,
        w: &Array2<f64>,
        tokens: ArrayView2<'_, usize>,
        targets: &Targets,
        counted: &[bool],
        (start, end): (usize, usize),
    ) -> Part {
        let positions = tokens.ncols();
        let rows = start * positions..end * positions;
        let features = self
            .teacher
            .model()
            .embed(tokens.slice_axis(Axis(0), (start..end).into()));
        let w = tensor::<F>(w).autodiff().require_grad();
        let matrices = Matrices::new(&w, &self.wiring);
        let mut lost = Vec::new();
        let (blocks, output) = self.model.compressed(
            &matrices,
            tensor::<F>(&features),
            (end - start, positions),
            &mut lost,
        );

        let mut layers = Tensor::<1>::zeros([1], (&device(), F::dtype()));
        for (i, h_tilde) in blocks.into_iter().enumerate() {
            let Some(h_tilde) = h_tilde else { continue };
            let mut h = Array2::zeros((rows.len(), self.teacher.model().width()));
            let live = targets.blocks[i].slice_axis(Axis(0), rows.clone().into());
            for (target, column) in live.columns().into_iter().zip(self.teacher.live_columns(i)) {
                h.column_mut(*column).assign(&target);
            }
            let error = (h_tilde - tensor::<F>(&h)).square().sum();
            let factor = self.objective.block_factor(i, self.teacher.model().width());
            layers = layers + if factor == 1.0 { error } else { error * factor };
        }
        let output = terms::output_loss::<F>(&self.teacher, output, targets, counted, rows);

        let total_counted = counted.iter().filter(|c| **c).count() as f64;
        let loss = output.clone() * (self.objective.output_weight / total_counted)
            + layers.clone() * (self.objective.layer_weight / tokens.len() as f64);
        let gradients = loss.backward();
        let gradient = w.grad(&gradients).map_or_else(
            || Array2::zeros((0, 0)), // unreachable: w requires a gradient and the loss reads it
            to_matrix,
        );
        Part {
            output: scalar(output) + lost.into_iter().map(scalar).sum::<f64>(),
            layers: scalar(layers),
            gradient,
        }
    }
}

impl<F: Real + Element> Engine for Autodiff<F> {
    fn loss_and_gradient(
        &mut self,
        w: &Array2<f64>,
        batch: &Batch,
        gradient: &mut Array2<f64>,
    ) -> Loss {
        let targets = self.teacher.of_batch(batch);
        let tokens = batch.tokens(self.teacher.space());
        let tokens = tokens.view();
        let counted = self.teacher.counted(&self.objective, tokens);
        let inputs = tokens.nrows();
        let pieces: Vec<(usize, usize)> = (0..inputs)
            .step_by(PIECE)
            .map(|start| (start, (start + PIECE).min(inputs)))
            .collect();
        let this = &*self;
        let work = |mine: &[(usize, usize)]| {
            mine.iter()
                .map(|piece| this.part(w, tokens, &targets, &counted, *piece))
                .collect::<Vec<_>>()
        };
        let parts = if self.threads <= 1 || pieces.len() < 2 {
            work(&pieces)
        } else {
            let mut shares = pieces.chunks(pieces.len().div_ceil(self.threads));
            let first = shares.next().unwrap_or_default();
            std::thread::scope(|scope| {
                let others: Vec<_> = shares.map(|mine| scope.spawn(|| work(mine))).collect();
                let mut parts = work(first);
                for other in others {
                    parts.extend(
                        other
                            .join()
                            .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    );
                }
                parts
            })
        };
        gradient.fill(0.0);
        let mut loss = Loss::default();
        for part in &parts {
            *gradient += &part.gradient;
            loss.output += part.output;
            loss.layers += part.layers;
        }
        loss.output /= counted.iter().filter(|c| **c).count() as f64;
        loss.layers /= tokens.len() as f64;
        loss.penalty = terms::penalty::<F>(&self.objective, w, &self.wiring, gradient);
        loss
    }
}

/// The matrices between the blocks and the stream, cut out of their stack.
struct Matrices<'a> {
    wiring: &'a Wiring,
    /// `[d, D]` each, and transposed.
    matrices: Vec<(Tensor<2>, Tensor<2>)>,
}

impl<'a> Matrices<'a> {
    fn new(w: &Tensor<2>, wiring: &'a Wiring) -> Self {
        let [rows, width] = w.dims();
        let matrices = (0..wiring.count())
            .map(|number| match wiring.is_single() {
                true => w.clone(),
                false => w.clone().slice([wiring.rows(number, rows), 0..width]),
            })
            .map(|w| (w.clone(), w.transpose()))
            .collect();
        Self { wiring, matrices }
    }

    /// `[B·T, d]` to `[B·T, D]`.
    fn read(&self, reader: Reader, stream: &Tensor<2>) -> Tensor<2> {
        let (w, _) = &self.matrices[self.wiring.read(reader)];
        stream.clone().matmul(w.clone())
    }

    /// `[B·T, D]` to `[B·T, d]`.
    fn write(&self, site: Site, h: Tensor<2>) -> Tensor<2> {
        let (_, transposed) = &self.matrices[self.wiring.write(site)];
        h.matmul(transposed.clone())
    }
}

impl<F: Real + Element> BurnModel<F> {
    fn new(model: &CompiledModel) -> Self {
        Self {
            layers: model.layers.iter().map(BurnLayer::new::<F>).collect(),
            unembed: tensor::<F>(&model.unembed),
            heads: model.metadata.num_heads,
            key_size: model.metadata.key_size,
            causal: model.metadata.causal,
            precision: PhantomData,
        }
    }

    /// The compressed model on `features` `[B·T, D]`: each live block's output `[B·T, D]`, and the
    /// unembedded output `[B·T, O]`. To `lost` goes 0, or NaN where a number is not finite.
    fn compressed(
        &self,
        w: &Matrices<'_>,
        features: Tensor<2>,
        shape: (usize, usize),
        lost: &mut Vec<Tensor<1>>,
    ) -> (Vec<Option<Tensor<2>>>, Tensor<2>) {
        let mut stream = w.write(Site::Embedding, features);
        let mut blocks = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            let attended = layer.attention.as_ref().map(|a| {
                let read = w.read(Reader::Block(2 * i), &stream);
                self.attend(a, read, shape, lost)
            });
            if let Some(h) = &attended {
                stream = stream + w.write(Site::Block(2 * i), h.clone());
            }
            blocks.push(attended);
            let mapped = layer.mlp.as_ref().map(|m| {
                let read = w.read(Reader::Block(2 * i + 1), &stream);
                let z = m.fc1.apply(read);
                lost.push(lost_in(&z));
                m.fc2.apply(relu(z))
            });
            if let Some(h) = &mapped {
                stream = stream + w.write(Site::Block(2 * i + 1), h.clone());
            }
            blocks.push(mapped);
        }
        let last = w.read(Reader::Unembedding, &stream);
        (blocks, last.matmul(self.unembed.clone()))
    }

    /// Multi-head attention over what the block reads, `[B·T, D]` to `[B·T, D]`.
    fn attend(
        &self,
        attention: &BurnAttention,
        read: Tensor<2>,
        (batch, positions): (usize, usize),
        lost: &mut Vec<Tensor<1>>,
    ) -> Tensor<2> {
        let split = |linear: &BurnLinear| -> Tensor<4> {
            linear
                .apply(read.clone()) // [B·T, H·k]
                .reshape([batch, positions, self.heads, self.key_size])
                .swap_dims(1, 2) // [B, H, T, k]
        };
        let query = split(&attention.query);
        let key = split(&attention.key);
        let value = split(&attention.value);
        // A product, not a quotient: burn-autodiff differentiates division by a scalar in f32.
        let scale = 1.0 / (self.key_size as f64).sqrt();
        let mut logits = query.matmul(key.swap_dims(2, 3)) * scale;
        if self.causal {
            // Not Tracr's −1e30, which other logits may fall below; the result is the same above it.
            let masked = F::min_value().widen();
            logits = logits.mask_fill(later_positions(batch, self.heads, positions), masked);
        }
        lost.push(lost_in(&logits));
        let attended = softmax(logits, 3) // [B, H, T, T]
            .matmul(value)
            .swap_dims(1, 2) // [B, T, H, k]
            .reshape([batch * positions, self.heads * self.key_size]);
        attention.output.apply(attended)
    }
}

/// 0 if all numbers are finite, else NaN; no part of the graph.
fn lost_in<const D: usize>(numbers: &Tensor<D>) -> Tensor<1> {
    (numbers.clone().detach() * 0.0).sum()
}

/// True where the key's position is later than the query's: `[B, H, T, T]`.
fn later_positions(batch: usize, heads: usize, positions: usize) -> Tensor<4, Bool> {
    let later: Vec<bool> = (0..positions)
        .flat_map(|q| (0..positions).map(move |k| k > q))
        .collect();
    Tensor::<2, Bool>::from_data(TensorData::new(later, [positions, positions]), &device())
        .reshape([1, 1, positions, positions])
        .expand([batch, heads, positions, positions])
}

impl BurnLayer {
    fn new<F: Real + Element>(layer: &Layer<f64>) -> Self {
        let linear = |l: &Linear<f64>| BurnLinear {
            weight: tensor::<F>(&l.weight),
            bias: tensor::<F>(&l.bias.clone().insert_axis(ndarray::Axis(0))),
        };
        Self {
            attention: (!layer.attention_is_dead()).then(|| BurnAttention {
                query: linear(&layer.query),
                key: linear(&layer.key),
                value: linear(&layer.value),
                output: linear(&layer.output),
            }),
            mlp: (!layer.mlp_is_dead()).then(|| BurnMlp {
                fc1: linear(&layer.fc1),
                fc2: linear(&layer.fc2),
            }),
        }
    }
}

impl BurnLinear {
    fn apply(&self, input: Tensor<2>) -> Tensor<2> {
        input.matmul(self.weight.clone()) + self.bias.clone()
    }
}

/// A matrix as a constant tensor of `F`.
fn tensor<F: Real + Element>(matrix: &Array2<f64>) -> Tensor<2> {
    let numbers: Vec<F> = matrix.iter().map(|x| F::from_f64(*x)).collect();
    let (rows, columns) = matrix.dim();
    let dtype: DType = F::dtype();
    Tensor::from_data(
        TensorData::new(numbers, [rows, columns]),
        (&device(), dtype),
    )
}

fn to_matrix(tensor: Tensor<2>) -> Array2<f64> {
    let [rows, columns] = tensor.dims();
    let numbers: Vec<f64> = tensor.into_data().iter::<f64>().collect();
    Array2::from_shape_vec((rows, columns), numbers).unwrap_or_default()
}

fn scalar(tensor: Tensor<1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}
