//! The bar beside heat maps: colours with their numbers, and what marks an entry beyond them.

use super::axis::{SMALL, Scale};
use super::colour::diverging;
use super::colour_scale::ColourScale;
use super::scene::{Anchor, Label, Paint, Scene};
use super::text;
use base::numbers::four_digits;

/// The colour of 0, and of the marks on the darkest colours.
pub const WHITE: Paint = Paint::Rgb(255, 255, 255);
/// Side of the cells that explain the mark beside the colour bar.
const SWATCH: f64 = 8.0;

/// The mark of a cell whose entry is beyond the colours' limits: white on the darkest colours, red and blue.
pub fn clip_mark(scene: &mut Scene, x: f64, y: f64, cell: f64) {
    let middle = (x + cell / 2.0, y + cell / 2.0);
    scene.dot(middle, cell * 0.22, WHITE, 1.0);
}

/// The colour bar, `x` its left edge, its ends labelled with the limits, beside it `what` the colours are, and
/// below it what marks a cell beyond the limits; returns the right and the lower edge of everything.
pub fn draw(
    scene: &mut Scene,
    (x, top, height): (f64, f64, f64),
    colours: &ColourScale,
    what: &str,
) -> (f64, f64) {
    let steps = 64;
    let width = 8.0;
    let each = height / f64::from(steps);
    for i in 0..steps {
        let down = (f64::from(i) + 0.5) / f64::from(steps);
        let t = 1.0 - if colours.signed { 2.0 * down } else { down };
        let overlap = if i + 1 < steps { 0.6 } else { 0.0 };
        scene.rect(
            x,
            top + f64::from(i) * each,
            width,
            each + overlap,
            diverging(t),
        );
    }
    let mut widest = 0.0f64;
    for (share, label) in bar_ticks(colours, height) {
        let y = top + (1.0 - share) * height;
        scene.line((x + width, y), (x + width + 2.0, y), Paint::Muted, 0.5);
        scene.text(x + width + 4.0, y + 2.5, SMALL, Anchor::Start, &label);
        widest = widest.max(text::width(&label, SMALL));
    }
    let title = x + width + 4.0 + widest + 9.0;
    scene.label(Label {
        upwards: true,
        ..Label::new(title, top + height / 2.0, SMALL, Anchor::Middle, what)
    });
    let mut right = title + 4.0;
    let mut bottom = top + height + 6.0;
    if colours.clipped() > 0 {
        right = right.max(clip_legend(scene, (x, bottom + 6.0), colours));
        bottom += 6.0 + SWATCH + 2.0;
    }
    (right, bottom)
}

/// Where the bar is labelled, from 0 at its lower end to 1: the limits, and round numbers that are not too near to
/// them. A limit beyond which there are entries says so.
fn bar_ticks(colours: &ColourScale, height: f64) -> Vec<(f64, String)> {
    let limit = colours.limit;
    let low = if colours.signed { -limit } else { 0.0 };
    let scale = Scale {
        low,
        high: limit,
        ..Scale::linear(low, limit, 4)
    };
    let room = (SMALL + 2.0) / height;
    let end = |sign: &str, beyond: usize, relation: &str| {
        let relation = if beyond > 0 { relation } else { "" };
        format!("{relation}{sign}{}", four_digits(limit))
    };
    let between = scale.ticks.iter().filter_map(|(value, label)| {
        let share = (value - low) / (limit - low);
        (room..=1.0 - room)
            .contains(&share)
            .then(|| (share, label.clone()))
    });
    let lower = match colours.signed {
        true => end("−", colours.below, "≤ "),
        false => "0".to_owned(),
    };
    let ends = [(0.0, lower), (1.0, end("", colours.above, "≥ "))];
    between.chain(ends).collect()
}

/// Cells as those beyond the limits, and what they are; returns the right edge.
fn clip_legend(scene: &mut Scene, (x, top): (f64, f64), colours: &ColourScale) -> f64 {
    let mut left = x;
    for (sign, beyond) in [(1.0, colours.above), (-1.0, colours.below)] {
        if beyond > 0 {
            scene.rect(left, top, SWATCH, SWATCH, diverging(sign));
            clip_mark(scene, left, top, SWATCH);
            left += SWATCH + 2.0;
        }
    }
    let (y, what) = (top + SWATCH - 1.6, "off scale");
    scene.text(left + 1.0, y, SMALL, Anchor::Start, what);
    left + 1.0 + text::width(what, SMALL)
}
