//! Every command stops within a second of a signal, in whatever phase it is: exit code 130, one message,
//! no file half written or left over; and the next start ends with the same bytes.
#![cfg(target_os = "linux")] // /proc tells whether a process listens for signals

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::results::{Files, assert_same_results, results};
use crate::common::command::{call, command_of, compress, root, run, snapshot, succeed, text};
use crate::common::study::StudyBench;

/// The contract is a second; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(3);
/// Moments at which a command is stopped, spread evenly over the time that it takes.
const MOMENTS: u32 = 5;

fn start(arguments: &[String]) -> Child {
    command_of(arguments[0].as_ref())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a process listens for SIGINT. One that is over does not.
fn wait_until_it_listens(child: &mut Child) {
    let status = format!("/proc/{}/status", child.id());
    let listens = || {
        let text = std::fs::read_to_string(&status).ok()?;
        let mask = text.lines().find_map(|l| l.strip_prefix("SigCgt:"))?.trim();
        Some(u64::from_str_radix(mask, 16).ok()? & 1 << 1 != 0)
    };
    while listens() != Some(true) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .stderr(Stdio::null()) // it may be over
        .status();
    status.unwrap();
}

/// Sends a signal, and waits for the end: how long that took, and what was said.
fn stop(child: Child, name: &str) -> (Duration, Output) {
    signal(&child, name);
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    (began.elapsed(), output)
}

/// Expects that a command was stopped as documented, or was over already; whether it was stopped.
fn expect_stopped(latency: Duration, output: &Output, what: &str) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(latency < BOUND, "{what}: it took {latency:?}");
    let messages = stderr.matches("stopped").count();
    match output.status.code() {
        Some(130) => {
            assert_eq!(messages, 1, "{what}: {stderr}");
            assert!(stderr.contains("the same command"), "{what}: {stderr}");
            assert!(!stderr.contains("error"), "{what}: {stderr}");
            true
        }
        Some(0) => {
            assert_eq!(messages, 0, "{what}: {stderr}");
            false
        }
        other => panic!("{what}: exit code {other:?}: {stderr}"),
    }
}

fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let files = snapshot(directory).into_iter().map(|(path, _)| path);
    let temporary = |p: &PathBuf| {
        let name = p.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(".writing") || name.starts_with(".tmp")
    };
    files.filter(temporary).collect()
}

/// A command that works in a directory.
struct Subject {
    dir: tempfile::TempDir,
    /// What is in the directory before.
    before: Option<PathBuf>,
    arguments: Vec<String>,
}

