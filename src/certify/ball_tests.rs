//! Balls hold the exact number: whole numbers over powers of two are known exactly, and what has no end is compared with
//! digits that are known.

use super::*;
use crate::certify::scalar::DoubleDouble;
use proptest::prelude::*;

/// Whether a ball holds the number whose float64 is `high` and whose rest is `low`.
fn holds<S: Scalar>(ball: Ball<S>, high: f64, low: f64) -> bool {
    let rest = ball.mid.add(S::new(-high)).add(S::new(-low));
    rest.to_f64().abs() <= ball.radius * (1.0 + 1e-9) + 1e-40
}

/// Numbers that float64 cannot sum or multiply exactly, as multiples of `2^-40`.
fn fixed(x: i64) -> f64 {
    x as f64 / (1u64 << 40) as f64
}

/// A whole number of `2^-80` as a double-double, exactly.
fn of_i128(x: i128) -> DoubleDouble {
    let high = x as f64;
    let low = (x - high as i128) as f64;
    DoubleDouble { high, low }.times_power_of_two(-80)
}

/// An expression with its exact value in units of `2^-80`.
fn exact_dot(pairs: &[(i64, i64)]) -> i128 {
    pairs
        .iter()
        .map(|(a, b)| i128::from(*a) * i128::from(*b))
        .sum()
}

fn ball_dot<S: Scalar>(pairs: &[(i64, i64)]) -> Ball<S> {
    let mut sum = Sum::default();
    for (i, (a, b)) in pairs.iter().enumerate() {
        let (a, b) = (fixed(*a), fixed(*b));
        // The ways of adding a term.
        match i % 3 {
            0 => sum.add_product(Ball::exact(a), Ball::exact(b)),
            1 => sum.add_weighted(a, Ball::exact(b)),
            _ => sum.add(Ball::exact(a) * Ball::exact(b)),
        }
    }
    sum.finish()
}

proptest! {
    #[test]
    fn balls_hold_the_exact_sum_of_products(
        pairs in proptest::collection::vec((-(1i64 << 50)..1 << 50, -(1i64 << 50)..1 << 50), 1..40),
    ) {
        let exact = of_i128(exact_dot(&pairs));
        let narrow = ball_dot::<f64>(&pairs);
        prop_assert!(holds(narrow, exact.high, exact.low), "{narrow:?} {exact:?}");
        prop_assert!(holds(ball_dot::<DoubleDouble>(&pairs), exact.high, exact.low));
        // And they are of use: no wider than the terms' sizes allow.
        let size: f64 = pairs.iter().map(|(a, b)| (fixed(*a) * fixed(*b)).abs()).sum();
        prop_assert!(narrow.radius <= 1e-13 * size + 1e-290);
    }

    #[test]
    fn balls_hold_results_for_all_numbers_in_them(
        x in -20.0..20.0f64, y in -20.0..20.0f64, z in 0.5..20.0f64,
        radii in proptest::array::uniform3(0.0..0.2f64), at in proptest::array::uniform3(-1.0..1.0f64),
    ) {
        fn of<S: Scalar>([x, y, z]: [Ball<S>; 3]) -> [Ball<S>; 6] {
            [
                (x + y) * z,
                x * y + -z,
                x / z + y.relu(),
                y.relu() * x / (z + z),
                x.exp() * y,
                (-(x * y / z)).exp(),
            ]
        }
        let wide = |i: usize| Ball { mid: [x, y, z][i], radius: radii[i] };
        // The same at a point in the balls, with far smaller errors.
        let point = |i: usize| Ball::<DoubleDouble>::exact([x, y, z][i] + radii[i] * at[i] * 0.999);
        let wide = of([wide(0), wide(1), wide(2)]);
        for (i, (wide, point)) in wide.iter().zip(of([point(0), point(1), point(2)])).enumerate() {
            let (high, low) = (point.mid.high, point.mid.low);
            prop_assert!(point.radius <= 1e-26 * (1.0 + high.abs()), "{i} {point:?}");
            prop_assert!(wide.radius == f64::INFINITY || holds(*wide, high, low), "{i} {wide:?} {point:?}");
            prop_assert!(i >= 4 || wide.radius < 100.0, "{i} {wide:?}");
        }
    }

    #[test]
    fn balls_hold_the_exponential_which_turns_sums_into_products(
        x in -300.0..300.0f64, y in -300.0..300.0f64,
    ) {
        fn check<S: Scalar>(x: f64, y: f64, width: f64) -> Result<(), TestCaseError> {
            let (x, y) = (Ball::<S>::exact(x), Ball::<S>::exact(y));
            let (product, sum) = (x.exp() * y.exp(), (x + y).exp());
            let difference = product + -sum;
            let size = sum.largest();
            // Two balls that hold the same number overlap, and are thin.
            prop_assert!(difference.mid.to_f64().abs() <= difference.radius);
            prop_assert!(difference.radius <= width * size + 1e-280, "{difference:?} {size}");
            Ok(())
        }
        check::<f64>(x, y, 1e-11)?;
        check::<DoubleDouble>(x, y, 1e-26)?;
    }
}

