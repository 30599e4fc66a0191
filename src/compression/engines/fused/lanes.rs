//! Sixteen numbers at a time: the unit that every kernel works in.
//!
//! A [`Lanes`] holds one quantity for sixteen sequences of the batch. Its operations are plain loops
//! that the compiler turns into vector instructions, inside functions that `kernels!` compiles
//! once for each instruction set (AVX-512, AVX2 with FMA, NEON, ...) and chooses from when the
//! program runs. The number of lanes, the order of every sum and the fused multiply-add are the same
//! everywhere, so that the bits of a result do not depend on the machine.

use crate::model::Real;

/// Numbers in a [`Lanes`].
pub const LANES: usize = 16;

/// One quantity for sixteen sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Lanes<F>(pub [F; LANES]);

/// A precision the fused engine computes in: `f32` or `f64`.
pub trait Precision: Real {
    /// A softmax whose sum, relative to a bound on its largest term, is below this is computed
    /// again with its own maximum: what is smaller has lost digits to the rounding of `x − bound`.
    const SMALL_SUM: f64;

    /// `eˣ` for `x ≤ 0`, to 2e-7 (`f32`) and 4e-16 (`f64`) of itself; 0 where that is below the
    /// smallest normal number, NaN for NaN.
    fn exp_of_negative(self) -> Self;

    /// `ln x` for a normal `x ≥ 1`, to 2e-7 and 4e-16 (absolute where `x` is near 1).
    fn ln_of_large(self) -> Self;
}

/// `1/k!`, `k` from `N − 1` down to 0: `eʳ`'s series in Horner's order.
const fn factorials<const N: usize>() -> [f64; N] {
    let mut all = [1.0; N];
    let mut k = 1;
    let mut factorial = 1.0;
    while k < N {
        factorial *= k as f64;
        all[N - 1 - k] = 1.0 / factorial;
        k += 1;
    }
    all
}

/// `2/(2k + 1)`, `k` from `N − 1` down to 0: `ln((1 + f)/(1 − f)) = f·Σ 2/(2k+1)·f²ᵏ`.
const fn odd_reciprocals<const N: usize>() -> [f64; N] {
    let mut all = [2.0; N];
    let mut k = 0;
    while k < N {
        all[N - 1 - k] = 2.0 / (2 * k + 1) as f64;
        k += 1;
    }
    all
}

macro_rules! precision {
    (
        $float:ty, $bits:ty, small $small:expr, mantissa $mantissa:expr, round $round:expr,
        smallest $smallest:expr, ln2 $ln2_high:expr, $ln2_low:expr, exp $exp_terms:expr, ln $ln_terms:expr
    ) => {
        impl Precision for $float {
            const SMALL_SUM: f64 = $small;

            #[inline(always)]
            fn exp_of_negative(self) -> Self {
                // x = n·ln 2 + r; adding 1.5·2^mantissa rounds to the integer n and leaves it in the
                // low bits, from where a shift adds it to the exponent.
                const SERIES: [f64; $exp_terms] = factorials();
                let x = if self < $smallest { $smallest } else { self };
                let shifted = x.mul_add(std::f64::consts::LOG2_E as $float, $round);
                let n = shifted - $round;
                let r = n.mul_add(-$ln2_low, n.mul_add(-$ln2_high, x));
                let mut sum = SERIES[0] as $float;
                let mut k = 1;
                while k < $exp_terms {
                    sum = sum.mul_add(r, SERIES[k] as $float);
                    k += 1;
                }
                let power = shifted.to_bits() << $mantissa;
                let result = <$float>::from_bits(sum.to_bits().wrapping_add(power));
                if self < $smallest { 0.0 } else { result }
            }

            #[inline(always)]
            fn ln_of_large(self) -> Self {
                // x = 2^e·m with m in [√½, √2); ln m from the series in f = (m − 1)/(m + 1).
                const SERIES: [f64; $ln_terms] = odd_reciprocals();
                const HALF: $bits = (std::f64::consts::FRAC_1_SQRT_2 as $float).to_bits();
                let offset = self.to_bits().wrapping_sub(HALF);
                let e = offset >> $mantissa;
                let m = <$float>::from_bits(self.to_bits().wrapping_sub(e << $mantissa));
                let f = (m - 1.0) / (m + 1.0);
                let square = f * f;
                let mut sum = SERIES[0] as $float;
                let mut k = 1;
                while k < $ln_terms {
                    sum = sum.mul_add(square, SERIES[k] as $float);
                    k += 1;
                }
                let e = e as $float;
                let result = e.mul_add($ln2_high, f.mul_add(sum, e * $ln2_low));
                if self < <$float>::INFINITY {
                    result
                } else {
                    self
                }
            }
        }
    };
}

