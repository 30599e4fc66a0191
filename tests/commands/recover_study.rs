//! `[recovery]` of a study and `compress recover STUDY`: dictionaries in every completed run, with their scores.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracr_compress::config::DictionaryMethod;
use tracr_compress::results::recovery_scores::{RecoveryRow, Score};

use crate::common::command::{call, succeed, text};
use crate::common::study::StudyBench;

/// Three runs of a moment each: two widths trained, and one that keeps everything.
const TINY: &str = r#"
name = "tiny"
question = "Which features are found?"
base = "BASE"

[grid]
"compression.dim" = [8, 6]

[[include]]
compression = { method = "subset", dim = 14 }

[override.training]
steps = 1000
log_every = 500
"#;

fn bench(recovery: &str) -> StudyBench {
    StudyBench::new(&format!("{TINY}{recovery}"))
}

const RECOVERY: &str = "[recovery]\nmethods = [\"random\", \"pca\"]\nseeds = 2\natoms = 5\n";

fn scores(bench: &StudyBench, output: &str) -> String {
    fs::read_to_string(bench.path(output).join("recovery_scores.csv")).unwrap()
}

/// Every file below the runs' `recovery`, with the time of its last change.
fn files(study: &Path) -> Vec<(PathBuf, SystemTime)> {
    fn visit(directory: &Path, found: &mut Vec<(PathBuf, SystemTime)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.components().any(|part| part.as_os_str() == "recovery")
                && !path.ends_with(".lock")
            {
                let changed = path.metadata().unwrap().modified().unwrap();
                found.push((path, changed));
            }
        }
    }
    let mut found = Vec::new();
    visit(study, &mut found);
    found.sort();
    found
}

#[test]
fn a_sweep_with_recovery_scores_each_dictionary_of_each_run_once_and_goes_on_where_one_is_missing()
{
    let bench = bench(RECOVERY);
    let said = bench.sweeps("a", &["--jobs", "1", "--quiet"]);
    assert!(
        said.contains("9 dictionaries of 3 runs scored: recovery_scores.csv in "),
        "{said}"
    );
    let rows = RecoveryRow::read(&bench.path("a")).unwrap().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.d,
                row.method.as_str(),
                row.dictionary,
                row.dictionary_seed,
            )
        })
        .collect();
    let (pca, random) = (DictionaryMethod::Pca, DictionaryMethod::Random);
    // By run; of each run in the order of all methods, and pca, which has no seed, once.
    let expected: Vec<_> = [(8, "train"), (6, "train"), (14, "subset")]
        .into_iter()
        .flat_map(|(d, method)| {
            [(pca, 0), (random, 0), (random, 1)].map(|(m, s)| (d, method, m, s))
        })
        .collect();
    assert_eq!(told, expected);
    for row in &rows {
        assert_eq!(
            (row.program.as_str(), row.width, row.atoms),
            ("frac_prevs", 14, 5)
        );
        let mcc = row.score(Score::Mcc);
        let (value, low, high) = (
            mcc.value.unwrap(),
            mcc.rows_low.unwrap(),
            mcc.rows_high.unwrap(),
        );
        assert!((0.0..=1.0).contains(&value), "{value}");
        assert!(low <= mcc.rows.unwrap() && mcc.rows.unwrap() <= high);
        assert!((mcc.ceiling.unwrap() - 1.0).abs() < 1e-9);
        // The dictionary and its scores are those of the single commands.
        let folder = format!(
            "{}/recovery/{}/seed={}",
            row.run,
            row.dictionary.name(),
            row.dictionary_seed
        );
        let run = text(&bench.path("a").join(&row.run));
        let folder = bench.path("a").join(folder);
        let single = succeed(&[
            "score",
            &run,
            &text(&folder),
            "--output",
            &text(&bench.path("s")),
            "--json",
        ]);
        let single: serde_json::Value = serde_json::from_str(&single).unwrap();
        let kept = fs::read_to_string(folder.join("recovery.json")).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        for part in ["scores", "nulls", "ceilings", "saelens", "mcc_corrected"] {
            assert_eq!(single[part], kept[part], "{part}");
        }
        assert_eq!(kept["scores"]["mcc"].as_f64(), mcc.value);
    }

    // On two workers: the same bytes.
    bench.sweeps("b", &["--jobs", "2", "--quiet"]);
    assert_eq!(scores(&bench, "a"), scores(&bench, "b"));

    // What is missing is done again, and nothing else.
    let before = files(&bench.path("a"));
    let removed = bench.path("a/dim=6/recovery/random/seed=1/recovery.json");
    fs::remove_file(&removed).unwrap();
    let table = scores(&bench, "a");
    bench.sweeps("a", &["--quiet"]);
    assert_eq!(scores(&bench, "a"), table);
    let after = files(&bench.path("a"));
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(a, b)| a != b)
        .map(|((path, _), _)| path.parent().unwrap())
        .collect();
    assert_eq!(before.len(), after.len());
    assert!(!changed.is_empty());
    assert!(
        changed
            .iter()
            .all(|folder| *folder == removed.parent().unwrap()),
        "{changed:?}"
    );

    // The table alone comes back from the runs.
    fs::remove_file(bench.path("a/recovery_scores.csv")).unwrap();
    assert_eq!(bench.collect("a").0, 0);
    assert_eq!(scores(&bench, "a"), table);

    // It is drawn, and on the page.
    let study = text(&bench.path("a"));
    succeed(&[
        "plot",
        &study,
        "--format",
        "svg",
        "-o",
        &text(&bench.path("figures")),
    ]);
    let svg = fs::read_to_string(bench.path("figures/recovery_by_d.svg")).unwrap();
    for label in [
        "activation MCC",
        "null: random data rows",
        "ceiling: true W, NNLS codes",
    ] {
        assert!(svg.contains(label), "{label}");
    }
    succeed(&["report", &study]);
    let page = fs::read_to_string(bench.path("a/report.html")).unwrap();
    assert!(page.contains(">Dictionaries</h2>") && page.contains("null: random data rows"));
}

