//! Colours that people with any colour vision can tell apart.

use super::scene::Paint;

/// Okabe and Ito's palette, without black and yellow, in the order in which series take them.
pub const SERIES: [Paint; 6] = [
    Paint::Rgb(0x00, 0x72, 0xb2), // blue
    Paint::Rgb(0xd5, 0x5e, 0x00), // vermilion
    Paint::Rgb(0x00, 0x9e, 0x73), // green
    Paint::Rgb(0xcc, 0x79, 0xa7), // purple
    Paint::Rgb(0xe6, 0x9f, 0x00), // orange
    Paint::Rgb(0x56, 0xb4, 0xe9), // sky
];

/// Where a value is missing.
pub const MISSING: Paint = Paint::Rgb(0x9a, 0x9a, 0x9a);

/// The verdicts of `features.csv` with their colours; the figures name them in words, too.
pub const VERDICTS: [(&str, Paint); 5] = [
    ("dedicated", SERIES[0]),
    ("shared", SERIES[2]),
    ("superposed", SERIES[1]),
    ("dropped", Paint::Rgb(0x70, 0x70, 0x70)),
    ("unused", Paint::Rgb(0xb4, 0xb4, 0xb4)),
];

/// The colour of a verdict; grey for a word that is none.
pub fn verdict(name: &str) -> Paint {
    let found = VERDICTS.iter().find(|(known, _)| *known == name);
    found.map_or(MISSING, |(_, paint)| *paint)
}

/// Blue below 0, white at 0, red above: `t` from -1 to 1, clamped. Brewer's RdBu, interpolated; equal
/// magnitudes are equally dark.
pub fn diverging(t: f64) -> Paint {
    const RED: [[f64; 3]; 5] = [
        [255.0, 255.0, 255.0],
        [253.0, 219.0, 199.0],
        [244.0, 165.0, 130.0],
        [214.0, 96.0, 77.0],
        [165.0, 15.0, 35.0],
    ];
    const BLUE: [[f64; 3]; 5] = [
        [255.0, 255.0, 255.0],
        [209.0, 229.0, 240.0],
        [146.0, 197.0, 222.0],
        [67.0, 147.0, 195.0],
        [18.0, 80.0, 150.0],
    ];
    let stops = if t < 0.0 { BLUE } else { RED };
    let at = t.abs().min(1.0) * 4.0;
    let i = (at.floor() as usize).min(3);
    let mix =
        |k: usize| (stops[i][k] + (stops[i + 1][k] - stops[i][k]) * (at - i as f64)).round() as u8;
    Paint::Rgb(mix(0), mix(1), mix(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_signs_differ() {
        assert_eq!(diverging(0.0), Paint::Rgb(255, 255, 255));
        assert_eq!(diverging(1.0), diverging(7.0));
        assert_ne!(diverging(0.5), diverging(-0.5));
    }
}
