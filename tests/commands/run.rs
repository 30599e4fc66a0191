//! `compress run` and the results of a run, as a user sees them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::common::command::{self, call, metrics_without_timing, short_run, succeed};

fn json(arguments: &[&str]) -> Json {
    serde_json::from_str(&succeed(arguments)).unwrap()
}

#[test]
fn run_prints_decoded_outputs() {
    let (code, stdout, stderr) = call(&["run", "models/sort_unique.safetensors", "3", "1", "2"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        "position  token  output\n       1      3       1\n       2      1       2\n       3      2       3\n"
    );
    let object = json(&[
        "run",
        "models/sort_unique.safetensors",
        "5",
        "1",
        "4",
        "--json",
    ]);
    assert_eq!(object["tokens"], serde_json::json!([5, 1, 4]));
    assert_eq!(object["output"], serde_json::json!([1, 4, 5]));
    let object = json(&[
        "run",
        "models/frac_prevs.safetensors",
        "x",
        "a",
        "c",
        "x",
        "--json",
    ]);
    let output: Vec<f64> = serde_json::from_value(object["output"].clone()).unwrap();
    for (ours, exact) in output.iter().zip([1.0, 0.5, 1.0 / 3.0, 0.5]) {
        assert!((ours - exact).abs() < 1e-6, "{output:?}");
    }
}

#[test]
fn trace_shows_every_feature_at_every_position_after_every_block() {
    let arguments = ["run", "models/frac_prevs.safetensors", "x", "a", "--trace"];
    let (code, stdout, _) = call(&arguments);
    assert_eq!(code, 0);
    let stages = [
        "embedding",
        "layer0.attn",
        "layer0.mlp",
        "layer1.attn",
        "layer1.mlp",
    ];
    for stage in stages {
        assert!(stdout.contains(&format!("\n{stage}")), "{stdout}");
    }
    let after = stdout
        .split("\nlayer0.mlp")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let rows: BTreeMap<&str, Vec<&str>> = after
        .lines()
        .skip(1)
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.collect())
        })
        .collect();
    assert_eq!(rows.len(), 14);
    assert_eq!(rows["is_x"], ["0", "1", "0"]);
    assert_eq!(rows["tokens:a"], ["0", "0", "1"]);
    assert_eq!(rows["frac_prevs"], ["0", "0", "0"]);
    let object = json(&[&arguments[..], &["--json"]].concat());
    let stage = &object["trace"]["stages"][2];
    assert_eq!(stage["after"], "layer0.mlp");
    assert_eq!(stage["features"]["is_x"].as_array().unwrap().len(), 3);
    assert_eq!(
        object["trace"]["positions"],
        serde_json::json!(["BOS", "x", "a"])
    );
}

#[test]
fn run_says_which_outputs_are_undefined() {
    let model = "tests/fixtures/models/shift_by_one.safetensors";
    let (code, _, stderr) = call(&["run", model, "a", "b"]);
    assert_eq!(code, 0);
    assert!(
        stderr.contains("at position 1 no class stands out"),
        "{stderr}"
    );
}

#[test]
fn training_leaves_every_file_and_is_not_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    // Losses near 1, so that an absolute bound means something.
    let arguments = short_run("sort_unique", 120, &out, &["compression.init_std=0.1"]);
    let stdout = succeed(&arguments);
    assert!(
        stdout.contains("sort_unique completed: 120 steps, d = 12, seed 0"),
        "{stdout}"
    );

    let metrics = metrics_without_timing(&out);
    let steps: Vec<&str> = metrics
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(steps, ["50", "100", "120"]);
    let layers = std::fs::read_to_string(out.join("layers.csv")).unwrap();
    let blocks: Vec<&str> = layers
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(
        blocks,
        ["layer0.attn", "layer0.mlp", "layer1.attn", "layer1.mlp"]
    );
    let gram = std::fs::read_to_string(out.join("gram.csv")).unwrap();
    assert_eq!(gram.lines().count(), 1 + 25 * 25);
    assert!(gram.contains("\ntarget_pos:0,one,"));
    let text = std::fs::read_to_string(out.join("summary.json")).unwrap();
    let summary: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["stop_reason"], "completed");
    // As texts: serde_json's reader may change a number's last digit.
    let last = metrics.lines().last().unwrap().split(',').nth(5).unwrap();
    assert!(text.contains(&format!("\"eval_loss\": {last},")), "{last}");

    // L_layer is the sum of the blocks' mse.
    let sum: f64 = layers
        .lines()
        .skip(1)
        .map(|l| l.split(',').nth(1).unwrap().parse::<f64>().unwrap())
        .sum();
    let exact = summary["final"]["eval_loss_layers"].as_f64().unwrap();
    assert!((sum - exact).abs() < 1e-12, "{sum} {exact}");

    let before = command::snapshot(&out);
    let stdout = succeed(&arguments);
    assert!(stdout.contains("is complete already"), "{stdout}");
    assert!(command::snapshot(&out) == before);

    // The resolved configuration means the same run, from wherever it is called.
    let kept = out.join("config.toml").display().to_string();
    let stdout = succeed(&["--config", &kept]);
    assert!(stdout.contains("is complete already"), "{stdout}");
    assert!(command::snapshot(&out) == before);

    // Its W can be looked at through the model.
    let w = out.join("projection.safetensors").display().to_string();
    let object = json(&[
        "run",
        "models/sort_unique.safetensors",
        "2",
        "1",
        "--projection",
        &w,
        "--json",
    ]);
    assert_eq!(object["output"].as_array().unwrap().len(), 2);
    let (code, _, stderr) = call(&[
        "run",
        "models/frac_prevs.safetensors",
        "a",
        "--projection",
        &w,
    ]);
    assert_eq!(code, 2);
    assert!(stderr.contains("trained on another model"), "{stderr}");

    // --force starts over and gives the same.
    let stdout = succeed(&[arguments, vec!["--force".into()]].concat());
    assert!(stdout.contains("completed"), "{stdout}");
    assert_eq!(metrics_without_timing(&out), metrics);
}

#[test]
fn training_that_diverges_keeps_its_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let set = [
        "training.learning_rate.initial=1e12",
        "training.checkpoint_every=1",
    ];
    let arguments = short_run("frac_prevs", 5000, &out, &set);
    for session in ["diverged: the loss", "diverged in an earlier session"] {
        let (code, stdout, stderr) = call(&arguments);
        assert_eq!(code, 1, "{stderr}");
        assert_eq!(stdout, "");
        assert!(stderr.contains(session), "{stderr}");
        assert!(
            stderr.contains("the last good checkpoint is kept"),
            "{stderr}"
        );
    }
    assert!(out.join("checkpoint.safetensors").exists());
    let summary = command::json(&out.join("summary.json"));
    assert_eq!(summary["stop_reason"], "diverged");
    assert!(summary["final"].is_null());
}

#[test]
fn training_samples_a_space_too_large_to_enumerate() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    // 4 tokens in 11 positions: 4^11 > 2^20 inputs. pair_balance has 5 tokens in 10 positions.
    let set = [
        "model.path=tests/fixtures/models/pair_balance_1.safetensors",
        "inputs.lengths=[10]",
        "inputs.evaluation_sample=300",
    ];
    command::run("frac_prevs", 60, &out, &set);
    assert_eq!(metrics_without_timing(&out).lines().count(), 3);
}

#[test]
fn run_whose_output_nobody_reads_does_not_crash() {
    use std::process::Stdio;
    let mut child = command::compress()
        .args([
            "run",
            "models/sort_unique.safetensors",
            "3",
            "1",
            "2",
            "--trace",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
