//! The numbers that a proof computes with: float64, and double-double where that is not enough.
//!
//! Nothing is asked of a scalar but that its sums and products are right up to [`Scalar::ROUNDING`]; every other bound
//! (quotients, roots, exponentials) is derived from these two in [`super::ball`].

/// A number of limited precision.
pub trait Scalar: Copy + Send + Sync + std::fmt::Debug + PartialOrd {
    /// `u`: a sum and a product are `(x ∘ y)(1 + δ)` with `|δ| ≤ u`, but for [`TINY`] where a product underflows.
    const ROUNDING: f64;
    /// Terms of the exponential's series on `|r| ≤ 0.36` whose remainder is below `u`.
    const EXP_TERMS: u32;
    /// `ln 2`, and how far it may be from it.
    const LN_2: (Self, f64);
    /// The number itself, exactly.
    fn new(x: f64) -> Self;
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self · other`.
    fn mul(self, other: Self) -> Self;
    /// `−self`, exactly.
    fn neg(self) -> Self;
    /// About `self / other`: who uses it checks what it got.
    fn about_quotient(self, other: Self) -> Self;
    /// `self · 2^power` up to [`TINY`], for powers from −1000 to 1000.
    fn times_power_of_two(self, power: i32) -> Self;
    /// The nearest float64 or a neighbour of it: off by at most `2^-52` of it.
    fn to_f64(self) -> f64;
    /// Whether it is 0.
    fn is_zero(self) -> bool;
}

/// What underflow may cost an operation: `2^-1000`, far more than it does.
pub const TINY: f64 = f64::from_bits((1023 - 1000) << 52);

/// `2^power` for powers from −1022 to 1023.
fn power_of_two(power: i32) -> f64 {
    f64::from_bits(((1023 + power.clamp(-1022, 1023)) as u64) << 52)
}

impl Scalar for f64 {
    const ROUNDING: f64 = f64::EPSILON / 2.0; // 2^-53, IEEE 754
    const EXP_TERMS: u32 = 14;
    const LN_2: (Self, f64) = (std::f64::consts::LN_2, f64::EPSILON / 4.0); // half a unit in its last place

    #[inline]
    fn new(x: f64) -> Self {
        x
    }
    #[inline]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline]
    fn neg(self) -> Self {
        -self
    }
    #[inline]
    fn about_quotient(self, other: Self) -> Self {
        self / other
    }
    #[inline]
    fn times_power_of_two(self, power: i32) -> Self {
        self * power_of_two(power)
    }
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline]
    fn is_zero(self) -> bool {
        self == 0.0
    }
}

/// A double-double: the sum of two float64, the second at most half a unit in the last place of the first. About 106
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct DoubleDouble {
    /// The sum, rounded to float64.
    pub high: f64,
    /// What is left.
    pub low: f64,
}

/// `a + b` as its rounding and the error of that, exactly.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The same where `|a| ≥ |b|`, or `a` is 0.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    DoubleDouble {
        high,
        low: b - (high - a),
    }
}

/// `a·b` as its rounding and the error of that, exactly up to [`TINY`].
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// Sums are right up to `3u²/(1 − 4u)` and products up to `5u²`, `u = 2^-53` (Joldes, Muller and Popescu, *Tight and
/// rigorous error bounds for basic building blocks of double-word arithmetic*, 2017, algorithms 6 and 12).
impl Scalar for DoubleDouble {
    const ROUNDING: f64 = f64::EPSILON * f64::EPSILON * 2.0; // 2^-103 = 8u²
    const EXP_TERMS: u32 = 24;
    const LN_2: (Self, f64) = (
        Self {
            high: std::f64::consts::LN_2,
            low: f64::from_bits(0x3C7A_BC9E_3B39_803F),
        },
        f64::EPSILON * f64::EPSILON / 16.0, // 2^-108; half a unit in the last place of `low` is 2^-109
    );

    #[inline]
    fn new(x: f64) -> Self {
        Self { high: x, low: 0.0 }
    }

    #[inline]
    fn add(self, other: Self) -> Self {
        let (high, high_error) = two_sum(self.high, other.high);
        let (low, low_error) = two_sum(self.low, other.low);
        let sum = fast_two_sum(high, high_error + low);
        fast_two_sum(sum.high, low_error + sum.low)
    }

    #[inline]
    fn mul(self, other: Self) -> Self {
        let (high, error) = two_product(self.high, other.high);
        let low = self.high.mul_add(other.low, self.low * other.low);
        fast_two_sum(high, error + self.low.mul_add(other.high, low))
    }

    #[inline]
    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }

    /// The quotient of the high parts, and that of what it leaves.
    fn about_quotient(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self.add(other.mul(Self::new(-first)));
        fast_two_sum(first, rest.high / other.high)
    }

    #[inline]
    fn times_power_of_two(self, power: i32) -> Self {
        let power = power_of_two(power);
        Self {
            high: self.high * power,
            low: self.low * power,
        }
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self.high
    }

    #[inline]
    fn is_zero(self) -> bool {
        self.high == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A whole number below 2^60 as a double-double, and back.
    fn of(x: i64) -> DoubleDouble {
        let high = x as f64;
        DoubleDouble {
            high,
            low: (i128::from(x) - high as i128) as f64,
        }
    }

    fn whole(x: DoubleDouble) -> i128 {
        x.high as i128 + x.low as i128
    }

    proptest! {
        #[test]
        fn double_doubles_add_and_multiply_whole_numbers_up_to_their_bound(
            a in -(1i64 << 60)..1 << 60,
            b in -(1i64 << 60)..1 << 60,
        ) {
            prop_assert_eq!(whole(of(a)), i128::from(a));
            // 61 bits fit into 106.
            prop_assert_eq!(whole(of(a).add(of(b))), i128::from(a) + i128::from(b));
            let exact = i128::from(a) * i128::from(b);
            let error = (whole(of(a).mul(of(b))) - exact).unsigned_abs();
            prop_assert!(error as f64 <= DoubleDouble::ROUNDING * exact.unsigned_abs() as f64 * 1.000_001);
        }

        #[test]
        fn double_doubles_divide_what_they_multiplied(a in 1i64..1 << 60, b in 1i64..1 << 60) {
            let quotient = of(a).about_quotient(of(b));
            let error = quotient.mul(of(b)).add(of(a).neg());
            prop_assert!(error.high.abs() <= 1e-30 * a as f64);
        }
    }

    #[test]
    fn double_doubles_keep_what_float64_loses() {
        let third = DoubleDouble::new(1.0).about_quotient(DoubleDouble::new(3.0));
        let rest = third
            .mul(DoubleDouble::new(3.0))
            .add(DoubleDouble::new(-1.0));
        assert!(rest.high.abs() < 1e-31);
        let tiny = DoubleDouble::new(1.0).add(DoubleDouble::new(1e-25));
        assert_eq!(tiny.add(DoubleDouble::new(-1.0)).high, 1e-25);
        assert_eq!((1.0 + 1e-25) - 1.0, 0.0);
    }

    #[test]
    fn powers_of_two_are_exact() {
        assert_eq!(power_of_two(-1022), f64::MIN_POSITIVE);
        assert_eq!((power_of_two(0), power_of_two(10)), (1.0, 1024.0));
        assert_eq!(TINY, power_of_two(-1000));
        assert_eq!(f64::ROUNDING, power_of_two(-53));
        assert_eq!(DoubleDouble::ROUNDING, power_of_two(-103));
        assert_eq!(DoubleDouble::LN_2.1, power_of_two(-108));
    }
}
