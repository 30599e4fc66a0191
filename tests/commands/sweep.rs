//! `compress sweep` as a user sees it: runs, tables, shards, failures, plans.

use tracr_compress::results::statistics::median_interval;

use crate::common::command::{self, metrics_without_timing, snapshot};
use crate::common::study::{SMALL, StudyBench, computed};

#[test]
fn sweep_runs_once_and_has_one_row_a_run_and_one_a_point() {
    let bench = StudyBench::new(SMALL);
    let plan = bench.sweeps("out", &["--dry-run"]);
    assert!(plan.contains("Does the sweep work?"), "{plan}");
    assert!(plan.contains("dim=8,seed=3         to do"), "{plan}");
    assert!(plan.contains("0 of 14 runs done"), "{plan}");
    assert!(plan.contains("time left: not known"), "{plan}");
    assert!(!bench.path("out").exists(), "a dry run wrote something");

    let (code, stdout, stderr) = bench.sweep("out", &["--jobs", "2"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(computed(&stdout), 14);
    // Where stderr is no terminal, a line for each finished run.
    assert_eq!(stderr.matches(": completed, eval loss").count(), 14);
    assert!(stderr.contains("14/14"), "{stderr}");

    let runs = bench.table("out", "runs.csv");
    assert_eq!(runs.len(), 15);
    assert_eq!(
        runs[0][..6],
        [
            "run",
            "compression.dim",
            "training.seed",
            "compression.method",
            "method",
            "stop_reason"
        ]
    );
    assert_eq!(
        runs[6][..6],
        ["dim=6,seed=1", "6", "1", "train", "train", "completed"]
    );
    assert_eq!(runs[13][..5], ["dim=6,method=pca", "6", "0", "pca", "pca"]);
    assert_eq!(runs[0].last().unwrap(), "wall_time_seconds");
    // A run of the study is the run that the same settings give alone.
    let alone = bench.path("alone");
    let set = [
        "compression.dim=6",
        "training.seed=1",
        "training.log_every=500",
    ];
    command::run("frac_prevs", 1500, &alone, &set);
    let run = bench.path("out").join("dim=6,seed=1");
    assert_eq!(metrics_without_timing(&run), metrics_without_timing(&alone));
    assert_eq!(
        std::fs::read(run.join("projection.safetensors")).unwrap(),
        std::fs::read(alone.join("projection.safetensors")).unwrap()
    );
    let column =
        |table: &[Vec<String>], name: &str| table[0].iter().position(|cell| cell == name).unwrap();
    // How each training ended is that of its summary; a baseline has no ending.
    let ending = column(&runs, "ending");
    let share_of_constant = column(&runs, "error_share");
    for row in &runs[1..] {
        let summary = command::json(&bench.path("out").join(&row[0]).join("summary.json"));
        let verdict = summary["ending"]["verdict"].as_str().unwrap_or_default();
        assert_eq!(row[ending], verdict, "{row:?}");
        assert_eq!(verdict.is_empty(), row[4] != "train", "{row:?}");
        let share = summary["ending"]["error_share"].as_f64();
        assert_eq!(row[share_of_constant].parse().ok(), share, "{row:?}");
    }
    let loss = column(&runs, "eval_loss");
    let logged = metrics_without_timing(&run);
    let last = logged.lines().last().unwrap().split(',').nth(5).unwrap();
    assert_eq!(runs[6][loss], last);

    // The seeds folded: checked against the rows of runs.csv.
    let summary = bench.table("out", "summary.csv");
    assert_eq!(summary.len(), 1 + 5);
    assert_eq!(summary[2][..5], ["6", "train", "train", "4", "0"]);
    let losses: Vec<f64> = runs[5..9]
        .iter()
        .map(|row| row[loss].parse().unwrap())
        .collect();
    let figure = |name: &str| {
        summary[2][column(&summary, &format!("eval_loss_{name}"))]
            .parse::<f64>()
            .unwrap()
    };
    let mean = losses.iter().sum::<f64>() / 4.0;
    let squares: f64 = losses.iter().map(|x| (x - mean).powi(2)).sum();
    approx::assert_relative_eq!(figure("mean"), mean, max_relative = 1e-14);
    approx::assert_relative_eq!(figure("std"), (squares / 3.0).sqrt(), max_relative = 1e-12);
    let mut sorted = losses.clone();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(figure("min"), sorted[0]);
    assert_eq!(figure("max"), sorted[3]);
    approx::assert_relative_eq!(figure("median"), (sorted[1] + sorted[2]) / 2.0);
    assert!(figure("ci_low") >= sorted[0] && figure("ci_high") <= sorted[3]);
    assert!(figure("ci_low") < mean && mean < figure("ci_high"));
    let interval = median_interval(&losses);
    assert_eq!((figure("median_low"), figure("median_high")), interval);

    let before = snapshot(&bench.path("out"));
    let stdout = bench.sweeps("out", &[]);
    assert_eq!(computed(&stdout), 0);
    assert!(
        snapshot(&bench.path("out")) == before,
        "something was done again"
    );
    let plan = bench.sweeps("out", &["--dry-run"]);
    assert!(plan.contains("14 of 14 runs done"), "{plan}");
    assert!(plan.contains("nothing is left to do"), "{plan}");
}

#[test]
fn shards_and_collect_equal_the_whole() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("whole", &[]);
    // On three machines, brought together afterwards.
    let mut done = 0;
    for shard in ["0/3", "1/3", "2/3"] {
        let place = format!("machine{}", &shard[..1]);
        let stdout = bench.sweeps(&place, &["--shard", shard, "--jobs", "1"]);
        done += computed(&stdout);
        let (code, _, stderr) = bench.collect(&place);
        assert_eq!(code, 0);
        assert!(stderr.contains("runs are not over"), "{stderr}");
    }
    assert_eq!(done, 14);
    let together = bench.path("together");
    std::fs::create_dir(&together).unwrap();
    for machine in ["machine0", "machine1", "machine2"] {
        for entry in std::fs::read_dir(bench.path(machine)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if entry.path().is_dir() || name == "study.toml" {
                std::fs::rename(entry.path(), together.join(name)).unwrap();
            }
        }
    }
    let (code, stdout, stderr) = bench.collect("together");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("14 of 14 runs complete"), "{stdout}");
    assert_eq!(bench.tables("together"), bench.tables("whole"));
    // Collected again from nothing but the run directories and the record.
    for table in ["runs.csv", "summary.csv"] {
        std::fs::remove_file(together.join(table)).unwrap();
    }
    bench.collect("together");
    assert_eq!(bench.tables("together"), bench.tables("whole"));
}

