//! The targets of a whole space, a row of numbers a member, and how they become lanes of a piece.

use crate::engines::fused::plan::Plan;
use crate::engines::fused::simd::{LANES, Lanes, Precision, kernels, one_at_a_time};
use crate::teacher::Targets;

/// For each member `[features, T]`, in whole lanes. Features are the columns of the blocks that are computed
/// for each sequence, the output's number or class, and the shares of the classes where targets are soft.
#[derive(Debug)]
pub struct TargetRows<F> {
    numbers: Vec<F>,
    /// Numbers of a member: used, and in whole lanes.
    width: usize,
    stride: usize,
}

impl<F: Precision> TargetRows<F> {
    /// Those that the teacher keeps.
    pub fn new(plan: &Plan, targets: &Targets) -> Self {
        let positions = plan.positions;
        let columns: Vec<(usize, usize)> = plan.batch_columns().collect();
        let shares = targets.distribution.as_ref().map_or(0, |d| d.ncols());
        let width = (columns.len() + 1 + shares) * positions;
        let stride = width.next_multiple_of(LANES);
        let members = targets.output.len() / positions;
        let mut numbers = vec![F::zero(); members * stride];
        for (member, row) in numbers.chunks_exact_mut(stride).enumerate() {
            let first = member * positions;
            let blocks = columns.iter();
            let blocks = blocks.flat_map(|&(block, a)| {
                (first..first + positions).map(move |at| targets.blocks[block][[at, a]])
            });
            let output = targets.output[first..first + positions].iter().copied();
            let soft = targets.distribution.iter().flat_map(|all| {
                (0..shares)
                    .flat_map(move |c| (first..first + positions).map(move |at| all[[at, c]]))
            });
            for (to, x) in row.iter_mut().zip(blocks.chain(output).chain(soft)) {
                *to = F::from_f64(x);
            }
        }
        Self {
            numbers,
            width,
            stride,
        }
    }

    /// Writes those of `members` to `to`, `[features, T, lanes]`.
    pub fn load(&self, members: &[u64], lanes: usize, to: &mut [Lanes<F>]) {
        load(&self.numbers, (self.width, self.stride), members, lanes, to);
    }
}

kernels! {
    fn load<'a, F>(
        numbers: &'a [F],
        row: (usize, usize),
        members: &'a [u64],
        lanes: usize,
        to: &'a mut [Lanes<F>],
    ) {
        let (width, stride) = row;
        for (lane, members) in members.chunks(LANES).enumerate() {
            for first in (0..width).step_by(LANES) {
                let mut block = [Lanes::zero(); LANES];
                for (lanes, member) in block.iter_mut().zip(members) {
                    one_at_a_time();
                    *lanes = Lanes::load(&numbers[*member as usize * stride + first..]);
                }
                transpose(&mut block);
                let held = (width - first).min(LANES);
                let to = to[first * lanes + lane..].iter_mut().step_by(lanes);
                for (to, lanes) in to.zip(&block[..held]) {
                    one_at_a_time();
                    *to = *lanes;
                }
            }
        }
    }
}

/// Rows become columns: one bit of row and lane number is exchanged after the other.
#[inline(always)]
fn transpose<F: Precision>(block: &mut [Lanes<F>; LANES]) {
    exchange::<8, F>(block);
    exchange::<4, F>(block);
    exchange::<2, F>(block);
    exchange::<1, F>(block);
}

#[inline(always)]
fn exchange<const W: usize, F: Precision>(block: &mut [Lanes<F>; LANES]) {
    for i in 0..LANES {
        if i & W == 0 {
            one_at_a_time();
            let (a, b) = (block[i], block[i + W]);
            let (mut low, mut high) = (a, b);
            for l in 0..LANES {
                low.0[l] = if l & W == 0 { a.0[l] } else { b.0[l ^ W] };
                high.0[l] = if l & W == 0 { a.0[l ^ W] } else { b.0[l] };
            }
            (block[i], block[i + W]) = (low, high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let number = |row: usize, lane: usize| (row * LANES + lane) as f32;
        let mut block =
            std::array::from_fn(|row| Lanes(std::array::from_fn(|lane| number(row, lane))));
        transpose(&mut block);
        for (row, lanes) in block.iter().enumerate() {
            for (lane, x) in lanes.0.iter().enumerate() {
                assert_eq!(*x, number(lane, row));
            }
        }
    }

    #[test]
    fn members_are_spread_over_lanes() {
        let rows = TargetRows {
            numbers: (0..32 * 32).map(|i| i as f64).collect(),
            width: 18,
            stride: 32,
        };
        let members: Vec<u64> = (0..19).map(|i| (i * 7) % 32).collect();
        let lanes = 3;
        let mut to = vec![Lanes::zero(); 18 * lanes];
        rows.load(&members, lanes, &mut to);
        for (b, member) in members.iter().enumerate() {
            for e in 0..18 {
                let found = to[e * lanes + b / LANES].0[b % LANES];
                assert_eq!(found, (*member as usize * 32 + e) as f64);
            }
        }
    }
}
