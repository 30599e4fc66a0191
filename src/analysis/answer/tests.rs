//! Answers to hand-made tables.

use std::collections::BTreeMap;

use super::*;
use crate::results::Run;
use crate::results::Status;
use crate::results::critical::critical_rows;
use crate::results::trainings::Origin;
use crate::results::trainings::Verdict::{self, Falling, Learned, Stuck};

mod boundaries;
mod remarks;
mod trainings;

/// Runs of `metric`: group, width, and a value per seed.
fn study(metric: Metric, table: &[(&str, usize, &[f64])]) -> Evidence {
    let mut runs = Vec::new();
    for (group, d, values) in table {
        for value in *values {
            runs.push(Run {
                group: (*group).into(),
                d: *d,
                origin: Origin::Trained(None),
                metrics: BTreeMap::from([(metric, *value)]),
            });
        }
    }
    let tolerances = Tolerance::defaults();
    Evidence {
        critical: critical_rows(&runs, &tolerances, 0),
        runs,
        tolerances,
        ..Evidence::default()
    }
}

/// A group, a width, and a value and an ending per seed.
type Trained<'a> = (&'a str, usize, &'a [(f64, Verdict)]);

/// The same with how each run ended.
fn trained(metric: Metric, table: &[Trained<'_>]) -> Evidence {
    let values: Vec<Vec<f64>> = table
        .iter()
        .map(|(_, _, seeds)| seeds.iter().map(|(value, _)| *value).collect())
        .collect();
    let rows: Vec<(&str, usize, &[f64])> = table
        .iter()
        .zip(&values)
        .map(|((group, d, _), values)| (*group, *d, &values[..]))
        .collect();
    let mut evidence = study(metric, &rows);
    let endings = table.iter().flat_map(|(_, _, seeds)| seeds.iter());
    for (run, (_, ending)) in evidence.runs.iter_mut().zip(endings) {
        run.origin = Origin::Trained(Some(*ending));
    }
    evidence
}

fn answer(metric: Metric, table: &[(&str, usize, &[f64])]) -> String {
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
        Metric::Mae,
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
        "For a mean absolute error of at most 0.005 (median over seeds), the smallest sufficient d is 6 with train \
         (the next smaller one tried is 4; 95 % interval over 5 seeds: 6 to 6) and 8 with pca (the next smaller one tried is \
         6; the same for every seed); no d up to 8 suffices with \
         random. In the median, train needs 2 fewer dimensions than pca, and their intervals do not overlap. Where the median over \
         seeds meets the tolerance, so does every run."
    );
}

#[test]
fn intervals_that_overlap_are_not_taken_for_a_difference() {
    // Two of five seeds fail at 6: the medians of a good part of the resamples are, too.
    let text = answer(
        Metric::TokenAccuracy,
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
        "For a share of right tokens of at least 0.98 (median over seeds), the smallest sufficient d is 6 with \
         layer_weight=0.1 (the next smaller one tried is 4; 95 % interval over 5 seeds: 6 to 8) and 8 with layer_weight=1.0 (the \
         next smaller one tried is 6; 95 % interval over 5 seeds: 6 to 8). In the median, layer_weight=0.1 needs 2 fewer dimensions than layer_weight=1.0, but their \
         intervals overlap. Where the median over seeds meets the tolerance, 2 of 15 \
         runs miss it."
    );
}

#[test]
fn one_seed_and_the_edges_of_what_was_tried_are_named() {
    let text = answer(
        Metric::Mae,
        &[
            ("all", 4, &[0.001]),
            ("all", 6, &[0.001]),
            ("all", 8, &[0.001]),
        ],
    );
    assert_eq!(
        text,
        "For a mean absolute error of at most 0.005, the smallest sufficient d is at most 4 (no smaller d was tried; \
         one run at each d). Caution: some settings have a single run, and another seed may end differently."
    );
    let bad = answer(
        Metric::Mae,
        &[("all", 4, &[0.1]), ("all", 6, &[0.1]), ("all", 8, &[0.1])],
    );
    assert!(
        bad.starts_with(
            "For a mean absolute error of at most 0.005, no d up to 8 suffices. At d = 8 the mean absolute error \
             (median over seeds) is 0.1 (a single run). Caution"
        ),
        "{bad}"
    );
    // One of three seeds fails at the largest width: the interval has no upper end.
    let open = answer(
        Metric::Mae,
        &[
            ("all", 4, &[0.1; 3]),
            ("all", 6, &[0.1; 3]),
            ("all", 8, &[0.001, 0.001, 0.1]),
        ],
    );
    assert!(
        open.contains("the smallest sufficient d is 8 (the next smaller one tried is 6; 95 % interval over 3 seeds: 8 or more)."),
        "{open}"
    );
    assert!(
        open.contains("Where the median over seeds meets the tolerance, 1 of 3 runs misses it."),
        "{open}"
    );
    assert!(
        open.ends_with("Caution: an interval over 3 seeds says little."),
        "{open}"
    );
}

