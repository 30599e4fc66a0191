//! What is said of the trainings themselves, at both sides of each number that decides it.

use super::*;

const GOOD: (f64, Verdict) = (0.001, Learned);
const BAD: (f64, Verdict) = (0.2, Stuck);
const BEHIND: (f64, Verdict) = (0.2, Falling);

/// What follows "Of n trained runs, ... learned (...)".
fn below(table: &[Trained<'_>]) -> String {
    let text = trained(Metric::Mae, table).trainings().unwrap();
    let (_, rest) = text.split_once(';').unwrap_or(("", ""));
    rest.trim().to_owned()
}

#[test]
fn trainings_below_the_smallest_sufficient_d_are_counted() {
    let of = |at_4: &[(f64, Verdict)], at_6: &[(f64, Verdict)]| {
        below(&[("all", 4, at_4), ("all", 6, at_6), ("all", 8, &[GOOD; 3])])
    };
    // The smallest sufficient d is 6, and 6 is not below it.
    let mostly = [GOOD, GOOD, BAD];
    assert_eq!(of(&[(0.2, Learned); 3], &mostly), "");
    assert_eq!(
        of(&[(0.2, Learned), (0.2, Learned), BAD], &[GOOD; 3]),
        "the one that did not learn has a d below the smallest sufficient one."
    );
    assert_eq!(
        of(&[(0.2, Learned), (0.2, Learned), BAD], &mostly),
        "of the 2 that did not learn, 1 has a d below the smallest sufficient one."
    );
    assert_eq!(
        of(&[BAD, BAD, (0.2, Learned)], &[GOOD; 3]),
        "all 2 that did not learn have a d below the smallest sufficient one."
    );
    assert_eq!(
        of(&[BAD, BAD, (0.2, Learned)], &mostly),
        "of the 3 that did not learn, 2 have a d below the smallest sufficient one."
    );
}

#[test]
fn trainings_are_placed_below_a_d_only_where_three_widths_were_tried() {
    let clause = "the one that did not learn has a d below the smallest sufficient one.";
    let low = [(0.2, Learned), (0.2, Learned), BAD];
    let good = [GOOD; 3];
    assert_eq!(below(&[("all", 4, &low), ("all", 6, &good)]), "");
    let rows: [Trained<'_>; 4] = [
        ("all", 4, &low),
        ("all", 6, &good),
        ("all", 8, &good),
        ("all", 10, &good),
    ];
    assert_eq!(
        (below(&rows[..3]), below(&rows)),
        (clause.into(), clause.into())
    );
}

#[test]
fn trainings_are_placed_below_the_d_of_their_own_setting_by_the_main_metric() {
    // With a=2 no d suffices: its runs are below none.
    let rows: [Trained<'_>; 6] = [
        ("a=1", 4, &[BAD; 3]),
        ("a=1", 6, &[GOOD; 3]),
        ("a=1", 8, &[GOOD; 3]),
        ("a=2", 4, &[BAD; 3]),
        ("a=2", 6, &[BAD; 3]),
        ("a=2", 8, &[BAD; 3]),
    ];
    let words = "of the 12 that did not learn, 3 have a d below the smallest sufficient one.";
    assert_eq!(below(&rows), words);
    // By its cosine a setting may need another d.
    let mut evidence = trained(Metric::Mae, &rows);
    for run in &mut evidence.runs {
        let cosine = if run.d == 8 { 1.0 } else { 0.0 };
        run.metrics.insert(Metric::CosineMin, cosine);
    }
    evidence.critical = critical_rows(&evidence.runs, &evidence.tolerances, 0);
    assert!(evidence.trainings().unwrap().ends_with(words));
}

#[test]
fn trainings_of_which_none_learned_are_placed_below_no_d() {
    let within = (0.001, Stuck);
    let rows: [Trained<'_>; 3] = [
        ("all", 4, &[BAD; 3]),
        ("all", 6, &[within; 3]),
        ("all", 8, &[within; 3]),
    ];
    assert_eq!(
        trained(Metric::Mae, &rows).trainings().unwrap(),
        "None of 9 trained runs learned (an error below 5 % of the best constant answer's): all got stuck."
    );
}

#[test]
fn trainings_without_a_recorded_ending_are_counted_apart_and_baselines_are_none() {
    let mut evidence = trained(Metric::Mae, &[("all", 8, &[GOOD; 5])]);
    evidence.runs[0].origin = Origin::Trained(None);
    evidence.runs[1].origin = Origin::Trained(None);
    evidence.runs[2].origin = Origin::Baseline;
    assert_eq!(
        evidence.trainings().unwrap(),
        "All 2 trained runs learned (an error below 5 % of the best constant answer's). Of 2 other trainings no \
         ending is recorded."
    );
    assert_eq!(
        study(Metric::Mae, &[("all", 8, &[0.001])]).trainings(),
        None
    );
}

/// What is said where of 4, 6 and 8 the last alone is sufficient, and some of the runs at 6 were falling.
fn falling(at_6: &[(f64, Verdict)]) -> Option<String> {
    let rows: [Trained<'_>; 3] = [
        ("all", 4, &[BAD; 3]),
        ("all", 6, at_6),
        ("all", 8, &[GOOD; 3]),
    ];
    trained(Metric::Mae, &rows).falling_below()
}

#[test]
fn falling_runs_just_below_the_smallest_sufficient_d_are_named_from_half_of_them_on() {
    let said = |who: &str| {
        Some(format!(
            "At d = 6, just below the smallest sufficient one, {who} still falling: a smaller d may suffice with more \
             training.steps."
        ))
    };
    assert_eq!(falling(&[BAD, BAD, BEHIND]), None);
    assert_eq!(falling(&[BAD, BEHIND]), said("1 of 2 runs was"));
    assert_eq!(falling(&[BEHIND]), said("1 of 1 run was"));
    assert_eq!(falling(&[BAD, BEHIND, BEHIND]), said("2 of 3 runs were"));
    assert_eq!(falling(&[BAD; 2]), None);
    // Without endings there is nothing to tell.
    let mut unknown = trained(
        Metric::Mae,
        &[
            ("all", 4, &[BEHIND]),
            ("all", 6, &[BEHIND]),
            ("all", 8, &[GOOD]),
        ],
    );
    assert!(unknown.falling_below().is_some());
    for run in &mut unknown.runs {
        run.origin = Origin::Trained(None);
    }
    assert_eq!(unknown.falling_below(), None);
}

#[test]
fn falling_runs_are_looked_for_only_where_three_widths_were_tried_and_just_below_the_sufficient_one()
 {
    let good = [GOOD; 3];
    let two: [Trained<'_>; 2] = [("all", 6, &[BEHIND; 3]), ("all", 8, &good)];
    assert_eq!(trained(Metric::Mae, &two).falling_below(), None);
    let rows: [Trained<'_>; 4] = [
        ("all", 4, &[BEHIND; 3]),
        ("all", 6, &good),
        ("all", 8, &[(0.001, Falling); 3]),
        ("all", 10, &good),
    ];
    let found = trained(Metric::Mae, &rows).falling_below().unwrap();
    assert!(found.starts_with("At d = 4, just below"), "{found}");
    // Falling further below, where the next one is stuck.
    let rows: [Trained<'_>; 3] = [
        ("all", 4, &[BEHIND; 3]),
        ("all", 6, &[BAD; 3]),
        ("all", 8, &good),
    ];
    assert_eq!(trained(Metric::Mae, &rows).falling_below(), None);
}

#[test]
fn falling_runs_are_those_of_the_setting_itself() {
    // Of a=2 only 5 is just below, and these are stuck.
    let rows: [Trained<'_>; 6] = [
        ("a=1", 4, &[BAD; 3]),
        ("a=1", 6, &[BEHIND; 3]),
        ("a=1", 8, &[GOOD; 3]),
        ("a=2", 4, &[BEHIND; 3]),
        ("a=2", 5, &[BAD; 3]),
        ("a=2", 8, &[GOOD; 3]),
    ];
    assert_eq!(
        trained(Metric::Mae, &rows).falling_below().unwrap(),
        "At d = 6, just below the smallest sufficient one with a=1, 3 of 3 runs were still falling: a smaller d may \
         suffice with more training.steps."
    );
}

#[test]
fn falling_settings_are_named_up_to_six() {
    let of = |settings: usize| {
        let names: Vec<String> = (1..=settings).map(|n| format!("a={n}")).collect();
        let rows = names.iter().flat_map(|name| {
            let rows: [Trained<'_>; 3] = [
                (name, 4, &[BAD; 3]),
                (name, 6, &[BEHIND; 3]),
                (name, 8, &[GOOD; 3]),
            ];
            rows
        });
        let text = trained(Metric::Mae, &rows.collect::<Vec<_>>())
            .falling_below()
            .unwrap();
        let text = text
            .strip_prefix("Just below the smallest sufficient d, most runs with ")
            .unwrap();
        let end = " were still falling: a smaller d may suffice with more training.steps.";
        text.strip_suffix(end).unwrap().to_owned()
    };
    assert_eq!(of(2), "a=1 and a=2");
    assert_eq!(of(6), "a=1, a=2, a=3, a=4, a=5 and a=6");
    assert_eq!(of(7), "a=1, a=2, a=3, a=4, a=5, a=6 and 1 other setting");
    assert_eq!(of(8), "a=1, a=2, a=3, a=4, a=5, a=6 and 2 other settings");
}

#[test]
fn an_open_setting_misses_the_tolerance_and_mostly_did_not_learn() {
    let of = |runs: &[(f64, Verdict)]| {
        let evidence = trained(Metric::Mae, &[("all", 4, &[GOOD; 2]), ("all", 8, runs)]);
        let tolerance = evidence.tolerance(Metric::Mae).unwrap();
        let open = Open::all(&evidence, tolerance, None);
        open.iter().map(Open::at_the_largest).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&[BAD, (0.2, Learned)]),
        ["at d = 8, the largest tried, only 1 of 2 runs learned (1 got stuck)"]
    );
    // Most of them learned; the tolerance is met.
    assert!(of(&[BAD, (0.2, Learned), (0.2, Learned)]).is_empty());
    assert!(of(&[(0.001, Stuck); 2]).is_empty());
    assert!(of(&[GOOD; 2]).is_empty());
}

#[test]
fn an_open_setting_is_one_at_the_d_that_is_asked_for() {
    let evidence = trained(
        Metric::Mae,
        &[
            ("a=1", 4, &[BAD]),
            ("a=1", 8, &[GOOD]),
            ("a=2", 8, &[BEHIND; 2]),
        ],
    );
    let tolerance = evidence.tolerance(Metric::Mae).unwrap();
    let at = |d: Option<usize>| {
        let open = Open::all(&evidence, tolerance, d);
        let found = open.iter().map(|o| (o.group.name().to_owned(), o.d));
        found.collect::<Vec<_>>()
    };
    assert_eq!(at(Some(4)), [("a=1".to_owned(), 4)]);
    assert_eq!(
        (at(Some(8)), at(None)),
        (vec![("a=2".into(), 8)], vec![("a=2".into(), 8)])
    );
    assert!(at(Some(6)).is_empty());
    // Only of stuck runs it is said what helps against that.
    let (stuck, falling) = (
        Open::all(&evidence, tolerance, Some(4)),
        Open::all(&evidence, tolerance, Some(8)),
    );
    assert!(
        Open::remedy(&stuck, &Evidence::default())
            .unwrap()
            .contains("training.restarts")
    );
    assert!(
        Open::remedy(&falling, &Evidence::default())
            .unwrap()
            .ends_with("several times the training.steps.")
    );
    assert_eq!(Open::remedy(&[], &Evidence::default()), None);
    assert_eq!(
        Open::at_one_width(&falling, 8),
        "At d = 8 the runs do not tell whether that d suffices: none of 2 runs learned (all \
         were still falling)."
    );
}

#[test]
fn trained_settings_are_open_at_a_width_where_all_of_them_are() {
    let open = |evidence: &Evidence, metric: Metric| {
        let tolerance = evidence.tolerance(metric).unwrap();
        let open = settings::open(evidence, 8, tolerance);
        open.iter().map(|o| o.group.to_string()).collect::<Vec<_>>()
    };
    let mut evidence = trained(
        Metric::Mae,
        &[
            ("a=1", 8, &[BAD; 2]),
            ("a=2", 8, &[BEHIND; 2]),
            ("a=3", 8, &[(0.3, Stuck)]),
            ("a=3", 10, &[(0.3, Stuck)]),
        ],
    );
    assert_eq!(open(&evidence, Metric::Mae), ["a=1", "a=2", "a=3"]);
    // A baseline was not trained, and one that is good there asks for no more training of the others.
    evidence.runs[4].origin = Origin::Baseline;
    assert_eq!(open(&evidence, Metric::Mae), ["a=1", "a=2"]);
    evidence.runs[4].metrics.insert(Metric::Mae, 0.001);
    assert_eq!(open(&evidence, Metric::Mae), ["a=1", "a=2"]);
    // A setting that was trained long enough answers the question.
    evidence.runs[4].origin = Origin::Trained(Some(Learned));
    assert!(open(&evidence, Metric::Mae).is_empty());
    // What runs that did not learn keep of the program is nobody's question.
    for run in &mut evidence.runs {
        run.origin = Origin::Trained(Some(Stuck));
        run.metrics.insert(Metric::Mae, 0.2);
        run.metrics.insert(Metric::CosineMin, 0.1);
    }
    assert_eq!(open(&evidence, Metric::Mae), ["a=1", "a=2", "a=3"]);
    assert!(open(&evidence, Metric::CosineMin).is_empty());
}

#[test]
fn widths_below_the_largest_that_meet_the_tolerance_are_all_named() {
    let rows: [Trained<'_>; 4] = [
        ("all", 4, &[GOOD]),
        ("all", 6, &[BAD]),
        ("all", 7, &[GOOD]),
        ("all", 8, &[BAD]),
    ];
    let evidence = trained(Metric::Mae, &rows);
    let tolerance = evidence.tolerance(Metric::Mae).unwrap();
    assert_eq!(
        training::met_below(&evidence, &Group::default(), tolerance),
        [4, 7]
    );
}
