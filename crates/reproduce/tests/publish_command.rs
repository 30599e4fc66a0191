//! `reproduce publish`: the files of a study that the repository keeps, and that git tracks no others.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/common/command.rs"]
mod command;
#[path = "../../../tests/common/study.rs"]
mod study;

use std::path::Path;
use std::process::Command;

use command::{call, root, snapshot, text};
use study::StudyBench;

const STUDY: &str = r#"
name = "small"
question = "Is it published?"
base = "BASE"

[grid]
"compression.dim" = [6, 8]
"training.seed" = { from = 0, count = 3 }

[[include]]
compression = { method = ["pca"], dim = [6, 8] }

[override.training]
steps = 200
log_every = 100
"#;

const HEAT_MAP: &str = "tests/fixtures/published_gram_frac_prevs_d8.csv";

fn publish(directory: &Path, more: &[&str]) -> (i32, String, String) {
    let directory = text(directory);
    let mut arguments = vec!["publish", directory.as_str()];
    arguments.extend(["--reference", HEAT_MAP, "--exclude", "tokens:BOS"]);
    arguments.extend(more);
    call(&arguments)
}

/// What git would track of a directory below a repository that ignores raw runs as this one does.
fn tracked(repository: &Path) -> Vec<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let output = command
            .current_dir(repository)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    std::fs::copy(root().join(".gitignore"), repository.join(".gitignore")).unwrap();
    git(&["add", "."]);
    git(&["ls-files", "results"])
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn published_study_is_what_git_keeps_and_draws_the_same_figures() {
    let bench = StudyBench::new(STUDY);
    bench.sweeps("results/small", &[]);
    let directory = bench.path("results/small");
    let copy = bench.path("copy");
    // A page that is of an earlier time, and a median run that is none any more.
    std::fs::create_dir_all(directory.join("median/dim=9,seed=1")).unwrap();
    std::fs::write(directory.join("median/dim=9,seed=1/gram.csv"), "old").unwrap();
    std::fs::create_dir_all(directory.join("figures")).unwrap();
    std::fs::write(directory.join("figures/mine.svg"), "mine").unwrap();
    let (code, stdout, stderr) = publish(&directory, &["-o", &text(&copy)]);
    assert_eq!(code, 0, "{stderr}");

    let kept: Vec<String> = tracked(bench.dir.path())
        .into_iter()
        .map(|name| name.trim_start_matches("results/small/").to_owned())
        .collect();
    assert!(
        stdout.starts_with(&format!("{} files, ", kept.len())),
        "{stdout}"
    );
    for name in [
        "study.toml",
        "runs.csv",
        "summary.csv",
        "medians.csv",
        "study_features.csv",
        "study_layers.csv",
        "study_variables.csv",
        "study_budgets.csv",
        "study_gram.csv",
        "study_reference.csv",
        "critical_widths.csv",
        "figures/metrics_by_d.svg",
        "report.html",
        ".gitignore",
    ] {
        assert!(
            kept.iter().any(|file| file == name),
            "{name} is not in {kept:?}"
        );
    }
    for name in &kept {
        assert!(!name.starts_with("dim="), "a raw run's {name}");
        let bytes = std::fs::read(directory.join(name)).unwrap();
        assert_eq!(std::fs::read(copy.join(name)).unwrap(), bytes, "{name}");
    }
    assert!(
        directory.join("figures/mine.svg").exists(),
        "somebody's figure was deleted"
    );
    assert!(
        !kept
            .iter()
            .any(|name| name.contains("mine") || name.contains("dim=9"))
    );

    // The median run of each setting: by its loss, and its tables are the run's own.
    let runs = bench.table("results/small", "runs.csv");
    let column = |name: &str| runs[0].iter().position(|cell| cell == name).unwrap();
    for d in ["6", "8"] {
        let mut losses: Vec<(f64, &str)> = runs[1..]
            .iter()
            .filter(|row| row[1] == d && row[column("method")] == "train")
            .map(|row| (row[column("eval_loss")].parse().unwrap(), row[0].as_str()))
            .collect();
        losses.sort_by(|a, b| a.0.total_cmp(&b.0));
        let median = losses[1].1;
        for table in ["features.csv", "gram.csv", "layers.csv"] {
            let published = std::fs::read(copy.join("median").join(median).join(table)).unwrap();
            assert_eq!(
                published,
                std::fs::read(directory.join(median).join(table)).unwrap()
            );
        }
    }
    assert_eq!(bench.table("results/small", "medians.csv").len(), 1 + 4);

    // Tables of all runs say what each run's own say.
    let features = bench.table("results/small", "study_features.csv");
    assert_eq!(features.len(), 1 + 8 * 14);
    let alone = bench.table("results/small/dim=8,seed=2", "features.csv");
    let norm = alone.iter().find(|row| row[0] == "is_x").unwrap()[1].clone();
    let row = features
        .iter()
        .find(|row| row[0] == "dim=8,seed=2" && row[1] == "is_x");
    assert_eq!(row.unwrap()[2], norm);
    let grams = bench.table("results/small", "study_gram.csv");
    assert_eq!(grams.len(), 1 + 8 * 14 * 15 / 2);
    let references = bench.table("results/small", "study_reference.csv");
    assert_eq!(references.len(), 1 + 2 * 8);
    assert_ne!(references[1][2], references[2][2], "BOS changes nothing");

    // The copy has no run, and draws the same; a second time writes the same bytes.
    let figures = snapshot(&copy.join("figures"));
    let (code, _, stderr) = call(&["plot", &text(&copy), "--format", "svg"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(snapshot(&copy.join("figures")), figures);
    let before = snapshot(&copy);
    assert_eq!(publish(&directory, &["-o", &text(&copy)]).0, 0);
    assert_eq!(snapshot(&copy), before);
    // What was published is a study that a sweep finds done.
    let again = bench.sweeps("results/small", &[]);
    assert!(again.contains("(8 of them before), 0 failed"), "{again}");
}

#[test]
fn publish_refuses_what_is_no_finished_study() {
    let bench = StudyBench::new(STUDY);
    let nothing = bench.path("nothing");
    assert_eq!(publish(&nothing, &[]).0, 2);
    bench.sweeps("out", &["--shard", "0/2"]);
    let before = snapshot(&bench.path("out"));
    let (code, stdout, stderr) = publish(&bench.path("out"), &["-o", &text(&nothing)]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("4 of the 8 runs in "), "{stderr}");
    bench.sweeps("out", &[]);
    let finished = snapshot(&bench.path("out"));
    let directory = text(&bench.path("out"));
    let wrong = [
        "publish",
        &directory,
        "--reference",
        "tests/fixtures/README.md",
    ];
    let (code, _, stderr) = call(&wrong);
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(snapshot(&bench.path("out")), finished);
    assert!(before.len() < finished.len());
    assert!(!nothing.exists());
}

#[test]
fn paper_needs_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = call(&["paper", &text(&dir.path().join("none"))]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is no directory"), "{stderr}");
    let (code, stdout, _) = call(&["paper", &text(dir.path())]);
    assert_eq!((code, stdout.lines().count()), (0, 2));
    assert!(dir.path().join("REPORT.md").exists() && dir.path().join("REPORT.csv").exists());
}
