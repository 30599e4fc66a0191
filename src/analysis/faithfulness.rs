//! Whether the compressed model computes what the compiled one does: by position, by block, by
//! variable, and the worst inputs. One pass over the inputs, in float64. Means are over inputs by their
//! probability where tokens have weights; numbers of inputs, largest errors and the worst inputs are not.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::Serialize;

use super::activity::Activity;
use super::fit::Fit;
use super::moments::Moments;
use super::positions::OutputSums;
pub use super::positions::{Kind, PositionFit};
use super::settings::Settings;
use super::structure::{Structure, part};
use super::subject::Subject;
use super::sweep;
use super::worst::{Worst, WorstInput};
use tracr::model::wiring::Reader;
use tracr::model::{Frozen, Site, Stream};

/// A block's output `h̃` against the compiled model's `h`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockFit {
    /// `layer0.attn`, ...
    pub block: String,
    /// A position, or none for all of them flattened.
    pub position: Option<usize>,
    /// Mean over inputs (and positions) of `Σ_D (h − h̃)²`.
    pub mse: f64,
    /// Of all rows flattened; none where a side is zero.
    pub cosine: Option<f64>,
    /// `1 − Σ‖h − h̃‖² / Σ‖h − mean‖²`; none where `h` is constant.
    pub variance_explained: Option<f64>,
}

/// A variable as its writer writes it: the columns of all its features.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariableFit {
    /// `target_pos` for all `target_pos:*`.
    pub variable: String,
    /// The block that writes it, or `embed`.
    pub site: String,
    /// `all`, or `tokens` for neither BOS nor PAD.
    pub positions: &'static str,
    /// Its features.
    pub features: usize,
    /// The rank of its compiled values (over all positions).
    pub rank: usize,
    /// Mean of `‖h − mean‖²`.
    pub variance: f64,
    /// Mean of `‖h − h̃‖²`.
    pub mse: f64,
    /// Flattened; none where a side is zero.
    pub cosine: Option<f64>,
    /// `R²` of `h̃` as it is; none where `h` is constant.
    pub r2: Option<f64>,
    /// `R²` of the best affine map of `h̃`: near 1 with a low `r2`, the variable is there in another
    /// encoding.
    pub r2_mapped: Option<f64>,
    /// The same of the features that something reads, over the same rows: what nothing reads may become anything.
    #[serde(skip)]
    pub read: ReadFit,
}

/// A variable as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReadFit {
    /// How many of its features something on the way to the output reads.
    pub features_read: usize,
    /// `R²` of `h̃` as it is, of these features; none where they are constant or none is read.
    pub r2_read: Option<f64>,
    /// `R²` of the best affine map among these features.
    pub r2_read_mapped: Option<f64>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Faithfulness {
    /// Position by position, kind by kind.
    pub positions: Vec<PositionFit>,
    /// Each block flattened (position none) and then by position.
    pub blocks: Vec<BlockFit>,
    /// Each variable over all positions and over those of tokens.
    pub variables: Vec<VariableFit>,
    /// The worst first.
    pub worst: Vec<WorstInput>,
    /// Of the compiled model's values after the last block, at the positions of tokens.
    pub moments: Moments,
}

/// Runs both models over all inputs and compares.
pub fn measure(
    subject: Subject<'_>,
    frozen: &Frozen<f64>,
    structure: &Structure,
    activity: &Activity,
    settings: &Settings,
    threads: usize,
) -> Faithfulness {
    let pass = Pass {
        subject,
        frozen,
        structure,
        settings,
        gram: first_gram(subject),
    };
    let first = pass.run(&subject.inputs.chunk(
        subject.space,
        0,
        sweep::CHUNK.min(subject.inputs.len()),
    ));
    let work = |range: Range<usize>| {
        let mut sums = Sums::new(&pass, &first);
        for (start, tokens) in sweep::chunks(subject.space, subject.inputs, range) {
            sums.add(&pass, start, &tokens);
        }
        sums
    };
    let mut total = Sums::new(&pass, &first);
    sweep::pieces(subject.inputs.len(), threads, work, |part| {
        total.merge(part)
    });
    total.finish(&pass, activity)
}

