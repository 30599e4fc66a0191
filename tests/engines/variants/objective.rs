//! Every term of the objective, alone and with the others: both engines against each other, against the
//! formulas and against central finite differences of these.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::evaluation::Evaluator;
use superposition::inputs::sampler::Batch;
use superposition::inputs::{EvaluationSet, InputSpace, Sampler};
use superposition::{
    CategoricalTargets, Engine, LayerReduction, Objective, OutputPositions, Teacher,
};
use tracr::model::{CompiledModel, OutputKind};

use super::oracle;
use crate::common::engines::difference;
use crate::common::random::{seeded, setting};
use crate::common::synthetic;

/// What engines in f64 may differ by, relative to the largest entry of the gradient.
const BETWEEN_ENGINES: f64 = 1e-9;
/// What a slope may differ by from a finite difference, relative to the gradient's norm.
const FROM_DIFFERENCES: f64 = 1e-6;

struct Variant {
    model: CompiledModel,
    teacher: Arc<Teacher>,
    objective: Objective,
    targets: CategoricalTargets,
    batch: Batch,
    tokens: Array2<usize>,
    w: Array2<f64>,
    /// In words.
    terms: Vec<&'static str>,
}

/// A random model with the terms that `number` says in its last five bits; inputs with uneven weights.
fn variant(number: u64) -> Variant {
    let mut random = seeded(number.wrapping_mul(0x1_0001));
    let shape = synthetic::Shape {
        depth: 1 + random.below(3),
        words: 1 + random.below(5),
        longest: 1 + random.below(4),
        ..synthetic::Shape::random(&mut random)
    };
    let model = synthetic::model(&mut random, shape);
    let mut lengths: Vec<usize> = (1..=shape.longest).filter(|_| random.one_in(2)).collect();
    if lengths.is_empty() {
        lengths.push(shape.longest);
    }
    let weights: BTreeMap<String, f64> = (0..shape.words)
        .map(|i| (format!("w{i}"), 0.05 + random.below(40) as f64 / 8.0))
        .collect();
    let space = InputSpace::new(&model, &lengths, false)
        .unwrap()
        .weighted(&model, &weights)
        .unwrap();
    let evaluation = EvaluationSet::new(&space, 3);
    let mut sampler = Sampler::new(space.clone(), &evaluation, number);
    let mut batch = sampler.batch(1 + random.below(70));
    sampler.fill(&mut batch);
    let tokens = batch.tokens(&space);
    if random.one_in(2) {
        batch = Batch::Sequences(tokens.clone());
    }
    let mut terms = Vec::new();
    let mut has = |bit: u64, name: &'static str| {
        let has = number >> bit & 1 == 1;
        has.then(|| terms.push(name));
        has
    };
    let targets = if has(0, "soft") {
        CategoricalTargets::Soft
    } else {
        CategoricalTargets::Hard
    };
    let layer_reduction = if has(1, "mean") {
        LayerReduction::Mean
    } else {
        LayerReduction::Sum
    };
    let block_weights = if has(2, "blocks") {
        (0..2 * shape.depth)
            .map(|_| random.below(9) as f64 / 4.0)
            .collect()
    } else {
        Vec::new()
    };
    let objective = Objective {
        output_positions: *random.pick(&[OutputPositions::All, OutputPositions::Tokens]),
        output_weight: 0.1 + random.below(30) as f64 / 10.0,
        layer_weight: 0.1 + random.below(30) as f64 / 10.0,
        layer_reduction,
        block_weights,
        l1_weight: if has(3, "l1") { 0.03 } else { 0.0 },
        gram_weight: if has(4, "gram") { 0.02 } else { 0.0 },
    };
    let dim = 1 + random.below(shape.width);
    let std = 0.4 / (dim as f64).sqrt();
    Variant {
        teacher: Teacher::with_targets(&model, space, evaluation, targets),
        w: normal(&mut stream(number, Purpose::Init), (dim, shape.width), std),
        model,
        objective,
        targets,
        batch,
        tokens,
        terms,
    }
}

impl Variant {
    fn run(&self, engine: &mut dyn Engine) -> (f64, Array2<f64>) {
        let mut gradient = Array2::zeros(self.w.dim());
        let loss = engine.loss_and_gradient(&self.w, &self.batch, &mut gradient);
        (self.objective.total(&loss), gradient)
    }

    fn fused(&self) -> (f64, Array2<f64>) {
        let (teacher, objective) = (self.teacher.clone(), self.objective.clone());
        self.run(&mut Fused::<f64>::new(teacher, objective, 1))
    }

    fn autodiff(&self) -> (f64, Array2<f64>) {
        let (teacher, objective) = (self.teacher.clone(), self.objective.clone());
        self.run(&mut Autodiff::<f64>::new(
            &self.model,
            teacher,
            objective,
            1,
        ))
    }

    fn exact(&self, w: &Array2<f64>) -> f64 {
        let ones = vec![1.0; self.tokens.nrows()];
        let (teacher, objective) = (&self.teacher, &self.objective);
        oracle::loss(teacher, objective, self.targets, &self.tokens, &ones, w)
    }

