//! Which variables carry the same information as another, and what a reader of `W` takes from them.
//!
//! An interchange intervention exchanges one variable and what is computed from it. Whatever was written before
//! and says the same stays as it was: in `frac_prevs` that is `tokens:x` where `is_x` is exchanged. A compressed
//! model that stores both in one direction reads the variable from either, and an exchange of one alone then
//! shows little, although the model computes the right thing.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::settings::Settings;
use super::structure::{Structure, Variable};
use base::linalg::residual_of_best_map;
use base::numbers::{four_digits, listed};
use tracr::model::{CompiledModel, Site};

/// A part of what is read that is smaller than this share of the whole explains nothing.
const LITTLE: f64 = 0.2;
/// Readers that get less than this of a change, from all sides, do not read the variable.
const READ_FROM: f64 = 0.5;
/// Carriers give at least this share of a variable's variance.
const GREATER_PART: f64 = 0.5;

/// A variable whose information other variables carry, too: written no later, and so not exchanged with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The variable.
    pub variable: String,
    /// What writes it.
    pub site: String,
    /// What carries its information.
    pub carriers: Vec<Carrier>,
    /// Whether it takes all of them.
    pub together: bool,
    /// The share of the variable's variance that an affine map of the carriers gives, at the positions of tokens; the
    /// lowest one where each of them is enough.
    pub r2: f64,
    /// Whether that counts as the same information (the square of [`Settings::redundant_from`]), or as a part of it.
    pub is_the_same: bool,
    /// When the variable changes by 1, how much its readers get from the variable itself: 1 in the compiled model.
    pub from_itself: f64,
}

/// A variable that carries another's information.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carrier {
    /// The variable: `tokens`.
    pub variable: String,
    /// The feature that is enough, where the other variable has one feature (`tokens:x` for `is_x`); else the
    /// variable.
    pub name: String,
    /// When the variable that is carried changes by 1, how much its readers get from all of this one: 0 in the
    /// compiled model.
    pub response: f64,
}

/// Every variable that others carry, from the moments of the compiled model's values and from `G`.
pub fn measure(
    model: &CompiledModel,
    gram: ArrayView2<'_, f64>,
    structure: &Structure,
    moments: &Moments,
    settings: &Settings,
) -> Vec<Carried> {
    let values = Values {
        gram,
        moments,
        labels: &model.metadata.residual_labels,
        threshold: settings.redundant_from.powi(2),
    };
    let writings = structure.writings();
    writings
        .filter_map(|(variable, site)| {
            let read = structure.read_dims_of(variable);
            let others = structure
                .variables
                .iter()
                .filter(|other| other.name != variable.name && is_written_by(other, site));
            values.carried(variable, site, &read, &others.collect::<Vec<_>>())
        })
        .collect()
}

/// Whether a site writes the variable or one before it; what is written at the same time is not computed from it,
/// either.
fn is_written_by(other: &Variable, site: Site) -> bool {
    other.sites.iter().any(|written| *written <= site)
}

/// The compiled model's values, and how `W` stores their features.
struct Values<'a> {
    gram: ArrayView2<'a, f64>,
    moments: &'a Moments,
    labels: &'a [String],
    /// The share of a variance from which on it counts as carried.
    threshold: f64,
}

