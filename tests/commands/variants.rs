//! Whole runs of the variants, from the command line to the report: several `W`, and all terms of the objective.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;
use superposition::Projection;

use crate::common::command::{
    self, compress, json, metrics_without_timing, run, short_run, signal, succeed,
};
use crate::common::shipped;

const ALL: [&str; 6] = [
    "inputs.token_weights={\"1\"=0.05, \"4\"=3}",
    "objective.categorical_targets=soft",
    "objective.layer_reduction=mean",
    "objective.block_weights={\"layer0.attn\"=2, \"layer1.mlp\"=0}",
    "objective.l1_weight=0.01",
    "objective.gram_weight=0.002",
];

fn last_figures(run: &Path) -> Json {
    json(&run.join("summary.json"))["final"].clone()
}

#[test]
fn objective_fits_the_files_of_a_run_and_its_report_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run("sort_unique", 120, &path, &ALL);
    let figures = last_figures(&path);
    let figure = |name: &str| figures[name].as_f64().unwrap();
    let model = shipped("sort_unique");
    let projection = Projection::load(&path.join("projection.safetensors"), &model).unwrap();
    let (w, gram) = (&projection.w, projection.gram(&model));
    let interference = gram.mapv(f64::abs).sum() - gram.diag().mapv(f64::abs).sum();
    let penalty = 0.01 * w.mapv(f64::abs).sum() + 0.002 * interference;
    let total = figure("eval_loss_output") + figure("eval_loss_layers") + penalty;
    approx::assert_relative_eq!(figure("eval_loss"), total, max_relative = 1e-12);
    // The table of blocks knows no weights.
    let layers = std::fs::read_to_string(path.join("layers.csv")).unwrap();
    let width = w.ncols() as f64;
    let weighted: f64 = layers
        .lines()
        .skip(1)
        .zip([2.0, 1.0, 1.0, 0.0])
        .map(|(line, weight)| {
            weight / width * line.split(',').nth(1).unwrap().parse::<f64>().unwrap()
        })
        .sum();
    approx::assert_relative_eq!(figure("eval_loss_layers"), weighted, max_relative = 1e-9);
    // What is left of a logged loss are the penalties.
    let metrics = std::fs::read_to_string(path.join("metrics.csv")).unwrap();
    for line in metrics.lines().skip(1) {
        let cells: Vec<f64> = line
            .split(',')
            .take(5)
            .map(|x| x.parse().unwrap())
            .collect();
        let left = cells[2] - cells[3] - cells[4];
        assert!(
            left > 0.5 * penalty && left < 2.0 * penalty,
            "{left} {penalty}"
        );
    }
    // Its resolved configuration is the same run.
    let config = path.join("config.toml").display().to_string();
    let again = dir.path().join("again").display().to_string();
    succeed(&["--config", &config, "--output", &again, "--quiet"]);
    let again = dir.path().join("again");
    assert_eq!(
        metrics_without_timing(&path),
        metrics_without_timing(&again)
    );
    succeed(&["report", &path.display().to_string()]);
    let page = std::fs::read_to_string(path.join("report.html")).unwrap();
    for part in [
        "1 weighs 0.05, 4 weighs 3",
        "categorical_targets is soft",
        "layer0.attn = 2",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn matrices_are_trained_analysed_drawn_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let untied = "compression.tied=false";
    let per_layer = "compression.per_layer=true";
    let variants: [&[&str]; 4] = [
        &[untied],
        &[per_layer],
        &[untied, per_layer],
        &[untied, "compression.init_matrices=independent"],
    ];
    for (i, settings) in variants.into_iter().enumerate() {
        let run = dir.path().join(i.to_string());
        let path = run.to_str().unwrap();
        command::run("frac_prevs", 150, &run, settings);
        let metrics = metrics_without_timing(&run);
        assert_eq!(metrics.lines().count(), 4);
        let several = settings.contains(&per_layer);
        assert_eq!(run.join("grams.csv").exists(), several, "{settings:?}");

        succeed(&["analyze", path]);
        succeed(&["plot", path, "--format", "svg"]);
        succeed(&["report", path]);
        let figure = std::fs::read_to_string(run.join("report.html")).unwrap();
        assert!(
            figure.contains("rows are written, columns read"),
            "{settings:?}"
        );

        let model = dir.path().join(format!("{i}.safetensors"));
        let model = model.to_str().unwrap();
        succeed(&["export", path, "-o", model]);
        let tokens = ["a", "x", "b", "x", "c"];
        let compiled = [
            &["run", "models/frac_prevs.safetensors", "--projection", path],
            &tokens[..],
        ];
        let exported = [&["run", model], &tokens[..]];
        let outputs = [compiled.concat(), exported.concat()].map(|arguments| {
            let arguments = [&arguments[..], &["--json"]].concat();
            let answer: serde_json::Value = serde_json::from_str(&succeed(&arguments)).unwrap();
            let numbers = answer["output"].as_array().unwrap().clone();
            numbers
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect::<Vec<f64>>()
        });
        for (a, b) in outputs[0].iter().zip(&outputs[1]) {
            assert!(
                (a - b).abs() < 1e-5 * a.abs().max(1.0),
                "{settings:?}: {outputs:?}"
            );
        }
        let npz = dir.path().join("w.npz");
        let what = succeed(&[
            "export",
            path,
            "--format",
            "npz",
            "-o",
            npz.to_str().unwrap(),
        ]);
        assert!(
            what.contains("W_read") || what.contains("W.embed"),
            "{what}"
        );
    }
}

#[test]
fn variants_are_trained_alike_by_both_engines() {
    let dir = tempfile::tempdir().unwrap();
    let mut losses = Vec::new();
    for engine in ["fused", "autodiff"] {
        let path = dir.path().join(engine);
        let engine = format!("training.engine={engine}");
        let sets = [
            "training.precision=f64",
            "compression.init_std=0.2",
            "compression.tied=false",
            "compression.per_layer=true",
            &engine,
        ];
        run("sort_unique", 50, &path, &[&ALL[..], &sets[..]].concat());
        losses.push(last_figures(&path)["eval_loss"].as_f64().unwrap());
    }
    println!("{losses:?}");
    approx::assert_relative_eq!(losses[0], losses[1], max_relative = 1e-10);
}

#[test]
fn variants_survive_an_interruption() {
    let dir = tempfile::tempdir().unwrap();
    let sets = [
        "inputs.token_weights={x=0.05}",
        "objective.l1_weight=0.01",
        "objective.gram_weight=0.002",
        "compression.tied=false",
        "compression.per_layer=true",
        "training.log_every=999",
    ];
    let (whole, pieces) = (dir.path().join("whole"), dir.path().join("pieces"));
    run("frac_prevs", 20_000, &whole, &sets);
    let mut interrupted = 0;
    for patience in [150, 300, 200] {
        let mut child = compress()
            .args(short_run("frac_prevs", 20_000, &pieces, &sets))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(patience));
        signal(&child, "TERM");
        interrupted += usize::from(child.wait().unwrap().code() == Some(130));
    }
    assert!(interrupted > 0);
    run("frac_prevs", 20_000, &pieces, &sets);
    assert_eq!(
        metrics_without_timing(&whole),
        metrics_without_timing(&pieces)
    );
    for file in [
        "projection.safetensors",
        "gram.csv",
        "grams.csv",
        "interventions.csv",
        "positions.csv",
    ] {
        let read = |run: &Path| std::fs::read(run.join(file)).unwrap();
        assert!(read(&whole) == read(&pieces), "{file} differs");
    }
}
