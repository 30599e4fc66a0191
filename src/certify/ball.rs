//! Numbers with a proved bound of their error.
//!
//! A ball `m ± r` says that the exact number is within `r` of `m`. Every operation returns a ball that holds the exact
//! result for all exact operands in theirs, whatever rounding does:
//!
//! ```text
//! x + y      r = r_x + r_y + u|m|
//! Σ x_i·y_i  r = Σ (r_x(|y| + r_y) + |x| r_y) + γ_2n Σ |x_i y_i|        γ_k = ku/(1 − ku)
//! x / y      r = |x − q·y|/|y|, the residual of the quotient q as a ball
//! exp x      the series' own error by these rules, its remainder, and exp(r_x) − 1 ≤ r_x + r_x² for r_x ≤ 1
//! ```
//!
//! with the scalar's `u`. A radius is itself a float64: it is computed from terms that are not negative, so that `n`
//! roundings lose at most `γ_n` of it, and is multiplied by `1 + (n + 8)·2^-52`, which is more. docs/certify.md has the
//! derivation. A radius that is infinite says that nothing is known.

use std::ops::{Add, Div, Mul, Neg};

use super::scalar::{Scalar, TINY};

/// `mid ± radius`.
#[derive(Clone, Copy, Debug)]
pub struct Ball<S> {
    /// The computed number.
    pub mid: S,
    /// How far the exact one may be from it: 0 or more, infinite if nothing is known.
    pub radius: f64,
}

/// A bound that was computed with `roundings` roundings, made one that holds.
#[inline]
pub fn upwards(bound: f64, roundings: usize) -> f64 {
    let bound = bound * (1.0 + (roundings + 8) as f64 * f64::EPSILON);
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// At least `|x|`.
#[inline]
fn magnitude<S: Scalar>(x: S) -> f64 {
    x.to_f64().abs() * (1.0 + 2.0 * f64::EPSILON)
}

/// The largest argument of the series of [`Ball::exp`]: above half of `ln 2`.
const SERIES: f64 = 0.36;
/// Below this, an exponential is less than `2^-990`.
const VANISHING: f64 = -690.0;

impl<S: Scalar> Ball<S> {
    /// The number itself.
    pub fn exact(x: f64) -> Self {
        Self {
            mid: S::new(x),
            radius: 0.0,
        }
    }

    /// A number of which nothing is known.
    fn unknown() -> Self {
        Self {
            mid: S::new(0.0),
            radius: f64::INFINITY,
        }
    }

    fn new(mid: S, radius: f64) -> Self {
        if radius.is_finite() && mid.to_f64().is_finite() {
            Self { mid, radius }
        } else {
            Self::unknown()
        }
    }

    /// Whether it is exactly 0.
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.radius == 0.0 && self.mid.is_zero()
    }

    /// No exact number of the ball is larger in magnitude.
    pub fn largest(&self) -> f64 {
        upwards(magnitude(self.mid) + self.radius, 1)
    }

    /// The same number as a ball in float64.
    pub fn narrowed(&self) -> Ball<f64> {
        let mid = self.mid.to_f64();
        let lost = self.mid.add(S::new(-mid));
        let radius = upwards(
            self.radius + magnitude(lost) + S::ROUNDING * magnitude(lost),
            3,
        );
        Ball::new(mid, radius)
    }

    /// The square root of a whole number. With `s` the computed one, `|s − √x| = |s² − x|/(s + √x) ≤ |s² − x|/s`.
    pub fn sqrt_of(x: usize) -> Self {
        let number = S::new(x as f64);
        let root = S::new((x as f64).sqrt());
        // A step of Newton's.
        let root = root.add(number.about_quotient(root)).times_power_of_two(-1);
        let mut residual = Sum::default();
        residual.add_product(Self::new(root, 0.0), Self::new(root, 0.0));
        residual.add(Self::new(number.neg(), 0.0));
        let smallest = root.to_f64() * (1.0 - 8.0 * f64::EPSILON);
        Self::new(root, upwards(residual.finish().largest() / smallest, 1))
    }

    /// `max(0, self)`, which is no farther from that of another number than the numbers are.
    pub fn relu(self) -> Self {
        let x = self.mid.to_f64();
        if x >= 0.0 {
            return self;
        }
        // Exactly 0 if no exact number of the ball is positive.
        let is_negative = -x * (1.0 - 8.0 * f64::EPSILON) > self.radius;
        Self {
            mid: S::new(0.0),
            radius: if is_negative { 0.0 } else { self.radius },
        }
    }

    /// `e^self`. With `k` near `x/ln 2`, `e^x = 2^k e^r` for `r = x − k ln 2`, and `|r| ≤ 0.36` of
    /// `Σ_{i ≤ n} r^i/i!` leaves less than `2·0.36^(n+1)/(n+1)!`.
    pub fn exp(self) -> Self {
        let x = self.mid.to_f64();
        if x + self.radius < VANISHING {
            return Self::new(S::new(0.0), TINY * 1024.0); // between 0 and e^-690 < 2^-990
        }
        if !(VANISHING - 1.0..=700.0).contains(&x) || self.radius > 1.0 {
            return Self::unknown();
        }
        let power = (x / std::f64::consts::LN_2).round();
        let mut rest = Sum::default();
        rest.add(Self::new(self.mid, 0.0));
        let (ln_2, error) = S::LN_2;
        rest.add_product(Self::new(ln_2, error), Self::exact(-power));
        let rest = rest.finish();
        if rest.largest() > SERIES {
            return Self::unknown();
        }
        // 1 + r(1 + r/2(1 + r/3(...))), from the inside.
        let one = Self::exact(1.0);
        let mut series = one;
        let mut remainder = 2.0 * SERIES;
        for i in (1..=S::EXP_TERMS).rev() {
            let i = f64::from(i);
            series = one + series * rest / Self::exact(i);
            remainder *= SERIES / i;
        }
        let remainder = remainder / f64::from(S::EXP_TERMS + 1);
        let power = power as i32;
        let scaled = |x: f64| x.times_power_of_two(power);
        let mid = series.mid.times_power_of_two(power);
        let radius = scaled(upwards(series.radius + remainder, 60)) + TINY;
        // Of the argument's own radius: e^(x + t) − e^x for |t| ≤ r.
        let own = (magnitude(mid) + radius) * self.radius * (1.0 + self.radius);
        Self::new(mid, upwards(radius + own, 8))
    }
}

