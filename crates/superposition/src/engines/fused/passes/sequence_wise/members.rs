//! The members of a small space, each a row of numbers, and the distinct ones of a batch.

use crate::engines::fused::plan::{Plan, Tokens};
use crate::engines::fused::simd::{LANES, Lanes, Precision, one_at_a_time};
use crate::inputs::InputSpace;
use crate::teacher::Targets;

/// Members and numbers that are written together.
const SIDE: usize = 4;

/// All members, and which of them a batch has.
#[derive(Debug)]
pub struct Members<F> {
    /// For each member the tokens' numbers among the indicated ones (−1 for none), then its targets: `C` numbers
    /// a quantity, and what fills a row up to whole [`Lanes`].
    rows: Vec<F>,
    width: usize,
    /// At how many positions of each the output counts.
    counted: Vec<u32>,
    /// How often each occurs in the batch.
    counts: Vec<F>,
    /// Those that occur, the first `different` of them.
    distinct: Vec<u64>,
    different: usize,
}

impl<F: Precision> Members<F> {
    /// Those of `space`, in rows of `length` numbers a quantity, of which the last ones may be no position's.
    /// `counts` says for which tokens the output counts.
    pub fn new(
        plan: &Plan,
        (space, tokens): (&InputSpace, &Tokens),
        length: usize,
        targets: &Targets,
        counts: impl Fn(usize) -> bool,
    ) -> Self {
        let positions = plan.positions;
        let members = targets.output.len() / positions;
        let columns: Vec<(usize, usize)> = plan.columns().collect();
        let width = ((1 + columns.len() + 1) * length).next_multiple_of(LANES);
        let mut rows = vec![F::zero(); members * width];
        let mut own = vec![0; positions];
        let mut counted = Vec::with_capacity(members);
        for (member, row) in rows.chunks_exact_mut(width).enumerate() {
            space.write_member(member as u64, &mut own);
            counted.push(own.iter().filter(|token| counts(**token)).count() as u32);
            let first = member * positions;
            let (numbers, quantities) = row.split_at_mut(length);
            numbers.fill(-F::one());
            for (p, (to, token)) in numbers.iter_mut().zip(&own).enumerate() {
                if let Some(number) = tokens.number(p, *token) {
                    *to = F::from_f64(number as f64);
                }
            }
            let (blocks, output) = quantities.split_at_mut(columns.len() * length);
            for (to, &(block, a)) in blocks.chunks_exact_mut(length).zip(&columns) {
                for (p, to) in to[..positions].iter_mut().enumerate() {
                    *to = F::from_f64(targets.blocks[block][[first + p, a]]);
                }
            }
            for (to, x) in output.iter_mut().zip(&targets.output[first..][..positions]) {
                *to = F::from_f64(*x);
            }
        }
        Self {
            rows,
            width,
            counted,
            counts: vec![F::zero(); members],
            distinct: Vec::new(),
            different: 0,
        }
    }

    /// Takes in a batch.
    pub fn load(&mut self, members: &[u64]) {
        for member in &self.distinct[..self.different] {
            self.counts[*member as usize] = F::zero();
        }
        self.distinct.resize(members.len(), 0);
        let mut different = 0;
        // Without a branch, of which every third would be predicted wrong.
        for &member in members {
            let count = &mut self.counts[member as usize];
            self.distinct[different] = member;
            different += usize::from(*count == F::zero());
            *count += F::one();
        }
        self.different = different;
    }

    /// The positions of a batch at which the output counts.
    pub fn counted(&self, members: &[u64]) -> f64 {
        let counted = members.iter().map(|m| self.counted[*m as usize]);
        f64::from(counted.sum::<u32>())
    }

    /// The distinct members, sixteen at a time.
    pub fn sixteens(&self) -> impl Iterator<Item = &[u64]> {
        self.distinct[..self.different].chunks(LANES)
    }

    /// How often each of up to sixteen members occurs.
    #[inline(always)]
    pub fn occurrences(&self, members: &[u64]) -> Lanes<F> {
        let mut counts = Lanes::zero();
        for (count, member) in counts.0.iter_mut().zip(members) {
            *count = self.counts[*member as usize];
        }
        counts
    }

    /// Writes the rows of up to sixteen members, a [`Lanes`] for each number, as far as `to` reaches; lanes that
    /// are left repeat the first.
    #[inline(always)]
    pub fn write(&self, members: &[u64], to: &mut [Lanes<F>]) {
        let Some(first) = members.first() else {
            return;
        };
        let row = |l: usize| {
            let member = *members.get(l).unwrap_or(first) as usize;
            &self.rows[member * self.width..][..self.width]
        };
        // Four of four at a time: what counts is how often something is read or written.
        for l in (0..LANES).step_by(SIDE) {
            let (a, b) = (row(l).as_chunks::<SIDE>().0, row(l + 1).as_chunks().0);
            let (c, d) = (row(l + 2).as_chunks().0, row(l + 3).as_chunks().0);
            let rows = a.iter().zip(b).zip(c).zip(d);
            for (to, (((a, b), c), d)) in to.chunks_mut(SIDE).zip(rows) {
                one_at_a_time();
                let (a, b, c, d): ([F; SIDE], [F; SIDE], [F; SIDE], [F; SIDE]) = (*a, *b, *c, *d);
                for n in 0..to.len() {
                    to[n].0[l..l + SIDE].copy_from_slice(&[a[n], b[n], c[n], d[n]]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_members_become_lanes() {
        const WIDTH: usize = 2 * LANES;
        let rows: Vec<f32> = (0..40 * WIDTH).map(|x| x as f32).collect();
        let mut members = Members {
            rows,
            width: WIDTH,
            counted: (0..40).collect(),
            counts: vec![0.0; 40],
            distinct: Vec::new(),
            different: 0,
        };
        for batch in [vec![7, 3, 7, 39, 3, 7], vec![3, 3, 8]] {
            members.load(&batch);
            let found: Vec<u64> = members.sixteens().flatten().copied().collect();
            let mut distinct = batch.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, distinct);
            assert_eq!(members.counted(&batch), batch.iter().sum::<u64>() as f64);
            let counts = members.occurrences(&found);
            let mut lanes = [Lanes::zero(); WIDTH - 5];
            members.write(&found, &mut lanes);
            for l in 0..LANES {
                let member = *found.get(l).unwrap_or(&found[0]);
                let count = batch.iter().filter(|m| Some(*m) == found.get(l)).count();
                assert_eq!(counts.0[l], count as f32);
                for (k, lanes) in lanes.iter().enumerate() {
                    assert_eq!(lanes.0[l], (member as usize * WIDTH + k) as f32);
                }
            }
        }
    }
}
