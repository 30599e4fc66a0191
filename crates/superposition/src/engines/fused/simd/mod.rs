//! Sixteen numbers at a time: the unit that every kernel works in.
//!
//! A [`Lanes`] holds one quantity for sixteen sequences of the batch. Its operations are plain loops
//! that the compiler turns into vector instructions, inside functions that `kernels!` compiles
//! once for each instruction set (AVX-512, AVX2 with FMA, NEON, ...) and chooses from when the
//! program runs. The number of lanes, the order of every sum and the fused multiply-add are the same
//! everywhere, so that the bits of a result do not depend on the machine.

pub mod instructions;
pub mod linear;
pub mod outer;
pub mod precision;
pub mod sums;

pub use precision::Precision;

/// Numbers in a [`Lanes`].
pub const LANES: usize = 16;

/// One quantity for sixteen sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Lanes<F>(pub [F; LANES]);

impl<F: Precision> Lanes<F> {
    /// All zero.
    #[inline(always)]
    pub fn zero() -> Self {
        Self([F::zero(); LANES])
    }

    /// The same number in each lane.
    #[inline(always)]
    pub fn splat(x: F) -> Self {
        Self([x; LANES])
    }

    /// The first sixteen numbers of `from`, as one load: number by number the compiler may take them apart.
    #[inline(always)]
    pub fn load(from: &[F]) -> Self {
        let mut lanes = Self::zero();
        lanes.0.copy_from_slice(&from[..LANES]);
        lanes
    }

    /// Writes them to the first sixteen places of `to`.
    #[inline(always)]
    pub fn store(self, to: &mut [F]) {
        to[..LANES].copy_from_slice(&self.0);
    }

    /// A function of each lane.
    #[inline(always)]
    pub fn map(mut self, f: impl Fn(F) -> F) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    /// A function of both, lane by lane.
    #[inline(always)]
    pub fn zip(mut self, other: Self, f: impl Fn(F, F) -> F) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        self
    }

    /// `self · factor + addend`, rounded once.
    #[inline(always)]
    pub fn mul_add(mut self, factor: Self, addend: Self) -> Self {
        for ((x, y), z) in self.0.iter_mut().zip(factor.0).zip(addend.0) {
            *x = x.mul_add(y, z);
        }
        self
    }

    /// The larger of both.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, |x, y| if x > y { x } else { y })
    }

    /// `ReLU(x)`; NaN for what is no finite number. A sum that left the precision's range on its way may
    /// be −∞ where it should be large, and would end as an innocent 0.
    #[inline(always)]
    pub fn relu(self) -> Self {
        self.mul_add(Self::zero(), self.max(Self::zero()))
    }

    /// `e^{x − bound}` for `x ≤ bound`; NaN for `x = −∞`, as for [`Lanes::relu`].
    #[inline(always)]
    pub fn exp_below(self, bound: Self) -> Self {
        self.mul_add(Self::zero(), (self - bound).exp_of_negative())
    }

    /// [`Lanes::exp_below`] where the bound is the largest of the numbers itself: 0 below [`Precision::TINY`].
    #[inline(always)]
    pub fn exp_below_largest(self, largest: Self) -> Self {
        let powers = self.exp_below(largest);
        powers.map(|power| if power < F::TINY { F::zero() } else { power })
    }

    /// The largest of the lanes.
    #[inline(always)]
    pub fn largest(self) -> F {
        self.reduce(|x, y| if x > y { x } else { y })
    }

    /// The smallest of the lanes.
    #[inline(always)]
    pub fn smallest(self) -> F {
        self.reduce(|x, y| if y >= x { x } else { y })
    }

    /// A function of both halves' numbers, then of the quarters', until one is left.
    #[inline(always)]
    fn reduce(self, f: impl Fn(F, F) -> F) -> F {
        let mut parts = self.0;
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                parts[i] = f(parts[i], parts[i + width]);
            }
            width /= 2;
        }
        parts[0]
    }

    /// [`Precision::exp_of_negative`] of each lane.
    #[inline(always)]
    pub fn exp_of_negative(self) -> Self {
        self.map(F::exp_of_negative)
    }

    /// The sum of the lanes, halves first.
    #[inline(always)]
    pub fn sum(self) -> F {
        self.reduce(|x, y| x + y)
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident, $assign:ident, $assign_method:ident, $symbol:tt) => {
        impl<F: Precision> std::ops::$operator for Lanes<F> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |x, y| x $symbol y)
            }
        }

        impl<F: Precision> std::ops::$assign for Lanes<F> {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                *self = *self $symbol other;
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, +);
operator!(Sub, sub, SubAssign, sub_assign, -);
operator!(Mul, mul, MulAssign, mul_assign, *);
operator!(Div, div, DivAssign, div_assign, /);

/// How many rows of sums, `row` [`Lanes`] each, a loop of multiply-adds keeps in the registers of an instruction set,
/// beside one factor that all take and the row of the others: at least one, whose other factors can stay in memory.
#[inline(always)]
pub const fn rows_at_once<S: pulp::Simd, F>(row: usize) -> usize {
    let width = S::F32_LANES * size_of::<f32>() / size_of::<F>();
    let registers = if width == 0 {
        LANES
    } else {
        LANES.div_ceil(width)
    };
    let rows = (S::REGISTER_COUNT / registers).saturating_sub(1) / row;
    if rows > 2 { rows - 1 } else { 1 }
}

/// To be called in a loop over [`Lanes`], which is itself sixteen numbers wide: keeps the compiler
/// from looking for width across its iterations, where it finds scattered loads. No instruction.
#[inline(always)]
pub fn one_at_a_time() {
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}

