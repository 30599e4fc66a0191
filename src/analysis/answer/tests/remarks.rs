//! What stands beside the answer itself: misses, cautions, what is left to the tables, names.

use super::*;
use crate::analysis::answer::evidence::{bound, of_several_programs};

const GOOD: [f64; 5] = [0.001; 5];
const BAD: [f64; 5] = [0.2; 5];

/// Runs of `mae` at one width.
fn at_one_width(values: &[f64]) -> Evidence {
    study(Metric::Mae, &[("all", 8, values)])
}

/// Groups `a=1`, `a=2`, ..., and their runs at 4, 6 and 8.
fn groups(runs: &[[&[f64]; 3]]) -> Evidence {
    let names: Vec<String> = (1..=runs.len()).map(|n| format!("a={n}")).collect();
    let rows = names.iter().zip(runs).flat_map(|(name, runs)| {
        let widths = [4, 6, 8].into_iter().zip(runs);
        widths.map(move |(d, values)| (name.as_str(), d, *values))
    });
    study(Metric::Mae, &rows.collect::<Vec<_>>())
}

/// Another metric of every run.
fn with(mut evidence: Evidence, metric: Metric, value: impl Fn(&Run) -> f64) -> Evidence {
    for run in &mut evidence.runs {
        let value = value(run);
        run.metrics.insert(metric, value);
    }
    evidence.critical = critical_rows(&evidence.runs, &evidence.tolerances, 0);
    evidence
}

#[test]
fn misses_are_counted_from_three_runs_on_where_their_median_is_good() {
    let of = |values: &[f64]| at_one_width(values).misses();
    assert_eq!(of(&[0.001, 0.001]), None);
    let what = "Where the median over seeds meets the tolerance";
    let every = format!("{what}, so does every run.");
    assert_eq!(of(&[0.001; 3]), Some(every));
    assert_eq!(
        of(&[0.001, 0.001, 0.2]),
        Some(format!("{what}, 1 of 3 runs misses it."))
    );
    assert_eq!(of(&[0.001, 0.2, 0.2]), None);
    let two = groups(&[[&BAD, &GOOD, &[0.001, 0.001, 0.001, 0.2, 0.2]]]).misses();
    assert_eq!(two, Some(format!("{what}, 2 of 10 runs miss it.")));
}

#[test]
fn faithful_blocks_that_leave_the_output_wrong_are_named() {
    let cosine = |run: &Run| f64::from(u8::from(run.d >= 6));
    let wrong = |evidence: &Evidence| {
        let tolerance = evidence.tolerance(Metric::CosineMin).unwrap();
        evidence.faithful_but_wrong(tolerance)
    };
    let begins = "That does not make the output right: by its mean absolute error it takes";
    let later = with(groups(&[[&BAD, &BAD, &GOOD]]), Metric::CosineMin, cosine);
    assert_eq!(wrong(&later), Some(format!("{begins} d = 8.")));
    assert!(later.answer().more[0].ends_with(&format!("{begins} d = 8.")));
    // No later: nothing is wrong.
    for runs in [
        [&BAD[..], &GOOD, &GOOD],
        [&GOOD, &GOOD, &GOOD],
        [&BAD[..]; 3],
    ] {
        assert_eq!(
            wrong(&with(groups(&[runs]), Metric::CosineMin, cosine)),
            None
        );
    }
    // Of several, those that it is true of; six at most.
    let several = groups(&[[&BAD, &GOOD, &GOOD], [&BAD, &BAD, &GOOD]]);
    let several = with(several, Metric::CosineMin, cosine);
    assert_eq!(wrong(&several), Some(format!("{begins} d = 8 with a=2.")));
    let many = with(
        groups(&[[&BAD[..], &BAD, &GOOD]; 7]),
        Metric::CosineMin,
        cosine,
    );
    let text = wrong(&many).unwrap();
    assert!(
        text.ends_with("d = 8 with a=5 and d = 8 with a=6."),
        "{text}"
    );
    // An interchange accuracy is no block's.
    let exchanged = with(
        groups(&[[&BAD, &BAD, &GOOD]]),
        Metric::InterchangeAccuracyMin,
        cosine,
    );
    let more = exchanged.answer().more.join(" ");
    assert!(more.contains("the smallest sufficient d is 6"), "{more}");
    assert!(!more.contains("output right"), "{more}");
}

