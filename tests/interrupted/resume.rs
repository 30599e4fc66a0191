//! A run that is interrupted in any way, any number of times, ends with the same bytes as one that
//! is not; so do runs with other numbers of threads.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::results::assert_same_results;
use crate::common::command::{call, compress, run, short_run, signal};

/// Steps of the interrupted runs: a few seconds, most of it for checkpoints.
const STEPS: u64 = 30_000;
/// What says how many threads there were.
const THREADS: &[&str] = &["config.toml", "summary.json"];

fn start(arguments: &[String]) -> Child {
    compress()
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Interrupts a run with each signal in turn at ever other moments until a session ends by itself.
pub fn in_pieces(arguments: &[String]) {
    let mut exits = Vec::new();
    for session in 0..200u64 {
        let mut child = start(arguments);
        // Primes spread the moments over loading, the first checkpoint, writing and the end; on a busy machine
        // each session gets less done, so they last ever longer.
        let patience = Duration::from_millis(30 + (session * 97) % 410 + 8 * session);
        let began = Instant::now();
        while began.elapsed() < patience && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        if child.try_wait().unwrap().is_none() {
            signal(&child, ["KILL", "TERM", "INT", "HUP"][session as usize % 4]);
        }
        let code = child.wait().unwrap().code().unwrap_or(-9);
        exits.push(code);
        match code {
            0 => {
                println!("exit codes of {} sessions: {exits:?}", exits.len());
                assert!(exits.len() > 3, "it was hardly interrupted");
                return;
            }
            -9 | 130 => {}
            other => panic!("exit code {other} in session {session}"),
        }
    }
    panic!("the run did not end in 200 sessions: {exits:?}");
}

fn interruption_changes_nothing(config: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (whole, pieces) = (dir.path().join("whole"), dir.path().join("pieces"));
    run(config, STEPS, &whole, &[]);
    in_pieces(&short_run(config, STEPS, &pieces, &[]));
    assert_same_results(&pieces, &whole, &[]);
}

#[test]
fn run_of_frac_prevs_survives_interruption() {
    interruption_changes_nothing("frac_prevs");
}

#[test]
fn run_of_sort_unique_survives_interruption() {
    interruption_changes_nothing("sort_unique");
}

#[test]
fn run_is_the_same_for_any_threads() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = None;
    for threads in [1, 2, 3] {
        let output = dir.path().join(threads.to_string());
        // 300 inputs are three pieces of work, the last one shorter.
        let threads = format!("training.threads={threads}");
        run(
            "sort_unique",
            200,
            &output,
            &[&threads, "training.batch_size=300"],
        );
        assert_same_results(&output, first.get_or_insert(output.clone()), THREADS);
    }
}

#[test]
fn run_may_be_finished_by_other_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, pieces) = (dir.path().join("whole"), dir.path().join("pieces"));
    run("frac_prevs", STEPS, &whole, &[]);
    let mut child = start(&short_run("frac_prevs", STEPS, &pieces, &[]));
    std::thread::sleep(Duration::from_millis(700));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    run("frac_prevs", STEPS, &pieces, &["training.threads=1"]);
    assert_same_results(&pieces, &whole, THREADS);
}

#[test]
fn run_goes_on_when_its_directory_is_refused_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("run");
    let mut child = start(&short_run("frac_prevs", STEPS, &output, &[]));
    let began = Instant::now();
    while !output.join("metrics.csv").exists() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the run did not start"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    for more in [None, Some("--force".to_owned())] {
        let mut arguments = short_run("frac_prevs", STEPS, &output, &[]);
        arguments.extend(more);
        let (code, _, stderr) = call(&arguments);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("in use by another process"), "{stderr}");
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn run_stops_at_once_at_a_second_signal() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("run");
    // One such step takes seconds: the first signal waits for it, and then says so.
    let set = ["training.engine=\"autodiff\"", "training.batch_size=100000"];
    let mut child = compress()
        .args(short_run("sort_unique", 1_000_000, &output, &set))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "INT");
    // Within the time that the first signal leaves for a checkpoint.
    std::thread::sleep(Duration::from_millis(50));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    signal(&child, "INT");
    let began = Instant::now();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn run_stays_below_300_mb_and_does_not_grow_with_steps() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = short_run("sort_unique", 1_000_000, &dir.path().join("run"), &[]);
    let mut child = compress().args(arguments).spawn().unwrap();
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1024.0
    };
    std::thread::sleep(Duration::from_secs(3));
    let early = resident();
    std::thread::sleep(Duration::from_secs(9));
    let late = resident();
    child.kill().unwrap();
    child.wait().unwrap();
    println!("resident: {early:.1} MB after 3 s, {late:.1} MB after 12 s");
    assert!(late < 300.0, "{late} MB");
    assert!(late < early + 4.0, "{early} MB grew to {late} MB");
}
