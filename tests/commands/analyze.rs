//! `compress analyze` as a command, and what `compress export` refuses: files, columns, messages, exit
//! codes.

use std::path::{Path, PathBuf};

use crate::common::command::{self, call, json, run, snapshot, text};

const TABLES: [(&str, &str); 7] = [
    (
        "features.csv",
        "feature,norm,dimensionality,max_interference,verdict,margin,partner,partner_response,\
         dimensionality_active,from_companions,from_strangers,active_share,mean_active,largest,read,variable",
    ),
    ("layers.csv", "block,mse,cosine,variance_explained"),
    (
        "layer_positions.csv",
        "block,position,mse,cosine,variance_explained",
    ),
    (
        "positions.csv",
        "position,kind,inputs,mae,rmse,max_error,accuracy",
    ),
    (
        "variables.csv",
        "variable,site,positions,features,rank,variance,mse,cosine,r2,r2_mapped",
    ),
    (
        "interventions.csv",
        "variable,site,pairs,all_pairs,positions,undecided,accuracy,affected,accuracy_affected,mae,\
         mae_affected,max_error",
    ),
    (
        "worst_inputs.csv",
        "rank,input,wrong,position,token,expected,found,error,right",
    ),
];

fn read(directory: &Path, file: &str) -> String {
    std::fs::read_to_string(directory.join(file)).unwrap()
}

fn rows(directory: &Path, file: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(directory.join(file)).unwrap();
    reader.records().map(Result::unwrap).collect()
}

#[test]
fn analyze_writes_again_what_a_run_ends_with() {
    let dir = tempfile::tempdir().unwrap();
    for (config, features, blocks, columns) in [("frac_prevs", 14, 4, 6), ("sort_unique", 25, 4, 6)]
    {
        let run_dir = dir.path().join(config);
        run(config, 200, &run_dir, &[]);
        for (file, header) in TABLES {
            let content = read(&run_dir, file);
            assert_eq!(content.lines().next(), Some(header), "{file}");
        }
        assert_eq!(rows(&run_dir, "features.csv").len(), features);
        assert_eq!(rows(&run_dir, "layers.csv").len(), blocks);
        assert_eq!(
            rows(&run_dir, "layer_positions.csv").len(),
            blocks * columns
        );
        let worst = rows(&run_dir, "worst_inputs.csv");
        assert_eq!(&worst[worst.len() - 1][0], "10");
        let before = snapshot(&run_dir);
        let (code, stdout, stderr) = call(&["analyze", &text(&run_dir)]);
        let next = format!("next: compress report {}\n", text(&run_dir));
        assert_eq!((code, stderr), (0, next));
        for part in [
            "Features",
            "What the compression consists of",
            "Worst inputs",
        ] {
            assert!(stdout.contains(part), "{stdout}");
        }
        assert!(snapshot(&run_dir) == before, "the same bytes");
        let (code, stdout, _) = call(&["analyze", &text(&run_dir), "--json"]);
        assert_eq!((code, stdout), (0, read(&run_dir, "analysis.json")));
        let json = json(&run_dir.join("analysis.json"));
        let listed: usize = json["verdicts"]
            .as_object()
            .unwrap()
            .values()
            .map(|v| v.as_array().unwrap().len())
            .sum();
        assert_eq!(listed, features);
        // The tables fit the summary: the blocks' errors add up to the exact loss of the layers.
        let summary = command::json(&run_dir.join("summary.json"));
        let sum: f64 = rows(&run_dir, "layers.csv")
            .iter()
            .map(|row| row[1].parse::<f64>().unwrap())
            .sum();
        let exact = summary["final"]["eval_loss_layers"].as_f64().unwrap();
        assert!((sum - exact).abs() < 1e-9 * exact, "{sum} {exact}");
    }
}