#[test]
fn settings_are_ranked_and_a_clear_lead_is_called_one() {
    let text = answer(
        Metric::Mae,
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
        "At d = 8 the mean absolute error (median over seeds) is lowest with steps=30000: 0.002 (95 % interval over \
         5 seeds: 0.001 to 0.003); then steps=3000: 0.12 (0.1 to 0.14); then steps=300: 1.2 (1 to 1.4). The lead \
         over the next, a factor of 60, is larger than the spread over seeds (interquartile range: a factor of \
         3), and the intervals do not overlap. The tolerance (at most 0.005) is met by 5 of 5 runs with \
         steps=30000, 0 of 5 with steps=3000 and 0 of 5 with steps=300. Where the median over seeds meets the \
         tolerance, so does every run."
    );
    // No lead, but the last is clearly behind.
    let text = answer(
        Metric::Mae,
        &[
            ("a=1", 8, &[0.1, 0.2, 0.3, 0.4, 0.5]),
            ("a=2", 8, &[0.2, 0.3, 0.4, 0.5, 0.6]),
            ("a=3", 8, &[90.0, 100.0, 110.0, 120.0, 130.0]),
        ],
    );
    for part in [
        "The lead over the next, a factor of 1.33, is not larger",
        "The distance from first to last, a factor of 367, is larger",
        "The tolerance (at most 0.005) is met by none of 15 runs.",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_seeds_do_as_well_decides_nothing() {
    let text = answer(
        Metric::Mae,
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
             factor of 50), so these seeds do not decide it. The tolerance (at most 0.005) is met by 3 of 5 runs \
             with init_std=0.5 and 3 of 5 with init_std=1.0."
        ),
        "{text}"
    );
    let single = answer(Metric::Mae, &[("a=1", 8, &[0.001]), ("a=2", 8, &[0.1])]);
    assert!(
        single.contains("a factor of 100, rests on a single run: other seeds may differ as much."),
        "{single}"
    );
}

#[test]
fn accuracy_that_is_paid_for_with_faithfulness_is_called_a_trade() {
    let mut study = study(
        Metric::TokenAccuracy,
        &[("w=0", 12, &[1.0; 5]), ("w=100", 12, &[0.7; 5])],
    );
    for run in &mut study.runs {
        let cosine = if run.group.name() == "w=0" { 0.3 } else { 0.97 };
        run.metrics.insert(Metric::CosineMin, cosine);
    }
    let answer = study.answer();
    assert!(answer.sentences[0].starts_with(
        "At d = 12 the share of right tokens (median over seeds) is highest with w=0: 1"
    ));
    let more = answer.more.join(" ");
    assert!(
        more.contains(
            "the lowest cosine of any block (median over seeds) is highest with w=100: 0.97"
        ),
        "{more}"
    );
    assert!(
        more.ends_with(
            "At d = 12 there is a trade-off: the share of right tokens is best with w=0, the lowest cosine of any \
             block with w=100."
        ),
        "{more}"
    );
    // Equal in one of them, nothing is traded.
    for run in &mut study.runs {
        run.metrics.insert(Metric::TokenAccuracy, 1.0);
    }
    assert!(!study.answer().more.join(" ").contains("trade-off"));
}

#[test]
fn programs_are_listed_and_not_compared() {
    let text = answer(
        Metric::Mae,
        &[("program=a", 8, &[0.001; 5]), ("program=b", 8, &[0.1; 5])],
    );
    assert!(
        text.starts_with(
            "At d = 8 the mean absolute error (median over seeds) is 0.001 (95 % interval over 5 seeds: 0.001 to \
             0.001) with program=a and 0.1"
        ),
        "{text}"
    );
    assert!(!text.contains("difference"), "{text}");
}

#[test]
fn runs_without_a_result_are_counted_apart() {
    let mut study = study(Metric::Mae, &[("all", 8, &[0.001; 5])]);
    study.without_result = BTreeMap::from([
        (Status::Diverged, 2),
        (Status::Failed, 1),
        (Status::NotFinished, 0),
    ]);
    let text = study.answer().sentences.join(" ");
    assert_eq!(
        text,
        "At d = 8 the mean absolute error (median over seeds) is 0.001 (95 % interval over 5 seeds: 0.001 to 0.001). \
         The tolerance (at most 0.005) is met by all 5 runs. Where the median over seeds meets the tolerance, so \
         does every run. 3 runs have no result and are not counted here: 2 diverged and 1 failed."
    );
    study.runs.clear();
    assert!(study.answer().sentences[0].contains("No run was completed."));
}