impl Subject {
    /// These arguments; `DIR` stands for the directory, which begins as a copy of `before`.
    fn new(before: Option<&Path>, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = text(&dir.path().join("work"));
        let arguments = arguments.iter().map(|a| a.replace("DIR", &place)).collect();
        Self {
            dir,
            before: before.map(Path::to_owned),
            arguments,
        }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn prepare(&self) {
        let _ = std::fs::remove_dir_all(self.work());
        if let Some(before) = &self.before {
            for (path, bytes) in snapshot(before) {
                let copy = self.work().join(path.strip_prefix(before).unwrap());
                if path.is_dir() {
                    std::fs::create_dir_all(copy).unwrap();
                } else {
                    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
                    std::fs::write(copy, bytes).unwrap();
                }
            }
        } else {
            std::fs::create_dir(self.work()).unwrap();
        }
    }

    fn ends_well(&self) -> Files {
        succeed(&self.arguments);
        results(&self.work())
    }

    /// Stops it at moments spread over its time, by SIGINT and SIGTERM in turn, and lets it end each time.
    fn is_stopped_and_resumed(&self) {
        self.prepare();
        let before = results(&self.work());
        let began = Instant::now();
        let whole = self.ends_well();
        let duration = began.elapsed();
        let name = &self.arguments[0];
        let (mut stopped, mut slowest) = (0, Duration::ZERO);
        for moment in 0..MOMENTS {
            self.prepare();
            let mut child = start(&self.arguments);
            wait_until_it_listens(&mut child);
            std::thread::sleep(duration * (2 * moment + 1) / (2 * MOMENTS + 1));
            let which = ["INT", "TERM"][moment as usize % 2];
            let (latency, output) = stop(child, which);
            let what = format!("{name}, {which} at moment {moment} of {duration:?}");
            stopped += u32::from(expect_stopped(latency, &output, &what));
            slowest = slowest.max(latency);
            let left = leftovers(&self.work());
            assert!(left.is_empty(), "{what}: {left:?}");
            self.has_whole_files(&before, &whole, &what);
            assert!(self.ends_well() == whole, "{what}: other bytes after it");
        }
        println!("{name}: {duration:?}, stopped {stopped} of {MOMENTS} times, within {slowest:?}");
        assert!(stopped >= MOMENTS / 2, "{name} was hardly stopped");
    }

    /// Each file that is replaced whole is the old one or the new one. What a run or a sweep leaves on its
    /// way is neither: that the next start ends with the same bytes says that nothing was wrong with it.
    fn has_whole_files(&self, before: &Files, whole: &Files, what: &str) {
        if ["--config", "sweep"].contains(&self.arguments[0].as_str()) {
            return;
        }
        for file in results(&self.work()) {
            let known = before.contains(&file) || whole.contains(&file);
            assert!(known, "{what}: {} is half written", file.0.display());
        }
    }
}

/// Arguments of a run with a second of evaluation and analysis in all.
fn training(steps: u64) -> Vec<String> {
    let set = [
        format!("training.steps={steps}"),
        "training.log_every=100".into(),
        "training.checkpoint_every=300".into(),
    ];
    let config = root().join("configs/sort_unique.toml");
    let mut arguments = vec!["--config".to_owned(), text(&config)];
    arguments.extend(set.into_iter().flat_map(|set| ["--set".to_owned(), set]));
    arguments.extend(["--quiet", "--output", "DIR"].map(str::to_owned));
    arguments
}

/// A finished run.
fn finished_run(output: &Path) {
    run("sort_unique", 200, output, &[]);
}

/// A run of a program with these letters, all inputs of 6 of them.
fn run_on_many_inputs(directory: &Path, letters: &str, steps: u64) -> Vec<String> {
    let program = format!(
        "#! vocab: {letters}\n#! max_seq_len: 6\n\
         same = select(tokens, tokens, ==);\nmany = selector_width(same);\n"
    );
    std::fs::write(directory.join("many.rasp"), program).unwrap();
    let config = format!(
        "name = \"many\"\n[model]\nprogram = \"many.rasp\"\n[compression]\ndim = 12\n[training]\n\
         steps = {steps}\nlog_every = 100\ncheckpoint_every = 300\n"
    );
    std::fs::write(directory.join("many.toml"), config).unwrap();
    let output = text(&directory.join("run"));
    [
        "--config",
        &text(&directory.join("many.toml")),
        "--quiet",
        "--output",
        &output,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// 46656 inputs.
const SIX: &str = "a, b, c, d, e, f";
/// 262144 inputs.
const EIGHT: &str = "a, b, c, d, e, f, g, h";

/// A study of runs that take a moment.
const STUDY: &str = r#"
name = "halt"
question = "Does it end?"
base = "BASE"

[grid]
"compression.dim" = [4, 8]
"training.seed" = [0, 1]

[[include]]
compression = { method = ["pca", "subset"], dim = [6] }

[override.training]
steps = 1000
log_every = 200
checkpoint_every = 300
"#;

#[test]
fn run_is_stopped_and_resumed_in_every_phase() {
    let arguments = training(1500);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Subject::new(None, &arguments).is_stopped_and_resumed();
}

#[test]
fn sweep_analyze_and_publish_are_stopped_and_resumed_in_every_phase() {
    let bench = StudyBench::new(STUDY);
    let file = text(&bench.path("study.toml"));
    let sweep = ["sweep", &file, "--jobs", "2", "--quiet", "--output", "DIR"];
    Subject::new(None, &sweep).is_stopped_and_resumed();
    let study = bench.path("study");
    succeed(&sweep.map(|a| a.replace("DIR", &text(&study))));
    Subject::new(Some(&study), &["analyze", "DIR"]).is_stopped_and_resumed();
    Subject::new(Some(&study), &["publish", "--quiet", "DIR"]).is_stopped_and_resumed();
}

#[test]
fn analyze_plot_and_export_are_stopped_and_resumed_in_every_phase() {
    let dir = tempfile::tempdir().unwrap();
    let finished = dir.path().join("finished");
    finished_run(&finished);
    let run = Some(finished.as_path());
    Subject::new(run, &["analyze", "DIR", "--pairs", "6000"]).is_stopped_and_resumed();
    Subject::new(run, &["plot", "DIR", "--scale", "10"]).is_stopped_and_resumed();
    let arguments = run_on_many_inputs(dir.path(), SIX, 10);
    assert_eq!(call(&arguments).0, 0);
    let many = text(&dir.path().join("run"));
    Subject::new(None, &["export", &many, "-o", "DIR/model.safetensors"]).is_stopped_and_resumed();
}

#[test]
fn compile_is_whole_or_not_at_all() {
    let vocab: Vec<String> = (1..=25).map(|token| token.to_string()).collect();
    let vocab = vocab.join(",");
    let sizes = ["--vocab", &vocab, "--max-seq-len", "30"];
    let arguments = [
        &["compile", "sort", "-o", "DIR/model.safetensors"][..],
        &sizes,
    ]
    .concat();
    Subject::new(None, &arguments).is_stopped_and_resumed();
}

#[test]
fn run_stopped_after_its_last_step_is_analysed_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let arguments = run_on_many_inputs(dir.path(), SIX, 20);
        let output = dir.path().join(name);
        let last = arguments.len() - 1;
        ([&arguments[..last], &[text(&output)]].concat(), output)
    };
    let (arguments, whole) = place("whole");
    assert_eq!(call(&arguments).0, 0);
    for name in ["INT", "TERM"] {
        let (arguments, output) = place(name);
        let mut child = start(&arguments);
        // Written after the last evaluation; what follows is the analysis.
        while !output.join("projection.safetensors").exists() {
            assert!(child.try_wait().unwrap().is_none(), "it is over");
            std::thread::sleep(Duration::from_millis(2));
        }
        let (latency, ended) = stop(child, name);
        assert!(expect_stopped(latency, &ended, name), "it was over");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(stderr.contains("computes what is missing"), "{stderr}");
        assert!(!output.join("summary.json").exists());
        assert!(output.join("checkpoint.safetensors").exists());
        assert_eq!(call(&arguments).0, 0);
        assert_same_results(&output, &whole, &[]);
    }
}

#[test]
fn evaluation_is_stopped_and_no_step_before_it_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut arguments = run_on_many_inputs(dir.path(), EIGHT, 40);
    arguments.extend(["--set", "training.log_every=20"].map(str::to_owned));
    let mut child = start(&arguments);
    let metrics = dir.path().join("run/metrics.csv");
    let rows = || std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
    // The first row is there: steps 21 to 40 take no time, the evaluation after them does.
    while rows() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it is over");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(60));
    let (latency, output) = stop(child, "INT");
    assert!(expect_stopped(latency, &output, "evaluation"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let after = stderr.split("after step ").nth(1).unwrap();
    let step: u64 = after.split(' ').next().unwrap().parse().unwrap();
    assert!((20..40).contains(&step), "{stderr}");
    assert_eq!(call(&arguments).0, 0);
    let text = std::fs::read_to_string(&metrics).unwrap();
    let steps: Vec<&str> = text.lines().map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(steps, ["step", "20", "40"]);
}

#[test]
fn signal_ends_a_step_that_lasts_long() {
    // How long a step takes depends on the machine, and the signal may meet one just before it ends: then the
    // run rightly stops after it. Some attempt meets a step in its middle.
    for attempt in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut arguments = training(1000);
        *arguments.last_mut().unwrap() = text(&dir.path().join("run"));
        let batch = format!("training.batch_size={}", 100_000 << (attempt / 4));
        for set in ["training.engine=\"autodiff\"", &batch] {
            arguments.extend(["--set", set].map(str::to_owned));
        }
        let mut child = start(&arguments);
        wait_until_it_listens(&mut child);
        std::thread::sleep(Duration::from_millis(1500 + 170 * attempt));
        let (latency, output) = stop(child, "TERM");
        assert!(expect_stopped(latency, &output, "a long step"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        if stderr.contains("from its last checkpoint") {
            assert!(latency > Duration::from_millis(500), "it did not wait");
            return;
        }
        assert!(stderr.contains("after step"), "{stderr}");
    }
    panic!("every signal met the end of a step");
}

#[test]
fn signal_ends_a_command_whose_output_nobody_takes() {
    let dir = tempfile::tempdir().unwrap();
    let model = text(&dir.path().join("model.safetensors"));
    let tokens: Vec<String> = (1..=20).map(|token| token.to_string()).collect();
    let vocab = tokens.join(",");
    let sizes = ["--vocab", &vocab, "--max-seq-len", "20"];
    let compile = [&["compile", "sort", "--no-check", "-o", &model][..], &sizes].concat();
    assert_eq!(call(&compile).0, 0);
    for name in ["INT", "TERM"] {
        let mut child = compress()
            .args(["run", &model, "--trace", "--json"])
            .args(&tokens)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdout.take().unwrap();
        wait_until_it_listens(&mut child);
        let mut first = [0];
        pipe.read_exact(&mut first).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none(), "the pipe took it all");
        let (latency, output) = stop(child, name);
        assert!(expect_stopped(latency, &output, "a full pipe"));
    }
}
