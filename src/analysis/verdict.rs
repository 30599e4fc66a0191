//! What became of each feature, and what the compression consists of.
//!
//! Interference between features is of two kinds. A *companion* of feature `i` occurs together with
//! it ([`Settings::together_from`]) or says the same ([`Settings::redundant_from`]): `is_x` and
//! `tokens:x`. A *stranger* does not: two positions, whose directions may overlap because they are
//! never there at once. That is superposition. A feature that is never active interferes with
//! nobody.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::geometry::{self, Geometry};
use super::settings::Settings;
use super::structure::{Structure, variable_of};
pub use crate::results::feature::Verdict;
use base::numbers::listed;
use tracr::model::CompiledModel;

/// A part of the compression from this share on is named beside others.
const LARGE_FROM: f64 = 0.1;
/// Fewer dimensions given up than this are none.
pub const HARDLY_ANY: f64 = 0.01;

/// Everything about one feature.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureReport {
    /// Its label.
    pub feature: String,
    /// The variable it belongs to.
    pub variable: String,
    /// Norm, dimensionality, strongest interference.
    pub geometry: Geometry,
    /// The label of the feature that interferes most.
    pub partner: Option<String>,
    /// The dimensionality among the features that are ever active: what the verdict looks at.
    pub dimensionality_active: f64,
    /// `Σ (Ŵ_i·W_j)² / ‖W_i‖²` over companions.
    pub from_companions: f64,
    /// The same over strangers.
    pub from_strangers: f64,
    /// Share of inputs × positions where the compiled model's value is active.
    pub active_share: f64,
    /// Mean magnitude where it is active.
    pub mean_active: Option<f64>,
    /// Largest magnitude.
    pub largest: f64,
    /// Whether anything on the way to the output reads it.
    pub read: bool,
    /// What became of it.
    pub verdict: Verdict,
    /// How far the nearest threshold is that would change the verdict, in that threshold's unit
    /// (norm, dimensionality, or share of the interference from one half).
    pub margin: f64,
}

/// What the compression consists of: the `D − Σ D_i` dimensions that the features gave up, each
/// feature's `1 − D_i` attributed to its cause.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Dropped features that were active and read.
    pub deletion: f64,
    /// Dropped features that were never active or never read: nothing was lost with them.
    pub deletion_of_unused: f64,
    /// Overlap with companions.
    pub sharing: f64,
    /// Overlap with strangers.
    pub superposition: f64,
    /// Overlap of features that are of no use, and with features that are never active.
    pub idle: f64,
}

impl Budget {
    /// Dimensions given up, all causes together.
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(_, x)| x).sum()
    }

    /// Every cause with its dimensions.
    pub fn parts(&self) -> [(&'static str, f64); 5] {
        [
            ("deletion", self.deletion),
            ("deletion_of_unused", self.deletion_of_unused),
            ("sharing", self.sharing),
            ("superposition", self.superposition),
            ("idle", self.idle),
        ]
    }

    /// What the compression consists of, in a sentence.
    pub fn sentence(&self) -> String {
        let total = self.total();
        if total < HARDLY_ANY {
            return "Nearly every feature has a direction of its own: hardly anything is given up."
                .into();
        }
        let mut kinds = [
            (
                "deletion (features lose their direction)",
                self.deletion + self.deletion_of_unused,
            ),
            (
                "sharing (features that mostly occur together, or carry the same information, share directions)",
                self.sharing,
            ),
            (
                "superposition (features that seldom or never occur together share directions)",
                self.superposition,
            ),
            (
                "overlap of features without use (kept, but never read or never active)",
                self.idle,
            ),
        ];
        kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (name, most) = kinds[0];
        if 2.0 * most > total {
            return format!("Most of the compression is {name}.");
        }
        let large = kinds.iter().filter(|(_, x)| *x >= LARGE_FROM * total);
        let large = large.map(|(name, x)| format!("{:.0} % {name}", 100.0 * x / total));
        format!("The compression is {}.", listed(&large.collect::<Vec<_>>()))
    }

    /// The run's verdict: `deletion` (both kinds), `sharing` or `superposition`, whichever gave up
    /// most; `none` if hardly anything was given up (less than a hundredth of a dimension).
    pub fn verdict(&self) -> &'static str {
        let candidates = [
            ("deletion", self.deletion + self.deletion_of_unused),
            ("sharing", self.sharing),
            ("superposition", self.superposition),
        ];
        candidates
            .into_iter()
            .filter(|(_, x)| *x >= HARDLY_ANY)
            .fold(
                ("none", 0.0),
                |best, next| {
                    if next.1 > best.1 { next } else { best }
                },
            )
            .0
    }
}

