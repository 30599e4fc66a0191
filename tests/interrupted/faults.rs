//! What a machine does to a run: damaged checkpoints, a table's tail after a power cut, a limit on the
//! size of files, a directory that is gone. Each is said, and the run ends as if nothing had been.
//! `scripts/faults.sh` does what needs root, or other programs.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::results::assert_same_results;
use crate::common::bench::refused;
use crate::common::command::{self, call, compress, json, run, short_run, snapshot, succeed};
use crate::common::study::{SMALL, StudyBench};

const NEWEST: &str = "checkpoint.safetensors";
const PREVIOUS: &str = "checkpoint.previous.safetensors";
/// What says that a checkpoint was damaged.
const WARNINGS: &[&str] = &["warnings.txt", "summary.json"];
/// Enough that a run can be killed before its end.
const STEPS: u64 = 5_000;

/// A run that was killed with two checkpoints, and what it becomes if nothing disturbs it.
struct Killed {
    dir: TempDir,
    more: Vec<String>,
}

impl Killed {
    /// With these further settings, and killed when the checkpoint before the last, `until`, and the last are there.
    fn new(more: &[&str], until: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let more = more.iter().map(|set| (*set).to_owned()).collect();
        let bench = Self { dir, more };
        succeed(&bench.arguments("whole"));
        let mut child = start(&bench.arguments("killed"));
        let newest = until.replace(PREVIOUS, NEWEST);
        for file in [until, &newest] {
            wait_for(&mut child, &bench.path("killed").join(file));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!bench.path("killed/summary.json").exists(), "it was over");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arguments(&self, name: &str) -> Vec<String> {
        let more: Vec<&str> = self.more.iter().map(String::as_str).collect();
        short_run("frac_prevs", STEPS, &self.path(name), &more)
    }

    /// The killed run in a new directory.
    fn copy(&self, name: &str) -> PathBuf {
        let target = self.path(name);
        std::fs::create_dir(&target).unwrap();
        for (path, content) in snapshot(&self.path("killed")) {
            std::fs::write(target.join(path.file_name().unwrap()), content).unwrap();
        }
        target
    }

    /// Lets it end: with the bytes of the whole, and with so many warnings.
    fn ends_as_the_whole(&self, name: &str, warnings: usize) {
        let (code, _, stderr) = call(&self.arguments(name));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(stderr.matches("warning:").count(), warnings, "{stderr}");
        let run = self.path(name);
        assert_same_results(&run, &self.path("whole"), WARNINGS);
        let kept = std::fs::read_to_string(run.join("warnings.txt")).unwrap_or_default();
        assert_eq!(kept.lines().count(), warnings, "{kept}");
        let summary = json(&run.join("summary.json"));
        let said = summary
            .get("warnings")
            .map_or(0, |w| w.as_array().unwrap().len());
        assert_eq!(said, warnings);
    }
}

fn start(arguments: &[String]) -> Child {
    let mut command = compress();
    command.args(arguments).stdout(Stdio::null());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(child: &mut Child, path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it was over before");
        assert!(began.elapsed() < Duration::from_secs(60), "no {path:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a disk does to a file.
fn damages(content: &[u8]) -> Vec<Vec<u8>> {
    let flipped = |i: usize| {
        let mut bytes = content.to_vec();
        bytes[i] ^= 1 << (i % 8);
        bytes
    };
    let last = content.len() - 1;
    let mut all: Vec<Vec<u8>> = [0, 9, last / 2, last]
        .map(|length| content[..length].to_vec())
        .into();
    all.extend([0, 30, last / 2, last - 70, last].map(flipped));
    all.push(vec![0; content.len()]);
    all.push(b"not a checkpoint at all".into());
    all
}

#[test]
fn checkpoint_that_is_damaged_gives_way_to_the_one_before_it() {
    let bench = Killed::new(&["training.diagnostics_every=100"], PREVIOUS);
    let good = std::fs::read(bench.path("killed").join(NEWEST)).unwrap();
    for (i, bad) in damages(&good).into_iter().enumerate() {
        let name = format!("damaged{i}");
        std::fs::write(bench.copy(&name).join(NEWEST), bad).unwrap();
        bench.ends_as_the_whole(&name, 1);
        let kept = std::fs::read_to_string(bench.path(&name).join("warnings.txt")).unwrap();
        assert!(
            kept.contains("checkpoint.safetensors is not a usable checkpoint")
                && kept.contains("going on from checkpoint.previous.safetensors, after step"),
            "{kept}"
        );
    }
}

#[test]
fn checkpoint_alone_of_two_is_enough() {
    let bench = Killed::new(&[], PREVIOUS);
    for (i, lost) in [NEWEST, PREVIOUS].into_iter().enumerate() {
        let name = format!("lost{i}");
        std::fs::remove_file(bench.copy(&name).join(lost)).unwrap();
        bench.ends_as_the_whole(&name, 0);
    }
    // A damaged one before does not matter, as long as the newest is whole.
    std::fs::write(bench.copy("damaged").join(PREVIOUS), b"no").unwrap();
    bench.ends_as_the_whole("damaged", 0);
}

#[test]
fn checkpoints_that_are_both_damaged_are_refused() {
    let bench = Killed::new(&[], PREVIOUS);
    let run = bench.copy("both");
    for file in [NEWEST, PREVIOUS] {
        let mut bytes = std::fs::read(run.join(file)).unwrap();
        bytes.truncate(300);
        std::fs::write(run.join(file), bytes).unwrap();
    }
    let _ = std::fs::remove_file(leftover(&run)); // the next session deletes it in any case
    refused(
        &bench.arguments("both"),
        &run,
        &[
            "checkpoint.safetensors is not a usable checkpoint",
            "checkpoint.previous.safetensors is not a usable checkpoint",
            "restore a checkpoint of this run, or delete them all",
            "--force",
        ],
    );
    for file in [NEWEST, PREVIOUS] {
        std::fs::remove_file(run.join(file)).unwrap();
    }
    bench.ends_as_the_whole("both", 0);
}

/// The temporary file of a process that was killed while it wrote one, if it was.
fn leftover(run: &Path) -> PathBuf {
    let names = snapshot(run).into_iter().map(|(path, _)| path);
    let temporary = |path: &PathBuf| path.to_string_lossy().contains("/.writing-");
    names.into_iter().find(temporary).unwrap_or_default()
}

#[test]
fn checkpoint_of_any_start_gives_way_to_the_one_before_it() {
    let starts = ["training.restarts={count=2,steps=2000}"];
    for start in [0, 1] {
        let file = |name: &str| format!(".start-{start}-{name}");
        let bench = Killed::new(&starts, &file(PREVIOUS));
        let good = std::fs::read(bench.path("killed").join(file(NEWEST))).unwrap();
        for (i, bad) in damages(&good).into_iter().step_by(3).enumerate() {
            let name = format!("damaged{i}");
            std::fs::write(bench.copy(&name).join(file(NEWEST)), bad).unwrap();
            bench.ends_as_the_whole(&name, 1);
        }
    }
    // Between two renames, when a start is chosen already: the choice is not made again.
    let bench = Killed::new(&starts, PREVIOUS);
    std::fs::remove_file(bench.copy("chosen").join(NEWEST)).unwrap();
    bench.ends_as_the_whole("chosen", 0);
}

#[test]
fn tables_lose_what_a_power_cut_left_behind_the_last_checkpoint() {
    let bench = Killed::new(&["training.diagnostics_every=100"], PREVIOUS);
    let tails: [&[u8]; 4] = [
        b"\0\0\0\0\0\n\0\0",
        b"\xff\xfe,1\n",
        b"12",
        b"hello,1,2\n99,",
    ];
    for (i, tail) in tails.into_iter().enumerate() {
        let name = format!("tail{i}");
        let run = bench.copy(&name);
        for table in ["metrics.csv", "diagnostics.csv"] {
            let mut bytes = std::fs::read(run.join(table)).unwrap();
            let whole_rows = bytes.iter().rposition(|b| *b == b'\n').unwrap();
            bytes.truncate(whole_rows + 1);
            bytes.extend(tail);
            std::fs::write(run.join(table), bytes).unwrap();
        }
        bench.ends_as_the_whole(&name, 0);
    }
}

#[test]
fn sweep_fails_a_run_of_damaged_checkpoints_alone() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("whole", &["--jobs", "2"]);
    let mut child = bench.start("out", &["--jobs", "1"]);
    let run = bench.path("out/dim=4,seed=0");
    wait_for(&mut child, &run.join(PREVIOUS));
    child.kill().unwrap();
    child.wait().unwrap();
    let newest = std::fs::read(run.join(NEWEST)).unwrap();
    std::fs::write(run.join(NEWEST), b"damaged").unwrap();
    let before = std::fs::read(run.join(PREVIOUS)).unwrap();
    std::fs::write(run.join(PREVIOUS), b"damaged too").unwrap();
    let (code, stdout, stderr) = bench.sweep("out", &["--jobs", "2"]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.contains("13 of 14 runs complete"), "{stdout}");
    assert!(stderr.contains("1 of 14 runs of small failed"), "{stderr}");
    assert!(stderr.contains("or delete them all"), "{stderr}");
    // With one of them whole again it ends like any other, and says what it went on from.
    std::fs::write(run.join(PREVIOUS), before).unwrap();
    std::fs::write(run.join(NEWEST), &newest[..100]).unwrap();
    let (code, _, stderr) = bench.sweep("out", &["--jobs", "2", "--quiet"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        stderr.matches("warning: dim=4,seed=0:").count(),
        1,
        "{stderr}"
    );
    assert_eq!(bench.tables("out"), bench.tables("whole"));
    assert_same_results(&run, &bench.path("whole/dim=4,seed=0"), WARNINGS);
}

#[test]
fn file_size_limit_is_an_error_with_a_message() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("run");
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_compress"))
        .args(short_run("frac_prevs", 100, &output, &[]))
        .current_dir(command::root())
        .output()
        .unwrap();
    let stderr = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("config.toml: File too large"), "{stderr}");
    run("frac_prevs", 100, &output, &[]);
}

#[test]
fn sweep_stops_when_its_directory_is_moved_away() {
    let bench = StudyBench::new(&SMALL.replace("steps = 1500", "steps = 60000"));
    let mut child = bench.start("out", &["--jobs", "2"]);
    wait_for(&mut child, &bench.path("out/dim=4,seed=0/metrics.csv"));
    let away = bench.path("away");
    std::fs::rename(bench.path("out"), &away).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(!bench.path("out").exists(), "it recreated the directory");
    std::fs::rename(away, bench.path("out")).unwrap();
    let stdout = bench.sweeps("out", &["--jobs", "2"]);
    assert!(stdout.contains("14 of 14 runs complete"), "{stdout}");
}
