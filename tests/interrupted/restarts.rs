//! Several starts, of which the best goes on: which one that is, what is left of the others, and that
//! an interruption in any of them changes no byte.

use std::path::Path;

use super::results::assert_same_results;
use super::resume::in_pieces;
use crate::common::command::{self, call, json, metrics_without_timing, short_run, succeed};

/// The arguments of a short run of frac_prevs with three starts of 300 of its steps.
fn arguments(steps: u64, seed: u64, more: &[&str], output: &Path) -> Vec<String> {
    let seed = format!("training.seed={seed}");
    let set = [&["compression.init_std=0.2", &seed], more].concat();
    short_run("frac_prevs", steps, output, &set)
}

const THREE: &[&str] = &["training.restarts={count=3,steps=300}"];

fn run(steps: u64, seed: u64, more: &[&str], output: &Path) {
    succeed(&arguments(steps, seed, more, output));
}

/// Which start a row of restarts.csv belongs to, whether it was kept, and the rest of the row.
fn table(directory: &Path) -> Vec<(usize, bool, String)> {
    let text = std::fs::read_to_string(directory.join("restarts.csv")).unwrap();
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("start,kept,step,learning_rate,loss,")
    );
    lines
        .map(|line| {
            let mut parts = line.splitn(3, ',');
            (
                parts.next().unwrap().parse().unwrap(),
                parts.next().unwrap().parse().unwrap(),
                parts.next().unwrap().to_owned(),
            )
        })
        .collect()
}

fn eval_loss(row: &str) -> f64 {
    row.split(',').nth(5).unwrap().parse().unwrap()
}

#[test]
fn restarts_keep_the_best_start_as_if_it_were_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept_before = Vec::new();
    for seed in 0..4 {
        let several = dir.path().join(format!("several{seed}"));
        let single = dir.path().join(format!("single{seed}"));
        run(600, seed, THREE, &several);
        run(600, seed, &[], &single);
        let rows = table(&several);
        assert_eq!(rows.len(), 3 * 6);
        let last = |start: usize| {
            let mut rows = rows.iter().filter(|row| row.0 == start);
            eval_loss(&rows.next_back().unwrap().2)
        };
        let best = (0..3).min_by(|a, b| last(*a).total_cmp(&last(*b))).unwrap();
        assert!(rows.iter().all(|row| row.1 == (row.0 == best)), "{rows:?}");
        // The run's own table begins with the rows of the start that was kept.
        let metrics = metrics_without_timing(&several);
        let own: Vec<&str> = metrics.lines().skip(1).collect();
        assert_eq!(own.len(), 12);
        let chosen: Vec<&str> = rows.iter().filter(|r| r.1).map(|r| r.2.as_str()).collect();
        assert_eq!(own[..6], chosen);
        // Start 0 is the run without restarts.
        let plain = metrics_without_timing(&single);
        let first: Vec<&str> = rows
            .iter()
            .filter(|r| r.0 == 0)
            .map(|r| r.2.as_str())
            .collect();
        assert_eq!(plain.lines().skip(1).take(6).collect::<Vec<_>>(), first);
        let w = |directory: &Path| std::fs::read(directory.join("projection.safetensors")).unwrap();
        assert_eq!(w(&several) == w(&single), best == 0);
        let summary = json(&several.join("summary.json"));
        assert_eq!(summary["steps"], 600 + 2 * 300);
        for entry in std::fs::read_dir(&several).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().starts_with(".start"), "{name:?}");
        }
        kept_before.push(best);
    }
    println!("kept: {kept_before:?}");
    assert!(kept_before.contains(&0) && kept_before.iter().any(|best| *best > 0));
}

#[test]
fn restarts_may_be_whole_runs() {
    let dir = tempfile::tempdir().unwrap();
    run(300, 1, THREE, dir.path());
    let rows = table(dir.path());
    let best = rows.iter().filter(|row| row.2.starts_with("300,"));
    let best = best
        .map(|row| eval_loss(&row.2))
        .fold(f64::INFINITY, f64::min);
    let metrics = metrics_without_timing(dir.path());
    assert_eq!(eval_loss(metrics.lines().last().unwrap()), best);
}

#[test]
fn restarts_survive_interruption() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, pieces) = (dir.path().join("whole"), dir.path().join("pieces"));
    let more = [
        "training.restarts={count=4,steps=3000}",
        "training.diagnostics_every=650",
        "training.checkpoint_every=170",
    ];
    run(8000, 3, &more, &whole);
    in_pieces(&arguments(8000, 3, &more, &pieces));
    assert_same_results(&pieces, &whole, &[]);
}

#[test]
fn restarts_that_all_diverge_are_said_to() {
    let dir = tempfile::tempdir().unwrap();
    let more = [THREE[0], "compression.init_std=1e200"];
    let (code, stdout, stderr) = call(&arguments(600, 0, &more, dir.path()));
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("diverged"), "{stderr}");
    let (code, _, stderr) = call(&arguments(600, 0, &more, dir.path()));
    assert_eq!(code, 1);
    assert!(
        stderr.contains("diverged in an earlier session"),
        "{stderr}"
    );
    assert!(table(dir.path()).iter().all(|row| !row.1));
}

#[test]
fn restarts_may_vary_in_a_study() {
    let dir = tempfile::tempdir().unwrap();
    let base = command::root().join("configs/frac_prevs.toml");
    let study = format!(
        "name = \"s\"\nbase = {:?}\n[grid]\n\"training.restarts.count\" = [1, 2]\n\"training.seed\" = [0, 1]\n\
         [override]\n\"training.steps\" = 200\n\"training.restarts.steps\" = 100\n\
         \"training.log_every\" = 50\n",
        base.display().to_string()
    );
    let file = dir.path().join("s.toml");
    std::fs::write(&file, study).unwrap();
    let output = dir.path().join("out").display().to_string();
    let file = file.display().to_string();
    succeed(&["sweep", &file, "--output", &output, "--quiet"]);
    let runs = std::fs::read_to_string(dir.path().join("out/runs.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(runs.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (count, steps) = (column("training.restarts.count"), column("steps"));
    for row in reader.records().map(Result::unwrap) {
        let expected = if &row[count] == "1" { "200" } else { "300" };
        assert_eq!(&row[steps], expected);
    }
}