/// Judges every feature under `gram` `[D, D]`.
pub fn judge(
    model: &CompiledModel,
    gram: ArrayView2<'_, f64>,
    structure: &Structure,
    activity: &Activity,
    settings: &Settings,
) -> (Vec<FeatureReport>, Budget) {
    let labels = &model.metadata.residual_labels;
    let mut budget = Budget::default();
    let features = (0..labels.len())
        .map(|i| {
            let useful = structure.read[i] && activity.ever_active(i);
            let response = Response::of(gram, i, activity, settings);
            let geometry = geometry::geometry(gram, i);
            let (verdict, margin) = verdict(&geometry, &response, useful, settings);
            budget.charge(verdict, &geometry, &response, useful);
            FeatureReport {
                feature: labels[i].clone(),
                variable: variable_of(&labels[i]).to_owned(),
                partner: geometry.strongest.map(|(j, _)| labels[j].clone()),
                geometry,
                dimensionality_active: response.dimensionality(),
                from_companions: response.companions,
                from_strangers: response.strangers,
                active_share: activity.share(i),
                mean_active: activity.strength(i),
                largest: activity.largest(i),
                read: structure.read[i],
                verdict,
                margin,
            }
        })
        .collect();
    (features, budget)
}

/// What a feature's reader gets from others, as shares of what it gets from the feature itself.
struct Response {
    companions: f64,
    strangers: f64,
    never_active: f64,
    /// Whether the feature has a direction at all.
    exists: bool,
}

impl Response {
    fn of(gram: ArrayView2<'_, f64>, i: usize, activity: &Activity, settings: &Settings) -> Self {
        let interference = geometry::interference(gram, i);
        let own = interference[i];
        let mut response = Self {
            companions: 0.0,
            strangers: 0.0,
            never_active: 0.0,
            exists: own > 0.0,
        };
        for (j, square) in interference.iter().enumerate() {
            if j == i || own == 0.0 {
                continue;
            }
            let kind = if !activity.ever_active(j) {
                &mut response.never_active
            } else if activity.overlap(i, j) >= settings.together_from
                || activity.correlation(i, j).abs() >= settings.redundant_from
            {
                &mut response.companions
            } else {
                &mut response.strangers
            };
            *kind += square / own;
        }
        response
    }

    /// `D_i` among the features that are ever active.
    fn dimensionality(&self) -> f64 {
        if self.exists {
            1.0 / (1.0 + self.companions + self.strangers)
        } else {
            0.0
        }
    }

    /// The companions' share of the interference.
    fn companionship(&self) -> f64 {
        let sum = self.companions + self.strangers;
        if sum > 0.0 {
            self.companions / sum
        } else {
            0.0
        }
    }
}

fn verdict(
    geometry: &Geometry,
    response: &Response,
    useful: bool,
    settings: &Settings,
) -> (Verdict, f64) {
    let above = geometry.norm - settings.dropped_below;
    if above < 0.0 {
        return (Verdict::Dropped, -above);
    }
    if !useful {
        return (Verdict::Unused, above);
    }
    let own = response.dimensionality() - settings.dedicated_from;
    if own >= 0.0 {
        return (Verdict::Dedicated, above.min(own));
    }
    let lead = response.companionship() - 0.5;
    let verdict = if lead >= 0.0 {
        Verdict::Shared
    } else {
        Verdict::Superposed
    };
    (verdict, above.min(-own).min(lead.abs()))
}

