//! Token weights: the exact metrics, the baselines and the analysis are means over weighted inputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::baselines::pca;
use superposition::engines::fused::Fused;
use superposition::evaluation::{Evaluation, Evaluator, evaluate};
use superposition::inputs::{EvaluationSet, InputSpace, Sampler};
use superposition::{CategoricalTargets, Engine, Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, Frozen, OutputKind, Stream, Wiring, codec};
use tracr_compress::analysis::activity::Activity;
use tracr_compress::analysis::{self, Settings, Subject};

use super::oracle;
use crate::common::shipped;

struct Setting {
    model: CompiledModel,
    space: InputSpace,
    inputs: EvaluationSet,
    teacher: Arc<Teacher>,
    objective: Objective,
    w: Array2<f64>,
    /// Every input with its probability.
    expected: BTreeMap<Vec<usize>, f64>,
}

/// A shipped model with weights, and a `W` that errs.
fn setting(name: &str) -> Setting {
    let model = shipped(name);
    let (lengths, pairs): (&[usize], _) = match name {
        "frac_prevs" => (&[5], [("x", 0.05), ("a", 2.0)]),
        _ => (&[1, 2, 3, 4, 5], [("1", 0.05), ("4", 3.0)]),
    };
    let weights: BTreeMap<String, f64> = pairs.map(|(t, w)| (t.to_owned(), w)).into();
    let unique = model.metadata.unique_tokens;
    let space = InputSpace::new(&model, lengths, unique)
        .unwrap()
        .weighted(&model, &weights)
        .unwrap();
    let inputs = EvaluationSet::new(&space, 1);
    let shape = (2 * model.width() / 3, model.width());
    Setting {
        teacher: Teacher::new(&model, space.clone(), inputs.clone()),
        objective: Objective {
            output_positions: match model.metadata.output_kind {
                OutputKind::Numerical => OutputPositions::All,
                OutputKind::Categorical => OutputPositions::Tokens,
            },
            ..Objective::default()
        },
        w: normal(&mut stream(4, Purpose::Init), shape, 0.3),
        expected: oracle::probabilities(&model, lengths, unique, &weights),
        model,
        space,
        inputs,
    }
}

impl Setting {
    fn subject<'a>(&'a self, wiring: &'a Wiring) -> Subject<'a> {
        Subject {
            model: &self.model,
            space: &self.space,
            inputs: &self.inputs,
            w: &self.w,
            wiring,
        }
    }

    /// All inputs `[N, T]` and their probabilities.
    fn listed(&self) -> (Array2<usize>, Vec<f64>) {
        let (rows, weights): (Vec<&Vec<usize>>, Vec<f64>) = self.expected.iter().unzip();
        let flat: Vec<usize> = rows.into_iter().flatten().copied().collect();
        let shape = (weights.len(), self.space.positions());
        (Array2::from_shape_vec(shape, flat).unwrap(), weights)
    }
}

