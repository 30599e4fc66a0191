//! Which states of the stream there are, and where each occurs.

use std::collections::HashMap;

use ndarray::{Array1, Array2};

use super::part::{Part, TruthError};
use crate::analysis::interchange::tokens_of;
use crate::analysis::{Subject, sweep};
use tracr::model::{CompiledModel, Frozen, Site, Stream};

/// Rows whose features agree to this are one; features that are smaller than half of it are 0.
pub const SAME_ROW: f64 = 1e-7;

/// So many numbers are collected at most; of more inputs than that takes, evenly spaced ones.
const MOST_NUMBERS: usize = 1 << 24;

/// No row: the position does not count.
const NONE: u32 = u32::MAX;

/// Where rows occur.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The sites, in the order of the forward pass.
    pub sites: Vec<Site>,
    /// The numbers of the inputs in the evaluation set.
    pub inputs: Vec<usize>,
    /// How much each of them counts; none where all count alike.
    pub weights: Option<Vec<f64>>,
    /// Whether these are all inputs that the model has.
    pub all_inputs: bool,
    /// Token ids of each input, `[inputs, T]`.
    pub tokens: Array2<usize>,
    /// Where each row occurs first: input and site (by their place in the lists above) and position.
    pub first: Vec<Place>,
    /// The row of each input, site and position, in this order.
    rows: Vec<u32>,
}

/// A place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Place {
    pub input: usize,
    pub site: usize,
    pub position: usize,
}

impl Places {
    /// The row at a place; none where the position does not count.
    pub fn row(&self, place: Place) -> Option<usize> {
        let positions = self.tokens.ncols();
        let at = (place.input * self.sites.len() + place.site) * positions + place.position;
        let row = self.rows.get(at).copied().unwrap_or(NONE);
        (row != NONE).then_some(row as usize)
    }

    /// How many places there are.
    pub fn count(&self) -> usize {
        self.rows.iter().filter(|row| **row != NONE).count()
    }

    /// The weight of each row at one site, and 0 elsewhere.
    pub fn weights_at(&self, site: usize, rows: usize) -> Array1<f64> {
        let mut weights = Array1::zeros(rows);
        for input in 0..self.inputs.len() {
            for position in 0..self.tokens.ncols() {
                let place = Place {
                    input,
                    site,
                    position,
                };
                if let Some(row) = self.row(place) {
                    weights[row] += self.weights.as_ref().map_or(1.0, |all| all[input]);
                }
            }
        }
        let total = weights.sum();
        if total > 0.0 {
            weights / total
        } else {
            weights
        }
    }
}

/// The different rows.
#[derive(Debug)]
pub struct Found {
    /// The compressed model's feature sums, `[n, D]`.
    pub features: Array2<f64>,
    /// The compiled model's, `[n, D]`.
    pub compiled: Array2<f64>,
    /// How often each occurs, 1 together, `[n]`.
    pub weights: Array1<f64>,
}

/// What can be written to: the embedding, and each block that writes.
pub fn writers(model: &CompiledModel) -> Vec<Site> {
    let blocks = model.layers.iter().enumerate().flat_map(|(i, layer)| {
        let live = [!layer.attention_is_dead(), !layer.mlp_is_dead()];
        [2 * i, 2 * i + 1]
            .into_iter()
            .zip(live)
            .filter_map(|(block, live)| live.then_some(Site::Block(block)))
    });
    std::iter::once(Site::Embedding).chain(blocks).collect()
}

/// Rows in the order in which they occur.
#[derive(Default)]
struct Table {
    number: HashMap<Vec<i64>, u32>,
    /// `s` and `s0` of each row, one after the other.
    values: Vec<f64>,
    weights: Vec<f64>,
    first: Vec<Place>,
    rows: Vec<u32>,
}

impl Table {
    fn add(&mut self, values: &[f64], weight: f64, place: Place) -> u32 {
        let key = values
            .iter()
            .map(|x| (x / SAME_ROW).round() as i64)
            .collect();
        let next = self.first.len() as u32;
        let number = *self.number.entry(key).or_insert(next);
        if number == next {
            // What a softmax leaks is no activation.
            let leak = |x: &f64| if x.abs() < SAME_ROW / 2.0 { 0.0 } else { *x };
            self.values.extend(values.iter().map(leak));
            self.weights.push(0.0);
            self.first.push(place);
        }
        self.weights[number as usize] += weight;
        number
    }

    /// Adds another one's rows behind its own.
    fn append(&mut self, other: Self, width: usize) {
        let renamed: Vec<u32> = other
            .values
            .chunks(2 * width)
            .zip(&other.weights)
            .zip(&other.first)
            .map(|((values, weight), place)| self.add(values, *weight, *place))
            .collect();
        let rename = |row: u32| renamed.get(row as usize).copied().unwrap_or(NONE);
        self.rows.extend(other.rows.into_iter().map(rename));
    }
}

