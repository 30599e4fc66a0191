//! Scales, ticks, and a rectangle with axes into which curves and points are drawn.

use super::colour::SERIES;
use super::scene::{Anchor, Label, Mark, Paint, Scene};
use super::text;

/// Size of tick labels and legends, in points.
pub const SMALL: f64 = 7.0;
/// Size of axis titles.
pub const NORMAL: f64 = 8.0;

/// Values of a linear axis are drawn up to here, so that their distances are numbers.
const LARGEST: f64 = f64::MAX / 8.0;
/// Values of a logarithmic axis are drawn up to here and down to its inverse, so that their ratios are numbers.
const LARGEST_POWER: f64 = 1e140;

/// One direction of a plot.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub logarithmic: bool,
    /// Where the axis is marked, and with which text (empty: a short stroke alone).
    pub ticks: Vec<(f64, String)>,
}

impl Scale {
    /// From `low` to `high`, widened to whole steps of 1, 2 or 5 times a power of ten.
    pub fn linear(low: f64, high: f64, most_ticks: usize) -> Self {
        let [low, high] = [low, high].map(|x| x.clamp(-LARGEST, LARGEST));
        let (low, high) = if high > low {
            (low, high)
        } else {
            let room = if low == 0.0 {
                1.0
            } else {
                (low.abs() * 0.1).max(f64::MIN_POSITIVE)
            };
            (low - room, low + room)
        };
        let step = step((high - low) / most_ticks.max(1) as f64);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let ends = 2.0 * most_ticks.max(4) as f64;
        if !step.is_normal() || !(1.0..=ends).contains(&(last - first)) {
            // Values so near to each other, or to 0, that steps between them are lost to rounding.
            return Self {
                low,
                high,
                logarithmic: false,
                ticks: [low, high].map(|x| (x, decimal(x, high - low))).into(),
            };
        }
        let ticks = (0..=(last - first) as usize)
            .map(|i| {
                let value = (first + i as f64) * step;
                (value, decimal(value, step))
            })
            .collect();
        Self {
            low: first * step,
            high: last * step,
            logarithmic: false,
            ticks,
        }
    }

    /// Around positive values, with ticks at powers of ten, and between them where there are few.
    /// The limits are the values' own, a little widened, and not the next powers.
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let [low, high] = [low, high].map(|x| x.clamp(1.0 / LARGEST_POWER, LARGEST_POWER));
        let (low, high) = if high > low * 1.001 {
            let room = (high / low).powf(0.04);
            (low / room, high * room)
        } else {
            (low / 2.0, high * 2.0)
        };
        let decades = (high / low).log10();
        let every = ((decades / 6.0).ceil() as i32).max(1);
        let mut ticks = Vec::new();
        for power in low.log10().floor() as i32..=high.log10().ceil() as i32 {
            for factor in 1..10 {
                let value = f64::from(factor) * 10f64.powi(power);
                if !(low..=high).contains(&value) {
                    continue;
                }
                let named = match factor {
                    1 => power.rem_euclid(every) == 0,
                    2 => decades < 2.0,
                    5 => decades < 2.0,
                    3 => decades < 0.7,
                    _ => decades < 0.35,
                };
                if named {
                    ticks.push((value, power_of_ten(factor, power)));
                } else if decades < 4.0 {
                    ticks.push((value, String::new()));
                }
            }
        }
        Self {
            low,
            high,
            logarithmic: true,
            ticks,
        }
    }

    /// Makes room below a logarithmic axis for a line at its lower end, `share` of the whole length away from the
    /// lowest value so far.
    pub fn add_floor(&mut self, share: f64, label: &str) {
        self.low /= (self.high / self.low).powf(share / (1.0 - share));
        self.ticks.insert(0, (self.low, label.to_owned()));
    }

    /// Where a value lies: 0 at `low`, 1 at `high`. Values beyond are moved to the limit; where both limits are
    /// the same number, as of a width of 1e17 with room around it, everything is in the middle.
    pub fn place(&self, value: f64) -> f64 {
        if self.low >= self.high {
            return 0.5;
        }
        let t = if self.logarithmic {
            if value <= 0.0 {
                return 0.0;
            }
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        t.clamp(0.0, 1.0)
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `x`.
fn step(x: f64) -> f64 {
    let power = 10f64.powf(x.log10().floor());
    let found = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|f| f * power >= x * (1.0 - 1e-9));
    found.unwrap_or(10.0) * power
}

/// A tick of a linear axis with as many decimals as its steps need.
fn decimal(value: f64, step: f64) -> String {
    if step >= 1e3 && value != 0.0 {
        for (unit, letter) in [(1e6, "M"), (1e3, "k")] {
            if value.abs() >= unit && step >= unit / 10.0 {
                let decimals = usize::from(step < unit);
                return format!("{:.decimals$}{letter}", value / unit);
            }
        }
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text
        .trim_start_matches('-')
        .chars()
        .all(|c| c == '0' || c == '.')
    {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    };
    text.replace('-', "−")
}

/// `1`, `0.05`, `2·10⁻⁷`.
fn power_of_ten(factor: i32, power: i32) -> String {
    if (-2..=3).contains(&power) {
        let decimals = usize::try_from(-power).unwrap_or(0);
        return format!("{:.decimals$}", f64::from(factor) * 10f64.powi(power));
    }
    let digits: String = power
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            c => c
                .to_digit(10)
                .and_then(|d| char::from_u32(0x2070 + d))
                .unwrap_or(c),
        })
        .collect();
    if factor == 1 {
        format!("10{digits}")
    } else {
        format!("{factor}·10{digits}")
    }
}