#[test]
fn evaluation_has_weighted_means() {
    for name in ["frac_prevs", "sort_unique"] {
        let case = setting(name);
        let (tokens, weights) = case.listed();
        let hard = CategoricalTargets::Hard;
        let loss = oracle::loss(
            &case.teacher,
            &case.objective,
            hard,
            &tokens,
            &weights,
            &case.w,
        );
        let (compiled, right) = case.teacher.model().evaluate(Stream::Full, tokens.view());
        let wiring = Wiring::default();
        let stream = Stream::Compressed(&case.w, &wiring);
        let (compressed, found) = case.teacher.model().evaluate(stream, tokens.view());
        let positions = tokens.ncols();
        let (mut words, mut absolute, mut largest, mut right_words, mut right_inputs) =
            (0.0, 0.0, 0.0f64, 0.0, 0.0);
        for (input, weight) in weights.iter().enumerate() {
            let mut all = true;
            for p in (0..positions).filter(|p| case.space.is_word(tokens[[input, *p]])) {
                let row = input * positions + p;
                let error = (right[[row, 0]] - found[[row, 0]]).abs();
                let same = codec::argmax(right.row(row)) == codec::argmax(found.row(row));
                words += weight;
                absolute += weight * error;
                largest = largest.max(error);
                right_words += weight * f64::from(u8::from(same));
                all &= same;
            }
            right_inputs += weight * f64::from(u8::from(all));
        }
        let e = Evaluator::new(case.teacher.clone(), case.objective.clone()).evaluate(&case.w);
        let unweighted = InputSpace::new(&case.model, &lengths(&case), unique(&case)).unwrap();
        let all = EvaluationSet::new(&unweighted, 1);
        let teacher = Teacher::new(&case.model, unweighted, all);
        let uniform = plainly(&teacher, &case);
        approx::assert_relative_eq!(e.loss, loss, max_relative = 1e-12);
        assert!((e.loss - uniform.loss).abs() > 1e-3 * loss);
        match case.teacher.kind() {
            OutputKind::Numerical => {
                let mae = e.mae.unwrap();
                approx::assert_relative_eq!(mae, absolute / words, max_relative = 1e-12);
                approx::assert_relative_eq!(e.max_error.unwrap(), largest, max_relative = 1e-11);
                approx::assert_relative_eq!(
                    e.max_error.unwrap(),
                    uniform.max_error.unwrap(),
                    max_relative = 1e-11
                );
            }
            OutputKind::Categorical => {
                let (tokens, inputs) = (e.token_accuracy.unwrap(), e.sequence_accuracy.unwrap());
                approx::assert_relative_eq!(tokens, right_words / words, max_relative = 1e-12);
                approx::assert_relative_eq!(inputs, right_inputs, max_relative = 1e-12);
                assert!(tokens > 0.0 && tokens < 1.0);
            }
        }
        for (fit, (h, h_tilde)) in e.blocks.iter().zip(compiled.iter().zip(&compressed)) {
            let weigh = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                let pairs = h.indexed_iter().zip(h_tilde);
                pairs
                    .map(|(((row, _), a), b)| weights[row / positions] * f(*a, *b))
                    .sum()
            };
            let mse = weigh(&|a, b| (a - b) * (a - b)) / positions as f64;
            approx::assert_relative_eq!(fit.mse, mse, max_relative = 1e-11, epsilon = 1e-14);
            let norms = (weigh(&|a, _| a * a) * weigh(&|_, b| b * b)).sqrt();
            if let Some(cosine) = fit.cosine {
                let expected = weigh(&|a, b| a * b) / norms;
                approx::assert_abs_diff_eq!(cosine, expected, epsilon = 1e-11);
            }
        }
        println!(
            "{name}: loss {loss:.6} with weights, {:.6} without",
            uniform.loss
        );
    }
}

/// The exact metrics of the setting's `W` over another teacher's inputs.
fn plainly(teacher: &Teacher, case: &Setting) -> Evaluation {
    let wiring = Wiring::default();
    let stream = Stream::Compressed(&case.w, &wiring);
    evaluate(teacher, &case.objective, stream)
}

fn lengths(case: &Setting) -> Vec<usize> {
    match case.model.metadata.unique_tokens {
        true => vec![1, 2, 3, 4, 5],
        false => vec![5],
    }
}

fn unique(case: &Setting) -> bool {
    case.model.metadata.unique_tokens
}

#[test]
fn evaluation_is_the_mean_of_the_batches_losses() {
    for name in ["frac_prevs", "sort_unique"] {
        let mut case = setting(name);
        // A mean over all positions: then a batch's loss has no bias.
        case.objective.output_positions = OutputPositions::All;
        let exact = plainly(&case.teacher, &case);
        let mut engine = Fused::<f64>::new(case.teacher.clone(), case.objective.clone(), 1);
        let mut sampler = Sampler::new(case.space.clone(), &case.inputs, 5);
        let mut batch = sampler.batch(256);
        let mut gradient = Array2::zeros(case.w.dim());
        let losses: Vec<f64> = (0..400)
            .map(|_| {
                sampler.fill(&mut batch);
                let loss = engine.loss_and_gradient(&case.w, &batch, &mut gradient);
                case.objective.total(&loss)
            })
            .collect();
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let variance = losses.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt();
        println!("{name}: {mean:.6} ± {error:.6}, exactly {:.6}", exact.loss);
        assert!((mean - exact.loss).abs() < 4.0 * error);
        assert!(error < 0.01 * exact.loss);
    }
}