impl<S: Scalar> Add for Ball<S> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if other.is_zero() {
            return self;
        }
        if self.is_zero() {
            return other;
        }
        let mid = self.mid.add(other.mid);
        let radius = self.radius + other.radius + S::ROUNDING * magnitude(mid);
        Self::new(mid, upwards(radius, 4))
    }
}

impl<S: Scalar> Neg for Ball<S> {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            mid: self.mid.neg(),
            radius: self.radius,
        }
    }
}

impl<S: Scalar> Mul for Ball<S> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut sum = Sum::default();
        sum.add_product(self, other);
        sum.finish()
    }
}

/// Nothing is known where `other` may be 0. With `q` the computed quotient, `x/y − q = (x − qy)/y` for all exact `x` and
/// `y`.
impl<S: Scalar> Div for Ball<S> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        if self.is_zero() {
            return self;
        }
        let smallest = (magnitude(other.mid) * (1.0 - 8.0 * f64::EPSILON) - other.radius)
            * (1.0 - f64::EPSILON);
        if smallest <= 0.0 || smallest.is_nan() {
            return Self::unknown();
        }
        let quotient = self.mid.about_quotient(other.mid);
        let mut residual = Sum::default();
        residual.add(self);
        residual.add_product(other, Self::new(quotient.neg(), 0.0));
        let residual = residual.finish().largest();
        Self::new(quotient, upwards(residual / smallest, 1))
    }
}

/// A sum of products that is bounded as a whole: `γ_2n` of what its terms' magnitudes sum to.
#[derive(Clone, Copy, Debug)]
pub struct Sum<S> {
    mid: S,
    /// At least `Σ |x_i y_i|`, but for rounding.
    size: f64,
    radius: f64,
    terms: usize,
}

impl<S: Scalar> Default for Sum<S> {
    fn default() -> Self {
        Self {
            mid: S::new(0.0),
            size: 0.0,
            radius: 0.0,
            terms: 0,
        }
    }
}

impl<S: Scalar> Sum<S> {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, x: Ball<S>) {
        if x.is_zero() {
            return;
        }
        self.mid = self.mid.add(x.mid);
        self.size += magnitude(x.mid);
        self.radius += x.radius;
        self.terms += 1;
    }

    /// Adds `weight · x`.
    #[inline]
    pub fn add_weighted(&mut self, weight: f64, x: Ball<S>) {
        if weight == 0.0 || x.is_zero() {
            return;
        }
        self.mid = self.mid.add(x.mid.mul(S::new(weight)));
        let weight = weight.abs();
        self.size += weight * magnitude(x.mid);
        self.radius += weight * x.radius;
        self.terms += 1;
    }

    /// Adds `x · y`.
    #[inline]
    pub fn add_product(&mut self, x: Ball<S>, y: Ball<S>) {
        if x.is_zero() || y.is_zero() {
            return;
        }
        self.mid = self.mid.add(x.mid.mul(y.mid));
        let (size_x, size_y) = (magnitude(x.mid), magnitude(y.mid));
        self.size += size_x * size_y;
        self.radius += x.radius * (size_y + y.radius) + size_x * y.radius;
        self.terms += 1;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.mid = self.mid.add(other.mid);
        self.size += other.size;
        self.radius += other.radius;
        self.terms += other.terms + 1;
    }

    /// The sum. A term passes through one product and at most `n` sums, `n` the number of terms, so that
    /// `γ_(n+1) ≤ γ_2n` bounds what rounding did to it; underflow adds [`TINY`] a term.
    #[inline]
    pub fn finish(&self) -> Ball<S> {
        if self.terms == 0 {
            return Ball::exact(0.0);
        }
        let n = self.terms as f64;
        let roundings = 2.0 * n * S::ROUNDING;
        let lost = roundings / (1.0 - 1.001 * roundings) * self.size;
        let radius = self.radius + lost + n * TINY;
        Ball::new(self.mid, upwards(radius, 4 * self.terms + 8))
    }
}

#[cfg(test)]
#[path = "ball_tests.rs"]
mod tests;