#[test]
fn a_width_that_nobody_reaches_is_said_once() {
    let (bad, better) = ([0.2; 5], [0.1; 5]);
    let rows = [(PCA, &bad), (TRAIN, &better)]
        .map(|(group, values)| [4, 6, 8].map(|d| (group, d, &values[..])));
    assert_eq!(
        answer(Metric::Mae, &rows.concat()),
        "For a mean absolute error of at most 0.005 (median over seeds), no d up to 8 suffices with pca or train. At \
         d = 8 the mean absolute error (median over seeds) is lowest with train: 0.1 (95 % interval over 5 seeds: \
         0.1 to 0.1); then pca: 0.2 (the same for every seed). The difference, a factor of 2, is larger than the \
         spread over seeds (interquartile range: a factor of 1), and no interval reaches the other's value."
    );
}

#[test]
fn accuracies_differ_by_a_difference_and_errors_with_a_zero_too() {
    let text = answer(
        Metric::TokenAccuracy,
        &[("a=1", 12, &[0.9; 5]), ("a=2", 12, &[0.5; 5])],
    );
    assert!(text.contains(
        "The difference, 0.4, is larger than the spread over seeds (interquartile range: 0)"
    ));
    let text = answer(
        Metric::Mae,
        &[("a=1", 12, &[0.0; 5]), ("a=2", 12, &[0.5; 5])],
    );
    assert!(text.contains("The difference, 0.5, is larger"), "{text}");
}

const REMEDY: &str = "A d that is too small would look the same, so before concluding anything repeat these runs \
                      with several times the training.steps, and with training.restarts for seeds that got stuck (--set \
                      'training.restarts={ count = 8, steps = 3000 }'); where that is not enough, compression.init=normal with a \
                      compression.init_std of 0.1 may help (docs/stuck_seeds.md), and compress shrink takes another route, down from \
                      a W that loses nothing.";

