//! One answer: what the compiled and the compressed model say at one token position, and what is proved of it.

use super::ball::{Ball, upwards};
use super::rule::{Rule, TIE_BELOW};
use super::scalar::Scalar;
use tracr::model::codec::first_largest;

/// A number, and what it is proved to lie between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    /// As computed.
    pub value: f64,
    /// No exact number is smaller.
    pub low: f64,
    /// No exact number is larger.
    pub high: f64,
}

impl Bounded {
    fn of<S: Scalar>(ball: Ball<S>) -> Self {
        let ball = ball.narrowed();
        let lost = f64::EPSILON * ball.mid.abs();
        Self {
            value: ball.mid,
            low: ball.mid - upwards(ball.radius + lost, 2),
            high: ball.mid + upwards(ball.radius + lost, 2),
        }
    }

    /// How far the exact number may be from the computed one.
    pub fn rounding(&self) -> f64 {
        f64::max(self.value - self.low, self.high - self.value)
    }
}

/// What is proved of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The compiled model does not decide: it does not count.
    Tied,
    /// Proved right.
    Right,
    /// Proved wrong.
    Wrong,
    /// Rounding may be more than what decides.
    Open,
}

/// What both models say at a position.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The compiled model's class, or its number.
    pub expected: f64,
    /// The compressed model's.
    pub found: f64,
    /// Classes: how far the compiled model's class leads there. Numbers: infinite.
    pub compiled_gap: Bounded,
    /// Classes: how far it leads in the compressed model, negative where another one does. Numbers: the absolute error.
    pub decisive: Bounded,
    /// What follows.
    pub finding: Finding,
}

/// The lead of class `own` over the best other one.
fn gap<S: Scalar>(scores: &[Ball<S>], own: usize) -> Bounded {
    let infinite = Bounded {
        value: f64::INFINITY,
        low: f64::INFINITY,
        high: f64::INFINITY,
    };
    let others = scores.iter().enumerate().filter(|(c, _)| *c != own);
    others.fold(infinite, |least, (_, score)| {
        let lead = Bounded::of(scores[own] + -*score);
        Bounded {
            value: least.value.min(lead.value),
            low: least.low.min(lead.low),
            high: least.high.min(lead.high),
        }
    })
}

fn class<S: Scalar>(scores: &[Ball<S>]) -> usize {
    first_largest(scores.iter().map(|score| score.mid.to_f64()))
}

impl Answer {
    /// From the scores of both models.
    pub fn new<S: Scalar>(rule: &Rule, compiled: &[Ball<S>], compressed: &[Ball<S>]) -> Self {
        match rule {
            Rule::Classes { .. } => Self::of_class(compiled, compressed),
            Rule::Numbers(limits) => Self::of_number(limits.max_error, compiled[0], compressed[0]),
        }
    }

    fn of_class<S: Scalar>(compiled: &[Ball<S>], compressed: &[Ball<S>]) -> Self {
        let expected = class(compiled);
        let (compiled_gap, decisive) = (gap(compiled, expected), gap(compressed, expected));
        let finding = if compiled_gap.low < TIE_BELOW {
            // Unless so little is known of it that it may be no tie at all.
            let is_known = compiled_gap.rounding() < TIE_BELOW;
            if is_known {
                Finding::Tied
            } else {
                Finding::Open
            }
        } else if decisive.low > 0.0 {
            Finding::Right
        } else if decisive.high < 0.0 {
            Finding::Wrong
        } else {
            Finding::Open
        };
        Self {
            expected: expected as f64,
            found: class(compressed) as f64,
            compiled_gap,
            decisive,
            finding,
        }
    }

    fn of_number<S: Scalar>(limit: f64, compiled: Ball<S>, compressed: Ball<S>) -> Self {
        let difference = Bounded::of(compressed + -compiled);
        let error = Bounded {
            value: difference.value.abs(),
            low: f64::max(0.0, difference.low.max(-difference.high)),
            high: f64::max(difference.high, -difference.low),
        };
        let finding = if error.high <= limit {
            Finding::Right
        } else if error.low > limit {
            Finding::Wrong
        } else {
            Finding::Open
        };
        Self {
            expected: compiled.mid.to_f64(),
            found: compressed.mid.to_f64(),
            compiled_gap: Bounded {
                value: f64::INFINITY,
                low: f64::INFINITY,
                high: f64::INFINITY,
            },
            decisive: error,
            finding,
        }
    }

    /// Whether more digits may say more: nothing is decided, or the bound is not small beside what the rule asks.
    pub fn wants_more(&self, rule: &Rule) -> bool {
        let gap = &self.compiled_gap;
        self.finding == Finding::Open
            || match rule {
                Rule::Classes { .. } => gap.low < TIE_BELOW && gap.high >= TIE_BELOW,
                Rule::Numbers(limits) => self.decisive.rounding() > 1e-3 * limits.mean_error,
            }
    }
}