#[test]
fn analyze_takes_thresholds_and_writes_them_down() {
    let dir = tempfile::tempdir().unwrap();
    run("frac_prevs", 50, dir.path(), &[]);
    let verdicts = || -> Vec<String> {
        let rows = rows(dir.path(), "features.csv");
        rows.iter().map(|row| row[4].to_owned()).collect()
    };
    let before = verdicts();
    let (code, stdout, _) = call(&[
        "analyze",
        &text(dir.path()),
        "--dropped-below",
        "1e6",
        "--pairs",
        "64",
        "--worst",
        "0",
    ]);
    assert_eq!(code, 0);
    assert!(stdout.contains("norm below 1.000e6"), "{stdout}");
    assert_ne!(before, verdicts());
    assert!(verdicts().iter().all(|v| v == "dropped"));
    let json = json(&dir.path().join("analysis.json"));
    assert_eq!(json["settings"]["dropped_below"], 1e6);
    assert_eq!(json["interventions"][0]["pairs"], 64);
    assert_eq!(rows(dir.path(), "worst_inputs.csv").len(), 0);
}

/// Two widths, two seeds, and a run that was interrupted.
fn study(dir: &Path) {
    for (d, seed) in [(6, 0), (6, 1), (9, 0), (9, 1)] {
        let set = [
            format!("compression.dim={d}"),
            format!("training.seed={seed}"),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        run(
            "frac_prevs",
            60,
            &dir.join("runs").join(format!("d{d}s{seed}")),
            &set,
        );
    }
    let unfinished = dir.join("unfinished");
    run("frac_prevs", 60, &unfinished, &["compression.dim=3"]);
    std::fs::remove_file(unfinished.join("summary.json")).unwrap();
}

#[test]
fn analyze_takes_a_study_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let reference = dir.path().join("runs/d6s0/gram.csv");
    let (code, stdout, stderr) = call(&[
        "analyze",
        &text(dir.path()),
        "--within",
        "mae=1000",
        "--within",
        "cosine_mean=2",
        "--reference",
        &text(&reference),
        "--exclude",
        "tokens:BOS",
    ]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("analysing 4 of 4"), "{stderr}");
    assert!(stderr.contains("left out: the run in"), "{stderr}");
    for (file, header, count) in [
        ("study_metrics.csv", "group,d,seed,run,metric,value", None),
        (
            "study_verdicts.csv",
            "group,d,seed,run,verdict,features",
            Some(20),
        ),
        (
            "critical_widths.csv",
            "group,metric,tolerance,runs,critical_d,low,high",
            None,
        ),
        (
            "gram_agreement.csv",
            "group,d,seed_a,seed_b,correlation,correlation_off_diagonal",
            Some(2),
        ),
        (
            "reference_agreement.csv",
            "group,d,seed,run,correlation,correlation_off_diagonal",
            Some(4),
        ),
    ] {
        let content = read(dir.path(), file);
        assert_eq!(content.lines().next(), Some(header), "{file}");
        assert!(
            count.is_none_or(|n| rows(dir.path(), file).len() == n),
            "{content}"
        );
    }
    // Any error below 1000 is good enough, no cosine is as large as 2.
    let critical = rows(dir.path(), "critical_widths.csv");
    let of = |metric: &str| critical.iter().find(|row| &row[1] == metric).unwrap();
    assert_eq!(&of("mae")[4], "6");
    assert_eq!((&of("cosine_mean")[4], &of("cosine_mean")[6]), ("", ""));
    let compared = rows(dir.path(), "reference_agreement.csv");
    let own = compared.iter().find(|row| &row[3] == "runs/d6s0").unwrap();
    assert!((own[4].parse::<f64>().unwrap() - 1.0).abs() < 1e-12);
    let other = compared.iter().find(|row| &row[3] == "runs/d6s1").unwrap();
    assert!(other[4].parse::<f64>().unwrap() < 0.99);
    // Every run was analysed in its place.
    assert!(dir.path().join("runs/d9s1/analysis.json").exists());
    let json = json(&dir.path().join("analysis.json"));
    assert_eq!(json["runs"], 4);
    assert!(stdout.contains("median of 4"), "{stdout}");
}

