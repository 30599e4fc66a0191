//! Answers to hand-made tables.

use super::*;
use crate::analysis::across::critical_rows;

/// Runs of `metric`: group, width, and a value per seed.
fn study(metric: &str, table: &[(&str, usize, &[f64])]) -> Evidence {
    let mut runs = Vec::new();
    for (group, d, values) in table {
        for value in *values {
            runs.push(Run {
                group: (*group).into(),
                d: *d,
                metrics: BTreeMap::from([(metric.into(), *value)]),
            });
        }
    }
    let tolerances = Tolerance::defaults();
    Evidence {
        critical: critical_rows(&runs, &tolerances, 0),
        runs,
        tolerances,
        without_result: BTreeMap::new(),
    }
}

fn answer(metric: &str, table: &[(&str, usize, &[f64])]) -> String {
    study(metric, table).answer().sentences.join(" ")
}

const TRAIN: &str = "compression.method=train";
const PCA: &str = "compression.method=pca";
const RANDOM: &str = "compression.method=random";

#[test]
fn methods_are_told_apart_by_the_widths_they_need() {
    let good = [0.001; 5];
    let bad = [0.2; 5];
    let text = answer(
        "mae",
        &[
            (RANDOM, 4, &bad),
            (RANDOM, 6, &bad),
            (RANDOM, 8, &bad),
            (PCA, 4, &[0.1]),
            (PCA, 6, &[0.1]),
            (PCA, 8, &[0.004]),
            (TRAIN, 4, &bad),
            (TRAIN, 6, &good),
            (TRAIN, 8, &good),
        ],
    );
    assert_eq!(
        text,
        "The median mean absolute error is at most 0.005 from d = 6 on with train (95 % interval over 5 \
         seeds: 6 to 6), from d = 8 on with pca (the same for every seed) and at no d up to 8 with random. \
         train needs 2 dimensions fewer than pca, and their intervals do not overlap. No run is stuck: where \
         the median seed is good enough, all 10 runs are."
    );
}

#[test]
fn intervals_that_overlap_are_not_taken_for_a_difference() {
    // Two of five seeds are stuck at 6: the medians of a good part of the resamples are, too.
    let text = answer(
        "token_accuracy",
        &[
            ("objective.layer_weight=0.1", 4, &[0.5; 5]),
            ("objective.layer_weight=0.1", 6, &[1.0, 1.0, 1.0, 0.6, 0.6]),
            ("objective.layer_weight=0.1", 8, &[1.0; 5]),
            ("objective.layer_weight=1.0", 4, &[0.5; 5]),
            ("objective.layer_weight=1.0", 6, &[1.0, 1.0, 0.6, 0.6, 0.6]),
            ("objective.layer_weight=1.0", 8, &[1.0; 5]),
        ],
    );
    assert_eq!(
        text,
        "The median share of tokens right is at least 0.98 from d = 6 on with layer_weight=0.1 (95 % interval \
         over 5 seeds: 6 to 8) and from d = 8 on with layer_weight=1.0 (95 % interval over 5 seeds: 6 to 8). \
         layer_weight=0.1 needs 2 dimensions fewer than layer_weight=1.0, but their intervals overlap: these \
         seeds do not tell them apart. Stuck, missing that where the median seed does not: 2 of 15 runs."
    );
}

#[test]
fn one_seed_and_the_edges_of_what_was_tried_are_named() {
    let text = answer(
        "mae",
        &[
            ("all", 4, &[0.001]),
            ("all", 6, &[0.001]),
            ("all", 8, &[0.001]),
        ],
    );
    assert_eq!(
        text,
        "The median mean absolute error is at most 0.005 from d = 4, the smallest tried, on (a single run a \
         width). Caution: some settings have a single run, and another seed may end elsewhere."
    );
    let bad = answer(
        "mae",
        &[("all", 4, &[0.1]), ("all", 6, &[0.1]), ("all", 8, &[0.1])],
    );
    assert!(
        bad.starts_with("The median mean absolute error is at most 0.005 at no d up to 8. Caution"),
        "{bad}"
    );
    // One of three seeds fails at the largest width: the interval has no upper end.
    let open = answer(
        "mae",
        &[
            ("all", 4, &[0.1; 3]),
            ("all", 6, &[0.1; 3]),
            ("all", 8, &[0.001, 0.001, 0.1]),
        ],
    );
    assert!(
        open.contains("from d = 8 on (95 % interval over 3 seeds: 8 to beyond 8)"),
        "{open}"
    );
    assert!(
        open.contains("where the median seed does not: 1 of 3 runs."),
        "{open}"
    );
    assert!(
        open.ends_with("Caution: 3 seeds are few, and an interval from them says little."),
        "{open}"
    );
}