impl Values<'_> {
    fn carried(
        &self,
        variable: &Variable,
        site: Site,
        read: &[usize],
        others: &[&Variable],
    ) -> Option<Carried> {
        if self.variance(read) == 0.0 {
            return None;
        }
        let alone = self.alone(read, others);
        let (found, together) = if alone.is_empty() {
            let mostly = || self.together(read, others, GREATER_PART);
            let together = self.together(read, others, self.threshold);
            (together.or_else(mostly)?, true)
        } else {
            (alone, false)
        };
        let r2 = if together {
            self.r2(read, &dims_of(&found))
        } else {
            let each = found.iter().map(|other| self.r2(read, &other.dims));
            each.fold(f64::INFINITY, f64::min)
        };
        let carriers = found.into_iter().map(|other| Carrier {
            variable: other.name.clone(),
            name: self.name_of(other, variable, read),
            response: self.response(read, &other.dims),
        });
        Some(Carried {
            variable: variable.name.clone(),
            site: site.name(),
            carriers: carriers.collect(),
            together,
            r2,
            is_the_same: r2 >= self.threshold,
            from_itself: self.response(read, &variable.dims),
        })
    }

    fn covariances(&self, rows: &[usize], columns: &[usize]) -> Array2<f64> {
        Array2::from_shape_fn((rows.len(), columns.len()), |(a, b)| {
            self.moments.covariance(rows[a], columns[b])
        })
    }

    fn variance(&self, dims: &[usize]) -> f64 {
        dims.iter().map(|d| self.moments.covariance(*d, *d)).sum()
    }

    /// The share of the variance of `read` that the best affine map of `dims` gives.
    fn r2(&self, read: &[usize], dims: &[usize]) -> f64 {
        let all = self.variance(read);
        let (xx, xy) = (self.covariances(dims, dims), self.covariances(dims, read));
        1.0 - residual_of_best_map(xx.view(), xy.view(), all) / all
    }

    /// When the features `read` change by 1, how much their readers get by way of `dims`: the slope of
    /// `Σ_j x_j G_ji`, `j` in `dims`, on `x_i`, the features weighted by their variances.
    fn response(&self, read: &[usize], dims: &[usize]) -> f64 {
        let of = |i: usize, j: usize| self.gram[[j, i]] * self.moments.covariance(i, j);
        let sums = read
            .iter()
            .map(|i| dims.iter().map(|j| of(*i, *j)).sum::<f64>());
        sums.sum::<f64>() / self.variance(read)
    }

    /// Each variable that is enough.
    fn alone<'v>(&self, read: &[usize], others: &[&'v Variable]) -> Vec<&'v Variable> {
        let enough = others
            .iter()
            .filter(|other| self.r2(read, &other.dims) >= self.threshold);
        enough.copied().collect()
    }

    /// The carrier's feature that is enough for a variable of one feature, or the carrier.
    fn name_of(&self, carrier: &Variable, carried: &Variable, read: &[usize]) -> String {
        let mut dims = carrier.dims.iter().filter(|_| carried.dims.len() == 1);
        let enough = dims.find(|d| self.r2(read, &[**d]) >= self.threshold);
        enough.map_or_else(|| carrier.name.clone(), |d| self.labels[*d].clone())
    }

    /// Variables that together give a share of the variance, each the one that adds most to those before.
    fn together<'v>(
        &self,
        read: &[usize],
        others: &[&'v Variable],
        share: f64,
    ) -> Option<Vec<&'v Variable>> {
        if self.r2(read, &dims_of(others)) < share {
            return None;
        }
        let (mut taken, mut left) = (Vec::new(), others.to_vec());
        while self.r2(read, &dims_of(&taken)) < share {
            let with =
                |other: &&Variable| self.r2(read, &dims_of(&[&taken[..], &[*other]].concat()));
            let gains: Vec<f64> = left.iter().map(with).collect();
            let best = (0..left.len()).max_by(|a, b| gains[*a].total_cmp(&gains[*b]))?;
            taken.push(left.remove(best));
        }
        Some(taken)
    }
}

/// The dimensions of several variables.
fn dims_of(variables: &[&Variable]) -> Vec<usize> {
    variables
        .iter()
        .flat_map(|variable| variable.dims.clone())
        .collect()
}

/// From this share of its variance on a variable's information is called the same.
const ALL_FROM: f64 = 0.99;

impl Carried {
    /// The carriers' names: `a`, `a and b`.
    pub fn names(&self) -> String {
        let names = self.carriers.iter().map(|carrier| carrier.name.clone());
        listed(&names.collect::<Vec<_>>())
    }