/// `(x, float64 of e^x, the rest to 32 digits)`, from tables.
const EXPONENTIALS: [(f64, &str); 5] = [
    (1.0, "2.71828182845904523536028747135266249775724709370"),
    (-1.0, "0.36787944117144232159552377016146086744581113103"),
    (0.5, "1.64872127070012814684865078781416357165377610071"),
    (2.0, "7.38905609893065022723042746057500781318031557055"),
    (10.0, "22026.4657948067165169579006452842443663535126185"),
];

/// The double-double of decimal digits.
fn decimal(text: &str) -> DoubleDouble {
    let (whole, fraction) = text.split_once('.').unwrap();
    let mut value = DoubleDouble::new(0.0);
    let ten = DoubleDouble::new(10.0);
    for digit in whole.bytes().chain(fraction.bytes()).take(33) {
        value = value
            .mul(ten)
            .add(DoubleDouble::new(f64::from(digit - b'0')));
    }
    let mut power = DoubleDouble::new(1.0);
    for _ in 0..33 - whole.len() {
        power = power.mul(ten);
    }
    value.about_quotient(power)
}

#[test]
fn exponentials_have_the_digits_of_tables() {
    for (x, digits) in EXPONENTIALS {
        let expected = decimal(digits);
        let found = Ball::<DoubleDouble>::exact(x).exp();
        let error = found.mid.add(expected.neg()).high.abs();
        assert!(
            error <= found.radius + 1e-31 * expected.high,
            "{x}: {error:e}"
        );
        assert!(found.radius < 1e-28 * expected.high, "{x}: {found:?}");
        let narrow = Ball::<f64>::exact(x).exp();
        assert!(
            holds(narrow, expected.high, expected.low),
            "{x}: {narrow:?}"
        );
        assert!(narrow.radius < 1e-13 * expected.high, "{x}: {narrow:?}");
    }
}

#[test]
fn exponentials_say_what_they_do_not_know() {
    let of = |mid: f64, radius: f64| Ball { mid, radius }.exp();
    assert_eq!(of(0.0, 0.0).mid, 1.0);
    let vanishing = of(-1e6, 1.0);
    assert_eq!(vanishing.mid, 0.0);
    assert!(vanishing.radius > 0.0 && vanishing.radius < 1e-290);
    for (mid, radius) in [(0.0, 1.5), (800.0, 0.0), (-700.0, 100.0)] {
        assert_eq!(of(mid, radius).radius, f64::INFINITY, "{mid} {radius}");
    }
    // Its own radius counts: e^0.1 − 1 is more than 0.1.
    let wide = of(0.0, 0.1);
    assert!((0.1051..0.12).contains(&wide.radius), "{wide:?}");
}

#[test]
fn quotients_and_roots_are_bounded_by_what_they_leave() {
    let third = Ball::<f64>::exact(1.0) / Ball::exact(3.0);
    assert!(third.radius > 0.0 && third.radius < 1e-15);
    let unknown = Ball::<f64>::exact(1.0)
        / Ball {
            mid: 0.5,
            radius: 0.5,
        };
    assert_eq!(unknown.radius, f64::INFINITY);
    for k in [1, 2, 3, 16, 4097] {
        let narrow = Ball::<f64>::sqrt_of(k);
        let wide = Ball::<DoubleDouble>::sqrt_of(k);
        assert!(holds(narrow, wide.mid.high, wide.mid.low), "{k}");
        assert!(wide.radius <= 1e-29 * wide.mid.high, "{k}: {wide:?}");
        let square = wide * wide + Ball::exact(-(k as f64));
        assert!(square.mid.high.abs() <= square.radius, "{k}");
    }
}

#[test]
fn a_rectified_number_is_exactly_zero_where_it_cannot_be_positive() {
    let of = |mid: f64, radius: f64| {
        let ball = Ball { mid, radius }.relu();
        (ball.mid, ball.radius)
    };
    assert_eq!(of(-1.0, 0.5), (0.0, 0.0));
    assert_eq!(of(-1.0, 1.5), (0.0, 1.5));
    assert_eq!(of(1.0, 1.5), (1.0, 1.5));
    assert_eq!(of(-1.0, f64::INFINITY).1, f64::INFINITY);
}

#[test]
fn a_number_in_float64_keeps_what_it_lost_in_its_radius() {
    let third = Ball::<DoubleDouble>::exact(1.0) / Ball::exact(3.0);
    let narrow = third.narrowed();
    let lost = third.mid.low.abs();
    assert!(lost > 0.0 && narrow.radius >= lost && narrow.radius < 1.01 * lost);
}

#[test]
fn what_overflows_is_unknown() {
    let large = Ball::<f64>::exact(1e200);
    for x in [large * large, large * large + large, large.exp()] {
        assert_eq!((x.mid, x.radius), (0.0, f64::INFINITY));
    }
    let mut sum = Sum::<f64>::default();
    sum.add_product(large * large, Ball::exact(1.0));
    assert_eq!(sum.finish().radius, f64::INFINITY);
}
