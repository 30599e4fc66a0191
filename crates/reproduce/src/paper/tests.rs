//! Made-up tables whose statements hold, hold partly, or do not.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::estimate::{Criterion, Estimate, Verdict};
use super::study::{Source, Study};
use super::{Document, compare};

/// A study of frac_prevs with ten trained seeds at three widths and PCA, whose error at d = 5, 6, 8 is
/// given, and whose blocks have this cosine.
fn frac_prevs(results: &Path, errors: [f64; 3], pca: f64, cosine: f64) {
    let folder = results.join("frac_prevs_dims");
    std::fs::create_dir_all(&folder).unwrap();
    let mut runs =
        "run,compression.method,compression.dim,training.seed,method,stop_reason,steps,mae,\
                    wall_time_seconds\n"
            .to_owned();
    let mut metrics = "group,d,seed,run,metric,value\n".to_owned();
    for (d, error) in [5, 6, 8].into_iter().zip(errors) {
        for seed in 0..10 {
            let error = error * (1.0 + f64::from(seed) / 100.0);
            let run = format!("d{d}s{seed}");
            runs += &format!("{run},train,{d},{seed},train,completed,300000,{error},7.5\n");
            metrics += &format!("all,{d},{seed},{run},cosine_min,{cosine}\n");
        }
        runs += &format!("d{d}pca,pca,{d},0,pca,completed,0,{pca},0.1\n");
    }
    runs += "broken,train,6,99,train,diverged,12,,1.0\n";
    for (name, text) in [
        ("runs.csv", runs.as_str()),
        ("study_metrics.csv", metrics.as_str()),
        ("medians.csv", "group\n"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn document(errors: [f64; 3], pca: f64, cosine: f64) -> Document {
    let results = tempfile::tempdir().unwrap();
    frac_prevs(results.path(), errors, pca, cosine);
    compare(results.path()).unwrap()
}

/// The verdict in the list of statements.
fn verdict(document: &Document, statement: u8) -> String {
    let mut lines = document.markdown.lines();
    let line = lines
        .find(|line| line.starts_with(&format!("| {statement}. ")))
        .unwrap();
    let cells: Vec<&str> = line.split(" | ").collect();
    cells[3].trim_end_matches(" |").to_owned()
}

#[test]
fn statements_hold_partly_or_not_by_their_criteria() {
    let good = document([0.011, 0.001, 0.0003], 0.18, 0.99);
    assert_eq!(
        verdict(&good, 1),
        "**holds** (4 of 4 criteria)",
        "{}",
        good.markdown
    );
    assert_eq!(verdict(&good, 3), "**holds** (2 of 2 criteria)");
    assert_eq!(verdict(&good, 4), "**holds** (2 of 2 criteria)");
    assert!(!good.markdown.contains("Why:"), "{}", good.markdown);
    // At d = 6 seeds are stuck: the error of d = 8 is reached all the same.
    let partly = document([0.1, 0.02, 0.0003], 0.18, 0.99);
    assert_eq!(verdict(&partly, 1), "**holds partly** (2 of 4 criteria)");
    assert_eq!(verdict(&partly, 3), "**holds partly** (1 of 2 criteria)");
    assert!(
        partly
            .markdown
            .contains("Why: 10 of 10 seeds at d = 6 end on a plateau")
    );
    let bad = document([0.1, 0.1, 0.1], 0.01, 0.5);
    for statement in [1, 3, 4] {
        assert!(
            verdict(&bad, statement).starts_with("**does not hold** (0 of"),
            "{statement}"
        );
    }
    // No width is good enough: that is a result, not a gap.
    assert!(
        bad.markdown
            .contains("every larger d tried) | 6 | > 8 [> 8, > 8] | 30 | at most 6 | no |")
    );
}

#[test]
fn every_figure_of_the_page_stands_in_its_table() {
    let document = document([0.011, 0.001, 0.0003], 0.18, 0.99);
    let csv = String::from_utf8(document.csv).unwrap();
    // The median of 0.001 · (1 + seed/100) over seeds 0 to 9.
    let row = csv
        .lines()
        .find(|l| l.contains("\"mean absolute error, d = 6\""))
        .unwrap();
    let median: f64 = row
        .split("\",10,")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    approx::assert_relative_eq!(median, 0.001045, max_relative = 1e-12);
    assert!(row.ends_with(",at most 0.002,yes"), "{row}");
    assert!(
        document
            .markdown
            .contains("| mean absolute error, d = 6 | as at D = 14 | 0.001045 [")
    );
    assert!(
        csv.contains("frac_prevs_dims,\"d 8, pca\",mean absolute error,1,0.18,"),
        "{csv}"
    );
    // Thirty runs of 7.5 s, three of 0.1 s; the one that diverged is no run of 300 000 steps.
    assert!(
        document
            .markdown
            .contains("34 runs of 300000 steps, 4 min of computing")
    );
}

#[test]
fn what_was_not_run_is_said_with_the_command() {
    let results = tempfile::tempdir().unwrap();
    let document = compare(results.path()).unwrap();
    for study in [
        "frac_prevs_dims",
        "output_positions",
        "targets",
        "programs",
        "gram_training",
    ] {
        let sentence = format!(
            "**The study `{study}` has not been run.** `scripts/reproduce.sh {study}` runs it"
        );
        assert!(document.markdown.contains(&sentence), "{study}");
    }
    for statement in 1..=6 {
        assert_eq!(verdict(&document, statement), "not run");
    }
    assert_eq!(
        document.csv.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

#[test]
fn a_garbled_table_is_an_error_that_names_it() {
    let results = tempfile::tempdir().unwrap();
    frac_prevs(results.path(), [0.1; 3], 0.1, 0.5);
    let path = results.path().join("frac_prevs_dims/runs.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("stop_reason", "reason")).unwrap();
    let problem = compare(results.path()).unwrap_err().to_string();
    assert!(
        problem.contains("runs.csv, line 1: there is no column `stop_reason`"),
        "{problem}"
    );
}

#[test]
fn figures_of_runs_are_joined_by_their_names_and_folded() {
    let results = tempfile::tempdir().unwrap();
    frac_prevs(results.path(), [0.1, 0.2, 0.3], 0.4, 0.5);
    let features = "run,feature,norm\nd5s0,a:1,1.0\nd5s0,a:2,3.0\nd5s0,b,9.0\nd6s0,a:1,7.0\n";
    let folder = results.path().join("frac_prevs_dims");
    std::fs::write(folder.join("study_features.csv"), features).unwrap();
    let study = Study::load(results.path(), "frac_prevs_dims")
        .unwrap()
        .unwrap();
    let norm = Source::of("study_features.csv", "norm", &[("feature", "a:*")]);
    let five = [("compression.dim", "5")];
    assert_eq!(study.values(&five, &norm).unwrap(), [2.0]);
    let largest = norm.folded(|norms| norms.iter().copied().fold(0.0, f64::max));
    assert_eq!(study.values(&five, &largest).unwrap(), [3.0]);
    assert_eq!(study.values(&[], &largest).unwrap(), [3.0, 7.0]);
    assert_eq!(study.levels(&[], "method").unwrap(), ["train", "pca"]);
}

#[test]
fn criteria_and_verdicts_by_hand() {
    let met = |criterion: Criterion| [0.9, 1.0, 1.1, f64::NAN].map(|x| criterion.met_by(x));
    assert_eq!(met(Criterion::AtMost(1.0)), [true, true, false, false]);
    assert_eq!(met(Criterion::AtLeast(1.0)), [false, true, true, false]);
    assert_eq!(met(Criterion::Below(1.0)), [true, false, false, false]);
    assert_eq!(
        met(Criterion::Between(0.95, 1.0)),
        [false, true, false, false]
    );
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(Verdict::of(&[yes, yes]), Verdict::Holds);
    assert_eq!(Verdict::of(&[yes, no]), Verdict::Partly);
    assert_eq!(Verdict::of(&[no]), Verdict::DoesNot);
    assert_eq!(Verdict::of(&[yes, None]), Verdict::Unknown);
    assert_eq!(Verdict::of(&[]), Verdict::Unknown);
    let estimate = Estimate::new(&[3.0, 1.0, 2.0]).unwrap();
    assert_eq!(estimate.text(), "2 [1, 3]");
    assert_eq!(Estimate::new(&[0.5]).unwrap().text(), "0.5");
    assert_eq!(Estimate::new(&[]), None);
}

#[test]
fn a_smallest_d_stands_beside_the_random_starts_that_are_right_by_the_same_rule() {
    let results = tempfile::tempdir().unwrap();
    let (searches, study) = (
        results.path().join("searches"),
        results.path().join("smallest_d"),
    );
    let write = |folder: &Path, name: &str, text: &str| {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    };
    write(
        &searches,
        "found.csv",
        "program,criterion,width,rank,d,steps,seconds,verdict,lower_bound,tied,gap,mae,max_error,lowest_cosine,\
         dedicated,shared,superposed,dropped,unused\n\
         numbers,faithful,14,9,5,1000,2.0,proved,1,0,,0.001,0.01,0.995,1,2,3,4,4\n\
         classes,outputs,19,11,6,3000,4.0,not_proved,2,0,0.5,,,0.3,0,1,2,3,13\n\
         untried,outputs,19,11,6,3000,4.0,proved,2,0,0.5,,,0.3,0,1,2,3,13\n\
         tied,outputs,19,11,6,3000,4.0,proved,2,8,0.5,,,0.3,0,1,2,3,13\n",
    );
    // Of numbers, one is right, one has too large an error, one is not faithful; of classes, one of two is right.
    let mut runs =
        "run,model.program,compression.dim,method,stop_reason,steps,mae,max_error,token_accuracy,\
                    wall_time_seconds\n"
            .to_owned();
    let mut metrics = "group,d,seed,run,metric,value\n".to_owned();
    for (run, program, d, mae, max, accuracy, cosine) in [
        ("a", "numbers", 5, "0.004", "0.05", "", 0.99),
        ("b", "numbers", 5, "0.004", "0.06", "", 0.99),
        ("c", "numbers", 5, "0.001", "0.01", "", 0.98),
        ("d", "classes", 6, "", "", "1.0", 0.1),
        ("e", "classes", 6, "", "", "0.999", 0.1),
        ("f", "tied", 6, "", "", "0.9", 0.1),
    ] {
        runs += &format!(
            "{run},../p/{program}.rasp,{d},train,completed,9,{mae},{max},{accuracy},1.0\n"
        );
        metrics += &format!("all,{d},0,{run},cosine_min,{cosine}\n");
    }
    write(&study, "runs.csv", &runs);
    write(&study, "study_metrics.csv", &metrics);
    write(&study, "medians.csv", "group\n");
    // Of two random starts of numbers, one drops four features, the other two.
    let verdicts = "group,d,seed,run,verdict,features\n\
                    g,5,0,program=numbers.rasp~0-a,dropped,4\ng,5,1,program=numbers.rasp~0-b,dropped,2\n\
                    g,5,1,program=numbers.rasp~0-b,shared,2\ng,4,1,program=numbers.rasp~0-c,shared,9\n";
    write(&study, "study_verdicts.csv", verdicts);
    // What a second descent found later has its control in a study of its own, which goes before.
    let second = results.path().join("smallest_d_second");
    write(
        &second,
        "runs.csv",
        "run,model.program,compression.dim,method,stop_reason,steps,mae,max_error,token_accuracy,wall_time_seconds\n\
         g,../p/untried.rasp,6,train,completed,9,,,1.0,1.0\nh,../p/tied.rasp,6,train,completed,9,,,1.0,1.0\n",
    );
    write(&second, "medians.csv", "group\n");
    let text = compare(results.path()).unwrap().markdown;
    for line in [
        "| `numbers` | 14 | 9 | faithful | 5 | proved | 1 | 1000 | 1 of 3 |",
        "| `classes` | 19 | 11 | outputs | 6 | not proved | 2 | 3000 | 1 of 2 |",
        "| `untried` | 19 | 11 | outputs | 6 | proved | 2 | 3000 | 1 of 1 |",
        "| `tied` | 19 | 11 | outputs | 6 | proved | 2 | 3000 | 1 of 1 |",
        "| `numbers` | faithful | 5 | 1 (0.0) | 2 (1.0) | 3 (0.0) | 4 (3.0) |",
        "Summed over the 1 row, the searches have 1 dedicated, 2 shared, 3 superposed and 4 dropped; random starts 0 dedicated, 1 \
         shared, 0 superposed and 3 dropped on average.",
        "3 certificates of 4 are proved. At 1 of the 4 with a control",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