    /// Whether the variable's readers get the change of it, and a part of that from the carriers.
    pub fn explains(&self) -> bool {
        let others: f64 = self.carriers.iter().map(|carrier| carrier.response).sum();
        let all = self.from_itself + others;
        all >= READ_FROM && others >= LITTLE * all
    }

    /// Why an exchange of the variable alone shows little, or does not: a sentence.
    pub fn sentence(&self) -> String {
        let Self { variable, .. } = self;
        let (carry, keep) = match (self.carriers.len(), self.together) {
            (1, _) => ("carries", "keeps its value"),
            (_, true) => ("together carry", "keep their values"),
            (_, false) => ("each carry", "keep their values"),
        };
        let what = if !self.is_the_same {
            "a part of the information of"
        } else if self.r2 < ALL_FROM {
            "most of the information of"
        } else {
            "the same information as"
        };
        let r2 = if self.r2 > 0.9999 {
            "1".to_owned()
        } else {
            four_digits(self.r2)
        };
        let known = format!(
            "{} {carry} {what} {variable} (an affine map predicts it with R² {r2}) and {keep} when {variable} is exchanged",
            self.names()
        );
        let mut parts = vec![format!("{} from {variable}", shown(self.from_itself))];
        let from =
            |carrier: &Carrier| format!("{} from {}", shown(carrier.response), carrier.variable);
        parts.extend(self.carriers.iter().map(from));
        let get = format!(
            "when {variable} changes by 1, its readers get {}",
            listed(&parts)
        );
        if self.explains() {
            format!(
                "{known}: {get}. An exchange of {variable} alone passes on only a part of the change."
            )
        } else {
            format!("{known}, but that does not explain that share: {get}.")
        }
    }
}

/// What else carries the variables whose exchange shows little, given as `(variable, site)`; then those that
/// nothing carries.
pub fn sentences(low: &[(&str, &str)], carried: &[Carried]) -> Vec<String> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for &(variable, site) in low {
        let mut all = carried.iter();
        match all.find(|c| c.variable == variable && c.site == site) {
            Some(carried) => found.push(carried.sentence()),
            None => others.push(variable.to_owned()),
        }
    }
    found.extend(match &others[..] {
        [] => None,
        [name] => Some(format!(
            "The variables that an exchange of {name} leaves as they are carry less than half of its information, even \
             all together (by an affine map), so linear redundancy does not explain that share."
        )),
        _ => Some(format!(
            "For {} the variables that the exchange leaves as they are carry less than half of the information, even all \
             together (by an affine map), so linear redundancy does not explain their shares.",
            listed(&others)
        )),
    });
    found
}

