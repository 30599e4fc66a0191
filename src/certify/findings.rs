//! Every input of a space, run in both models, and what is proved of all answers together.

use std::collections::BTreeSet;
use std::num::NonZero;

use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::{CompiledModel, block_name};

use super::answer::{Answer, Bounded, Finding};
use super::ball::{Ball, Sum, upwards};
use super::forward::{Network, Pass};
use super::rule::Rule;
use super::scalar::{DoubleDouble, Scalar};

/// Numbers of the compiled model that differ by no more than this are the same answer.
const SAME_NUMBER: f64 = 1e-6;
/// Inputs per piece of work.
const CHUNK: u64 = 64;

/// The answer that is nearest to being wrong, or most wrong.
#[derive(Clone, Debug)]
pub struct Worst {
    /// The token ids, `[T]`.
    pub tokens: Vec<usize>,
    /// The position, BOS being 0.
    pub position: usize,
    /// What both models say there.
    pub answer: Answer,
}

/// How alike a block's outputs are in both models: sums over inputs, positions and `D`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Likeness {
    product: Sum<f64>,
    compiled: Sum<f64>,
    compressed: Sum<f64>,
}

/// What all inputs together say.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Inputs run.
    pub inputs: u64,
    /// Inputs for which float64 was not enough.
    pub again: u64,
    /// Inputs all of whose answers that count are proved right.
    pub right_inputs: u64,
    /// Answers that count.
    pub counted: u64,
    /// Of these, proved right.
    pub right: u64,
    /// Of these, proved wrong.
    pub wrong: u64,
    /// Answers that do not count: the compiled model ties.
    pub tied: u64,
    /// Largest gap among the tied ones; none if there is none.
    pub largest_tied_gap: Option<f64>,
    /// The compiled model's smallest gap among those that count: as computed, and proved.
    pub compiled_gap: Option<(f64, f64)>,
    /// Classes: the smallest gap, as computed and proved. Numbers: the largest error.
    pub extreme: Option<(f64, f64)>,
    /// Numbers: the largest error that is proved to occur.
    pub error_at_least: f64,
    /// The sum of the values that decide, and of their bounds.
    sum: f64,
    sum_rounding: f64,
    /// The largest bound of an answer that counts.
    pub rounding: f64,
    /// Of which `extreme` is.
    pub worst: Option<Worst>,
    /// The classes that occur, or the numbers to nine decimals, as [`ordered`] has them.
    occurring: BTreeSet<i64>,
    /// By block; no entry for a dead one.
    pub likeness: Vec<Option<Likeness>>,
}

/// A whole number that sorts as `x` does.
fn ordered(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64 >> 1) as i64)
}

/// The number of a key of [`ordered`], which is its own inverse.
fn of_ordered(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64 >> 1) as i64)) as u64)
}

impl Likeness {
    fn add<S: Scalar>(&mut self, compiled: &[Ball<S>], compressed: &[Ball<S>]) {
        for (h, h_tilde) in compiled.iter().zip(compressed) {
            let (h, h_tilde) = (h.narrowed(), h_tilde.narrowed());
            self.product.add_product(h, h_tilde);
            self.compiled.add_product(h, h);
            self.compressed.add_product(h_tilde, h_tilde);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.product.merge(&other.product);
        self.compiled.merge(&other.compiled);
        self.compressed.merge(&other.compressed);
    }

    /// `⟨h, h̃⟩/(‖h‖·‖h̃‖)` and how far it may be from that; none where a side is 0.
    pub fn cosine(&self) -> Option<(f64, f64)> {
        let [product, h, h_tilde] =
            [self.product, self.compiled, self.compressed].map(|s| s.finish());
        if h.mid == 0.0 || h_tilde.mid == 0.0 {
            return None;
        }
        // Each relative error ε of a square moves its root by less than ε, as long as ε ≤ 1/2.
        let relative = |ball: Ball<f64>| ball.radius / (ball.mid.abs() - ball.radius);
        let (of_h, of_h_tilde) = (relative(h), relative(h_tilde));
        let roots = h.mid.sqrt() * h_tilde.mid.sqrt();
        let cosine = product.mid / roots;
        let known = (0.0..0.5).contains(&of_h) && (0.0..0.5).contains(&of_h_tilde);
        let rounding = if known {
            let size = cosine.abs() + product.radius / roots;
            upwards(
                product.radius / roots + size * (of_h + of_h_tilde + 4.0 * f64::EPSILON) * 2.0,
                12,
            )
        } else {
            f64::INFINITY
        };
        Some((cosine, rounding))
    }
}

impl Findings {
    fn with_blocks(network: &CompiledModel) -> Self {
        let dead = network.layers.iter();
        let dead = dead.flat_map(|layer| [layer.attention_is_dead(), layer.mlp_is_dead()]);
        Self {
            likeness: dead.map(|dead| (!dead).then(Likeness::default)).collect(),
            ..Self::default()
        }
    }

