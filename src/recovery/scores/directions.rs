//! Which atom has the direction of which target.

use ndarray::{Array2, ArrayView2};

use super::super::assignment;
use super::super::truth::Truth;
use super::super::weighted::unit_rows;

/// A target is recovered if an atom's cosine with it is at least this.
pub const RECOVERED: f64 = 0.9;

/// Which direction of a target an atom has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `W_i` of this feature.
    Own(usize),
    /// `W̃_i`.
    Canonical,
}

/// An atom that is matched with a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its number.
    pub atom: usize,
    /// `|cos|`, of the form that is closer.
    pub cosine: f64,
    /// That form.
    pub form: Form,
}

/// `|cos|` of atoms with the targets' and all features' directions.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// With `W_i` of every feature, `[D, m]`.
    own: Array2<f64>,
    /// With `W̃_i` of every feature, `[D, m]`.
    canonical_of: Array2<f64>,
    /// With the targets' canonical directions, `[K, m]`.
    canonical: Array2<f64>,
    /// The features of each target.
    members: Vec<Vec<usize>>,
}

impl Alignment {
    /// Of atoms `[m, d]`.
    pub fn new(truth: &Truth, atoms: ArrayView2<'_, f64>) -> Self {
        let atoms = unit_rows(atoms);
        let with = |directions: ArrayView2<'_, f64>| {
            unit_rows(directions)
                .dot(&atoms.t())
                .mapv_into(|x| x.abs().min(1.0))
        };
        let features = truth.targets.iter().map(|target| {
            let features = target.members.iter().map(|member| member.feature);
            features.collect()
        });
        Self {
            own: with(truth.w.t()),
            canonical_of: with(truth.canonical.t()),
            canonical: with(truth.target_directions().view()),
            members: features.collect(),
        }
    }

    /// A target with an atom, in the form that is closer; `W_i` where both are alike.
    pub fn with(&self, target: usize, atom: usize) -> Match {
        let mut best = Match {
            atom,
            cosine: self.canonical[[target, atom]],
            form: Form::Canonical,
        };
        for feature in &self.members[target] {
            let cosine = self.own[[*feature, atom]];
            let is_better = match best.form {
                Form::Canonical => cosine >= best.cosine,
                Form::Own(_) => cosine > best.cosine,
            };
            if is_better {
                best.cosine = cosine;
                best.form = Form::Own(*feature);
            }
        }
        best
    }

    /// How many atoms there are.
    pub fn atoms(&self) -> usize {
        self.own.ncols()
    }

    /// `|cos|` with the target's canonical direction.
    pub fn canonical(&self, target: usize, atom: usize) -> f64 {
        self.canonical[[target, atom]]
    }

    /// `|cos|` of every target with every atom, in the form that is closer: `[K, m]`.
    pub fn cosines(&self) -> Array2<f64> {
        Array2::from_shape_fn(self.canonical.dim(), |(target, atom)| {
            self.with(target, atom).cosine
        })
    }

    /// The best one-to-one matching.
    pub fn best(&self) -> Vec<Option<Match>> {
        assignment::best(self.cosines().view())
            .into_iter()
            .enumerate()
            .map(|(target, atom)| Some(self.with(target, atom?)))
            .collect()
    }

    /// The cosines of the best matching against `W̃_i` alone; 0 for a target without an atom.
    pub fn canonical_cosines(&self) -> Vec<f64> {
        assignment::best(self.canonical.view())
            .into_iter()
            .enumerate()
            .map(|(target, atom)| atom.map_or(0.0, |atom| self.canonical[[target, atom]]))
            .collect()
    }

    /// The feature whose direction, in either form, an atom is closest to, if it is as close as
    /// [`RECOVERED`].
    pub fn feature_of(&self, atom: usize) -> Option<usize> {
        let mut best = (None, RECOVERED);
        for feature in 0..self.own.nrows() {
            let cosine = self.own[[feature, atom]].max(self.canonical_of[[feature, atom]]);
            if cosine > best.1 || (best.0.is_none() && cosine >= best.1) {
                best = (Some(feature), cosine);
            }
        }
        best.0
    }
}
