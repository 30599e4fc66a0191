//! Answers at both sides of each number that decides between two of them.

use super::*;

const GOOD: [f64; 5] = [0.001; 5];
const BAD: [f64; 5] = [0.2; 5];
/// The median is good, and bad in more than a fortieth of the resamples.
const MOSTLY_GOOD: [f64; 5] = [0.001, 0.001, 0.001, 0.2, 0.2];
const MOSTLY_BAD: [f64; 5] = [0.001, 0.001, 0.2, 0.2, 0.2];

/// Groups `a=0`, `a=1`, ... of five good runs at each width.
fn good_groups(groups: usize, widths: &[usize]) -> String {
    let names: Vec<String> = (0..groups).map(|n| format!("a={n}")).collect();
    let rows = names
        .iter()
        .flat_map(|name| widths.iter().map(|d| (name.as_str(), *d, &GOOD[..])));
    answer(Metric::Mae, &rows.collect::<Vec<_>>())
}

fn said(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in {text:?}");
}

fn unsaid(text: &str, part: &str) {
    assert!(!text.contains(part), "{part:?} is in {text:?}");
}

#[test]
fn three_widths_are_a_question_of_width_and_two_are_not() {
    said(&good_groups(1, &[4, 6, 8]), "smallest sufficient d");
    unsaid(&good_groups(1, &[4, 6]), "smallest sufficient d");
}

#[test]
fn a_trade_is_looked_for_below_three_widths_alone() {
    let traded = |widths: &[usize]| {
        let mut table: Vec<(&str, usize, &[f64])> = Vec::new();
        for d in widths {
            table.extend([("w=0", *d, &[1.0; 5][..]), ("w=100", *d, &[0.7; 5])]);
        }
        let mut study = study(Metric::TokenAccuracy, &table);
        for run in &mut study.runs {
            let cosine = if run.group.name() == "w=0" { 0.3 } else { 0.97 };
            run.metrics.insert(Metric::CosineMin, cosine);
        }
        study.answer().more.join(" ").contains("trade")
    };
    assert!(traded(&[8]) && traded(&[8, 10]));
    assert!(!traded(&[8, 10, 12]));
}

#[test]
fn five_seeds_are_enough_and_four_are_few() {
    let four = answer(Metric::Mae, &[("all", 8, &[0.001; 4])]);
    said(&four, "Caution");
    said(&four, "4 seeds");
    unsaid(&answer(Metric::Mae, &[("all", 8, &[0.001; 5])]), "Caution");
}

#[test]
fn six_settings_are_named_and_the_seventh_is_left_to_the_tables() {
    for (widths, left) in [(&[4, 6, 8][..], "further"), (&[8], "other")] {
        unsaid(&good_groups(6, widths), " setting");
        said(&good_groups(7, widths), &format!("1 {left} setting "));
        unsaid(&good_groups(7, widths), "a=6");
        said(&good_groups(8, widths), &format!("2 {left} settings"));
    }
    said(&good_groups(7, &[8]), "1 other setting does no better");
    said(&good_groups(8, &[8]), "2 other settings do no better");
}

#[test]
fn a_difference_is_larger_than_the_spread_and_still_undecided_where_intervals_overlap() {
    // The interquartile range of the first is 0, but the median of 6 % of its resamples is 5.
    let (a, b) = ([0.1, 0.1, 0.1, 0.1, 5.0], [0.2; 5]);
    let text = answer(
        Metric::Mae,
        &[("a=1", 8, &a), ("a=2", 8, &b), ("a=3", 8, &[90.0; 5])],
    );
    said(&text, "a factor of 2, is larger than");
    said(&text, "but the intervals overlap");
    // No clear lead: how far the last is behind is said, too.
    said(&text, "The distance from first to last");
}

#[test]
fn a_difference_as_large_as_the_spread_is_not_larger() {
    // Quartiles 0.5 ∓ 1/16, and the middle of the 41 is so broad that every resample's median is 0.5.
    let spread: Vec<f64> = [(0.4375, 11), (0.5, 19), (0.5625, 11)]
        .into_iter()
        .flat_map(|(value, times)| vec![value; times])
        .collect();
    let next = vec![0.375; 41];
    let text = answer(
        Metric::TokenAccuracy,
        &[
            ("a=1", 8, &spread),
            ("a=2", 8, &next),
            ("a=3", 8, &[0.0; 5]),
        ],
    );
    said(&text, "The lead over the next, 0.125, is not larger than");
    said(&text, "The distance from first to last");
}

#[test]
fn a_difference_from_a_single_run_is_that_of_single_runs() {
    let text = answer(Metric::Mae, &[("a=1", 8, &GOOD), ("a=2", 8, &[0.1])]);
    said(&text, "rests on a single run");
}

#[test]
fn a_factor_is_shown_with_three_digits_up_to_ten_thousand() {
    let factor = |x: f64| answer(Metric::Mae, &[("a=1", 8, &[1.0; 5]), ("a=2", 8, &[x; 5])]);
    said(&factor(2.346), "a factor of 2.35, is");
    said(&factor(12.34), "a factor of 12.3, is");
    said(&factor(123.4), "a factor of 123, is");
    said(&factor(9_999.0), "a factor of 9999, is");
    said(&factor(10_001.0), "a factor of more than 10000, is");
}