#[test]
fn carried_variables_are_said_of_as_many_runs_as_there_are() {
    let mut evidence = groups(&[[&BAD, &GOOD, &GOOD]]);
    assert_eq!(evidence.carried(), None);
    let mut of = |pairs: &[(&str, usize)]| {
        let pairs = pairs.iter();
        evidence.carried = pairs
            .map(|(variable, n)| (((*variable).into(), "tokens".into()), *n))
            .collect();
        evidence.carried()
    };
    assert_eq!(of(&[("a", 0)]), None);
    assert!(
        of(&[("a", 1)])
            .unwrap()
            .starts_with("In 1 of 15 runs the lowest")
    );
    assert!(
        of(&[("a", 14)])
            .unwrap()
            .starts_with("In 14 of 15 runs the lowest")
    );
    assert!(
        of(&[("a", 10), ("b", 5)])
            .unwrap()
            .starts_with("In all runs the lowest")
    );
    // The most frequent first, and six at most.
    let pairs = [
        ("a", 1),
        ("b", 2),
        ("c", 1),
        ("d", 1),
        ("e", 1),
        ("f", 1),
        ("g", 1),
    ];
    let text = of(&pairs).unwrap();
    assert!(
        text.contains("(b, carried by tokens, in 2; a, carried by tokens, in 1;"),
        "{text}"
    );
    assert!(text.contains("f, carried by tokens, in 1)"), "{text}");
    assert!(!text.contains("g, carried"), "{text}");
}