/// `y ← y + a·x`, sixteen at a time, as far as both reach.
#[inline(always)]
pub fn add_scaled<F: Precision>(a: F, x: &[F], y: &mut [F]) {
    let factor = Lanes::splat(a);
    let both = x.len().min(y.len());
    let (x, y) = (&x[..both], &mut y[..both]);
    let (xs, mut ys) = (x.chunks_exact(LANES), y.chunks_exact_mut(LANES));
    let rest = xs.remainder();
    for (x, y) in xs.zip(&mut ys) {
        one_at_a_time();
        Lanes::load(x).mul_add(factor, Lanes::load(y)).store(y);
    }
    for (y, x) in ys.into_remainder().iter_mut().zip(rest) {
        *y = x.mul_add(a, *y);
    }
}

/// `Σ x·y` of numbers of equal count, in sixteen sums that are then added.
#[inline(always)]
pub fn dot<F: Precision>(x: &[F], y: &[F]) -> F {
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let mut rest = F::zero();
    for (x, y) in xs.remainder().iter().zip(ys.remainder()) {
        rest = x.mul_add(*y, rest);
    }
    let mut sums = Lanes::zero();
    for (x, y) in xs.zip(ys) {
        one_at_a_time();
        sums = Lanes::load(x).mul_add(Lanes::load(y), sums);
    }
    sums.sum() + rest
}

/// Functions compiled for each instruction set; which one runs is decided at run time.
///
/// The body must be inlined to be compiled with the wider instructions: what it calls is marked
/// `#[inline(always)]`.
macro_rules! kernels {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$lifetime:lifetime, $F:ident>(
            $($argument:ident: $type:ty),* $(,)?
        ) $(-> $output:ty)? $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name<$lifetime, $F: $crate::engines::fused::simd::Precision>(
            $($argument: $type),*
        ) $(-> $output)? {
            struct Kernel<$lifetime, $F> {
                $($argument: $type,)*
                lifetime: ::std::marker::PhantomData<&$lifetime $F>,
            }
            impl<$lifetime, $F> pulp::WithSimd for Kernel<$lifetime, $F>
            where
                $F: $crate::engines::fused::simd::Precision,
            {
                #[allow(unused_parens)]
                type Output = ($($output)?);

                #[inline(always)]
                #[allow(unused_mut)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    let Self { $(mut $argument,)* lifetime: _ } = self;
                    $body
                }
            }
            $crate::engines::fused::simd::instructions::dispatch(Kernel {
                $($argument,)*
                lifetime: ::std::marker::PhantomData,
            })
        }
    )*};
}

pub(crate) use kernels;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_numbers_are_added_as_far_as_both_reach() {
        for (from, to) in [(21, 32), (32, 21), (16, 16), (5, 40)] {
            let x: Vec<f64> = (0..from).map(f64::from).collect();
            let mut y = vec![1.0; to];
            add_scaled(2.0, &x, &mut y);
            for (k, y) in y.iter().enumerate() {
                assert_eq!(
                    *y,
                    x.get(k).map_or(1.0, |x| 1.0 + 2.0 * x),
                    "{from}, {to}: {k}"
                );
            }
        }
    }

    #[test]
    fn what_left_the_range_stays_visible() {
        let mut x = Lanes::splat(-2.0f32);
        (x.0[0], x.0[1], x.0[2]) = (f32::NEG_INFINITY, f32::INFINITY, f32::NAN);
        let (rectified, powers) = (x.relu(), x.exp_below(Lanes::zero()));
        assert!(rectified.0[..3].iter().all(|x| x.is_nan()));
        assert!(powers.0[0].is_nan() && powers.0[2].is_nan());
        // Finite numbers have the bits that they would have without the check, a zero's sign included.
        for x in [-2.0f32, -0.0, 0.0, 1.5, -1e-40, 1e-40, f32::MAX, f32::MIN] {
            let larger = Lanes::splat(x).max(Lanes::zero());
            assert_eq!(
                Lanes::splat(x).relu().0.map(f32::to_bits),
                larger.0.map(f32::to_bits),
                "{x}"
            );
            let below = Lanes::splat(x) - Lanes::splat(f32::MAX);
            assert_eq!(
                Lanes::splat(x).exp_below(Lanes::splat(f32::MAX)).0,
                below.exp_of_negative().0,
                "{x}"
            );
        }
        let lost = x.exp_below_largest(Lanes::zero());
        assert!(lost.0[0].is_nan() && lost.0[2].is_nan());
    }

    #[test]
    fn powers_of_a_softmax_are_0_or_multiply_to_normal_numbers() {
        fn check<F: Precision>(smallest_normal: f64) {
            let largest = Lanes::splat(F::from_f64(2.5));
            for i in 0..7000 {
                let below = -0.1 * f64::from(i);
                let x = Lanes::splat(F::from_f64(2.5 + below));
                let (power, exact) = (x.exp_below_largest(largest), x.exp_below(largest));
                let square = (power * power).0[0].widen();
                if power == Lanes::zero() {
                    assert!(exact.0[0] < F::TINY, "{below}");
                } else {
                    assert!(
                        power == exact && square >= smallest_normal,
                        "{below}: {square:e}"
                    );
                }
            }
        }
        check::<f32>(f64::from(f32::MIN_POSITIVE));
        check::<f64>(f64::MIN_POSITIVE);
    }

    #[test]
    fn lanes_are_summed_and_multiplied() {
        let counting = Lanes(std::array::from_fn(|i| i as f64));
        assert_eq!(counting.sum(), 120.0);
        let sum = counting.mul_add(Lanes::splat(2.0), Lanes::splat(1.0)).sum();
        assert_eq!(sum, 256.0);
        assert_eq!(counting.max(Lanes::splat(8.0)).sum(), 8.0 * 9.0 + 84.0);
    }
}
