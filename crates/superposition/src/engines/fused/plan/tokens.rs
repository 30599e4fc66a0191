//! Which tokens are read by indicators.

use super::parts::Plan;

/// The tokens that a reader reads by indicators, and those that it need not: where a position has one
/// possible token, that is a constant of the position.
#[derive(Debug)]
pub struct Tokens {
    /// Tokens of positions that have several.
    pub indicated: Vec<usize>,
    /// (position, token) of the others.
    pub fixed: Vec<(usize, usize)>,
}

impl Tokens {
    /// Those of a plan with a fixed table.
    pub fn new(plan: &Plan) -> Self {
        let rows = plan.rows.as_deref().unwrap_or_default();
        let (mut indicated, mut fixed) = (Vec::new(), Vec::new());
        for own in plan.rows_at() {
            match &rows[own] {
                [only] => fixed.push(*only),
                several => indicated.extend(several.iter().map(|row| row.1)),
            }
        }
        indicated.sort_unstable();
        indicated.dedup();
        Self { indicated, fixed }
    }

    /// How many of the indicators are 0 at the first position: all, if that has one possible token.
    pub fn silent(&self) -> usize {
        let fixed = self.fixed.iter().any(|(position, _)| *position == 0);
        if fixed { self.indicated.len() } else { 0 }
    }

    /// The number of `token` at `position` among the indicated ones.
    pub fn number(&self, position: usize, token: usize) -> Option<usize> {
        let fixed = self.fixed.iter().any(|(p, _)| *p == position);
        let found = self.indicated.iter().position(|t| *t == token);
        found.filter(|_| !fixed)
    }
}