#[test]
fn pca_sees_the_token_weights() {
    let case = setting("frac_prevs");
    let frozen = Frozen::<f64>::new(&case.model);
    let moment = pca::second_moment(&frozen, &case.space, &case.inputs);
    let (tokens, weights) = case.listed();
    let mut expected = Array2::<f64>::zeros(moment.dim());
    let mut total = 0.0;
    for residual in frozen.forward(Stream::Full, tokens.view()).residuals {
        for (row, s) in residual.rows().into_iter().enumerate() {
            let weight = weights[row / tokens.ncols()];
            total += weight;
            for (i, a) in s.iter().enumerate() {
                expected.row_mut(i).scaled_add(weight * a, &s);
            }
        }
    }
    expected /= total;
    for (a, b) in moment.iter().zip(&expected) {
        approx::assert_abs_diff_eq!(*a, *b, epsilon = 1e-12);
    }
}

#[test]
fn analysis_sees_the_token_weights() {
    let case = setting("frac_prevs");
    let wiring = Wiring::default();
    let subject = case.subject(&wiring);
    let settings = Settings {
        pairs: Some(400),
        ..Settings::default()
    };
    let found = analysis::analyze(subject, &settings, 1);
    let exact = plainly(&case.teacher, &case);
    // x stands at a word's position with probability 0.05 in 0.05 + 2 + 1 + 1.
    let share = |label: &str| {
        let feature = found.features.iter().find(|f| f.feature == label);
        feature.unwrap().active_share
    };
    approx::assert_abs_diff_eq!(share("tokens:x"), 0.05 / 4.05 * 5.0 / 6.0, epsilon = 1e-12);
    approx::assert_abs_diff_eq!(share("tokens:a"), 2.0 / 4.05 * 5.0 / 6.0, epsilon = 1e-12);
    approx::assert_abs_diff_eq!(share("indices:2"), 1.0 / 6.0, epsilon = 1e-12);
    // Blocks and output: as the evaluation has them.
    let flat = found
        .faithfulness
        .blocks
        .iter()
        .filter(|b| b.position.is_none());
    for (block, fit) in flat.zip(&exact.blocks) {
        approx::assert_relative_eq!(block.mse, fit.mse, max_relative = 1e-11, epsilon = 1e-14);
        assert_eq!(block.cosine.is_some(), fit.cosine.is_some());
        let (a, b) = (block.cosine.unwrap_or(0.0), fit.cosine.unwrap_or(0.0));
        approx::assert_abs_diff_eq!(a, b, epsilon = 1e-11);
    }
    let words: Vec<_> = found.faithfulness.positions.iter().skip(1).collect();
    assert!(words.iter().all(|p| p.inputs == 1024));
    let mae = words.iter().map(|p| p.mae.unwrap()).sum::<f64>() / words.len() as f64;
    approx::assert_relative_eq!(mae, exact.mae.unwrap(), max_relative = 1e-11);
    // How rare an input is does not make its features fewer.
    let plain = InputSpace::new(&case.model, &[5], false).unwrap();
    let frozen = Frozen::<f64>::new(&case.model);
    let inputs = EvaluationSet::new(&plain, 1);
    let unweighted = Activity::measure(&frozen, &plain, &inputs, 1e-3, 1);
    let width = case.model.width();
    assert_eq!(found.activation_rank, unweighted.visited().rank(0..width));
    // The result does not depend on threads.
    let again = analysis::analyze(subject, &settings, 3);
    assert_eq!(found.faithfulness.blocks, again.faithfulness.blocks);
    assert_eq!(found.interchange, again.interchange);
}

#[test]
fn interchange_draws_pairs_by_weight_or_counts_by_it() {
    let case = setting("sort_unique");
    let wiring = Wiring::default();
    let subject = case.subject(&wiring);
    let run = |pairs| {
        let settings = Settings {
            pairs,
            ..Settings::default()
        };
        analysis::analyze(subject, &settings, 2).interchange
    };
    let (all, sample) = (run(None), run(Some(20_000)));
    for (all, sample) in all.iter().zip(&sample) {
        assert!(all.all_pairs && !sample.all_pairs);
        let (a, b) = (all.accuracy.unwrap(), sample.accuracy.unwrap());
        println!("{} at {}: all {a:.4}, drawn {b:.4}", all.variable, all.site);
        assert!((a - b).abs() < 0.02, "{a} beside {b}");
    }
}