/// Collects the different rows.
///
/// # Errors
/// If there is no such site, or no row.
pub fn collect(
    subject: Subject<'_>,
    part: Part,
    threads: usize,
) -> Result<(Places, Found), TruthError> {
    let writers = writers(subject.model);
    let sites: Vec<usize> = match part.site {
        None => (0..writers.len()).collect(),
        Some(site) if site < writers.len() => vec![site],
        Some(given) => {
            let name = |(i, site): (usize, &Site)| format!("{i} ({})", site.name());
            let sites = writers.iter().enumerate().map(name).collect();
            return Err(TruthError::Site { given, sites });
        }
    };
    let width = subject.model.width();
    let each = sites.len() * subject.space.positions() * (2 * width + subject.w.nrows());
    let (all, most) = (subject.inputs.len(), (MOST_NUMBERS / each.max(1)).max(1));
    let inputs: Vec<usize> = if all <= most {
        (0..all).collect()
    } else {
        (0..most)
            .map(|i| (i as u128 * all as u128 / most as u128) as usize)
            .collect()
    };
    let weights = subject.inputs.weights();
    let frozen = Frozen::<f64>::new(subject.model);
    let tokens = tokens_of(subject, inputs.iter().copied());
    let work = |range: std::ops::Range<usize>| {
        let mut table = Table::default();
        for start in range.clone().step_by(sweep::CHUNK) {
            let end = (start + sweep::CHUNK).min(range.end);
            let chunk = tokens.slice_axis(ndarray::Axis(0), (start..end).into());
            let sums = [
                feature_sums(&frozen, subject.stream(), chunk, &writers),
                feature_sums(&frozen, Stream::Full, chunk, &writers),
            ];
            let [own, compiled] = &sums;
            let mut values = Vec::with_capacity(2 * width);
            for input in start..end {
                let weight = weights.map_or(1.0, |all| all[inputs[input]]);
                for (number, site) in sites.iter().enumerate() {
                    for (position, id) in tokens.row(input).iter().enumerate() {
                        if !part.bos && *id == subject.model.metadata.bos_id {
                            table.rows.push(NONE);
                            continue;
                        }
                        let row = (input - start) * tokens.ncols() + position;
                        values.clear();
                        values.extend(own[*site].row(row));
                        values.extend(compiled[*site].row(row));
                        let place = Place {
                            input,
                            site: number,
                            position,
                        };
                        let row = table.add(&values, weight, place);
                        table.rows.push(row);
                    }
                }
            }
        }
        table
    };
    let mut table = Table::default();
    sweep::pieces(inputs.len(), threads, work, |part| {
        table.append(part, width)
    });
    let total: f64 = table.weights.iter().sum();
    let n = table.first.len();
    if n == 0 || total <= 0.0 {
        return Err(TruthError::Constant);
    }
    let column = |offset: usize| {
        Array2::from_shape_fn((n, width), |(i, j)| {
            table.values[(2 * i + offset) * width + j]
        })
    };
    let found = Found {
        features: column(0),
        compiled: column(1),
        weights: table.weights.iter().map(|weight| weight / total).collect(),
    };
    let places = Places {
        sites: sites.iter().map(|site| writers[*site]).collect(),
        weights: weights.map(|all| inputs.iter().map(|input| all[*input]).collect()),
        all_inputs: subject.inputs.is_whole() && inputs.len() == all,
        inputs,
        tokens,
        first: table.first,
        rows: table.rows,
    };
    Ok((places, found))
}

/// The sum of all that was written up to each site, in feature dimensions: of `[B·T, D]` one a site.
fn feature_sums(
    frozen: &Frozen<f64>,
    stream: Stream<'_, f64>,
    tokens: ndarray::ArrayView2<'_, usize>,
    sites: &[Site],
) -> Vec<Array2<f64>> {
    let (blocks, _) = frozen.evaluate(stream, tokens);
    let mut sum = frozen.embed(tokens);
    let mut sums = Vec::with_capacity(sites.len());
    for site in sites {
        if let Site::Block(i) = site {
            sum += &blocks[*i];
        }
        sums.push(sum.clone());
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use superposition::inputs::{EvaluationSet, InputSpace};
    use tracr::model::Wiring;

    #[test]
    fn every_place_has_the_features_of_its_row() {
        let model = test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[3, 5], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let w = base::rng::normal(
            &mut base::rng::stream(0, base::rng::Purpose::Init),
            (6, model.width()),
            0.4,
        );
        let wiring = Wiring::default();
        let subject = Subject {
            model: &model,
            space: &space,
            inputs: &inputs,
            w: &w,
            wiring: &wiring,
        };
        for bos in [true, false] {
            let part = Part { site: None, bos };
            let (places, found) = collect(subject, part, 1).unwrap();
            let names: Vec<String> = places.sites.iter().map(|site| site.name()).collect();
            assert_eq!(names, ["embed", "layer0.mlp", "layer1.attn"]);
            assert_eq!(places.inputs.len(), 64 + 1024);
            assert_eq!(places.count(), 1088 * 3 * if bos { 6 } else { 5 });
            approx::assert_abs_diff_eq!(found.weights.sum(), 1.0, epsilon = 1e-12);
            // The streams themselves, from a pass that keeps everything.
            let frozen = Frozen::<f64>::new(&model);
            let input = 777;
            let tokens = inputs.chunk(&space, input, input + 1);
            let trace = frozen.forward(subject.stream(), tokens.view());
            for (site, residual) in [(0, 0), (1, 2), (2, 3)] {
                for position in 0..6 {
                    let place = Place {
                        input,
                        site,
                        position,
                    };
                    let Some(row) = places.row(place) else {
                        assert!(!bos && position == 0);
                        continue;
                    };
                    let z = w.dot(&found.features.row(row));
                    let expected = trace.residuals[residual].row(position);
                    let largest = (&z - &expected)
                        .iter()
                        .fold(0.0, |m: f64, x| m.max(x.abs()));
                    assert!(largest < 1e-6, "{largest}");
                }
            }
            let (threaded, again) = collect(subject, part, 3).unwrap();
            assert_eq!((threaded.rows, threaded.first), (places.rows, places.first));
            assert_eq!(again.features, found.features);
        }
        let one = Part {
            site: Some(3),
            bos: true,
        };
        let error = collect(subject, one, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no site 3: the stream has 0 (embed), 1 (layer0.mlp), 2 (layer1.attn)"
        );
    }
}
