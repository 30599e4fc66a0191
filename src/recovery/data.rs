//! The rows of a run: the compressed stream on every input, at every position and site.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array1, Array2, Axis};

use super::fit;
use super::rows::Rows;
use crate::analysis::Subject;
use crate::analysis::sweep;
use tracr::model::Frozen;

/// Rows that differ by less than about this are one.
const SAME: f64 = 1e-7;

/// A feature counts as one to be found if it contributes this share to the variance of the stream.
const SHARE: f64 = 1e-3;

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// After the embedding (0) or after the N-th block that writes something; all of them if none.
    pub site: Option<usize>,
    /// Whether the first position, BOS, is among them.
    pub bos: bool,
}

/// What methods get, and how many features there are to be found.
#[derive(Clone, Debug)]
pub struct Data {
    /// The states, each once.
    pub rows: Rows,
    /// Features whose contribution to the variance of `z` is at least a thousandth of it.
    pub features: usize,
}

/// The sites of a model as indices into the states of a forward pass: after the embedding, and after each block that
/// writes something.
pub fn sites(model: &Frozen<f64>) -> Vec<usize> {
    let mut sites = vec![0];
    for (i, layer) in model.layers.iter().enumerate() {
        sites.extend((!layer.attention_is_dead()).then_some(2 * i + 1));
        sites.extend((!layer.mlp_is_dead()).then_some(2 * i + 2));
    }
    sites
}

/// Runs the compressed model over the subject's inputs. The same on any number of threads.
pub fn collect(subject: Subject<'_>, choice: Choice, threads: usize) -> Data {
    let model = Frozen::<f64>::new(subject.model);
    let all = sites(&model);
    let chosen: Vec<usize> = match choice.site {
        None => all,
        Some(site) => all.get(site).copied().into_iter().collect(),
    };
    let width = subject.wiring.width(subject.w);
    let features = subject.model.width();
    let mut found = Found::none(width, features);
    sweep::pieces(
        subject.inputs.len(),
        threads,
        |range| {
            let mut part = Found::none(width, features);
            for (start, tokens) in sweep::chunks(subject.space, subject.inputs, range) {
                let inputs = start..start + tokens.nrows();
                part.add(subject, &model, &chosen, (inputs, &tokens), choice.bos);
            }
            part
        },
        |part| found.merge(part),
    );
    found.finish(subject.w)
}

/// Different rows in the order in which they were met, and moments of the features.
struct Found {
    numbers: HashMap<Vec<i64>, usize>,
    rows: Vec<Vec<f64>>,
    weights: Vec<f64>,
    width: usize,
    sum: Array1<f64>,
    square: Array1<f64>,
}

impl Found {
    fn none(width: usize, features: usize) -> Self {
        Self {
            numbers: HashMap::new(),
            rows: Vec::new(),
            weights: Vec::new(),
            width,
            sum: Array1::zeros(features),
            square: Array1::zeros(features),
        }
    }

    fn row(&mut self, row: Vec<f64>, weight: f64) {
        let key = row.iter().map(|x| (x / SAME).round() as i64).collect();
        let number = *self.numbers.entry(key).or_insert(self.rows.len());
        if let Some(sum) = self.weights.get_mut(number) {
            *sum += weight;
        } else {
            self.rows.push(row);
            self.weights.push(weight);
        }
    }

    fn add(
        &mut self,
        subject: Subject<'_>,
        model: &Frozen<f64>,
        sites: &[usize],
        (inputs, tokens): (Range<usize>, &Array2<usize>),
        bos: bool,
    ) {
        let trace = model.forward(subject.stream(), tokens.view());
        let positions = tokens.ncols();
        let mut sums = model.embed(tokens.view());
        for site in 0..trace.residuals.len() {
            if site > 0 {
                sums += &trace.block_outputs[site - 1];
            }
            if !sites.contains(&site) {
                continue;
            }
            let states = &trace.residuals[site];
            for (n, (state, sums)) in states.rows().into_iter().zip(sums.rows()).enumerate() {
                if n % positions == 0 && !bos {
                    continue;
                }
                let weight = subject.inputs.weight(inputs.start + n / positions);
                self.row(state.to_vec(), weight);
                self.sum.scaled_add(weight, &sums);
                self.square.zip_mut_with(&sums, |q, x| *q += weight * x * x);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (row, weight) in other.rows.into_iter().zip(other.weights) {
            self.row(row, weight);
        }
        self.sum += &other.sum;
        self.square += &other.square;
    }

    fn finish(self, w: &Array2<f64>) -> Data {
        let total: f64 = self.weights.iter().sum();
        let weights = Array1::from(self.weights) / total;
        let numbers: Vec<f64> = self.rows.into_iter().flatten().collect();
        let shape = (weights.len(), self.width);
        let z = Array2::from_shape_vec(shape, numbers).unwrap_or_default();
        let rows = Rows { z, weights };
        let variance = &self.square / total - (&self.sum / total).mapv(|mean| mean * mean);
        let length = w.map_axis(Axis(0), |column| column.dot(&column));
        let all = fit::variance(&rows);
        let features = variance.iter().zip(&length);
        let features = features.filter(|(v, l)| **v * **l >= SHARE * all && all > 0.0);
        Data {
            features: features.count(),
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use superposition::inputs::{EvaluationSet, InputSpace};
    use tracr::model::Wiring;

    #[test]
    fn rows_are_the_different_states_with_their_shares() {
        let model = crate::test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[5], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let (w, wiring) = (Array2::eye(model.width()), Wiring::default());
        let subject = Subject {
            model: &model,
            space: &space,
            inputs: &inputs,
            w: &w,
            wiring: &wiring,
        };
        let of = |site, bos, threads| collect(subject, Choice { site, bos }, threads);
        // After the embedding: BOS, and four tokens at five positions.
        let embedded = of(Some(0), true, 1);
        assert_eq!(embedded.rows.z.dim(), (21, 14));
        let mut weights = embedded.rows.weights.to_vec();
        weights.sort_by(f64::total_cmp);
        for (i, weight) in weights.iter().enumerate() {
            let expected = if i < 20 { 1.0 / 24.0 } else { 1.0 / 6.0 };
            approx::assert_abs_diff_eq!(*weight, expected, epsilon = 1e-12);
        }
        // Tokens a, b, c and x, five positions and BOS vary; `one`, PAD and what blocks write do not.
        assert_eq!(embedded.features, 10);
        let tokens = of(Some(0), false, 2);
        assert_eq!((tokens.rows.z.nrows(), tokens.features), (20, 9));
        // frac_prevs has two blocks that write: is_x and frac_prevs.
        assert_eq!(sites(&Frozen::new(&model)).len(), 3);
        let all = of(None, true, 1);
        assert_eq!(all.features, 12);
        let total: f64 = all.rows.weights.sum();
        approx::assert_abs_diff_eq!(total, 1.0, epsilon = 1e-12);
        let parallel = of(None, true, 3);
        assert_eq!(parallel.rows.z, all.rows.z);
        assert_eq!(parallel.rows.weights, all.rows.weights);
        let last = of(Some(2), true, 1).rows.z.nrows();
        assert!(all.rows.z.nrows() > last && last > 21, "{last}");
    }
}