/// Two decimals, without a sign where that leaves 0.
fn shown(x: f64) -> String {
    four_digits((100.0 * x).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::Array1;

    fn place(model: &CompiledModel, label: &str) -> usize {
        let labels = &model.metadata.residual_labels;
        labels.iter().position(|l| l == label).unwrap()
    }

    /// `frac_prevs` at two positions' worth of values: `x` or `a`, and `is_x` with it.
    fn measured(gram: &Array2<f64>) -> Vec<Carried> {
        let model = test_models::load("frac_prevs");
        let at = |label: &str| place(&model, label);
        let mut values = Array2::zeros((4, model.width()));
        for (row, token) in ["tokens:x", "tokens:x", "tokens:a", "tokens:b"]
            .iter()
            .enumerate()
        {
            values[[row, at(token)]] = 1.0;
            values[[row, at("one")]] = 1.0;
            values[[row, at("is_x")]] = if *token == "tokens:x" { 1.0 } else { 0.0 };
        }
        let mut moments = Moments::new(model.width());
        moments.add(&values, &Array1::ones(4));
        let structure = Structure::new(&model);
        measure(
            &model,
            gram.view(),
            &structure,
            &moments,
            &Settings::default(),
        )
    }

    #[test]
    fn redundant_is_x_is_read_from_tokens_x_as_far_as_they_share_a_direction() {
        let model = test_models::load("frac_prevs");
        let (x, is_x) = (place(&model, "tokens:x"), place(&model, "is_x"));
        let mut gram = Array2::eye(model.width());
        gram[[is_x, is_x]] = 0.38;
        gram[[x, is_x]] = 0.62;
        let found = measured(&gram);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (&*found[0].variable, &*found[0].site),
            ("is_x", "layer0.mlp")
        );
        assert!(found[0].is_the_same && !found[0].together);
        assert_eq!(
            found[0].sentence(),
            "tokens:x carries the same information as is_x (an affine map predicts it with R² 1) and keeps its value when \
             is_x is exchanged: when is_x changes by 1, its readers get 0.38 from is_x and 0.62 from tokens. An exchange \
             of is_x alone passes on only a part of the change."
        );
        // The tokens are written before is_x: it is computed from them, and not the other way round.
        assert!(!found.iter().any(|carried| carried.variable == "tokens"));
    }

    #[test]
    fn redundant_features_that_are_kept_apart_explain_nothing() {
        let model = test_models::load("frac_prevs");
        let found = measured(&Array2::eye(model.width()));
        assert!(!found[0].explains());
        assert!(
            found[0].sentence().ends_with(
                "and keeps its value when is_x is exchanged, but that does not explain that share: when is_x changes by 1, its readers get 1 \
                 from is_x and 0 from tokens."
            ),
            "{}",
            found[0].sentence()
        );
    }

    #[test]
    fn several_carriers_are_told_as_each_or_together() {
        let carrier = |name: &str, response| Carrier {
            variable: name.into(),
            name: name.into(),
            response,
        };
        let mut carried = Carried {
            variable: "balance".into(),
            site: "layer1.mlp".into(),
            carriers: vec![carrier("vowels", 0.5), carrier("crosses", 1.5)],
            together: true,
            r2: 0.97,
            is_the_same: true,
            from_itself: 2.0,
        };
        assert!(
            carried.sentence().starts_with(
                "vowels and crosses together carry most of the information of balance (an affine map predicts it with R² \
                 0.97) and keep their values when balance is exchanged: when balance changes by 1, its readers get 2 from \
                 balance, 0.5 from vowels and 1.5 from crosses. An"
            ),
            "{}",
            carried.sentence()
        );
        carried.together = false;
        assert!(
            carried
                .sentence()
                .starts_with("vowels and crosses each carry most of the information of")
        );
        carried.is_the_same = false;
        carried.carriers.truncate(1);
        assert!(
            carried
                .sentence()
                .starts_with("vowels carries a part of the information of balance")
        );
    }

    #[test]
    fn carriers_explain_a_low_share_where_readers_get_the_change_and_a_fifth_of_it_from_them() {
        let explains = |from_itself: f64, response: f64| {
            let carrier = Carrier {
                variable: "b".into(),
                name: "b".into(),
                response,
            };
            let carried = Carried {
                variable: "a".into(),
                site: "embed".into(),
                carriers: vec![carrier],
                together: false,
                r2: 1.0,
                is_the_same: true,
                from_itself,
            };
            carried.explains()
        };
        assert!(explains(0.79, 0.21) && !explains(0.81, 0.19));
        assert!(explains(0.3, 0.21) && !explains(0.3, 0.19));
        assert!(explains(-0.5, 1.5));
        // One half of a change, and a fifth of it, are enough themselves.
        assert!(explains(0.3, 0.2) && explains(0.8, 0.2));
        // What is taken away again is no part; nor is the whole of nearly nothing.
        assert!(!explains(1.3, -0.3) && !explains(0.05, 0.01) && !explains(0.0, 0.4));
    }

    #[test]
    fn sentences_tell_what_carries_a_variable_at_its_site_and_then_what_nothing_carries() {
        let carried = |variable: &str, site: &str| Carried {
            variable: variable.into(),
            site: site.into(),
            carriers: Vec::new(),
            together: true,
            r2: 1.0,
            is_the_same: true,
            from_itself: 1.0,
        };
        let of = |low: &[(&str, &str)]| {
            let all = [carried("a", "embed"), carried("b", "layer0.mlp")];
            sentences(low, &all)
        };
        assert!(of(&[]).is_empty());
        let b = carried("b", "layer0.mlp").sentence();
        assert_eq!(of(&[("b", "layer0.mlp")]), std::slice::from_ref(&b));
        // Neither is the variable of another name at this site, nor this variable at another site.
        let one = of(&[("c", "embed"), ("b", "layer0.mlp")]);
        assert_eq!(one[0], b);
        assert!(
            one[1].starts_with("The variables that an exchange of c leaves"),
            "{}",
            one[1]
        );
        assert_eq!(one.len(), 2);
        let two = of(&[("c", "embed"), ("b", "embed")]);
        assert!(
            two[0].starts_with("For c and b the variables that the exchange leaves"),
            "{}",
            two[0]
        );
        assert_eq!(two.len(), 1);
    }

    /// `is_x` in the 100 rows of `x`, and in `wrong` of the 100 rows of `a`.
    fn carried_with(wrong: usize) -> Option<Carried> {
        let model = test_models::load("frac_prevs");
        let at = |label: &str| place(&model, label);
        let mut values = Array2::zeros((200, model.width()));
        for row in 0..200 {
            let token = if row < 100 { "tokens:x" } else { "tokens:a" };
            values[[row, at(token)]] = 1.0;
            values[[row, at("is_x")]] = f64::from(u8::from(row < 100 + wrong));
        }
        let mut moments = Moments::new(model.width());
        moments.add(&values, &Array1::ones(200));
        let (gram, structure) = (Array2::eye(model.width()), Structure::new(&model));
        let settings = Settings::default();
        let found = measure(&model, gram.view(), &structure, &moments, &settings);
        found.into_iter().find(|carried| carried.variable == "is_x")
    }

    #[test]
    fn redundant_is_what_gives_the_square_of_95_hundredths_of_a_variance() {
        // The R² of two groups is (1 − k/100)²/4 over p(1 − p), p = (100 + k)/200: 0.90476 and 0.88679 for k = 5 and 6,
        // beside 0.9025; 0.50376 and 0.49254 for k = 33 and 34, beside one half.
        let same = carried_with(5).unwrap();
        assert!(same.is_the_same && !same.together);
        approx::assert_abs_diff_eq!(same.r2, 0.904_761_9, epsilon = 1e-6);
        assert_eq!(same.names(), "tokens:a"); // which says the opposite of tokens:x
        let part = carried_with(6).unwrap();
        assert!(!part.is_the_same && part.together);
        approx::assert_abs_diff_eq!(part.r2, 0.886_792_5, epsilon = 1e-6);
        assert_eq!(part.names(), "tokens");
        approx::assert_abs_diff_eq!(carried_with(33).unwrap().r2, 0.503_759_4, epsilon = 1e-6);
        assert_eq!(carried_with(34), None);
    }

    #[test]
    fn redundant_with_several_takes_the_one_that_adds_most_first() {
        // Feature 0 is twice feature 2 and once feature 1, which are independent; feature 3 is neither.
        let signs = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let values = Array2::from_shape_fn((4, 4), |(row, feature)| {
            let [b, a] = signs[row];
            [2.0 * a + b, b, a, a * b][feature]
        });
        let mut moments = Moments::new(4);
        moments.add(&values, &Array1::ones(4));
        let mut gram = Array2::<f64>::eye(4);
        gram[[1, 0]] = 0.5;
        gram[[2, 0]] = -0.25;
        let values = Values {
            gram: gram.view(),
            moments: &moments,
            labels: &[],
            threshold: 0.9,
        };
        let variable = |name: &str, dim: usize| Variable {
            name: name.into(),
            dims: vec![dim],
            sites: vec![Site::Embedding],
        };
        let others = [variable("b", 1), variable("a", 2), variable("c", 3)];
        let others: Vec<&Variable> = others.iter().collect();
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        close(values.variance(&[0]), 5.0);
        close(values.r2(&[0], &[1]), 0.2);
        close(values.r2(&[0], &[2]), 0.8);
        close(values.r2(&[0], &[1, 2]), 1.0);
        // Of a change by 1, 1/5 comes along in feature 1 and 2/5 in feature 2.
        close(values.response(&[0], &[1]), 0.5 / 5.0);
        close(values.response(&[0], &[2]), -0.25 * 2.0 / 5.0);
        close(values.response(&[0], &[0, 1]), 1.0 + 0.1);
        assert!(values.alone(&[0], &others).is_empty());
        let names =
            |found: Vec<&Variable>| found.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
        let together = |others, share| values.together(&[0], others, share);
        assert_eq!(
            names(together(&others, values.threshold).unwrap()),
            ["a", "b"]
        );
        assert!(together(&others[1..], values.threshold).is_none());
        assert_eq!(names(together(&others, GREATER_PART).unwrap()), ["a"]);
        assert!(together(&others[..1], GREATER_PART).is_none());
    }

    #[test]
    fn redundant_with_several_is_enough_at_the_threshold_itself() {
        // Feature 0 is the sum of three that are independent, each of which gives a third.
        let signs = Array2::from_shape_fn((8, 3), |(row, bit)| [1.0, -1.0][row >> bit & 1]);
        let values = Array2::from_shape_fn((8, 4), |(row, feature)| match feature {
            0 => signs.row(row).sum(),
            _ => signs[[row, feature - 1]],
        });
        let mut moments = Moments::new(4);
        moments.add(&values, &Array1::ones(8));
        let gram = Array2::<f64>::eye(4);
        let values = Values {
            gram: gram.view(),
            moments: &moments,
            labels: &[],
            threshold: 0.0,
        };
        let others = [("a", 1), ("b", 2), ("c", 3)].map(|(name, dim)| Variable {
            name: name.into(),
            dims: vec![dim],
            sites: vec![Site::Embedding],
        });
        let [a, b, c] = &others;
        let r2 = values.r2(&[0], &[1, 2]);
        approx::assert_abs_diff_eq!(r2, 2.0 / 3.0, epsilon = 1e-12);
        let taken = |others: &[&Variable], share: f64| {
            let found = values.together(&[0], others, share)?;
            Some(dims_of(&found))
        };
        // Of equal gains the last is taken first.
        assert_eq!(taken(&[b, a], r2), Some(vec![1, 2]));
        assert_eq!(taken(&[b, a], r2.next_up()), None);
        assert_eq!(taken(&[a, b, c], 0.99).map(|dims| dims.len()), Some(3));
    }

    #[test]
    fn redundant_information_is_the_same_from_99_hundredths_of_its_variance() {
        let of = |r2: f64| {
            let carried = Carried {
                variable: "w".into(),
                site: "embed".into(),
                carriers: Vec::new(),
                together: true,
                r2,
                is_the_same: true,
                from_itself: 1.0,
            };
            carried.sentence()
        };
        for (r2, words) in [
            (
                0.989,
                "most of the information of w (an affine map predicts it with R² 0.989)",
            ),
            (
                0.99,
                "the same information as w (an affine map predicts it with R² 0.99)",
            ),
            (0.9999, "R² 0.9999)"),
            (0.99991, "R² 1)"),
        ] {
            assert!(of(r2).contains(words), "{}", of(r2));
        }
        assert_eq!(
            [0.126, -0.124, -0.001, 1.0].map(shown),
            ["0.13", "-0.12", "0", "1"]
        );
    }
}