/// What stays the same during the pass.
struct Pass<'a> {
    subject: Subject<'a>,
    frozen: &'a Frozen<f64>,
    structure: &'a Structure,
    settings: &'a Settings,
    gram: Array2<f64>,
}

/// Between the embedding and the first live block, or the unembedding if there is none.
fn first_gram(subject: Subject<'_>) -> Array2<f64> {
    let layers = subject.model.layers.iter().enumerate();
    let live = layers
        .flat_map(|(i, layer)| {
            [
                (2 * i, layer.attention_is_dead()),
                (2 * i + 1, layer.mlp_is_dead()),
            ]
        })
        .find(|(_, dead)| !dead);
    let reader = live.map_or(Reader::Unembedding, |(i, _)| Reader::Block(i));
    subject.wiring.gram(subject.w, Site::Embedding, reader)
}

/// What both models write and say on some inputs; rows are `b·T + t`.
struct Both {
    /// What each site writes, compiled and compressed: `[B·T, D]`. The compressed embedding is what
    /// the first block reads of it, `embed·G`.
    compiled: BTreeMap<Site, Array2<f64>>,
    compressed: BTreeMap<Site, Array2<f64>>,
    compiled_output: Array2<f64>,
    compressed_output: Array2<f64>,
}

impl Pass<'_> {
    fn run(&self, tokens: &Array2<usize>) -> Both {
        let embedding = self.frozen.embed(tokens.view());
        let sites = |blocks: Vec<Array2<f64>>, embedding: Array2<f64>| {
            let blocks = blocks.into_iter().enumerate();
            std::iter::once((Site::Embedding, embedding))
                .chain(blocks.map(|(i, block)| (Site::Block(i), block)))
                .collect()
        };
        let (blocks, compiled_output) = self.frozen.evaluate(Stream::Full, tokens.view());
        let (shrunk, compressed_output) =
            self.frozen.evaluate(self.subject.stream(), tokens.view());
        Both {
            compressed: sites(shrunk, embedding.dot(&self.gram)),
            compiled: sites(blocks, embedding),
            compiled_output,
            compressed_output,
        }
    }
}

struct Sums {
    outputs: BTreeMap<(usize, Kind), OutputSums>,
    /// Per block, per position.
    blocks: Vec<Vec<Fit>>,
    /// Per writing of a variable, over all rows and over those of tokens: its features, and those that are read.
    variables: Vec<[[Fit; 2]; 2]>,
    worst: Worst,
    moments: Moments,
}

impl Sums {
    /// No inputs yet; the means over `first` serve as shifts.
    fn new(pass: &Pass<'_>, first: &Both) -> Self {
        let mean = |rows: &Array2<f64>| {
            rows.mean_axis(Axis(0))
                .unwrap_or_else(|| Array1::zeros(rows.ncols()))
        };
        let positions = pass.subject.space.positions();
        let written = pass.structure.written.iter().enumerate();
        let blocks = written
            .map(|(i, dims)| {
                let shift = |rows: &BTreeMap<Site, Array2<f64>>| {
                    part(mean(&rows[&Site::Block(i)]).view(), dims)
                };
                let fit = Fit::new(shift(&first.compressed), shift(&first.compiled), false);
                vec![fit; positions]
            })
            .collect();
        let variables = pass
            .structure
            .writings()
            .map(|(variable, site)| {
                let fit = |dims: &[usize]| {
                    let shift = |rows: &Array2<f64>| part(mean(rows).view(), dims);
                    Fit::new(
                        shift(&first.compressed[&site]),
                        shift(&first.compiled[&site]),
                        true,
                    )
                };
                let of_rows = [
                    fit(&variable.dims),
                    fit(&pass.structure.read_dims_of(variable)),
                ];
                [of_rows.clone(), of_rows]
            })
            .collect();
        Self {
            outputs: BTreeMap::new(),
            blocks,
            variables,
            worst: Worst::new(
                pass.settings.worst,
                pass.subject.model.metadata.output_kind,
                pass.settings.tolerance,
            ),
            moments: Moments::new(pass.frozen.width()),
        }
    }

