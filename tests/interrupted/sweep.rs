//! A study that is killed, stopped or shared in any way ends with the same tables as one that is
//! not, and no run is computed twice.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::results::assert_same_results;
use crate::common::command::signal;
use crate::common::study::{SMALL, StudyBench, computed, summaries};

fn wait_a_while(child: &mut Child, patience: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < patience {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    true
}

fn output(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), stdout)
}

/// Ends sweeps at ever other moments, then lets one end by itself.
fn disturbed(bench: &StudyBench, how: &[&str], times: usize) {
    bench.sweeps("whole", &["--jobs", "2"]);
    let mut ended_early = 0;
    let mut moment = 0_u64;
    while ended_early < times && moment < 60 {
        let mut child = bench.start("pieces", &["--jobs", "2"]);
        let patience = Duration::from_millis(40 + (moment * 97) % 500);
        moment += 1;
        let before = summaries(&bench.path("pieces"));
        if wait_a_while(&mut child, patience) {
            signal(&child, how[ended_early % how.len()]);
            ended_early += 1;
        }
        let (code, _) = output(child);
        assert!(matches!(code, None | Some(130 | 0)), "{code:?}");
        // What was complete stays as it is: nothing is computed twice.
        let after = summaries(&bench.path("pieces"));
        assert!(before.iter().all(|run| after.contains(run)));
        if after.len() == 14 {
            break;
        }
    }
    let before = summaries(&bench.path("pieces"));
    println!(
        "ended early {ended_early} times by {how:?}; {} runs were over",
        before.len()
    );
    assert!(ended_early >= 3, "it was hardly disturbed");
    bench.sweeps("pieces", &["--jobs", "2"]);
    let after = summaries(&bench.path("pieces"));
    assert!(before.iter().all(|run| after.contains(run)));
    assert_same_results(&bench.path("pieces"), &bench.path("whole"), &[]);
}

#[test]
fn sweep_survives_kills_at_random_moments() {
    disturbed(&StudyBench::new(SMALL), &["KILL"], 10);
}

#[test]
fn sweep_survives_signals() {
    disturbed(&StudyBench::new(SMALL), &["TERM", "INT", "HUP"], 6);
}

#[test]
fn sweep_checkpoints_every_running_run_at_a_signal() {
    let bench = StudyBench::new(SMALL);
    let long = ["--jobs", "2", "--set", "training.steps=100000"];
    let mut child = bench.start("out", &long);
    let runs = ["dim=4,seed=0", "dim=4,seed=1"].map(|run| bench.path("out").join(run));
    let began = Instant::now();
    let rows = |run: &PathBuf| {
        std::fs::read_to_string(run.join("metrics.csv")).map_or(0, |text| text.lines().count())
    };
    while !runs.iter().all(|run| rows(run) > 2) {
        assert!(began.elapsed() < Duration::from_secs(60), "no rows");
        assert!(wait_a_while(&mut child, Duration::from_millis(20)));
    }
    signal(&child, "INT");
    let (code, _) = output(child);
    assert_eq!(code, Some(130));
    let checkpoints = runs
        .each_ref()
        .map(|run| run.join("checkpoint.safetensors"));
    let metrics = runs.each_ref().map(|run| run.join("metrics.csv"));
    for (checkpoint, metrics) in checkpoints.iter().zip(&metrics) {
        // Written at the signal: not before the last row.
        let written = |path: &PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
        assert!(written(checkpoint) >= written(metrics));
    }
    let (code, stdout, _) = bench.sweep("out", &["--dry-run", "--set", "training.steps=100000"]);
    assert_eq!(code, 0);
    assert_eq!(
        stdout.matches("unfinished, at least").count(),
        2,
        "{stdout}"
    );
    assert!(stdout.contains("time left: about"), "{stdout}");
}