#[test]
fn jobs_make_the_same_tables_whatever_their_number() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("one", &["--jobs", "1"]);
    bench.sweeps("three", &["--jobs", "3"]);
    assert_eq!(bench.tables("one"), bench.tables("three"));
}

const FAILING: &str = r#"
name = "failing"
base = "BASE"
[override.training]
steps = 60
log_every = 30
[[include]]
compression.dim = [4, 99, 5, 6, 0, 7]
[[include]]
training.learning_rate.initial = [0.001, 1e12, 0.002]
[[include]]
training.seed = [7, 8]
[[include]]
model.path = "broken.safetensors"
"#;

#[test]
fn sweep_of_which_no_run_can_start_is_refused_with_each_reason_once() {
    let bench = StudyBench::new(FAILING.split("[[include]]").next().unwrap());
    let file = bench.path("study.toml");
    let study = std::fs::read_to_string(&file).unwrap();
    let grid =
        "[grid]\nmodel.path = [\"a.safetensors\", \"b.safetensors\"]\ntraining.seed = [1, 2, 3]\n";
    std::fs::write(&file, study + grid).unwrap();
    let (code, stdout, stderr) = bench.sweep("out", &[]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(
        stderr.starts_with("error: no run of failing can start; nothing was written\n"),
        "{stderr}"
    );
    for name in ["a", "b"] {
        assert_eq!(
            stderr.matches(&format!("{name}.safetensors: ")).count(),
            1,
            "{stderr}"
        );
    }
    assert_eq!(stderr.matches(" and 2 other runs: ").count(), 2, "{stderr}");
    assert!(!bench.path("out").exists());
}

#[test]
fn sweep_records_failing_runs_and_goes_on() {
    let bench = StudyBench::new(FAILING);
    std::fs::write(bench.path("broken.safetensors"), "nothing of the kind").unwrap();
    let (code, stdout, stderr) = bench.sweep("out", &[]);
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stdout.contains("8 of 12 runs complete (0 of them before), 4 failed"),
        "{stdout}"
    );
    let list = stderr.split("\nerror: ").nth(1).unwrap();
    assert!(
        list.starts_with("4 of 12 runs of failing failed:"),
        "{list}"
    );
    for (run, reason) in [
        (
            "dim=99: ",
            "study.toml:8: `compression.dim`: it is 99, but it must be from 1 to 14",
        ),
        (
            "dim=0: ",
            "study.toml:8: `compression.dim` is 0, but it takes an integer of at least 1",
        ),
        (
            "initial=1e12: ",
            "diverged: the loss is not a finite number",
        ),
        ("path=broken.safetensors: ", "broken.safetensors"),
    ] {
        let line = list
            .lines()
            .find(|line| line.trim_start().starts_with(run))
            .unwrap();
        assert!(line.contains(reason), "{line}");
    }
    let runs = bench.table("out", "runs.csv");
    assert_eq!(runs.len(), 13);
    let cell = |run: &str, name: &str| {
        let column = runs[0].iter().position(|cell| cell == name).unwrap();
        runs.iter().find(|row| row[0] == run).unwrap()[column].clone()
    };
    assert_eq!(cell("dim=99", "stop_reason"), "failed");
    assert!(cell("dim=99", "failure").contains("from 1 to 14"));
    assert_eq!(cell("dim=99", "eval_loss"), "");
    assert_eq!(cell("initial=1e12", "stop_reason"), "diverged");
    assert_eq!(cell("dim=7", "stop_reason"), "completed");
    let summary = bench.table("out", "summary.csv");
    let failed = summary[0].iter().position(|cell| cell == "failed").unwrap();
    assert_eq!(summary.iter().filter(|row| row[failed] == "1").count(), 4);

    let plan = bench.sweeps("out", &["--dry-run"]);
    assert!(plan.contains("to do again; failed: "), "{plan}");
    assert!(plan.contains("time left: about"), "{plan}");

    // Mended, the run succeeds; those that cannot are reported again, the others are not repeated.
    std::fs::copy(
        command::root().join("models/frac_prevs.safetensors"),
        bench.path("broken.safetensors"),
    )
    .unwrap();
    let (code, stdout, stderr) = bench.sweep("out", &[]);
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stdout.contains("9 of 12 runs complete (8 of them before), 3 failed"),
        "{stdout}"
    );
    assert!(
        !bench
            .path("out/path=broken.safetensors/failure.json")
            .exists()
    );
}