#[test]
fn carried_variables_are_nobodys_question_where_no_run_learned() {
    let rows: [Trained<'_>; 3] = [4, 6, 8].map(|d| ("all", d, &[(0.2, Stuck); 3][..]));
    let mut evidence = with(
        trained(Metric::Mae, &rows),
        Metric::InterchangeAccuracyMin,
        |_| 0.5,
    );
    evidence.carried = BTreeMap::from([(("a".into(), "b".into()), 9)]);
    assert!(evidence.answer().more.is_empty(), "{:?}", evidence.answer());
}

#[test]
fn runs_without_a_result_are_one_or_several() {
    let of = |ends: &[(Status, usize)]| {
        Evidence {
            without_result: ends.iter().copied().collect(),
            ..Evidence::default()
        }
        .other_ends()
    };
    assert_eq!((of(&[]), of(&[(Status::Failed, 0)])), (None, None));
    assert_eq!(
        of(&[(Status::Failed, 1), (Status::NotFinished, 0)]).unwrap(),
        "1 run has no result and is not counted here: 1 failed."
    );
    assert_eq!(
        of(&[(Status::Failed, 2)]).unwrap(),
        "2 runs have no result and are not counted here: 2 failed."
    );
    assert_eq!(
        of(&[(Status::Diverged, 1), (Status::Failed, 2)]).unwrap(),
        "3 runs have no result and are not counted here: 1 diverged and 2 failed."
    );
}

#[test]
fn a_caution_is_about_the_fewest_seeds_of_a_group_that_depends_on_them() {
    let of = |table: &[(&str, usize, &[f64])]| study(Metric::Mae, table).caution();
    let few = |n: usize| Some(format!("Caution: an interval over {n} seeds says little."));
    assert_eq!(of(&[("a=1", 8, &GOOD), ("a=2", 8, &GOOD[..2])]), few(2));
    assert_eq!(of(&[("a=1", 8, &GOOD[..4]), ("a=2", 8, &GOOD)]), few(4));
    assert_eq!(
        of(&[("a=1", 6, &GOOD[..3]), ("a=1", 8, &GOOD[..4])]),
        few(3)
    );
    let single = of(&[("a=1", 8, &GOOD), ("a=2", 8, &[0.1])]).unwrap();
    assert!(single.starts_with("Caution: some settings have a single run"));
    assert_eq!(of(&[(TRAIN, 8, &GOOD), (PCA, 8, &[0.1])]), None);
}

#[test]
fn several_programs_are_groups_that_differ_in_it() {
    let of = |names: &[&str]| {
        let groups: Vec<Group> = names.iter().map(|name| Group::from(*name)).collect();
        of_several_programs(&groups.iter().collect::<Vec<_>>())
    };
    assert!(of(&["program=a", "program=b"]));
    assert!(of(&["a=1, model.program=a", "a=1, model.program=b"]));
    assert!(!of(&["program=a, b=1", "program=a, b=2"]));
    assert!(!of(&["a=1", "a=2"]) && !of(&["program=a"]));
}

#[test]
fn a_metric_has_words_and_a_bound_its_direction() {
    let metrics = [
        Metric::Mae,
        Metric::TokenAccuracy,
        Metric::CosineMin,
        Metric::InterchangeAccuracyMin,
        Metric::MaxError,
    ];
    assert_eq!(
        metrics.map(|metric| metric.column().meaning),
        [
            "mean absolute error",
            "share of right tokens",
            "lowest cosine of any block",
            "lowest interchange accuracy of any variable",
            "largest error"
        ]
    );
    let bounds = Tolerance::defaults();
    let of = |metric: Metric| bound(bounds.iter().find(|t| t.metric == metric).unwrap());
    assert_eq!(
        (of(Metric::Mae), of(Metric::CosineMin)),
        ("at most 0.005".into(), "at least 0.95".into())
    );
}

#[test]
fn settings_with_a_sufficient_width_come_before_those_without_and_six_in_all_are_named() {
    let of = |good: usize, bad: usize| {
        let mut runs = vec![[&BAD[..], &GOOD, &GOOD]; good];
        runs.extend(vec![[&BAD[..], &BAD, &BAD]; bad]);
        groups(&runs).answer().sentences[0].clone()
    };
    let left = "in critical_widths.csv, which `compress analyze` writes.";
    let text = of(4, 3);
    assert!(
        text.contains("; no d up to 8 suffices with a=5 or a=6; 1 further setting is "),
        "{text}"
    );
    assert!(text.ends_with(left), "{text}");
    let text = of(4, 2);
    assert!(
        text.ends_with("no d up to 8 suffices with a=5 or a=6."),
        "{text}"
    );
    let text = of(6, 2);
    assert!(
        text.contains("; 2 further settings are ") && !text.contains("no d up to"),
        "{text}"
    );
    let text = of(0, 7);
    assert!(
        text.contains("with a=1 or a=2 or a=3 or a=4 or a=5 or a=6; 1 further setting is"),
        "{text}"
    );
}

#[test]
fn settings_that_were_tried_up_to_different_widths_have_a_clause_each() {
    let table: Vec<(&str, usize, &[f64])> = vec![
        ("a=1", 4, &BAD),
        ("a=1", 6, &BAD),
        ("a=2", 4, &BAD),
        ("a=2", 8, &BAD),
        ("a=3", 4, &BAD),
        ("a=3", 6, &BAD),
    ];
    let text = &study(Metric::Mae, &table).answer().sentences[0];
    assert!(
        text.ends_with("no d up to 6 suffices with a=1 or a=3; no d up to 8 suffices with a=2."),
        "{text}"
    );
}

#[test]
fn a_constant_answer_stands_beside_settings_that_agree_on_it() {
    let of = |metric: Metric, constants: &[(&str, f64)]| {
        let rows: [(&str, usize, &[f64]); 2] = [("a=1", 8, &[0.9; 5]), ("a=2", 8, &[0.5; 5])];
        let mut evidence = study(metric, &rows);
        let constants = constants.iter().map(|(group, x)| ((*group).into(), *x));
        evidence.constants = constants.collect();
        let tolerance = evidence.tolerance(metric).unwrap();
        let said = settings::ranking(&evidence, 8, tolerance).swap_remove(1);
        let begins = said.split(',').next().unwrap();
        begins.to_owned()
    };
    let both = [("a=1", 0.3), ("a=2", 0.3)];
    assert_eq!(of(Metric::Mae, &both), "The best constant answer has 0.3.");
    let right = "The best constant answer has 0.7.";
    assert_eq!(of(Metric::TokenAccuracy, &both), right);
    assert_eq!(of(Metric::TokenAccuracy, &both[..1]), right);
    // A cosine is no answer's; and of two programs each has its own.
    assert_eq!(of(Metric::CosineMin, &both), "The difference");
    let two = [("a=1", 0.3), ("a=2", 0.4)];
    assert_eq!(of(Metric::Mae, &two), "The difference");
}

#[test]
fn settings_left_open_are_named_up_to_six() {
    let of = |settings: usize| {
        let names: Vec<String> = (1..=settings).map(|n| format!("a={n}")).collect();
        let rows: Vec<Trained<'_>> = names
            .iter()
            .flat_map(|name| [4, 6, 8].map(|d| (name.as_str(), d, &[(0.2, Stuck); 3][..])))
            .collect();
        trained(Metric::Mae, &rows).answer().sentences.join(" ")
    };
    assert!(of(6).contains("With a=6 the runs") && !of(6).contains("The same holds"));
    assert!(of(7).contains(" The same holds for 1 further setting.") && !of(7).contains("a=7 the"));
    assert!(of(8).contains(" The same holds for 2 further settings."));
}

#[test]
fn a_distance_from_the_smallest_width_tried_is_at_least_that() {
    let least = groups(&[[&GOOD, &GOOD, &GOOD], [&BAD, &GOOD, &GOOD]]).answer();
    let text = least.sentences.join(" ");
    assert!(
        text.contains("a=1 needs at least 2 fewer dimensions than a=2"),
        "{text}"
    );
    let known = groups(&[[&BAD, &GOOD, &GOOD], [&BAD, &BAD, &GOOD]]).answer();
    let text = known.sentences.join(" ");
    assert!(
        text.contains("a=1 needs 2 fewer dimensions than a=2"),
        "{text}"
    );
}

#[test]
fn a_distance_to_a_setting_without_a_sufficient_width_is_unsure_with_single_runs() {
    let unsure = "With one run at each d there is no telling how sure the difference between a=1 and a=2 is.";
    let of = |a: [&[f64]; 3], b: [&[f64]; 3]| groups(&[a, b]).answer().sentences.join(" ");
    let (good, bad): (&[f64], &[f64]) = (&[0.001], &[0.2]);
    assert!(of([bad, good, good], [bad; 3]).contains(unsure));
    assert!(of([&BAD, &GOOD, &GOOD], [bad; 3]).contains(unsure));
    let sure = of([&BAD, &GOOD, &GOOD], [&BAD[..]; 3]);
    assert!(!sure.contains("difference between"), "{sure}");
}