#[test]
fn recover_of_a_study_takes_every_completed_run_and_says_which_it_left_out() {
    let bench = bench("");
    bench.sweeps("a", &["--quiet"]);
    let study = text(&bench.path("a"));
    assert!(!bench.path("a/recovery_scores.csv").exists());
    let (code, _, stderr) = call(&["recover", &study]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("the study has no [recovery]: say with --method"),
        "{stderr}"
    );
    for (more, said) in [
        (
            &["-o", "x"][..],
            "is a study's directory, and -o is for a run: leave it out",
        ),
        (&["--lambda", "1"], "--lambda is for a run"),
        (&["--k", "1"], "--k is for a run"),
    ] {
        let (code, _, stderr) = call(&[&["recover", &study, "--method", "pca"][..], more].concat());
        assert_eq!(code, 2);
        assert!(stderr.contains(said), "{stderr}");
    }
    fs::remove_file(bench.path("a/dim=6/summary.json")).unwrap();
    let (code, stdout, stderr) = call(&["recover", &study, "--method", "pca,random", "--no-bos"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("left out: dim=6: not finished"), "{stderr}");
    assert!(
        stdout.contains("4 dictionaries of 2 runs scored"),
        "{stdout}"
    );
    let lines: Vec<&str> = stdout
        .lines()
        .filter(|line| line.contains("null: random"))
        .collect();
    assert_eq!(lines.len(), 2, "{stdout}");
    let rows = RecoveryRow::read(&bench.path("a")).unwrap().unwrap();
    assert!(rows.iter().all(|row| !row.bos && row.d != 6));
    // Otherwise asked for, the same place is refused, and said how to free it.
    let (code, _, stderr) = call(&["recover", &study, "--method", "pca", "--atoms", "3"]);
    assert_eq!(code, 0);
    let place = "dim=8/recovery/pca";
    assert!(
        stderr.contains(place) && stderr.contains("delete it"),
        "{stderr}"
    );
    fs::remove_dir_all(bench.path("a").join("dim=8/recovery")).unwrap();
    succeed(&[
        "recover", &study, "--method", "pca", "--atoms", "3", "--quiet",
    ]);
    let rows = RecoveryRow::read(&bench.path("a")).unwrap().unwrap();
    let of_eight: Vec<_> = rows
        .iter()
        .filter(|row| row.d == 8)
        .map(|row| row.atoms)
        .collect();
    assert_eq!(of_eight, [3]);
    // A W that another command put there has no scores yet.
    for name in ["dim=8", "dim=14,method=subset"] {
        let path = bench.path("a").join(name).join("projection.safetensors");
        let other = bench.path("a").join("dim=6/projection.safetensors");
        fs::copy(other, path).unwrap();
    }
    let (code, _, stderr) = call(&[
        "recover", &study, "--method", "pca", "--atoms", "3", "--quiet",
    ]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("holds dictionaries of another run: delete it"),
        "{stderr}"
    );
}

#[test]
fn recover_of_a_run_takes_one_method_and_has_a_place_for_it() {
    let bench = bench("");
    bench.sweeps("a", &["--quiet"]);
    let run = text(&bench.path("a/dim=8"));
    for (more, said) in [
        (
            &["--method", "pca,nnsc", "-o", "x"][..],
            "give one --method for a run",
        ),
        (&["-o", "x"], "the methods are nnsc, "),
    ] {
        let (code, _, stderr) = call(&[&["recover", &run][..], more].concat());
        assert_eq!(code, 2);
        assert!(stderr.contains(said), "{stderr}");
    }
    // Where a study has them; and the next command works as it is printed.
    let (code, _, stderr) = call(&["recover", &run, "--method", "random"]);
    assert_eq!(code, 0, "{stderr}");
    let folder = bench.path("a/dim=8/recovery/random/seed=0");
    assert!(folder.is_dir());
    let next = stderr
        .lines()
        .last()
        .unwrap()
        .strip_prefix("next: compress ")
        .unwrap();
    let words: Vec<&str> = next.split(' ').collect();
    let (code, _, stderr) = call(&words);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.ends_with(&format!("next: compress report {run}\n")),
        "{stderr}"
    );
    // What was asked for and never found is no dictionary that another request has to spare.
    std::fs::remove_dir_all(folder).unwrap();
    let (code, _, stderr) = call(&["recover", &run, "--method", "random", "--atoms", "3"]);
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = call(&["recover", &run, "--method", "random", "--atoms", "4"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("asked for otherwise"), "{stderr}");
}

#[test]
fn what_recovery_may_be_is_checked_before_anything_is_written() {
    for (recovery, said) in [
        (
            "[recovery]\nmethods = [\"nnscc\"]",
            "did you mean \"nnsc\"?",
        ),
        (
            "[recovery]\nmethods = [\"sae\"]",
            "a list of one or more of \"nnsc\", \"l1_sae\"",
        ),
        (
            "[recovery]\nmethods = [\"pca\", \"pca\"]",
            "a list of one or more of",
        ),
        ("[recovery]\nmethods = []", "a list of one or more of"),
        ("[recovery]\nseeds = 2", "`recovery.methods` is missing"),
        (
            "[recovery]\nmethods = [\"pca\"]\nseed = 1",
            "there is no key `recovery.seed`: there are recovery.methods, recovery.seeds",
        ),
        (
            "[recovery]\nmethods = [\"pca\"]\nseeds = 0",
            "`recovery.seeds` is 0, but it takes an integer from 1 to 10000",
        ),
        (
            "recovery = 3",
            "a table of methods, seeds, atoms, site and bos",
        ),
    ] {
        let bench = if recovery.starts_with('[') {
            bench(&format!("\n{recovery}\n"))
        } else {
            StudyBench::new(&format!("{recovery}\n{TINY}"))
        };
        let (code, _, stderr) = bench.sweep("a", &[]);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(said), "{recovery}: {stderr}");
        assert!(!bench.path("a").exists());
    }
    let (code, _, stderr) = call(&["recover", "x", "--method", "nncs", "-o", "y"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("did you mean nnsc? the methods are nnsc, l1_sae"),
        "{stderr}"
    );
}