    fn add(&mut self, pass: &Pass<'_>, start: usize, tokens: &Array2<usize>) {
        let both = pass.run(tokens);
        self.add_outputs(pass, start, tokens.view(), &both);
        let positions = tokens.ncols();
        let weight = |row: usize| pass.subject.inputs.weight(start + row / positions);
        self.add_moments(pass, tokens, &both, weight);
        for (i, fits) in self.blocks.iter_mut().enumerate() {
            let site = Site::Block(i);
            let written = |sites: &BTreeMap<Site, Array2<f64>>| {
                sites[&site].select(Axis(1), &pass.structure.written[i])
            };
            let (x, y) = (written(&both.compressed), written(&both.compiled));
            for (row, (x, y)) in x.rows().into_iter().zip(y.rows()).enumerate() {
                fits[row % positions].add(x, y, weight(row));
            }
        }
        for (fits, (variable, site)) in self.variables.iter_mut().zip(pass.structure.writings()) {
            let x = both.compressed[&site].select(Axis(1), &variable.dims);
            let y = both.compiled[&site].select(Axis(1), &variable.dims);
            let kept = pass.structure.read_dims_of(variable);
            let x_read = both.compressed[&site].select(Axis(1), &kept);
            let y_read = both.compiled[&site].select(Axis(1), &kept);
            let [all, words] = fits;
            for (row, id) in tokens.iter().enumerate() {
                let add = |[whole, read]: &mut [Fit; 2]| {
                    whole.add(x.row(row), y.row(row), weight(row));
                    read.add(x_read.row(row), y_read.row(row), weight(row));
                };
                add(all);
                if Kind::of(pass.subject.model, *id) == Kind::Token {
                    add(words);
                }
            }
        }
    }

    /// What Tracr's programs have written stays in the stream until its end.
    fn add_moments(
        &mut self,
        pass: &Pass<'_>,
        tokens: &Array2<usize>,
        both: &Both,
        weight: impl Fn(usize) -> f64,
    ) {
        let mut values = Array2::zeros((tokens.len(), pass.frozen.width()));
        for written in both.compiled.values() {
            values += written;
        }
        let of_row = |(row, id): (usize, &usize)| {
            let is_token = Kind::of(pass.subject.model, *id) == Kind::Token;
            if is_token { weight(row) } else { 0.0 }
        };
        let weights: Array1<f64> = tokens.iter().enumerate().map(of_row).collect();
        self.moments.add(&values, &weights);
    }

    fn add_outputs(
        &mut self,
        pass: &Pass<'_>,
        start: usize,
        tokens: ArrayView2<'_, usize>,
        both: &Both,
    ) {
        let model = pass.subject.model;
        let positions = tokens.ncols();
        for (b, ids) in tokens.rows().into_iter().enumerate() {
            let weight = pass.subject.inputs.weight(start + b);
            for (t, id) in ids.iter().enumerate() {
                let row = b * positions + t;
                let (expected, found) = (
                    both.compiled_output.row(row),
                    both.compressed_output.row(row),
                );
                let sums = self.outputs.entry((t, Kind::of(model, *id))).or_default();
                sums.add(model, weight, pass.settings.tolerance, expected, found);
            }
            let rows = b * positions..(b + 1) * positions;
            self.worst.offer(
                model,
                start + b,
                ids,
                both.compiled_output
                    .slice_axis(Axis(0), rows.clone().into()),
                both.compressed_output.slice_axis(Axis(0), rows.into()),
            );
        }
    }