    /// The different answers of the compiled model among those that count.
    pub fn different(&self) -> usize {
        let mut last = f64::NEG_INFINITY;
        let news = self.occurring.iter().filter(|key| {
            let number = of_ordered(**key);
            let is_new = number - last > SAME_NUMBER;
            last = number;
            is_new
        });
        news.count()
    }

    /// Of the values that decide: the mean, and how far it may be from that.
    pub fn mean(&self) -> (f64, f64) {
        let n = self.counted as f64;
        let roundings = 2 * self.counted as usize + 4;
        let lost = (roundings as f64) * f64::EPSILON * self.sum;
        (
            self.sum / n,
            upwards((self.sum_rounding + lost) / n, roundings),
        )
    }

    /// The smallest cosine of a block that is not dead, and the block's name.
    pub fn smallest_cosine(&self) -> Option<(String, f64)> {
        let cosines = self.likeness.iter().enumerate();
        let cosines = cosines.filter_map(|(i, l)| Some((block_name(i), l.as_ref()?.cosine()?.0)));
        cosines.reduce(|least, next| if next.1 < least.1 { next } else { least })
    }

    /// Adds what each block wrote in both models.
    fn add_blocks<S: Scalar>(&mut self, [compiled, compressed]: &[Pass<S>; 2]) {
        let blocks = compiled.blocks.iter().zip(&compressed.blocks);
        for (likeness, (compiled, compressed)) in self.likeness.iter_mut().zip(blocks) {
            if let Some(likeness) = likeness {
                let rows = compiled.iter().zip(compressed);
                rows.for_each(|(h, h_tilde)| likeness.add(h, h_tilde));
            }
        }
    }

    fn add_answer(&mut self, rule: &Rule, tokens: &[usize], position: usize, answer: &Answer) {
        let gap = answer.compiled_gap;
        if answer.finding == Finding::Tied {
            self.tied += 1;
            let largest = self.largest_tied_gap.unwrap_or(gap.value);
            self.largest_tied_gap = Some(largest.max(gap.value));
            return;
        }
        self.counted += 1;
        self.right += u64::from(answer.finding == Finding::Right);
        self.wrong += u64::from(answer.finding == Finding::Wrong);
        let number = (answer.expected * 1e9).round() / 1e9;
        self.occurring.insert(ordered(number));
        let Bounded { value, low, high } = answer.decisive;
        self.rounding = self.rounding.max(answer.decisive.rounding());
        self.sum += value;
        self.sum_rounding += answer.decisive.rounding();
        let least = |kept: Option<(f64, f64)>, value: f64, proved: f64| {
            kept.map_or((value, proved), |(a, b)| (a.min(value), b.min(proved)))
        };
        let is_worse = match rule {
            Rule::Classes { .. } => {
                self.compiled_gap = Some(least(self.compiled_gap, gap.value, gap.low));
                let is_worse = self.extreme.is_none_or(|(worst, _)| value < worst);
                self.extreme = Some(least(self.extreme, value, low));
                is_worse
            }
            Rule::Numbers(_) => {
                let is_worse = self.extreme.is_none_or(|(worst, _)| value > worst);
                let (a, b) = self.extreme.unwrap_or((value, high));
                self.extreme = Some((a.max(value), b.max(high)));
                self.error_at_least = self.error_at_least.max(low);
                is_worse
            }
        };
        if is_worse {
            self.worst = Some(Worst {
                tokens: tokens.to_vec(),
                position,
                answer: *answer,
            });
        }
    }