/// A rectangle with axes.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Panel {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Scale,
    pub y: Scale,
}

/// How a curve looks.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Style {
    pub paint: Paint,
    pub dash: Option<(f64, f64)>,
}

impl Style {
    /// The `i`-th series: colour and dashes both differ.
    pub fn series(i: usize) -> Self {
        let dashes = [None, Some((5.0, 2.0)), Some((1.5, 1.5)), Some((7.0, 1.5))];
        Self {
            paint: SERIES[i % SERIES.len()],
            dash: dashes[i % dashes.len()],
        }
    }

    /// Draws a line through points of the scene.
    pub fn line(self, scene: &mut Scene, points: Vec<(f64, f64)>, width: f64) {
        scene.marks.push(Mark::Line {
            points,
            paint: self.paint,
            width,
            dash: self.dash,
        });
    }
}

impl Panel {
    /// A point of the plot in the scene.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.left + self.x.place(x) * self.width,
            self.top + (1.0 - self.y.place(y)) * self.height,
        )
    }

    /// How much room the tick labels of `y` take.
    pub fn tick_room(y: &Scale) -> f64 {
        text::widest(y.ticks.iter().map(|(_, label)| label), SMALL) + 4.0
    }

    /// Axes, grid lines, ticks and titles; `x_title` empty for a panel above another.
    pub fn draw_axes(&self, scene: &mut Scene, x_title: &str, y_title: &str) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for (value, label) in &self.y.ticks {
            let y = self.at(self.x.low, *value).1;
            if label.is_empty() {
                scene.line((self.left - 1.5, y), (self.left, y), Paint::Muted, 0.4);
            } else {
                scene.line((self.left, y), (right, y), Paint::Grid, 0.5);
                scene.text(self.left - 3.0, y + 2.5, SMALL, Anchor::End, label);
            }
        }
        for (value, label) in &self.x.ticks {
            let x = self.at(*value, self.y.low).0;
            scene.line((x, bottom), (x, bottom + 2.0), Paint::Muted, 0.5);
            scene.text(x, bottom + 9.0, SMALL, Anchor::Middle, label);
        }
        scene.line(
            (self.left, self.top),
            (self.left, bottom),
            Paint::Muted,
            0.6,
        );
        scene.line((self.left, bottom), (right, bottom), Paint::Muted, 0.6);
        title_below(scene, self.left + self.width / 2.0, bottom, x_title);
        let x = self.left - Self::tick_room(&self.y) - 3.0;
        let middle = self.top + self.height / 2.0;
        let y_title = text::shorten(y_title, NORMAL, self.height + 12.0);
        scene.label(Label {
            upwards: true,
            ..Label::new(x, middle, NORMAL, Anchor::Middle, &y_title)
        });
    }
}