#[test]
fn sweep_reports_a_changed_study_and_overwrites_nothing() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("out", &["--shard", "0/7"]);
    let before = snapshot(&bench.path("out"));
    let (code, stdout, stderr) = bench.sweep("out", &["--set", "training.steps=50"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("2 of the 14 runs"), "{stderr}");
    assert!(
        stderr.contains("training.steps: 1500 there, 50 here"),
        "{stderr}"
    );
    assert!(
        snapshot(&bench.path("out")) == before,
        "something was written"
    );
    let plan = bench.sweeps("out", &["--dry-run", "--set", "training.steps=50"]);
    assert_eq!(
        plan.matches("holds another configuration").count(),
        2,
        "{plan}"
    );
    for part in [
        "0 of 14 runs done",
        "would be refused for 2 runs of another configuration",
    ] {
        assert!(plan.contains(part), "{plan}");
    }
    // More values are no change: what is done stays done.
    bench.edit("[4, 6, 8]", "[6, 4]");
    let stdout = bench.sweeps("out", &["--shard", "0/2"]);
    assert!(stdout.contains(" 0 failed"), "{stdout}");
}

#[test]
fn override_of_a_sweep_reaches_every_run() {
    let bench = StudyBench::new(SMALL);
    bench.sweeps("out", &["--set", "training.steps=20", "--quiet"]);
    let runs = bench.table("out", "runs.csv");
    let steps = runs[0].iter().position(|cell| cell == "steps").unwrap();
    assert!(runs[1..13].iter().all(|row| row[steps] == "20"));
}