#[test]
fn a_factor_is_rough_at_each_of_its_bounds() {
    for (factor, words) in [
        (9.994, "9.99"),
        (9.996, "10"),
        (10.0, "10"),
        (10.04, "10"),
        (10.06, "10.1"),
        (99.94, "99.9"),
        (100.0, "100"),
        (100.4, "100"),
        (100.6, "101"),
        (9999.0, "9999"),
        (10_000.0, "10000"),
        (10_000.1, "more than 10000"),
    ] {
        assert_eq!(settings::rough(factor), words, "{factor}");
    }
}

#[test]
fn a_single_run_is_neither_all_runs_nor_none() {
    said(
        &answer(Metric::Mae, &[("all", 8, &[0.001])]),
        "the only run.",
    );
    said(&answer(Metric::Mae, &[("all", 8, &[0.2])]), "by no run.");
    said(
        &answer(Metric::Mae, &[("all", 8, &MOSTLY_GOOD)]),
        "3 of 5 runs.",
    );
    let one_of_two = answer(Metric::Mae, &[("all", 8, &[0.001, 0.2])]);
    said(&one_of_two, "is met by 1 of 2 runs.");
}

#[test]
fn a_critical_width_names_the_fewest_and_the_most_seeds() {
    let text = answer(
        Metric::Mae,
        &[("all", 4, &BAD), ("all", 6, &[0.001; 3]), ("all", 8, &GOOD)],
    );
    said(&text, "over 3 to 5 seeds");
}

/// Two groups over the widths 4, 6 and 8.
fn beside(a: [&[f64]; 3], b: [&[f64]; 3]) -> String {
    let mut table = Vec::new();
    for (group, values) in [(TRAIN, a), (RANDOM, b)] {
        let widths = [4, 6, 8].into_iter().zip(values);
        table.extend(widths.map(|(d, values)| (group, d, values)));
    }
    answer(Metric::Mae, &table)
}

#[test]
fn a_distance_between_single_runs_is_not_sure() {
    let (good, bad): (&[f64], &[f64]) = (&[0.001], &[0.2]);
    let unsure = "there is no telling how sure";
    said(&beside([bad, good, good], [bad, bad, good]), unsure);
    said(&beside([&BAD, &GOOD, &GOOD], [bad, bad, good]), unsure);
    unsaid(&beside([&BAD, &GOOD, &GOOD], [&BAD, &BAD, &GOOD]), unsure);
}

#[test]
fn a_distance_of_intervals_that_touch_is_an_overlap() {
    // From 4, between 4 and 6; and from 6 in every resample.
    let text = beside([&MOSTLY_GOOD, &GOOD, &GOOD], [&BAD, &GOOD, &GOOD]);
    said(
        &text,
        "2 fewer dimensions than random, but their intervals overlap",
    );
}

#[test]
fn distances_compare_the_best_setting_with_every_other() {
    let row = |group, values: [&'static [f64]; 3]| {
        let at = [4, 6, 8].into_iter().zip(values);
        at.map(move |(d, values)| (group, d, values))
    };
    let three = |next: [&'static [f64]; 3]| -> String {
        let table = row("compression.method=train", [&GOOD, &GOOD, &GOOD])
            .chain(row("compression.method=random", next))
            .chain(row(
                "compression.method=pca",
                [&BAD[..1], &BAD[..1], &GOOD[..1]],
            ));
        answer(Metric::Mae, &table.collect::<Vec<_>>())
    };
    said(
        &three([&MOSTLY_BAD, &GOOD, &GOOD]),
        "In the median, train needs at least 2 fewer dimensions than random (the intervals overlap) and 4 fewer than pca \
         (the intervals do not overlap).",
    );
    said(
        &three([&BAD[..1], &GOOD[..1], &GOOD[..1]]),
        "2 fewer dimensions than random (one run at each d: no telling how sure that is) and 4 fewer than pca",
    );
    let same = three([&GOOD, &GOOD, &GOOD]);
    said(
        &same,
        "4 fewer dimensions than pca, and their intervals do not overlap. train and random need the same d.",
    );
}

#[test]
fn a_distance_of_no_dimension_is_called_the_same_d() {
    said(
        &beside([&BAD, &GOOD, &GOOD], [&BAD, &GOOD, &GOOD]),
        " train and random need the same d.",
    );
    said(&good_groups(3, &[4, 6, 8]), " All of them need the same d.");
}

#[test]
fn the_only_setting_with_a_sufficient_width_is_unsure_where_intervals_overlap() {
    unsaid(&beside([&BAD, &GOOD, &GOOD], [&BAD; 3]), "overlap");
    let unsure = beside([&BAD, &BAD, &MOSTLY_GOOD], [&BAD, &BAD, &MOSTLY_BAD]);
    said(&unsure, "The intervals of train and random overlap");
}

#[test]
fn a_difference_below_six_fifths_of_the_spread_is_hardly_larger() {
    // An interquartile range of 0.1 around 0.95.
    let spread = [0.9, 0.9, 0.95, 1.0, 1.0];
    let beside = |other: f64| {
        let rows: [(&str, usize, &[f64]); 2] = [("a=1", 8, &spread), ("a=2", 8, &[other; 5])];
        answer(Metric::TokenAccuracy, &rows)
    };
    said(&beside(0.829), "0.121, is larger than the spread");
    said(&beside(0.831), "0.119, is hardly larger than the spread");
    said(&beside(0.851), "0.099, is not larger than the spread");
}