fn title_below(scene: &mut Scene, middle: f64, bottom: f64, title: &str) {
    scene.text(middle, bottom + 20.0, NORMAL, Anchor::Middle, title);
}

/// The axis below rows of bars or marks.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct RowAxis {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub bottom: f64,
    pub scale: Scale,
}

impl RowAxis {
    /// Where a value lies in the scene.
    pub fn at(&self, value: f64) -> f64 {
        self.left + self.scale.place(value) * self.width
    }

    /// A grid line through all rows at each tick, and its label below them.
    pub fn draw(&self, scene: &mut Scene) {
        for (value, label) in &self.scale.ticks {
            let x = self.at(*value);
            scene.line((x, self.top), (x, self.bottom), Paint::Grid, 0.5);
            scene.text(x, self.bottom + 9.0, SMALL, Anchor::Middle, label);
        }
    }

    /// The title below the labels.
    pub fn title(&self, scene: &mut Scene, title: &str) {
        title_below(scene, self.left + self.width / 2.0, self.bottom, title);
    }
}

/// Draws a legend in rows from `(left, top)` on and returns its height.
pub fn legend(
    scene: &mut Scene,
    (left, top): (f64, f64),
    room: f64,
    entries: &[(String, Style)],
) -> f64 {
    let (mut x, mut y) = (left, top + SMALL);
    for (name, style) in entries {
        let name = text::shorten(name, SMALL, room - 20.0);
        let length = 16.0 + text::width(&name, SMALL);
        if x > left && x + length > left + room {
            x = left;
            y += SMALL + 4.0;
        }
        style.line(scene, vec![(x, y - 2.5), (x + 13.0, y - 2.5)], 1.5);
        scene.text(x + 16.0, y, SMALL, Anchor::Start, &name);
        x += length + 9.0;
    }
    y + 6.0 - top
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(scale: &Scale) -> Vec<&str> {
        let labels = scale.ticks.iter().map(|(_, label)| label.as_str());
        labels.filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn axes_of_any_finite_values_are_short_and_finite() {
        let extremes = [f64::MAX, 1e308, 1.0, 1.0 + 1e-15, 1e-308, 5e-324, 0.0];
        let around = |x: f64| Scale {
            low: x - 0.4,
            high: x + 0.4,
            ..Scale::linear(x, x, 8)
        };
        assert_eq!(around(4e111).place(4e111), 0.5);
        let extremes = extremes
            .into_iter()
            .chain([1e9, 3e16, 0.1, 7e-9])
            .flat_map(|x| [x, x.next_up().min(f64::MAX)]);
        let all = extremes.flat_map(|x| [x, -x]);
        for (low, high) in all
            .clone()
            .flat_map(|low| all.clone().map(move |high| (low, high)))
        {
            if low > high {
                continue;
            }
            let mut scales = vec![Scale::linear(low, high, 5)];
            if low > 0.0 {
                scales.push(Scale::logarithmic(low, high));
            }
            for scale in scales {
                assert!(scale.low < scale.high && (scale.high - scale.low).is_finite());
                assert!(scale.ticks.len() < 3000, "{low} to {high}");
                assert!((0.0..=1.0).contains(&scale.place(low)));
                assert!((0.0..=1.0).contains(&scale.place(high)));
            }
        }
    }

    #[test]
    fn linear_ticks_are_round_and_hold_all_values() {
        let scale = Scale::linear(0.0, 300_000.0, 5);
        assert_eq!(named(&scale), ["0", "100k", "200k", "300k"]);
        assert_eq!(
            named(&Scale::linear(-0.7, 1.0, 5)),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
        let flat = Scale::linear(3.0, 3.0, 4);
        assert!(flat.low < 3.0 && flat.high > 3.0);
    }

    #[test]
    fn logarithmic_limits_are_those_of_the_values() {
        let scale = Scale::logarithmic(2e-6, 30.0);
        assert!(scale.low > 1e-6 && scale.high < 100.0);
        assert_eq!(named(&scale), ["10⁻⁴", "0.01", "1"]);
        assert_eq!(scale.place(0.0), 0.0);
        assert_eq!(named(&Scale::logarithmic(0.15, 0.6)), ["0.2", "0.3", "0.5"]);
    }
}