#[test]
fn analyze_and_export_refuse_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    run("frac_prevs", 50, &path("run"), &[]);
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::create_dir(path("unfinished")).unwrap();
    std::fs::copy(path("run/config.toml"), path("unfinished/config.toml")).unwrap();
    run("sort_unique", 50, &path("other"), &[]);
    let copy = |from: &str, to: &str| std::fs::copy(path(from), path(to)).unwrap();
    for broken in ["mixed", "damaged", "diverged"] {
        std::fs::create_dir(path(broken)).unwrap();
        for file in ["config.toml", "summary.json", "projection.safetensors"] {
            copy(&format!("run/{file}"), &format!("{broken}/{file}"));
        }
    }
    copy(
        "other/projection.safetensors",
        "mixed/projection.safetensors",
    );
    std::fs::write(path("damaged/projection.safetensors"), b"12345678").unwrap();
    let summary = read(&path("run"), "summary.json").replace("completed", "diverged");
    std::fs::write(path("diverged/summary.json"), summary).unwrap();
    std::fs::write(path("no.csv"), "a,b\n1,2\n").unwrap();
    std::fs::write(path("nan.csv"), "feature_a,feature_b,value\nx,x,NaN\n").unwrap();
    let before = snapshot(dir.path());
    let p = |name: &str| text(&path(name));
    let run_dir = p("run");
    let gram = p("run/gram.csv");
    for (arguments, expected) in [
        (vec!["analyze", &p("absent")], "is not a run directory"),
        (vec!["analyze", &p("empty")], "holds no finished run"),
        (
            vec!["analyze", &p("run/gram.csv")],
            "is not a run directory",
        ),
        (vec!["analyze", &p("unfinished")], "is not finished"),
        (
            vec!["analyze", &p("mixed")],
            "W was trained on another model",
        ),
        (
            vec!["analyze", &p("damaged")],
            "not a usable projection file",
        ),
        (vec!["analyze", &p("diverged")], "diverged after step 50"),
        (
            vec!["analyze", &run_dir, "--dedicated-from", "1.5"],
            "--dedicated-from is 1.5",
        ),
        (
            vec!["analyze", &run_dir, "--tolerance", "NaN"],
            "--tolerance is NaN",
        ),
        (
            vec!["analyze", &run_dir, "--pairs", "0"],
            "expected a number from 1",
        ),
        (
            vec!["analyze", &run_dir, "--within", "mea=1"],
            "there is no metric `mea`",
        ),
        (
            vec!["analyze", &run_dir, "--within", "mae=x"],
            "`x` is not a finite number",
        ),
        (
            vec!["analyze", &run_dir, "--within", "mae"],
            "expected METRIC=VALUE",
        ),
        (
            vec!["analyze", &run_dir, "--reference", &p("absent")],
            "cannot read",
        ),
        (
            vec!["analyze", &run_dir, "--reference", &p("no.csv")],
            "feature_a, feature_b, value",
        ),
        (
            vec!["analyze", &run_dir, "--reference", &p("nan.csv")],
            "is NaN",
        ),
        (
            vec!["analyze", &run_dir, "--reference", &p("other/gram.csv")],
            "has no value for",
        ),
        (
            vec![
                "analyze",
                &run_dir,
                "--reference",
                &gram,
                "--exclude",
                "BOS",
            ],
            "no such feature",
        ),
        (
            vec!["analyze", dir.path().to_str().unwrap()],
            "not a usable projection file",
        ),
        (
            vec!["export", &p("empty"), "-o", &p("x")],
            "is not a run directory",
        ),
        (
            vec!["export", &p("unfinished"), "-o", &p("x")],
            "is not finished",
        ),
        (
            vec!["export", &p("mixed"), "-o", &p("x")],
            "W was trained on another model",
        ),
        (vec!["export", &run_dir], "--output"),
        (
            vec!["export", &run_dir, "-o", &p("x"), "--format", "pt"],
            "npz",
        ),
    ] {
        let (code, stdout, stderr) = call(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    assert!(snapshot(dir.path()) == before, "something was written");
}