precision!(
    f32, u32, small 1e-30, mantissa 23, round 12_582_912.0, smallest -87.0,
    ln2 0.693_145_75, 1.428_606_8e-6, exp 8, ln 6
);
precision!(
    f64, u64, small 1e-290, mantissa 52, round 6_755_399_441_055_744.0, smallest -708.0,
    ln2 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10, exp 14, ln 12
);

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

    /// The largest of the lanes.
    #[inline(always)]
    pub fn largest(self) -> F {
        let mut parts = self.0;
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                let (x, y) = (parts[i], parts[i + width]);
                parts[i] = if x > y { x } else { y };
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
        let mut parts = self.0;
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                parts[i] += parts[i + width];
            }
            width /= 2;
        }
        parts[0]
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
        $visibility fn $name<$lifetime, $F: $crate::compression::engines::fused::lanes::Precision>(
            $($argument: $type),*
        ) $(-> $output)? {
            struct Kernel<$lifetime, $F> {
                $($argument: $type,)*
                lifetime: ::std::marker::PhantomData<&$lifetime $F>,
            }
            impl<$lifetime, $F> macerator::WithSimd for Kernel<$lifetime, $F>
            where
                $F: $crate::compression::engines::fused::lanes::Precision,
            {
                #[allow(unused_parens)]
                type Output = ($($output)?);

                #[inline(always)]
                #[allow(unused_mut)]
                fn with_simd<S: macerator::Simd>(self) -> Self::Output {
                    let Self { $(mut $argument,)* lifetime: _ } = self;
                    $body
                }
            }
            macerator::AutoArch::new().dispatch(Kernel {
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

    /// Largest relative error of `f` beside the standard library's in float64, over `xs`.
    fn worst(xs: impl Iterator<Item = f64>, f: impl Fn(f64) -> f64, exact: fn(f64) -> f64) -> f64 {
        xs.map(|x| ((f(x) - exact(x)) / exact(x)).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn the_exponential_has_seven_or_fifteen_digits() {
        // Every f32 from −87 to 0 in steps of 97 units in the last place.
        let singles = || {
            (0..(-87f32).to_bits() - (-1e-8f32).to_bits())
                .step_by(97)
                .map(|i| f64::from(f32::from_bits((-1e-8f32).to_bits() + i)))
        };
        let error = worst(
            singles(),
            |x| f64::from((x as f32).exp_of_negative()),
            f64::exp,
        );
        assert!(error < 2e-7, "f32: {error:e}");
        let doubles = (0..2_000_000).map(|i| -f64::from(i) * 3.539_3e-4);
        let error = worst(doubles, |x| x.exp_of_negative(), f64::exp);
        assert!(error < 4e-16, "f64: {error:e}");
    }

    #[test]
    fn the_exponential_at_its_edges() {
        assert_eq!(0f32.exp_of_negative(), 1.0);
        assert_eq!(0f64.exp_of_negative(), 1.0);
        for x in [-87.5f32, -1e4, -1e30, f32::NEG_INFINITY] {
            assert_eq!(x.exp_of_negative(), 0.0);
        }
        for x in [-708.5f64, -1e6, -1e30, f64::NEG_INFINITY] {
            assert_eq!(x.exp_of_negative(), 0.0);
        }
        assert!(f32::NAN.exp_of_negative().is_nan());
        assert!(f64::NAN.exp_of_negative().is_nan());
    }

    #[test]
    fn the_logarithm_has_seven_or_fifteen_digits() {
        let xs = || (0..1_000_000).map(|i| 1.0 + 1e-3 * f64::from(i));
        let error = |f: &dyn Fn(f64) -> f64, rounded: &dyn Fn(f64) -> f64| {
            xs().map(|x| (f(x) - rounded(x).ln()).abs() / rounded(x).ln().max(1.0))
                .fold(0.0, f64::max)
        };
        let single = error(&|x| f64::from((x as f32).ln_of_large()), &|x| {
            f64::from(x as f32)
        });
        assert!(single < 2e-7, "f32: {single:e}");
        let double = error(&|x| x.ln_of_large(), &|x| x);
        assert!(double < 4e-16, "f64: {double:e}");
        assert_eq!(1f64.ln_of_large(), 0.0);
        assert!(f32::NAN.ln_of_large().is_nan());
        assert_eq!(f32::INFINITY.ln_of_large(), f32::INFINITY);
    }

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
    fn lanes_are_summed_and_multiplied() {
        let counting = Lanes(std::array::from_fn(|i| i as f64));
        assert_eq!(counting.sum(), 120.0);
        let sum = counting.mul_add(Lanes::splat(2.0), Lanes::splat(1.0)).sum();
        assert_eq!(sum, 256.0);
        assert_eq!(counting.max(Lanes::splat(8.0)).sum(), 8.0 * 9.0 + 84.0);
    }
}
