//! What goes on inside the compressed blocks, beside the compiled ones.

use ndarray::{Array1, Array2, Array4, ArrayView2, Axis, Zip};

use super::reading::Reading;
use tracr::model::forward::softmax_rows;
use tracr::model::wiring::Reader;
use tracr::model::{Frozen, Layer, Stream, Wiring};

/// Inputs per piece of work.
const CHUNK: usize = 64;

/// For each head of a live attention block, means over inputs and asking positions:
/// - `entropy` of the compressed attention, in nats: 0 where it is saturated;
/// - `compiled_entropy`, the same of the compiled model;
/// - `distance`: half of `Σ |a − ã|`, the share of the attention that looks elsewhere;
/// - `logit_range`: the largest logit minus the smallest one that is not masked.
///
/// For each live MLP, over the hidden units that fire somewhere in the compiled model:
/// - `dead_units`: the share that fires nowhere in the compressed one;
/// - `wrong_units`: how often such a unit fires in one model and not in the other.
pub fn measure(
    model: &Frozen<f64>,
    names: &[String],
    (w, wiring): (&Array2<f64>, &Wiring),
    tokens: ArrayView2<'_, usize>,
) -> Vec<Reading> {
    let mut heads = vec![vec![HeadSums::default(); model.heads]; model.layers.len()];
    let mut units: Vec<UnitSums> = model
        .layers
        .iter()
        .map(|layer| UnitSums::new(layer.fc1.bias.len()))
        .collect();
    for chunk in tokens.axis_chunks_iter(Axis(0), CHUNK) {
        let compiled = model.forward(Stream::Full, chunk);
        let compressed = model.forward(Stream::Compressed(w, wiring), chunk);
        for (i, layer) in model.layers.iter().enumerate() {
            let (a, b) = (
                &compiled.attention_logits[i],
                &compressed.attention_logits[i],
            );
            for (h, sums) in heads[i].iter_mut().enumerate() {
                sums.add(a, b, h, model.causal);
            }
            let reader = wiring.read(Reader::Block(2 * i + 1));
            let read = compressed.residuals[2 * i + 1].dot(&wiring.matrix(w, reader));
            units[i].add(
                &fires(layer, &compiled.residuals[2 * i + 1]),
                &fires(layer, &read),
            );
        }
    }
    let mut readings = Vec::new();
    for (i, layer) in model.layers.iter().enumerate() {
        if !layer.attention_is_dead() {
            for (h, sums) in heads[i].iter().enumerate() {
                sums.report(&format!("{}.head{h}", names[2 * i]), &mut readings);
            }
        }
        if !layer.mlp_is_dead() {
            units[i].report(&names[2 * i + 1], &mut readings);
        }
    }
    readings
}

/// Which hidden units fire on what an MLP reads, `[N, D]` to `[N, hidden]`.
fn fires(layer: &Layer<f64>, read: &Array2<f64>) -> Array2<bool> {
    (read.dot(&layer.fc1.weight) + &layer.fc1.bias).mapv(|x| x > 0.0)
}

/// Sums over asking positions.
#[derive(Clone, Default)]
struct HeadSums {
    rows: usize,
    entropy: f64,
    compiled_entropy: f64,
    distance: f64,
    range: f64,
}

impl HeadSums {
    /// Takes in head `h` of logits `[B, H, T, T]`.
    fn add(&mut self, compiled: &Array4<f64>, compressed: &Array4<f64>, h: usize, causal: bool) {
        for b in 0..compiled.dim().0 {
            let of = |all: &Array4<f64>| {
                let input = all.index_axis(Axis(0), b);
                input.index_axis(Axis(0), h).to_owned()
            };
            let logits = of(compressed);
            let (mut a, mut b) = (of(compiled), logits.clone());
            for (asking, row) in logits.rows().into_iter().enumerate() {
                let keys = if causal { asking + 1 } else { row.len() };
                let seen = || row.iter().copied().take(keys);
                self.range +=
                    seen().fold(f64::NEG_INFINITY, f64::max) - seen().fold(f64::INFINITY, f64::min);
            }
            softmax_rows(&mut a, causal);
            softmax_rows(&mut b, causal);
            self.rows += a.nrows();
            self.entropy += entropy(&b);
            self.compiled_entropy += entropy(&a);
            self.distance += 0.5 * (&a - &b).mapv(f64::abs).sum();
        }
    }

    fn report(&self, head: &str, readings: &mut Vec<Reading>) {
        for (quantity, sum) in [
            ("entropy", self.entropy),
            ("compiled_entropy", self.compiled_entropy),
            ("distance", self.distance),
            ("logit_range", self.range),
        ] {
            readings.push(Reading::new(head, quantity, sum / self.rows as f64));
        }
    }
}

/// `−Σ p ln p` over all entries.
fn entropy(probabilities: &Array2<f64>) -> f64 {
    let term = |p: &f64| if *p > 0.0 { -p * p.ln() } else { 0.0 };
    probabilities.iter().map(term).sum()
}

/// Counts over inputs and positions, a hidden unit each.
struct UnitSums {
    rows: usize,
    compiled: Array1<usize>,
    compressed: Array1<usize>,
    different: Array1<usize>,
}

impl UnitSums {
    fn new(hidden: usize) -> Self {
        Self {
            rows: 0,
            compiled: Array1::zeros(hidden),
            compressed: Array1::zeros(hidden),
            different: Array1::zeros(hidden),
        }
    }

    /// Takes in which units fire in both models, `[N, hidden]`.
    fn add(&mut self, compiled: &Array2<bool>, compressed: &Array2<bool>) {
        self.rows += compiled.nrows();
        Zip::indexed(compiled)
            .and(compressed)
            .for_each(|(_, unit), &a, &b| {
                self.compiled[unit] += usize::from(a);
                self.compressed[unit] += usize::from(b);
                self.different[unit] += usize::from(a != b);
            });
    }

    fn report(&self, block: &str, readings: &mut Vec<Reading>) {
        let used: Vec<usize> = (0..self.compiled.len())
            .filter(|&unit| self.compiled[unit] > 0)
            .collect();
        let dead = used.iter().filter(|&&unit| self.compressed[unit] == 0);
        let different: usize = used.iter().map(|&unit| self.different[unit]).sum();
        let count = used.len() as f64;
        for (quantity, value) in [
            ("dead_units", dead.count() as f64 / count),
            ("wrong_units", different as f64 / (count * self.rows as f64)),
        ] {
            readings.push(Reading::new(block, quantity, value));
        }
    }
}