    fn merge(&mut self, other: Self) {
        for (key, part) in other.outputs {
            self.outputs.entry(key).or_default().merge(&part);
        }
        let mine = self.blocks.iter_mut().flatten();
        mine.zip(other.blocks.iter().flatten())
            .for_each(|(a, b)| a.merge(b));
        let mine = self.variables.iter_mut().flatten().flatten();
        mine.zip(other.variables.iter().flatten().flatten())
            .for_each(|(a, b)| a.merge(b));
        self.worst.merge(other.worst);
        self.moments.merge(&other.moments);
    }

    fn finish(self, pass: &Pass<'_>, activity: &Activity) -> Faithfulness {
        let model = pass.subject.model;
        let outputs = self.outputs.iter();
        let positions = outputs.map(|(&(position, kind), sums)| sums.fit(model, position, kind));
        let mut blocks = Vec::new();
        for (block, fits) in model.block_names().into_iter().zip(&self.blocks) {
            let mut all = fits[0].clone();
            fits[1..].iter().for_each(|fit| all.merge(fit));
            let row = |position, fit: &Fit| BlockFit {
                block: block.clone(),
                position,
                mse: fit.mse().unwrap_or(0.0),
                cosine: fit.cosine(),
                variance_explained: fit.explained(),
            };
            blocks.push(row(None, &all));
            blocks.extend(fits.iter().enumerate().map(|(t, fit)| row(Some(t), fit)));
        }
        let mut variables = Vec::new();
        for (fits, (variable, site)) in self.variables.iter().zip(pass.structure.writings()) {
            for ([fit, read], positions) in fits.iter().zip(["all", "tokens"]) {
                let read = ReadFit {
                    features_read: pass.structure.read_dims_of(variable).len(),
                    r2_read: read.explained(),
                    r2_read_mapped: read.explained_by_best_map(),
                };
                variables.push(VariableFit {
                    variable: variable.name.clone(),
                    site: site.name(),
                    positions,
                    features: variable.dims.len(),
                    rank: activity.visited().rank(variable.dims.iter().copied()),
                    variance: fit.variance().unwrap_or(0.0),
                    mse: fit.mse().unwrap_or(0.0),
                    cosine: fit.cosine(),
                    r2: fit.explained(),
                    r2_mapped: fit.explained_by_best_map(),
                    read,
                });
            }
        }
        Faithfulness {
            positions: positions.collect(),
            blocks,
            variables,
            worst: self.worst.into_inputs(),
            moments: self.moments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use base::rng::normal;
    use base::rng::{self, Purpose};
    use superposition::inputs::{EvaluationSet, InputSpace};
    use tracr::model::{CompiledModel, Value, Wiring};

    #[test]
    fn the_first_gram_is_that_of_the_first_block_which_writes_anything() {
        let first_reader = |model: &CompiledModel| {
            let wiring = Wiring::new(model, true, true);
            let shape = (3 * wiring.count(), model.width());
            let w = normal(&mut rng::stream(1, Purpose::Init), shape, 1.0);
            let space = InputSpace::new(model, &[1], model.metadata.unique_tokens).unwrap();
            let inputs = EvaluationSet::new(&space, 1);
            let subject = Subject {
                model,
                space: &space,
                inputs: &inputs,
                w: &w,
                wiring: &wiring,
            };
            let found = first_gram(subject);
            let blocks = (0..2 * model.layers.len()).map(Reader::Block);
            let equal: Vec<Reader> = blocks
                .chain([Reader::Unembedding])
                .filter(|reader| wiring.gram(&w, Site::Embedding, *reader) == found)
                .collect();
            // A block that is dead has no matrix of its own.
            *equal
                .iter()
                .find(|reader| wiring.read(**reader) != wiring.write(Site::Embedding))
                .unwrap()
        };
        let of_frac_prevs = first_reader(&test_models::load("frac_prevs"));
        assert_eq!(of_frac_prevs, Reader::Block(1));
        // Its last MLP writes nothing; block after block is silenced.
        let mut model = test_models::load("sort_unique");
        assert_eq!(first_reader(&model), Reader::Block(0));
        model.layers[0].output.weight.fill(0.0);
        assert_eq!(first_reader(&model), Reader::Block(1));
        model.layers[0].fc2.weight.fill(0.0);
        assert_eq!(first_reader(&model), Reader::Block(2));
        model.layers[1].output.weight.fill(0.0);
        assert_eq!(first_reader(&model), Reader::Unembedding);
        model.layers[1].fc2.weight[[0, 0]] = 1.0;
        assert_eq!(first_reader(&model), Reader::Block(3));
    }

    /// The comparison under `w`, over the whole space.
    fn measured(model: &CompiledModel, space: &InputSpace, w: &Array2<f64>) -> Faithfulness {
        let inputs = EvaluationSet::new(space, 1);
        let wiring = Wiring::default();
        let subject = Subject {
            model,
            space,
            inputs: &inputs,
            w,
            wiring: &wiring,
        };
        let (frozen, structure) = (Frozen::new(model), Structure::new(model));
        let activity = Activity::measure(&frozen, space, &inputs, 1e-3, 1);
        measure(
            subject,
            &frozen,
            &structure,
            &activity,
            &Settings::default(),
            1,
        )
    }

    #[test]
    fn what_is_read_is_fitted_over_the_rows_of_its_entry() {
        // Without a direction for BOS, which is read, the tokens are exact where they are not BOS.
        let model = test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[2], false).unwrap();
        let mut labels = model.metadata.residual_labels.iter();
        let bos = labels.position(|label| label == "tokens:BOS").unwrap();
        let mut w = Array2::eye(model.width());
        w[[bos, bos]] = 0.0;
        let found = measured(&model, &space, &w);
        let read = |positions: &str| {
            let mut fits = found.variables.iter();
            let is_it = |fit: &&VariableFit| fit.variable == "tokens" && fit.positions == positions;
            fits.find(is_it).unwrap().read.r2_read.unwrap()
        };
        approx::assert_abs_diff_eq!(read("tokens"), 1.0, epsilon = 1e-12);
        assert!(read("all") < 0.5, "{}", read("all"));
    }

    #[test]
    fn rows_of_tokens_are_told_from_those_of_bos_and_padding() {
        // 4 inputs of one letter and 16 of two, at 6 positions: of 120 rows 20 are BOS, 36 one of four letters, and 64
        // padding.
        let model = test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[1, 2], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        assert_eq!((inputs.len(), space.positions()), (20, 6));
        let found = measured(&model, &space, &Array2::eye(model.width()));
        let close = |found: f64, expected: f64| {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-9);
        };
        // A one-hot code's variance is 1 − Σ p².
        for (positions, variance) in [
            (
                "all",
                1.0 - (20.0 * 20.0 + 4.0 * 9.0 * 9.0 + 64.0 * 64.0) / 14_400.0,
            ),
            ("tokens", 0.75),
        ] {
            let mut fits = found.variables.iter();
            let is_it = |fit: &&VariableFit| fit.variable == "tokens" && fit.positions == positions;
            close(fits.find(is_it).unwrap().variance, variance);
        }
        // The moments are those of letters, of which a quarter is x.
        let place = |label: &str| {
            let mut labels = model.metadata.residual_labels.iter();
            labels.position(|l| l == label).unwrap()
        };
        let [a, x, is_x, bos] = ["tokens:a", "tokens:x", "is_x", "tokens:BOS"].map(place);
        close(found.moments.covariance(x, x), 3.0 / 16.0);
        close(found.moments.covariance(x, is_x), 3.0 / 16.0);
        close(found.moments.covariance(a, x), -1.0 / 16.0);
        close(found.moments.covariance(bos, bos), 0.0);
    }