impl Budget {
    /// Adds what a feature gave up.
    fn charge(&mut self, verdict: Verdict, geometry: &Geometry, response: &Response, useful: bool) {
        // Rounding leaves a dimensionality a little above 1.
        let given_up = (1.0 - geometry.dimensionality).max(0.0);
        match verdict {
            Verdict::Dropped if useful => self.deletion += 1.0,
            Verdict::Dropped => self.deletion_of_unused += 1.0,
            Verdict::Unused => self.idle += given_up,
            Verdict::Dedicated | Verdict::Shared | Verdict::Superposed => {
                let all = response.companions + response.strangers + response.never_active;
                if all > 0.0 {
                    self.sharing += given_up * response.companions / all;
                    self.superposition += given_up * response.strangers / all;
                    self.idle += given_up * response.never_active / all;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::{Array2, array};

    /// Judges hand-made features under the default thresholds: `values` `[rows, D]` are the compiled model's,
    /// `w` is `[d, D]`, and everything is read.
    fn judged(values: &Array2<f64>, w: &Array2<f64>) -> (Vec<FeatureReport>, Budget) {
        let settings = Settings::default();
        let mut model = test_models::load("frac_prevs");
        model.metadata.residual_labels = (0..w.ncols()).map(|i| format!("f:{i}")).collect();
        let structure = Structure {
            variables: Vec::new(),
            written: Vec::new(),
            read: vec![true; w.ncols()],
        };
        let activity = Activity::of_values(values, settings.active_above);
        judge(
            &model,
            w.t().dot(w).view(),
            &structure,
            &activity,
            &settings,
        )
    }

    fn first(values: &Array2<f64>, w: &Array2<f64>) -> FeatureReport {
        judged(values, w).0.swap_remove(0)
    }

    fn indicator(condition: bool) -> f64 {
        f64::from(u8::from(condition))
    }

    #[test]
    fn features_are_companions_from_six_tenths_of_the_rarer_ones_rows() {
        // Feature 0 is active in 100 of 400 rows, feature 1 in `both` of these and in 100 others.
        let of = |both: usize| {
            let values = Array2::from_shape_fn((400, 2), |(row, feature)| {
                indicator(match feature {
                    0 => row < 100,
                    _ => row < both || (200..300).contains(&row),
                })
            });
            let report = first(&values, &array![[1.0, 1.0]]);
            (
                report.verdict,
                report.from_companions,
                report.from_strangers,
            )
        };
        assert_eq!(of(59), (Verdict::Superposed, 0.0, 1.0));
        assert_eq!(of(60), (Verdict::Shared, 1.0, 0.0));
        assert_eq!(of(61), (Verdict::Shared, 1.0, 0.0));
    }

    #[test]
    fn features_are_companions_from_a_correlation_of_95_hundredths_of_either_sign() {
        // Feature 0 is active in rows 0 to 99, feature 1 in `n` of the other 100: never together, with the
        // correlation −√(n / (200 − n)), −0.942 for 94 and −0.951 for 95.
        let of = |n: usize| {
            let values = Array2::from_shape_fn((200, 2), |(row, feature)| {
                indicator(match feature {
                    0 => row < 100,
                    _ => (100..100 + n).contains(&row),
                })
            });
            first(&values, &array![[1.0, 1.0]]).verdict
        };
        assert_eq!(of(94), Verdict::Superposed);
        assert_eq!(of(95), Verdict::Shared);
    }

    #[test]
    fn a_feature_is_dedicated_from_a_dimensionality_of_nine_tenths() {
        // Of length 1, with x of a stranger along it: the dimensionality is 1 / (1 + x²).
        let values = array![[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        let of = |x: f64| first(&values, &array![[1.0, x], [0.0, 1.0]]);
        let (near, far) = (of(0.33), of(0.34));
        assert_eq!(
            (near.verdict, far.verdict),
            (Verdict::Dedicated, Verdict::Superposed)
        );
        approx::assert_abs_diff_eq!(near.margin, 1.0 / 1.1089 - 0.9, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(far.margin, 0.9 - 1.0 / 1.1156, epsilon = 1e-12);
    }

    #[test]
    fn a_feature_is_dropped_below_a_norm_of_a_quarter() {
        let of = |norm: f64| first(&Array2::eye(1), &array![[norm]]);
        assert_eq!(of(0.24).verdict, Verdict::Dropped);
        approx::assert_abs_diff_eq!(of(0.24).margin, 0.01, epsilon = 1e-12);
        assert_eq!(of(0.25).verdict, Verdict::Dedicated);
        assert_eq!(of(0.26).verdict, Verdict::Dedicated);
        // Nearer to being dropped than to sharing its direction.
        approx::assert_abs_diff_eq!(of(0.26).margin, 0.01, epsilon = 1e-12);
    }

    #[test]
    fn a_feature_is_active_above_a_thousandth() {
        let of = |value: f64| first(&array![[value], [0.0]], &array![[1.0]]);
        assert_eq!(
            (of(0.000_99).active_share, of(0.000_99).verdict),
            (0.0, Verdict::Unused)
        );
        assert_eq!(
            (of(0.001_01).active_share, of(0.001_01).verdict),
            (0.5, Verdict::Dedicated)
        );
    }

    #[test]
    fn a_feature_is_shared_from_one_half_of_its_interference() {
        // Feature 1 always comes with feature 0, feature 2 never does: `x` and `y` of them lie along it.
        let values = array![[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]];
        let of = |x: f64, y: f64| {
            let w = array![[1.0, x, y], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
            first(&values, &w)
        };
        let even = of(0.5, 0.5);
        assert_eq!((even.verdict, even.margin), (Verdict::Shared, 0.0));
        assert_eq!((even.from_companions, even.from_strangers), (0.25, 0.25));
        assert_eq!(even.dimensionality_active, 1.0 / 1.5);
        let less = of(0.5, 0.6);
        assert_eq!(less.verdict, Verdict::Superposed);
        approx::assert_abs_diff_eq!(less.margin, 0.5 - 0.25 / 0.61, epsilon = 1e-12);
        let more = of(0.6, 0.5);
        assert_eq!(more.verdict, Verdict::Shared);
        approx::assert_abs_diff_eq!(more.margin, 0.36 / 0.61 - 0.5, epsilon = 1e-12);
    }

    #[test]
    fn a_budget_divides_what_a_feature_gave_up_by_the_causes() {
        // Of feature 0's interference 1/4 is a companion's, 1/16 a stranger's and 1/2 that of a feature which
        // is never active: of 13/16 in all, where the feature itself has 1.
        let values = array![
            [1.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0]
        ];
        let settings = Settings::default();
        let activity = Activity::of_values(&values, settings.active_above);
        let mut gram = Array2::<f64>::eye(4);
        for (j, along) in [(1, 0.5), (2, 0.25), (3, 0.5f64.sqrt())] {
            gram[[0, j]] = along;
            gram[[j, 0]] = along;
        }
        let response = Response::of(gram.view(), 0, &activity, &settings);
        let geometry = geometry::geometry(gram.view(), 0);
        let mut budget = Budget::default();
        budget.charge(Verdict::Shared, &geometry, &response, true);
        // 1 − D_0 = 1 − 16/29 = 13/29, in the ratio 4 : 1 : 8.
        approx::assert_abs_diff_eq!(budget.sharing, 4.0 / 29.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(budget.superposition, 1.0 / 29.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(budget.idle, 8.0 / 29.0, epsilon = 1e-12);
        assert_eq!((budget.deletion, budget.deletion_of_unused), (0.0, 0.0));
        budget.charge(Verdict::Unused, &geometry, &response, false);
        approx::assert_abs_diff_eq!(budget.idle, 21.0 / 29.0, epsilon = 1e-12);
        budget.charge(Verdict::Dropped, &geometry, &response, true);
        budget.charge(Verdict::Dropped, &geometry, &response, true);
        budget.charge(Verdict::Dropped, &geometry, &response, false);
        assert_eq!((budget.deletion, budget.deletion_of_unused), (2.0, 1.0));
        approx::assert_abs_diff_eq!(budget.total(), 3.0 + 26.0 / 29.0, epsilon = 1e-12);
    }

    #[test]
    fn a_budgets_verdict_is_its_largest_part_from_a_hundredth_of_a_dimension() {
        let superposed = |superposition: f64| Budget {
            superposition,
            ..Budget::default()
        };
        assert_eq!(superposed(0.0099).verdict(), "none");
        assert_eq!(superposed(0.01).verdict(), "superposition");
        let parts = Budget {
            deletion: 0.3,
            deletion_of_unused: 0.3,
            sharing: 0.5,
            superposition: 0.4,
            idle: 9.0,
        };
        assert_eq!(parts.verdict(), "deletion");
        assert_eq!(
            Budget {
                deletion: 0.1,
                ..parts.clone()
            }
            .verdict(),
            "sharing"
        );
        // The first of equals.
        assert_eq!(
            Budget {
                sharing: 0.6,
                ..parts
            }
            .verdict(),
            "deletion"
        );
    }

    #[test]
    fn a_verdict_has_one_name_in_tables_and_in_json() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }

    #[test]
    fn a_feature_alone_on_its_direction_gives_nothing_up() {
        let values = array![[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        let (features, budget) = judged(&values, &array![[2.0, 0.0]]);
        assert_eq!(features[0].dimensionality_active, 1.0);
        // Without a direction there is none to share.
        assert_eq!(features[1].dimensionality_active, 0.0);
        let deletion = 1.0;
        assert_eq!(
            budget,
            Budget {
                deletion,
                ..Budget::default()
            }
        );
    }

    #[test]
    fn a_features_interference_is_a_share_of_its_own_response() {
        // Of length 2, with a stranger of length 1 along it: (2/2)² of its own 2².
        let values = array![[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        let report = first(&values, &array![[2.0, 1.0]]);
        assert_eq!((report.from_companions, report.from_strangers), (0.0, 0.25));
        assert_eq!(report.dimensionality_active, 0.8);
    }

    #[test]
    fn a_response_without_interference_has_no_companions_share() {
        let response = Response {
            companions: 0.0,
            strangers: 0.0,
            never_active: 0.0,
            exists: true,
        };
        assert_eq!(response.companionship(), 0.0);
    }

    #[test]
    fn a_budgets_sentence_names_its_largest_part_and_whether_that_is_most() {
        let of = |deletion: f64, sharing: f64, superposition: f64, idle: f64| {
            let budget = Budget {
                deletion: deletion / 2.0,
                deletion_of_unused: deletion / 2.0,
                sharing,
                superposition,
                idle,
            };
            budget.sentence()
        };
        for (sentence, begins) in [
            (
                of(0.6, 0.55, 0.0, 0.0),
                "Most of the compression is deletion (",
            ),
            (
                of(0.6, 0.55, 0.0, 0.1),
                "The compression is 48 % deletion (features lose their direction) and 44 % sharing (",
            ),
            (of(0.0, 0.5, 0.5, 0.0), "The compression is 50 % sharing ("),
            (
                of(0.1, 0.1, 0.5, 0.1),
                "Most of the compression is superposition (",
            ),
            (
                of(0.1, 0.1, 0.1, 0.5),
                "Most of the compression is overlap of features without use (",
            ),
            (
                of(0.4, 0.3, 0.08, 0.22),
                "The compression is 40 % deletion (features lose their direction), 30 % sharing (features that mostly occur \
                 together, or carry the same information, share directions) and 22 % overlap of features without use (",
            ),
            // 9 of a hundred are not named, 11 are.
            (
                of(0.8, 0.8, 0.18, 0.22),
                "The compression is 40 % deletion (features lose their direction), 40 % sharing (features that mostly occur \
                 together, or carry the same information, share directions) and 11 % overlap of",
            ),
            (
                of(0.82, 0.8, 0.2, 0.18),
                "The compression is 41 % deletion (features lose their direction), 40 % sharing (features that mostly occur \
                 together, or carry the same information, share directions) and 10 % superposition (",
            ),
            (
                of(0.0099, 0.0, 0.0, 0.0),
                "Nearly every feature has a direction of its own",
            ),
            (
                of(0.01, 0.0, 0.0, 0.0),
                "Most of the compression is deletion (",
            ),
        ] {
            assert!(sentence.starts_with(begins), "{sentence}");
        }
    }
}
