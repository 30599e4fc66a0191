//! Which trainings to make for a drop, best first.

use ndarray::{Array1, Array2};
use rand::RngExt;

use super::attempt::{Recipe, Workshop};
use super::candidates::{directions, without};
use super::path::{Descent, RANDOM_DECAY};
use super::search::Shrink;
use super::standard::Standard;
use base::rng::{Purpose, normal, stream_of_start};
use superposition::inputs::sampler::{Batch, Sampler};
use superposition::{CategoricalTargets, Engine};
use tracr::model::OutputKind;

/// Inputs whose loss candidates are compared by.
const COMPARED: usize = 4096;
/// Two candidates with a larger cosine are the same drop.
const ALIKE: f64 = 0.95;
/// The first candidates, of which later tries draw one.
const FIRST: usize = 8;
/// Later tries are perturbed by this share of the entries' root mean square, and by two and three times it.
const NOISE: f64 = 0.1;
/// So many trainings from the last `W` come before a first random start.
const BEFORE_RANDOM: usize = 2;
/// The standard deviation of the entries of random starts.
const RANDOM: f64 = 0.1;

/// A training that may be made.
pub struct Plan {
    pub w: Array2<f64>,
    pub recipe: Recipe,
    pub origin: &'static str,
}

impl Shrink<'_> {
    /// The recipes of a criterion: those that succeeded last in this descent come first.
    pub(super) fn recipes(&self, descent: Descent) -> Vec<Recipe> {
        let recipe = |targets, learning_rate, layer_weight| Recipe {
            targets,
            learning_rate,
            layer_weight,
            weight_decay: 0.0,
        };
        let (hard, soft) = (CategoricalTargets::Hard, CategoricalTargets::Soft);
        let numerical = self.workshop.hard.kind() == OutputKind::Numerical;
        let mut recipes = if numerical {
            vec![recipe(hard, 1e-3, 1.0), recipe(hard, 3e-4, 1.0)]
        } else {
            vec![
                recipe(soft, 3e-4, 1.0),
                recipe(hard, 1e-4, 1.0),
                recipe(soft, 1e-3, 1.0),
            ]
        };
        if descent.standard == Standard::Outputs {
            recipes.insert(usize::from(numerical), recipe(hard, 1e-3, 0.1));
        }
        for row in self.rows_of(descent) {
            if let Some(succeeded) = row.recipe()
                && let Some(at) = recipes.iter().position(|recipe| *recipe == succeeded)
            {
                recipes[..=at].rotate_right(1);
            }
        }
        recipes
    }

    /// The trainings to make, best first: from `w` without dimensions that cost little, and random starts.
    pub(super) fn plans(
        &self,
        w: &Array2<f64>,
        recipes: &[Recipe],
        dropped: usize,
        descent: Descent,
    ) -> Vec<Plan> {
        let tries = self.settings.tries;
        let d = w.nrows();
        let mut rng = stream_of_start(
            self.workshop.seed,
            Purpose::Shrink,
            (d as u32) << 12 | dropped as u32 & 0xfff,
        );
        let mut comparison = Comparison::new(&self.workshop, &recipes[0]);
        let candidates = self.ranked(w, &mut comparison, &mut rng);
        let mut plans = Vec::new();
        let mut used: Vec<Array1<f64>> = Vec::new();
        let count = if dropped == 1 { tries } else { tries.min(2) };
        for attempt in 0..count {
            let new = |u: &Array1<f64>| used.iter().all(|v| u.dot(v).abs() <= ALIKE);
            let late = attempt >= count.div_ceil(2) && dropped == 1;
            let choice = match candidates.iter().position(new) {
                Some(k) if !late => k,
                _ => rng.random_range(0..candidates.len().min(FIRST)),
            };
            let mut x = without(w, &candidates[choice]);
            used.push(candidates[choice].clone());
            for _ in 1..dropped {
                let next = self.ranked(&x, &mut comparison, &mut rng).swap_remove(0);
                x = without(&x, &next);
            }
            if late {
                let size = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
                let noise = NOISE * f64::from(1 + attempt % 3) * size;
                x += &normal(&mut rng, x.dim(), noise);
            }
            plans.push(Plan {
                w: x,
                recipe: recipes[attempt as usize % recipes.len()],
                origin: "drop",
            });
        }
        // A W that loses nothing is often a bad one to begin with, as that of a sorting program, and a random one a good one.
        let early =
            usize::from(!self.has_lost_by_chance(descent)).min(self.settings.starts as usize);
        // Random starts do not depend on the way down: only below the d where an earlier descent's failed are all others made.
        let is_last = dropped == 1 && self.random_failed_at.is_none_or(|failed| d - 1 < failed);
        let count = if is_last {
            self.settings.starts as usize
        } else {
            early
        };
        let mut random: Vec<Plan> = (0..count)
            .map(|_| Plan {
                w: normal(&mut rng, (d - dropped, w.ncols()), RANDOM),
                recipe: Recipe {
                    targets: CategoricalTargets::Hard,
                    learning_rate: 1e-3,
                    layer_weight: 1.0,
                    weight_decay: RANDOM_DECAY,
                },
                origin: "random",
            })
            .collect();
        let at = plans.len().min(BEFORE_RANDOM);
        plans.splice(at..at, random.drain(..early));
        plans.extend(random);
        plans
    }

    /// Whether a training from the last `W` succeeded in this descent where the first random start had failed.
    fn has_lost_by_chance(&self, descent: Descent) -> bool {
        self.rows_of(descent)
            .any(|row| row.origin == "drop" && row.attempt as usize > BEFORE_RANDOM + 1)
    }

    /// Directions that could be dropped, the cheapest first.
    fn ranked(
        &self,
        w: &Array2<f64>,
        comparison: &mut Comparison,
        rng: &mut impl rand::Rng,
    ) -> Vec<Array1<f64>> {
        let teacher = &self.workshop.hard;
        let found = directions(
            w,
            &self.live.features,
            teacher,
            self.settings.candidates,
            rng,
        );
        let mut ranked: Vec<(f64, Array1<f64>)> = found
            .into_iter()
            .map(|u| (comparison.loss(&without(w, &u)), u))
            .collect();
        // NaN is largest; of equals the first stays first.
        ranked.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        ranked.into_iter().map(|(_, u)| u).collect()
    }
}

/// The loss of many `W` on the same inputs.
struct Comparison {
    engine: Box<dyn Engine>,
    batch: Batch,
    objective: superposition::Objective,
    gradient: Array2<f64>,
}

impl Comparison {
    /// On the whole space, or as many inputs as are drawn from a larger one.
    fn new(workshop: &Workshop<'_>, recipe: &Recipe) -> Self {
        let teacher = workshop.teacher(recipe.targets);
        let batch = match teacher.space().size() {
            Some(size) if size <= COMPARED as u64 => Batch::Members((0..size).collect()),
            _ => {
                let space = teacher.space().clone();
                let mut sampler = Sampler::new(space, teacher.evaluation(), workshop.seed);
                let mut batch = sampler.batch(COMPARED);
                sampler.fill(&mut batch);
                batch
            }
        };
        Self {
            engine: workshop.engine(recipe),
            batch,
            objective: workshop.objective(recipe),
            gradient: Array2::zeros((0, 0)),
        }
    }

    fn loss(&mut self, w: &Array2<f64>) -> f64 {
        if self.gradient.dim() != w.dim() {
            self.gradient = Array2::zeros(w.dim());
        }
        let loss = self
            .engine
            .loss_and_gradient(w, &self.batch, &mut self.gradient);
        self.objective.total(&loss)
    }
}
