//! Sums of many [`Lanes`], each to one number, sixteen at a time.

use crate::engines::fused::simd::{LANES, Lanes, Precision, kernels, one_at_a_time};

/// Two [`Lanes`] of blocks of `2·W` numbers become one of blocks of `W`: each block's halves are added,
/// those of `a` first.
#[inline(always)]
fn halve<const W: usize, F: Precision>(a: Lanes<F>, b: Lanes<F>) -> Lanes<F> {
    let (mut low, mut high) = (a, b);
    for l in 0..LANES {
        let from = if l < LANES / 2 { &a } else { &b };
        let at = (l / W) * 2 * W % LANES + l % W;
        low.0[l] = from.0[at];
        high.0[l] = from.0[at + W];
    }
    low + high
}

/// The sums of sixteen [`Lanes`] each, with the bits of [`Lanes::sum`]: halves of two of them are
/// added at once.
#[inline(always)]
pub fn sums<F: Precision>(x: &[Lanes<F>; LANES]) -> Lanes<F> {
    // In the order of reversed bits, which the halving undoes. Plain loops: the closures of `from_fn`
    // would be compiled apart, without the wide instructions.
    let mut parts = [
        x[0], x[8], x[4], x[12], x[2], x[10], x[6], x[14], x[1], x[9], x[5], x[13], x[3], x[11],
        x[7], x[15],
    ];
    for j in 0..8 {
        one_at_a_time();
        parts[j] = halve::<8, F>(parts[j], parts[j + 8]);
    }
    for j in 0..4 {
        one_at_a_time();
        parts[j] = halve::<4, F>(parts[j], parts[j + 4]);
    }
    for j in 0..2 {
        one_at_a_time();
        parts[j] = halve::<2, F>(parts[j], parts[j + 2]);
    }
    halve::<1, F>(parts[0], parts[1])
}

/// The sums of four [`Lanes`] each, in the first four numbers, with the same bits.
#[inline(always)]
pub fn sums_of_four<F: Precision>(x: &[Lanes<F>; 4]) -> Lanes<F> {
    let none = Lanes::zero();
    let fours = halve::<4, F>(halve::<8, F>(x[0], x[1]), halve::<8, F>(x[2], x[3]));
    halve::<1, F>(halve::<2, F>(fours, none), none)
}

/// The sum of each [`Lanes`]; both are of the same length.
#[inline(always)]
pub fn sum_each<F: Precision>(from: &[Lanes<F>], to: &mut [F]) {
    let (sixteens, rest) = from.as_chunks::<LANES>();
    let (to_sixteens, to_rest) = to.split_at_mut(sixteens.len() * LANES);
    for (from, to) in sixteens.iter().zip(to_sixteens.chunks_exact_mut(LANES)) {
        one_at_a_time();
        to.copy_from_slice(&sums(from).0);
    }
    for (from, to) in rest.iter().zip(to_rest) {
        one_at_a_time();
        *to = from.sum();
    }
}

kernels! {
    /// [`sum_each`], compiled for the machine.
    pub fn sum_each_of<'a, F>(from: &'a [Lanes<F>], to: &'a mut [F]) {
        sum_each(from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sum_has_the_bits_of_its_own() {
        let many: Vec<Lanes<f32>> = (0..19)
            .map(|k| Lanes(std::array::from_fn(|l| 1.0 / (1 + k * 7 + l * l) as f32)))
            .collect();
        let mut sums = [0.0; 19];
        sum_each(&many, &mut sums);
        let four = sums_of_four(&[many[0], many[1], many[2], many[3]]);
        assert_eq!(four.0[..4], sums[..4]);
        for (sum, lanes) in sums.iter().zip(&many) {
            assert_eq!(*sum, lanes.sum());
        }
    }
}