    /// How far the slope of `gradient` along a random direction is from the loss's. Too large a step meets a
    /// kink (of a ReLU, of a penalty), too small a one meets rounding; a wrong gradient is wrong for each.
    fn slope_error(&self, gradient: &Array2<f64>, number: u64) -> f64 {
        let mut rng = stream(number, Purpose::Bootstrap);
        let direction = normal(&mut rng, self.w.dim(), 1.0);
        let along = |h: f64| self.exact(&(&self.w + &(&direction * h)));
        let ours = (gradient * &direction).sum();
        let scale = gradient.mapv(|x| x * x).sum().sqrt().max(f64::MIN_POSITIVE);
        [1e-5, 1e-6, 1e-7, 1e-8]
            .map(|h| (ours - (along(h) - along(-h)) / (2.0 * h)).abs() / scale)
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }
}

#[test]
fn objective_is_that_of_formulas_and_differences_for_all_combinations_of_terms() {
    let (mut engines, mut loss, mut slope) = (0.0f64, 0.0f64, 0.0f64);
    let (mut failures, mut seen) = (Vec::new(), BTreeMap::new());
    for number in 0..setting("COMPRESS_VARIANT_CASES", 192) {
        let case = variant(number);
        let meta = &case.model.metadata;
        let kind = match meta.output_kind {
            OutputKind::Numerical => "numerical",
            OutputKind::Categorical => "categorical",
        };
        for what in case.terms.iter().copied().chain([
            kind,
            ["not causal", "causal"][usize::from(meta.causal)],
            ["one head", "several heads"][usize::from(meta.num_heads > 1)],
        ]) {
            *seen.entry(what).or_insert(0) += 1;
        }
        let (fused, autodiff) = (case.fused(), case.autodiff());
        let between = difference(&fused, &autodiff);
        let exact = case.exact(&case.w);
        let from_exact = [&fused, &autodiff]
            .map(|(loss, _)| (loss - exact).abs() / exact.abs())
            .into_iter()
            .fold(0.0, f64::max);
        let from_differences = [&fused, &autodiff]
            .map(|(_, gradient)| case.slope_error(gradient, number))
            .into_iter()
            .fold(0.0, f64::max);
        let good = between <= BETWEEN_ENGINES
            && from_exact <= 1e-12
            && from_differences <= FROM_DIFFERENCES;
        if !good {
            failures.push(format!(
                "model {number} ({kind}, {:?}): engines {between:.1e}, loss {from_exact:.1e}, slope \
                 {from_differences:.1e}",
                case.terms
            ));
        }
        engines = engines.max(between);
        loss = loss.max(from_exact);
        slope = slope.max(from_differences);
    }
    println!("models with: {seen:?}");
    println!("largest differences: engines {engines:.1e}, loss {loss:.1e}, slope {slope:.1e}");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(seen.values().all(|n| *n >= 20), "{seen:?}");
}

#[test]
fn objective_terms_each_change_the_gradient() {
    // What the terms are worth nothing for would agree everywhere and mean nothing.
    let plain = (0..).map(|i| 32 * i).find(|&number| {
        let case = variant(number);
        let categorical = case.model.metadata.output_kind == OutputKind::Categorical;
        categorical && case.fused().1.iter().all(|x| *x != 0.0)
    });
    let number = plain.unwrap();
    let without = variant(number).fused();
    for bit in 0..5 {
        let case = variant(number | 1 << bit);
        // The bits decide other random numbers, too: only the objective is taken from there.
        let objective = case.objective.clone();
        let mut changed = variant(number);
        changed.objective = Objective {
            output_positions: changed.objective.output_positions,
            output_weight: changed.objective.output_weight,
            layer_weight: changed.objective.layer_weight,
            ..objective
        };
        if bit == 0 {
            let space = changed.teacher.space().clone();
            let evaluation = changed.teacher.evaluation().clone();
            changed.teacher =
                Teacher::with_targets(&changed.model, space, evaluation, case.targets);
        }
        let difference = difference(&changed.fused(), &without);
        println!("{:?}: {difference:.1e}", case.terms);
        assert!(difference > 1e-4, "{:?}", case.terms);
    }
}

#[test]
fn objective_of_the_exact_evaluation_has_the_same_terms() {
    let mut worst = 0.0f64;
    for number in 0..64 {
        let case = variant(number);
        let evaluation = case.teacher.evaluation();
        let tokens = evaluation.chunk(case.teacher.space(), 0, evaluation.len());
        let weights: Vec<f64> = (0..evaluation.len())
            .map(|i| evaluation.weight(i))
            .collect();
        let (teacher, objective) = (&case.teacher, &case.objective);
        let exact = oracle::loss(teacher, objective, case.targets, &tokens, &weights, &case.w);
        let ours = Evaluator::new(teacher.clone(), objective.clone()).evaluate(&case.w);
        worst = worst.max((ours.loss - exact).abs() / exact);
    }
    println!("largest relative difference: {worst:.1e}");
    assert!(worst < 1e-12);
}

#[test]
fn objective_in_float32_is_as_near_with_all_terms_as_without() {
    let mut worst = [0.0f64; 2];
    for number in 0..60 {
        for (bits, worst) in [0, 31].into_iter().zip(&mut worst) {
            let case = variant(32 * number + bits);
            let (teacher, objective) = (case.teacher.clone(), case.objective.clone());
            let single = case.run(&mut Fused::<f32>::new(teacher, objective, 1));
            *worst = worst.max(difference(&single, &case.fused()));
        }
    }
    println!(
        "f32 from f64: {:.1e} without, {:.1e} with all terms",
        worst[0], worst[1]
    );
    assert!(worst[1] < 2e-5, "{worst:?}");
}