#[test]
fn sweep_is_shared_by_two_processes() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("whole", &[]);
    let both = [(); 2].map(|()| bench.start("shared", &["--jobs", "1"]));
    let done: Vec<usize> = both
        .map(|child| {
            let (code, stdout) = output(child);
            assert_eq!(code, Some(0));
            assert!(stdout.contains("14 of 14 runs complete"), "{stdout}");
            computed(&stdout)
        })
        .into();
    println!("{done:?} runs computed by each");
    assert_eq!(done.iter().sum::<usize>(), 14);
    assert!(done.iter().all(|n| *n > 0), "{done:?}");
    assert_same_results(&bench.path("shared"), &bench.path("whole"), &[]);
}

#[test]
fn sweep_takes_over_a_run_that_another_process_leaves() {
    let bench = StudyBench::new(SMALL);
    let mut first = bench.start("out", &["--jobs", "1"]);
    let began = Instant::now();
    while !bench.path("out/dim=4,seed=0/metrics.csv").exists() {
        assert!(began.elapsed() < Duration::from_secs(30));
        assert!(wait_a_while(&mut first, Duration::from_millis(2)));
    }
    signal(&first, "STOP"); // it keeps its lock, as a process on another machine would
    let mut second = bench.start("out", &["--jobs", "2"]);
    let began = Instant::now();
    while summaries(&bench.path("out")).len() < 13 {
        assert!(began.elapsed() < Duration::from_secs(120));
        assert!(wait_a_while(&mut second, Duration::from_millis(20)));
    }
    assert!(
        wait_a_while(&mut second, Duration::from_millis(700)),
        "it did not wait"
    );
    first.kill().unwrap();
    first.wait().unwrap();
    let (code, stdout) = output(second);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("14 of 14 runs complete"), "{stdout}");
}

/// Three runs that are over at once, and nine dictionaries that take their time.
const DICTIONARIES: &str = r#"
name = "dictionaries"
base = "BASE"

[grid]
"compression.method" = ["subset"]
"compression.dim" = [14, 10, 8]

[recovery]
methods = ["random", "pca"]
seeds = 2
"#;

#[test]
fn dictionaries_of_a_sweep_that_is_killed_among_them_end_with_the_same_table() {
    let bench = StudyBench::new(DICTIONARIES);
    bench.sweeps("whole", &["--jobs", "2"]);
    let scored = || -> Vec<(PathBuf, std::time::SystemTime)> {
        let mut found = Vec::new();
        for dim in [14, 10, 8] {
            for place in ["random/seed=0", "random/seed=1", "pca/seed=0"] {
                let run = bench.path(&format!("pieces/method=subset,dim={dim}/recovery"));
                let path = run.join(place).join("recovery.json");
                if let Ok(info) = path.metadata() {
                    found.push((path, info.modified().unwrap()));
                }
            }
        }
        found
    };
    let mut ended_among_them = 0;
    for round in 0..200 {
        let before = scored();
        if before.len() == 9 {
            break;
        }
        // At some moment after one more has its scores.
        let mut child = bench.start("pieces", &["--jobs", "2"]);
        let began = Instant::now();
        while scored().len() == before.len()
            && child.try_wait().unwrap().is_none()
            && began.elapsed() < Duration::from_secs(120)
        {
            std::thread::sleep(Duration::from_millis(3));
        }
        if wait_a_while(&mut child, Duration::from_millis(round * 37 % 150)) {
            signal(&child, ["KILL", "TERM"][round as usize % 2]);
        }
        let (code, _) = output(child);
        assert!(matches!(code, None | Some(130 | 0)), "{code:?}");
        let after = scored();
        assert!(before.iter().all(|known| after.contains(known)));
        ended_among_them += u32::from(code != Some(0) && after.len() < 9);
    }
    assert!(ended_among_them >= 3, "it was hardly disturbed");
    bench.sweeps("pieces", &["--jobs", "1"]);
    let table = |output: &str| {
        std::fs::read_to_string(bench.path(output).join("recovery_scores.csv")).unwrap()
    };
    assert_eq!(table("whole"), table("pieces"));
}