    #[test]
    fn figures_count_inputs_by_their_weights_in_every_chunk() {
        // 64 inputs of three letters, two chunks: a has 2 of the weights' 4.5, b and c 1 each and x the rest.
        let model = test_models::load("frac_prevs");
        let weights = BTreeMap::from([("a".to_owned(), 2.0), ("x".to_owned(), 0.5)]);
        let space = InputSpace::new(&model, &[3], false).unwrap();
        let space = space.weighted(&model, &weights).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        assert_eq!((inputs.len(), sweep::CHUNK), (64, 32));
        // A W that says nothing of the output.
        let mut w = Array2::eye(model.width());
        let labels = &model.metadata.residual_labels;
        let output = labels.iter().position(|l| l == "frac_prevs").unwrap();
        w[[output, output]] = 0.0;
        let found = measured(&model, &space, &w);
        let close = |found: f64, expected: f64| {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-6);
        };
        let mut fits = found.variables.iter();
        let is_it = |fit: &&VariableFit| fit.variable == "tokens" && fit.positions == "tokens";
        let squares = (4.0 + 1.0 + 1.0 + 0.25) / (4.5 * 4.5);
        close(fits.find(is_it).unwrap().variance, 1.0 - squares);
        // The share of x up to a position is 1/9 on average, and 0 where no x came: all that is right.
        for position in 1..=3 {
            let mut fits = found.positions.iter();
            let fit = fits
                .find(|fit| fit.position == position && fit.kind == Kind::Token)
                .unwrap();
            assert_eq!(fit.inputs, 64);
            close(fit.mae.unwrap(), 1.0 / 9.0);
            close(fit.accuracy, (8.0f64 / 9.0).powi(position as i32));
        }
    }

    #[test]
    fn the_worst_inputs_are_those_with_the_largest_errors_wherever_they_stand() {
        // 64 inputs, two chunks, and a W that errs differently on each.
        let model = test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[3], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let w = normal(
            &mut rng::stream(2, Purpose::Init),
            (9, model.width()),
            1.0 / 3.0,
        );
        let wiring = Wiring::default();
        let subject = Subject {
            model: &model,
            space: &space,
            inputs: &inputs,
            w: &w,
            wiring: &wiring,
        };
        let (frozen, structure) = (Frozen::new(&model), Structure::new(&model));
        let settings = Settings {
            worst: 64,
            ..Settings::default()
        };
        let activity = Activity::measure(&frozen, &space, &inputs, 1e-3, 1);
        let found = measure(subject, &frozen, &structure, &activity, &settings, 1).worst;
        let tokens = inputs.chunk(&space, 0, 64);
        let outputs = [Stream::Full, subject.stream()].map(|s| frozen.evaluate(s, tokens.view()).1);
        let error = |input: usize, t: usize| {
            let row = input * tokens.ncols() + t;
            (outputs[0][[row, 0]] - outputs[1][[row, 0]]).abs()
        };
        let mut seen = vec![false; 64];
        let mut before = f64::INFINITY;
        for worst in found {
            assert!(!std::mem::replace(&mut seen[worst.input], true));
            let largest = (1..4).map(|t| error(worst.input, t)).fold(0.0, f64::max);
            approx::assert_abs_diff_eq!(worst.error, largest, epsilon = 1e-9);
            assert!(worst.error <= before);
            before = worst.error;
            let words: Vec<&Value> = worst.tokens.iter().map(|token| &token.token).collect();
            let ids = tokens.row(worst.input);
            let expected: Vec<&Value> = (1..4)
                .map(|t| &model.metadata.input_vocab[ids[t]])
                .collect();
            assert_eq!(words, expected);
            for token in &worst.tokens {
                let plain = error(worst.input, token.position);
                approx::assert_abs_diff_eq!(token.error, plain, epsilon = 1e-9);
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
    }
}
