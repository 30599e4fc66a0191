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
use crate::model::CompiledModel;

/// Fewer dimensions given up than this are none.
pub const HARDLY_ANY: f64 = 0.01;

/// What became of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It has a direction of its own: dimensionality at least [`Settings::dedicated_from`].
    Dedicated,
    /// It overlaps most with features that occur together with it or are redundant with it.
    Shared,
    /// It overlaps most with features that do not occur together with it.
    Superposed,
    /// Its norm is below [`Settings::dropped_below`], whether it was of use or not.
    Dropped,
    /// It kept a direction, although it is never active or nothing reads it.
    Unused,
}

impl Verdict {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] = [
        Self::Dedicated,
        Self::Shared,
        Self::Superposed,
        Self::Dropped,
        Self::Unused,
    ];

    /// As in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
            Self::Superposed => "superposed",
            Self::Dropped => "dropped",
            Self::Unused => "unused",
        }
    }
}

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
    /// Overlap of or with features that are of no use.
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

    /// What most of the compression is, in a sentence.
    pub fn sentence(&self) -> String {
        let kinds = [
            (
                "deletion: features lose their direction",
                self.deletion + self.deletion_of_unused,
            ),
            (
                "sharing: features that occur together, or say the same, share directions",
                self.sharing,
            ),
            (
                "superposition: features that do not occur together share directions",
                self.superposition,
            ),
            (
                "overlap of, or with, features that the program never uses",
                self.idle,
            ),
        ];
        let largest = kinds.iter().fold(
            kinds[0],
            |best, next| if next.1 > best.1 { *next } else { best },
        );
        if self.total() < HARDLY_ANY {
            return "Nearly every feature has a direction of its own: hardly anything is given up."
                .into();
        }
        let most = if 2.0 * largest.1 > self.total() {
            "Most"
        } else {
            "The largest part"
        };
        format!("{most} of the compression is {}.", largest.0)
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
