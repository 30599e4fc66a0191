//! The precisions that the engine computes in, with an exponential and a logarithm that vectorise: polynomials,
//! the same bits on every machine with a fused multiply-add.

use tracr::model::Real;

/// A precision the fused engine computes in: `f32` or `f64`.
pub trait Precision: Real {
    /// A softmax whose sum, relative to a bound on its largest term, is below this is computed
    /// again with its own maximum: what is smaller has lost digits to the rounding of `x − bound`.
    const SMALL_SUM: f64;

    /// About the square root of the smallest normal number. A power that is smaller, of some of which the largest is 1,
    /// is far below what their sum resolves, and is taken for 0: what is then multiplied by what is left stays normal,
    /// where subnormal numbers take some processors many times as long.
    const TINY: Self;

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
        $float:ty, $bits:ty, small $small:expr, tiny $tiny:expr, mantissa $mantissa:expr, round $round:expr,
        smallest $smallest:expr, ln2 $ln2_high:expr, $ln2_low:expr, exp $exp_terms:expr, ln $ln_terms:expr
    ) => {
        impl Precision for $float {
            const SMALL_SUM: f64 = $small;
            const TINY: Self = $tiny;

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
    f32, u32, small 1e-30, tiny 1.1e-19, mantissa 23, round 12_582_912.0, smallest -87.0,
    ln2 0.693_145_75, 1.428_606_8e-6, exp 8, ln 6
);
precision!(
    f64, u64, small 1e-290, tiny 1.5e-154, mantissa 52, round 6_755_399_441_055_744.0, smallest -708.0,
    ln2 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10, exp 14, ln 12
);

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
}
