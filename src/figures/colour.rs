//! Colours that people with any colour vision can tell apart: the tests simulate them.

use super::scene::Paint;
use crate::results::feature::Verdict;

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
pub const VERDICTS: [(Verdict, Paint); 5] = [
    (Verdict::Dedicated, SERIES[0]),
    (Verdict::Shared, SERIES[2]),
    (Verdict::Superposed, SERIES[1]),
    (Verdict::Dropped, Paint::Rgb(0x50, 0x50, 0x50)),
    (Verdict::Unused, Paint::Rgb(0xb4, 0xb4, 0xb4)),
];

/// The colour of a verdict; grey for a word that is none.
pub fn verdict(name: &str) -> Paint {
    let found = VERDICTS.iter().find(|(known, _)| known.name() == name);
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

    /// Farther apart than this, in CIELAB (1976), two colours are taken to be distinguishable in a figure:
    /// six times the just noticeable difference of 2.3 (Mahy, Van Eycken and Oosterlinck 1994), since
    /// marks are small and do not lie side by side.
    const APART: f64 = 15.0;

    /// Matrices on linear RGB for full dichromacy: Machado, Oliveira and Fernandes (2009), severity 1.
    const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
        ("all", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    fn times(m: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
    }

    /// CIELAB (D65) of a colour as it is seen with a vision.
    fn seen(paint: Paint, vision: [[f64; 3]; 3]) -> [f64; 3] {
        const XYZ: [[f64; 3]; 3] = [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ];
        let Paint::Rgb(r, g, b) = paint else {
            panic!("{paint:?} is no fixed colour");
        };
        let linear = [r, g, b].map(|byte| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        });
        let linear = times(vision, linear).map(|c| c.clamp(0.0, 1.0));
        let [x, y, z] = times(XYZ, linear);
        let [x, y, z] = [x / 0.95047, y, z / 1.08883].map(|t| {
            if t > 216.0 / 24389.0 {
                t.cbrt()
            } else {
                (24389.0 / 27.0 * t + 16.0) / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn distance(a: Paint, b: Paint, vision: [[f64; 3]; 3]) -> f64 {
        let (a, b) = (seen(a, vision), seen(b, vision));
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    }

    /// Every two of these are apart in every vision.
    fn are_apart(paints: &[Paint]) {
        for (name, vision) in VISIONS {
            for (i, a) in paints.iter().enumerate() {
                for b in &paints[i + 1..] {
                    let found = distance(*a, *b, vision);
                    assert!(
                        found >= APART,
                        "{name}: {a:?} and {b:?} are {found:.1} apart"
                    );
                }
            }
        }
    }

    const WHITE: Paint = Paint::Rgb(255, 255, 255);
    /// The page's background at night (`report/style.css`).
    const NIGHT: Paint = Paint::Rgb(0x18, 0x18, 0x18);

    #[test]
    fn lab_of_known_colours() {
        let red = seen(Paint::Rgb(255, 0, 0), VISIONS[0].1);
        for (found, expected) in red.into_iter().zip([53.24, 80.09, 67.20]) {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 0.01);
        }
        assert!(distance(WHITE, Paint::Rgb(0, 0, 0), VISIONS[2].1) > 99.0);
        // Red and green of the same lightness, apart for all but those they are hardest for.
        let (red, green) = (Paint::Rgb(200, 60, 60), Paint::Rgb(105, 115, 40));
        assert!(distance(red, green, VISIONS[0].1) > 3.0 * distance(red, green, VISIONS[2].1));
    }

    #[test]
    fn verdicts_can_be_told_apart_with_any_colour_vision_by_day_and_by_night() {
        let verdicts = VERDICTS.map(|(_, paint)| paint);
        are_apart(&[&verdicts[..], &[WHITE]].concat());
        are_apart(&[&verdicts[..], &[NIGHT]].concat());
    }

    #[test]
    fn lines_can_be_told_apart_with_any_colour_vision_by_day_and_by_night() {
        are_apart(&[&SERIES[..], &[WHITE]].concat());
        are_apart(&[&SERIES[..], &[NIGHT]].concat());
    }

    #[test]
    fn a_heat_maps_signs_are_apart_from_a_quarter_of_its_limit_on_and_from_white_from_three_eighths()
     {
        for eighths in 2..=8 {
            let t = f64::from(eighths) / 8.0;
            are_apart(&[diverging(-t), diverging(t)]);
            if eighths > 2 {
                are_apart(&[diverging(0.0), diverging(t)]);
                are_apart(&[diverging(-t), diverging(0.0)]);
            }
        }
    }

    #[test]
    fn zero_is_white_and_signs_differ() {
        assert_eq!(diverging(0.0), Paint::Rgb(255, 255, 255));
        assert_eq!(diverging(1.0), diverging(7.0));
        assert_ne!(diverging(0.5), diverging(-0.5));
    }
}