    fn merge(&mut self, rule: &Rule, other: Self) {
        self.inputs += other.inputs;
        self.again += other.again;
        self.right_inputs += other.right_inputs;
        self.counted += other.counted;
        self.right += other.right;
        self.wrong += other.wrong;
        self.tied += other.tied;
        self.largest_tied_gap = match (self.largest_tied_gap, other.largest_tied_gap) {
            (Some(own), Some(new)) => Some(own.max(new)),
            (own, new) => own.or(new),
        };
        self.error_at_least = self.error_at_least.max(other.error_at_least);
        self.sum += other.sum;
        self.sum_rounding += other.sum_rounding;
        self.rounding = self.rounding.max(other.rounding);
        let is_classes = matches!(rule, Rule::Classes { .. });
        let pick = |a: f64, b: f64| if is_classes { a.min(b) } else { a.max(b) };
        let both = |a: Option<(f64, f64)>, b: Option<(f64, f64)>| match (a, b) {
            (Some((a, c)), Some((b, d))) => Some((pick(a, b), pick(c, d))),
            (a, b) => a.or(b),
        };
        let is_worse = match (self.extreme, other.extreme) {
            (Some((own, _)), Some((new, _))) => new != own && pick(own, new) == new,
            (None, new) => new.is_some(),
            (Some(_), None) => false,
        };
        if is_worse {
            self.worst = other.worst;
        }
        self.extreme = both(self.extreme, other.extreme);
        self.compiled_gap = both(self.compiled_gap, other.compiled_gap);
        self.occurring.extend(other.occurring);
        for (own, other) in self.likeness.iter_mut().zip(&other.likeness) {
            if let (Some(own), Some(other)) = (own, other) {
                own.merge(other);
            }
        }
    }
}

/// Both models and what counts as right.
pub struct Judge<'a> {
    rule: Rule,
    model: &'a CompiledModel,
    space: &'a InputSpace,
    compiled: Network,
    compressed: Network,
}

impl<'a> Judge<'a> {
    /// Of a model that is compressed by `projection`, on the inputs of a space.
    pub fn new(
        model: &'a CompiledModel,
        projection: &Projection,
        space: &'a InputSpace,
        rule: Rule,
    ) -> Self {
        Self {
            rule,
            model,
            space,
            compiled: Network::new(model, None),
            compressed: Network::new(model, Some(projection)),
        }
    }

    /// The answers of an input `[T]`, by position; none where no token of the program stands. With them, both passes.
    fn answers<S: Scalar>(&self, tokens: &[usize]) -> (Vec<Option<Answer>>, [Pass<S>; 2]) {
        let compiled = self.compiled.run::<S>(tokens);
        let compressed = self.compressed.run::<S>(tokens);
        let answers = tokens.iter().enumerate().map(|(position, id)| {
            let scores = (&compiled.scores[position], &compressed.scores[position]);
            self.space
                .is_word(*id)
                .then(|| Answer::new(&self.rule, scores.0, scores.1))
        });
        (answers.collect(), [compiled, compressed])
    }

    /// Adds one input: in float64, and where that does not decide, in double-double.
    fn add(&self, tokens: &[usize], findings: &mut Findings) {
        let (mut answers, passes) = self.answers::<f64>(tokens);
        let wants_more = |answer: &Option<Answer>| {
            answer
                .as_ref()
                .is_some_and(|answer| answer.wants_more(&self.rule))
        };
        if answers.iter().any(wants_more) {
            findings.again += 1;
            let passes;
            (answers, passes) = self.answers::<DoubleDouble>(tokens);
            findings.add_blocks(&passes);
        } else {
            findings.add_blocks(&passes);
        }
        findings.inputs += 1;
        let counts = |answer: &&Answer| answer.finding != Finding::Tied;
        let all_right = answers.iter().flatten().filter(counts);
        let all_right = all_right
            .clone()
            .all(|answer| answer.finding == Finding::Right);
        findings.right_inputs += u64::from(all_right);
        for (position, answer) in answers.iter().enumerate() {
            if let Some(answer) = answer {
                findings.add_answer(&self.rule, tokens, position, answer);
            }
        }
    }

    /// Runs `count` inputs, of which `write` writes each into `T` token ids, on `threads` threads. The same for any
    /// number of threads. `watch` is told now and then how many are done.
    pub fn run(
        &self,
        count: u64,
        threads: NonZero<usize>,
        write: impl Fn(u64, &mut [usize]) + Sync,
        watch: &mut dyn FnMut(u64),
    ) -> Findings {
        let chunks = count.div_ceil(CHUNK);
        let chunk = |number: u64| {
            let mut findings = Findings::with_blocks(self.model);
            let mut tokens = vec![0; self.space.positions()];
            for input in number * CHUNK..((number + 1) * CHUNK).min(count) {
                write(input, &mut tokens);
                self.add(&tokens, &mut findings);
            }
            findings
        };
        let mut total = Findings::with_blocks(self.model);
        let threads = threads.get() as u64;
        // A round of one chunk a thread, merged in order.
        for round in 0..chunks.div_ceil(threads) {
            let numbers = round * threads..((round + 1) * threads).min(chunks);
            let parts = std::thread::scope(|scope| {
                let chunk = &chunk;
                let workers: Vec<_> = numbers
                    .map(|number| scope.spawn(move || chunk(number)))
                    .collect();
                let parts = workers.into_iter().map(|worker| {
                    let part = worker.join();
                    part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                });
                parts.collect::<Vec<_>>()
            });
            for part in parts {
                total.merge(&self.rule, part);
            }
            watch(total.inputs);
        }
        total
    }
}