#[test]
fn settings_are_ranked_and_a_clear_lead_is_called_one() {
    let text = answer(
        "mae",
        &[
            ("training.steps=300", 8, &[1.0, 1.1, 1.2, 1.3, 1.4]),
            ("training.steps=3000", 8, &[0.10, 0.11, 0.12, 0.13, 0.14]),
            (
                "training.steps=30000",
                8,
                &[0.001, 0.001, 0.002, 0.003, 0.003],
            ),
        ],
    );
    assert_eq!(
        text,
        "At d = 8 the median mean absolute error is lowest with steps=30000: 0.002 (95 % interval over 5 \
         seeds: 0.001 to 0.003); then steps=3000: 0.12 (0.1 to 0.14); then steps=300: 1.2 (1 to 1.4). The lead \
         over the next, a factor of 60, is larger than the spread over seeds (interquartile range: a factor of \
         3), and the intervals do not overlap. At most 0.005 is reached by 5 of 5 runs with steps=30000, 0 of 5 \
         with steps=3000 and 0 of 5 with steps=300. No run is stuck: where the median seed is good enough, all \
         5 runs are."
    );
    // No lead, but the last is clearly behind.
    let text = answer(
        "mae",
        &[
            ("a=1", 8, &[0.1, 0.2, 0.3, 0.4, 0.5]),
            ("a=2", 8, &[0.2, 0.3, 0.4, 0.5, 0.6]),
            ("a=3", 8, &[90.0, 100.0, 110.0, 120.0, 130.0]),
        ],
    );
    for part in [
        "The lead over the next, a factor of 1.33, is not larger",
        "The distance to the last, a factor of 367, is larger",
        "At most 0.005 is reached by none of 15 runs.",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_seeds_do_as_well_decides_nothing() {
    let text = answer(
        "mae",
        &[
            (
                "compression.init_std=0.5",
                8,
                &[0.001, 0.002, 0.003, 0.1, 0.2],
            ),
            (
                "compression.init_std=1.0",
                8,
                &[0.001, 0.003, 0.004, 0.1, 0.2],
            ),
        ],
    );
    assert!(
        text.contains(
            "The difference, a factor of 1.33, is not larger than the spread over seeds (interquartile range: a \
             factor of 50): \
             these seeds do not decide it. At most 0.005 is reached by 3 of 5 runs with init_std=0.5 and 3 of \
             5 with init_std=1.0."
        ),
        "{text}"
    );
    let single = answer("mae", &[("a=1", 8, &[0.001]), ("a=2", 8, &[0.1])]);
    assert!(
        single.contains("a factor of 100, is that of single runs: other seeds may differ as much."),
        "{single}"
    );
}

#[test]
fn accuracy_that_is_paid_for_with_faithfulness_is_called_a_trade() {
    let mut study = study(
        "token_accuracy",
        &[("w=0", 12, &[1.0; 5]), ("w=100", 12, &[0.7; 5])],
    );
    for run in &mut study.runs {
        let cosine = if run.group == "w=0" { 0.3 } else { 0.97 };
        run.metrics.insert("cosine_min".into(), cosine);
    }
    let answer = study.answer();
    assert!(
        answer.sentences[0]
            .starts_with("At d = 12 the median share of tokens right is highest with w=0: 1")
    );
    let more = answer.more.join(" ");
    assert!(
        more.contains("the median lowest cosine of a block is highest with w=100: 0.97"),
        "{more}"
    );
    assert!(
        more.ends_with(
            "At d = 12 one is traded for the other: the share of tokens right is best with w=0, the lowest \
             cosine of a block with w=100."
        ),
        "{more}"
    );
    // Equal in one of them, nothing is traded.
    for run in &mut study.runs {
        run.metrics.insert("token_accuracy".into(), 1.0);
    }
    assert!(!study.answer().more.join(" ").contains("traded"));
}

#[test]
fn programs_are_listed_and_not_compared() {
    let text = answer(
        "mae",
        &[("program=a", 8, &[0.001; 5]), ("program=b", 8, &[0.1; 5])],
    );
    assert!(text.starts_with("At d = 8 the median mean absolute error is 0.001 (95 % interval over 5 seeds: 0.001 to 0.001) with program=a and 0.1"), "{text}");
    assert!(!text.contains("difference"), "{text}");
}

#[test]
fn runs_without_a_result_are_counted_apart() {
    let mut study = study("mae", &[("all", 8, &[0.001; 5])]);
    study.without_result = BTreeMap::from([
        ("diverged".into(), 2),
        ("failed".into(), 1),
        ("x".into(), 0),
    ]);
    let text = study.answer().sentences.join(" ");
    assert_eq!(
        text,
        "At d = 8 the median mean absolute error is 0.001 (95 % interval over 5 seeds: 0.001 to 0.001). At \
         most 0.005 is reached by all 5 runs. No run is stuck: where the median seed is good enough, all 5 \
         runs are. 3 runs without a result, counted nowhere here: 2 diverged and 1 failed."
    );
    study.runs.clear();
    assert!(study.answer().sentences[0].contains("No run is completed."));
}

#[test]
fn a_width_that_nobody_reaches_is_said_once() {
    let (bad, better) = ([0.2; 5], [0.1; 5]);
    let rows = [(PCA, &bad), (TRAIN, &better)]
        .map(|(group, values)| [4, 6, 8].map(|d| (group, d, &values[..])));
    assert_eq!(
        answer("mae", &rows.concat()),
        "The median mean absolute error is at most 0.005 at no d up to 8, whatever the setting (pca; train). At \
         d = 8 the median mean absolute error is lowest with train: 0.1 (95 % interval over 5 seeds: 0.1 to \
         0.1); then pca: 0.2 (the same for every seed). The difference, a factor of 2, is larger than the \
         spread over seeds (interquartile range: a factor of 1), and the intervals do not overlap."
    );
}

#[test]
fn accuracies_differ_by_a_difference_and_errors_with_a_zero_too() {
    let text = answer(
        "token_accuracy",
        &[("a=1", 12, &[0.9; 5]), ("a=2", 12, &[0.5; 5])],
    );
    assert!(text.contains(
        "The difference, 0.4, is larger than the spread over seeds (interquartile range: 0)"
    ));
    let text = answer("mae", &[("a=1", 12, &[0.0; 5]), ("a=2", 12, &[0.5; 5])]);
    assert!(text.contains("The difference, 0.5, is larger"), "{text}");
}