#[test]
fn undertrained_runs_do_not_say_that_no_d_suffices() {
    let stuck = [(0.2, Stuck); 3];
    let last = [(0.2, Stuck), (0.21, Stuck), (0.3, Falling)];
    let rows: [Trained<'_>; 3] = [("all", 4, &stuck), ("all", 9, &stuck), ("all", 18, &last)];
    let text = trained(Metric::Mae, &rows).answer().sentences.join(" ");
    assert_eq!(
        text,
        format!(
            "The runs do not tell which d suffices for a mean absolute error of at most \
             0.005 (median over seeds): at d = 18, the largest tried, none of 3 runs learned (2 got stuck and 1 was \
             still falling). At d = 18 the mean absolute error (median over seeds) is 0.21 (95 % interval over 3 \
             seeds: 0.2 to 0.3). {REMEDY} None of 9 trained runs learned (an error below 5 % of the best \
             constant answer's): 8 got stuck and 1 was still falling. Caution: an interval over 3 seeds says little."
        )
    );
    assert!(!text.contains("no d"), "{text}");
}

#[test]
fn undertrained_is_what_half_of_the_runs_at_the_largest_width_are_and_no_fewer() {
    let text = |last: &[(f64, Verdict)]| {
        let bad = [(0.2, Stuck); 4];
        let rows: [Trained<'_>; 3] = [("all", 4, &bad), ("all", 9, &bad), ("all", 18, last)];
        trained(Metric::Mae, &rows).answer().sentences.join(" ")
    };
    let half = text(&[
        (0.009, Learned),
        (0.009, Learned),
        (0.2, Stuck),
        (0.2, Stuck),
    ]);
    assert!(
        half.contains("only 2 of 4 runs learned (2 got stuck)"),
        "{half}"
    );
    // Learned, and yet not within the tolerance: that d does not suffice.
    let most = text(&[
        (0.009, Learned),
        (0.009, Learned),
        (0.009, Learned),
        (0.2, Stuck),
    ]);
    assert!(
        most.starts_with(
            "For a mean absolute error of at most 0.005 (median over seeds), no d up to 18 suffices. At d = 18"
        ),
        "{most}"
    );
    assert!(!most.contains("long enough"), "{most}");
}

#[test]
fn undertrained_at_the_largest_width_hides_no_smaller_one_that_works() {
    let rows: [Trained<'_>; 3] = [
        ("all", 4, &[(0.2, Stuck); 3]),
        ("all", 9, &[(0.001, Learned); 3]),
        ("all", 18, &[(0.2, Falling); 3]),
    ];
    let text = trained(Metric::Mae, &rows).answer().sentences.join(" ");
    assert!(
        text.contains(
            "none of 3 runs learned (all were still falling), although the median at d = 9 meets the tolerance."
        ),
        "{text}"
    );
    // Nothing is stuck where it counts: more steps are the remedy.
    assert!(
        text.contains("several times the training.steps. "),
        "{text}"
    );
}

#[test]
fn undertrained_settings_are_set_apart_from_baselines_that_fail() {
    let mut evidence = trained(
        Metric::Mae,
        &[
            (TRAIN, 4, &[(0.2, Stuck); 3]),
            (TRAIN, 6, &[(0.2, Stuck); 3]),
            (TRAIN, 8, &[(0.1, Stuck); 3]),
            (PCA, 4, &[(0.3, Stuck)]),
            (PCA, 6, &[(0.3, Stuck)]),
            (PCA, 8, &[(0.3, Stuck)]),
        ],
    );
    for run in evidence
        .runs
        .iter_mut()
        .filter(|run| run.group.name() == PCA)
    {
        run.origin = Origin::Baseline;
    }
    let answer = evidence.answer();
    let text = answer.sentences.join(" ");
    assert!(
        text.starts_with(
            "With train the runs do not tell which d suffices for a mean absolute error of at \
             most 0.005 (median over seeds): at d = 8, the largest tried, none of 3 runs learned (all got stuck). By the \
             same measure, no d up to 8 suffices with pca. At d = 8"
        ),
        "{text}"
    );
    assert!(
        text.contains("A d that is too small would look the same, so before"),
        "{text}"
    );
    assert!(text.contains("None of 9 trained runs learned"), "{text}");
    assert_eq!(answer.endings, BTreeMap::from([(Stuck, 9)]));
    // What is known of the program says whether d can be in the way, and what the numbers are worth.
    evidence.read_ranks = BTreeMap::from([(TRAIN.into(), 8)]);
    evidence.constants = BTreeMap::from([(TRAIN.into(), 0.25)]);
    let text = evidence.answer().sentences.join(" ");
    assert!(
        text.contains(
            "At d = 8 some linear projection keeps everything that is read (its rank is 8): there it is the training that \
             fails. Before concluding anything about d, repeat these runs"
        ),
        "{text}"
    );
    assert!(
        text.contains(" The best constant answer has 0.25. "),
        "{text}"
    );
    evidence.read_ranks = BTreeMap::from([(TRAIN.into(), 9)]);
    let text = evidence.answer().sentences.join(" ");
    assert!(!text.contains("linear projection"), "{text}");
}

#[test]
fn stuck_runs_below_the_smallest_sufficient_d_are_counted_and_change_no_answer() {
    let rows: [Trained<'_>; 3] = [
        ("all", 4, &[(0.2, Stuck), (0.2, Falling), (0.2, Falling)]),
        ("all", 6, &[(0.001, Learned); 3]),
        (
            "all",
            8,
            &[(0.001, Learned), (0.001, Learned), (0.1, Stuck)],
        ),
    ];
    let text = trained(Metric::Mae, &rows).answer().sentences.join(" ");
    assert_eq!(
        text,
        "For a mean absolute error of at most 0.005 (median over seeds), the smallest sufficient d is 6 (the next smaller \
         one tried is 4; 95 % interval over 3 seeds: 6 or more). Of 9 trained runs, 5 learned (an error below 5 % of the best constant answer's), \
         2 got stuck and 2 were still falling; of the 4 that did not learn, 3 have a d below the smallest sufficient \
         one. At d = 4, just below the smallest sufficient one, 2 of 3 runs were still falling: a smaller d may \
         suffice with more training.steps. Where the median over seeds meets the tolerance, 1 of 6 runs misses it. \
         Caution: an interval over 3 seeds says little."
    );
}

#[test]
fn trained_runs_that_all_learned_are_said_to_have_and_unknown_ones_are_not_judged() {
    let rows: [Trained<'_>; 1] = [("all", 8, &[(0.001, Learned); 5])];
    let mut evidence = trained(Metric::Mae, &rows);
    let all = evidence.answer().sentences.join(" ");
    assert!(
        all.contains(
            "All 5 trained runs learned (an error below 5 % of the best constant answer's)."
        ),
        "{all}"
    );
    evidence.runs[0].origin = Origin::Trained(None);
    let known = evidence.answer().sentences.join(" ");
    assert!(
        known.contains("All 4 trained runs learned (an error below 5 % of the best constant answer's). Of 1 other \
                        training no ending is recorded."),
        "{known}"
    );
    evidence
        .runs
        .iter_mut()
        .for_each(|run| run.origin = Origin::Trained(None));
    let unknown = evidence.answer();
    assert!(!unknown.sentences.join(" ").contains("learned"));
    assert!(unknown.endings.is_empty());
}

#[test]
fn undertrained_at_a_single_width_is_said_before_the_ranking() {
    let rows: [Trained<'_>; 2] = [
        ("steps=100", 8, &[(0.5, Falling); 5]),
        (
            "steps=900",
            8,
            &[
                (0.2, Falling),
                (0.2, Falling),
                (0.2, Falling),
                (0.2, Stuck),
                (0.2, Stuck),
            ],
        ),
    ];
    let text = trained(Metric::Mae, &rows).answer().sentences.join(" ");
    assert!(
        text.starts_with(
            "At d = 8 the runs do not tell whether that d suffices: none of 10 runs learned \
             (2 got stuck and 8 were still falling). At d = 8 the mean absolute error (median over seeds) is lowest \
             with steps=900: 0.2"
        ),
        "{text}"
    );
    assert!(text.contains(REMEDY), "{text}");
    // One setting that was trained long enough answers the question.
    let rows: [Trained<'_>; 2] = [
        ("steps=100", 8, &[(0.5, Falling); 5]),
        ("steps=900", 8, &[(0.001, Learned); 5]),
    ];
    let text = trained(Metric::Mae, &rows).answer().sentences.join(" ");
    assert!(!text.contains("long enough"), "{text}");
    assert!(text.contains("Of 10 trained runs, 5 learned"), "{text}");
}

#[test]
fn settings_that_do_not_differ_in_four_digits_have_no_lead() {
    let text = answer(
        Metric::TokenAccuracy,
        &[
            ("a=1", 12, &[0.999_999; 5]),
            ("a=2", 12, &[0.999_998; 5]),
            ("a=3", 12, &[0.5; 5]),
        ],
    );
    assert!(
        text.contains("To four digits the first two do not differ. The distance from first to last, 0.5, is larger"),
        "{text}"
    );
}

#[test]
fn a_low_interchange_accuracy_names_what_was_not_exchanged() {
    let mut study = study(
        Metric::Mae,
        &[
            ("all", 4, &[0.001; 3]),
            ("all", 6, &[0.001; 3]),
            ("all", 8, &[0.001; 3]),
        ],
    );
    for run in &mut study.runs {
        run.metrics.insert(Metric::InterchangeAccuracyMin, 0.002);
    }
    study.critical = critical_rows(&study.runs, &study.tolerances, 0);
    study.carried = BTreeMap::from([(("is_x".into(), "tokens:x".into()), 7)]);
    let more = study.answer().more.join(" ");
    assert!(
        more.starts_with(
            "For an interchange accuracy of at least 0.95 for every variable (median over seeds), no d up to 8 suffices."
        ),
        "{more}"
    );
    assert!(
        more.ends_with(
            "In 7 of 9 runs the lowest interchange accuracy, below 0.95, is that of a variable whose information is also \
             read from something else, which is not exchanged with it (is_x, carried by tokens:x, in 7): there a low value does not \
             show that the model ignores the variable."
        ),
        "{more}"
    );
}

#[test]
fn settings_that_all_need_the_same_d_are_not_compared_in_pairs() {
    let (bad, good) = ([0.1; 5], [0.001; 5]);
    let rows =
        ["a=1", "a=2", "a=3"].map(|a| [(a, 4, &bad[..]), (a, 6, &good[..]), (a, 8, &good[..])]);
    let text = answer(Metric::Mae, &rows.concat());
    assert!(text.contains(" All of them need the same d. "), "{text}");
}

#[test]
fn programs_are_not_compared_by_the_d_that_they_need_whatever_their_key_is_called() {
    let (bad, good) = ([0.1; 5], [0.001; 5]);
    for key in ["program", "model.program"] {
        let (a, b) = (format!("{key}=a"), format!("{key}=b"));
        let text = answer(
            Metric::Mae,
            &[
                (&a, 4, &bad),
                (&a, 6, &good),
                (&a, 8, &good),
                (&b, 4, &bad),
                (&b, 6, &bad),
                (&b, 8, &good),
            ],
        );
        assert!(text.contains("is 6 with program=a"), "{text}");
        assert!(!text.contains("needs"), "{text}");
    }
}
