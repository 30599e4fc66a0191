//! The axis of a metric's values, and what a caption says of values that have no place on it.

use super::axis::Scale;
use super::scene::{Mark, Paint, Scene};
use crate::results::Series;
use base::numbers::count;

/// Smaller values are 0 but for rounding; they would stretch a logarithmic axis.
pub const SMALLEST: f64 = 1e-8;
/// Cosines and shares of variance end at 1; what is below −1 would hide how near to 1 the others are.
const LOWEST: f64 = -1.0;

/// A panel: title of its axis, whether that is logarithmic, series by name.
pub type Plot<'a> = (&'a str, bool, &'a [(String, Series)]);

/// The names of all panels' series, in their order.
pub fn names<'a>(panels: &[Plot<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in panels.iter().flat_map(|(.., series)| *series) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// A panel's series of a name.
pub fn named<'a>((.., series): &Plot<'a>, name: &str) -> Option<&'a Series> {
    let found = series.iter().find(|(known, _)| known == name);
    found.map(|(_, series)| series)
}

/// Draws a run as a point.
pub fn dot(scene: &mut Scene, at: (f64, f64), fill: Paint) {
    scene.dot(at, 1.3, fill, 0.75);
}

/// Draws a median's interval as a bar between two of its corners.
pub fn interval_bar(scene: &mut Scene, a: (f64, f64), b: (f64, f64), fill: Paint) {
    scene.marks.push(Mark::Area {
        points: vec![a, (b.0, a.1), b, (a.0, b.1)],
        fill,
        opacity: 0.3,
    });
}

/// The axis of a metric's values.
#[derive(Clone, Debug)]
pub struct Axis {
    /// From the lowest to the highest that is drawn.
    pub scale: Scale,
    smallest: f64,
}

impl Axis {
    /// Around the series' values; none if none can be drawn. What is too small for a logarithmic axis stands on a
    /// line of its own, by `floor` of the axis' length below the smallest value that is not.
    pub fn new<'a>(
        series: impl Iterator<Item = &'a Series>,
        logarithmic: bool,
        floor: f64,
        displaced: &mut Displaced,
    ) -> Option<Self> {
        let smallest = if logarithmic { SMALLEST } else { LOWEST };
        let values: Vec<f64> = series.flat_map(|s| &s.points).map(|p| p.1).collect();
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let shown = || finite().filter(|v| *v >= smallest);
        let below = finite().count() - shown().count();
        let low = shown().fold(f64::INFINITY, f64::min);
        let high = shown().fold(f64::NEG_INFINITY, f64::max);
        if logarithmic && !low.is_finite() || finite().count() == 0 {
            return None;
        }
        let mut scale = match (logarithmic, below) {
            (true, _) => Scale::logarithmic(low, high),
            (false, 0) => Scale::linear(start(low), 1.0, 5),
            (false, _) => Scale::linear(LOWEST, 1.0, 5),
        };
        if below > 0 && logarithmic {
            scale.add_floor(floor, "< 10⁻⁸");
            displaced.too_small += below;
        } else if below > 0 {
            if let Some((_, label)) = scale.ticks.first_mut() {
                label.insert_str(0, "≤ ");
            }
            displaced.below_minus_one += below;
        }
        displaced.non_finite += values.len() - finite().count();
        Some(Self { scale, smallest })
    }

    /// A value, or what stands for it on the axis.
    pub fn shown(&self, value: f64) -> f64 {
        if value < self.smallest {
            f64::NEG_INFINITY
        } else {
            value
        }
    }
}

/// Shares begin at 0, but where all are near 1 their differences are to be seen.
fn start(low: f64) -> f64 {
    if low < 0.5 {
        low.min(0.0)
    } else {
        low.min(0.9)
    }
}

/// How many values of a figure do not stand in their place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Displaced {
    too_small: usize,
    below_minus_one: usize,
    non_finite: usize,
}

impl Displaced {
    /// What a caption says of them: nothing, or sentences that begin with a space.
    pub fn sentences(&self) -> String {
        let mut text = String::new();
        for (n, below, line) in [
            (self.too_small, "below 10⁻⁸", "“< 10⁻⁸”"),
            (self.below_minus_one, "below −1", "“≤ −1”"),
        ] {
            if n > 0 {
                let stand = if n == 1 { "stands" } else { "stand" };
                text += &format!(" {} {below} {stand} on the line {line}.", count(n, "value"));
            }
        }
        match self.non_finite {
            0 => {}
            1 => text += " 1 value is not finite and not drawn; medians count it as the largest.",
            n => {
                text += &format!(
                    " {n} values are not finite and not drawn; medians count them as the largest."
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series {
            points: values.iter().map(|v| (8.0, *v)).collect(),
            no_sample: false,
        }
    }

    fn axis(values: &[f64], logarithmic: bool) -> (Option<Axis>, String) {
        let mut displaced = Displaced::default();
        let series = series(values);
        let axis = Axis::new([&series].into_iter(), logarithmic, 0.1, &mut displaced);
        (axis, displaced.sentences())
    }

    #[test]
    fn what_is_too_small_for_a_logarithmic_axis_has_a_line_of_its_own_below_it() {
        let (found, caption) = axis(&[1e-3, 1e-9, 0.1, 0.0], true);
        let found = found.unwrap();
        assert_eq!(caption, " 2 values below 10⁻⁸ stand on the line “< 10⁻⁸”.");
        assert_eq!(found.scale.ticks[0].1, "< 10⁻⁸");
        assert_eq!(found.scale.place(found.shown(1e-9)), 0.0);
        let lowest = found.scale.place(found.shown(1e-3));
        assert!(lowest > 0.1 && lowest < 0.15, "{lowest}");
        let (found, caption) = axis(&[1e-3, 0.1], true);
        assert_eq!(caption, "");
        let ticks = found.unwrap().scale.ticks;
        assert!(ticks.iter().all(|(_, label)| !label.contains('<')));
        assert!(axis(&[0.0, 1e-9], true).0.is_none());
    }

    #[test]
    fn an_axis_of_shares_begins_at_0_unless_all_are_near_1() {
        let low = |values: &[f64]| axis(values, false).0.unwrap().scale.low;
        assert_eq!(low(&[0.2, 1.0]), 0.0);
        assert_eq!(low(&[0.98, 1.0]), 0.9);
        approx::assert_relative_eq!(low(&[0.62, 1.0]), 0.6);
        assert_eq!(low(&[1.0]), 0.9);
        let (found, caption) = axis(&[-7.5, 0.5, f64::INFINITY], false);
        assert_eq!(
            caption,
            " 1 value below −1 stands on the line “≤ −1”. 1 value is not finite and not drawn; medians count it \
             as the largest."
        );
        assert_eq!(found.unwrap().scale.ticks[0].1, "≤ −1.0");
    }
}
