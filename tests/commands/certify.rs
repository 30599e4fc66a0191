//! `compress certify`: what it proves, what it says, and what it refuses.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tracr_compress::run::finished::FinishedRun;

use crate::common::bench::refused;
use crate::common::command::{call, json, run, succeed, text};

/// A run whose `W` is the principal directions of the states: nothing is trained.
fn principal(directory: &Path, config: &str, d: usize, set: &[&str]) -> PathBuf {
    let path = directory.join(format!("{config}_{d}"));
    let d = format!("compression.dim={d}");
    let set = [&["compression.method=\"pca\"", &d], set].concat();
    run(config, 1, &path, &set);
    path
}

fn certificate(run: &Path) -> (i32, Json, String) {
    let (code, stdout, stderr) = call(&["certify", &text(run)]);
    println!("{stdout}{stderr}");
    (code, json(&run.join("certificate.json")), stdout)
}

#[test]
fn certify_proves_a_run_that_loses_nothing_and_says_so_in_words_and_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let short = "inputs.lengths=[1, 2, 3]";
    for (config, d, counted, set) in [
        ("frac_prevs", 11, 5 * 1024, "inputs.lengths=[5]"),
        ("sort_unique", 22, 5 + 2 * 20 + 3 * 60, short),
        ("hist", 17, 2 * 16, "inputs.lengths=[2]"),
    ] {
        let run = principal(dir.path(), config, d, &[set]);
        let (code, found, said) = certificate(&run);
        assert_eq!(code, 0);
        assert_eq!(found["verdict"], "proved");
        assert_eq!(found["answers"]["counted"], counted);
        assert_eq!(found["answers"]["right"], counted);
        assert!(said.starts_with("proved: "), "{said}");
        assert!(said.contains(&format!("compressed to d = {d}")), "{said}");
        assert!(
            said.contains(&format!("{counted} of {counted} right")),
            "{said}"
        );
        let printed = succeed(&["certify", &text(&run), "--json"]);
        assert_eq!(serde_json::from_str::<Json>(&printed).unwrap(), found);
        // Hashes of the files as they are.
        let model = dir.path().join("model.safetensors");
        let other = dir.path().join("other.json");
        succeed(&[
            "certify",
            &text(&run),
            "-o",
            &text(&other),
            "--write-model",
            &text(&model),
        ]);
        assert_eq!(json(&other), found);
        for (file, kind) in [
            (model, "model"),
            (run.join("projection.safetensors"), "projection"),
        ] {
            use sha2::Digest;
            let hash = sha2::Sha256::digest(std::fs::read(file).unwrap());
            assert_eq!(found[kind]["sha256"], base::files::hex(&hash));
        }
    }
}

#[test]
fn certify_says_that_a_run_is_wrong_and_where() {
    let dir = tempfile::tempdir().unwrap();
    for (config, d, set) in [
        ("frac_prevs", 3, "inputs.lengths=[3]"),
        ("sort_unique", 4, "inputs.lengths=[3]"),
    ] {
        let run = principal(dir.path(), config, d, &[set]);
        let (code, found, said) = certificate(&run);
        assert_eq!((code, &found["verdict"]), (1, &Json::from("wrong")));
        assert!(said.starts_with("This claim is false: "), "{said}");
        let summary = json(&run.join("summary.json"));
        let worst = &found["worst"];
        if let Some(error) = summary["final"]["max_error"].as_f64() {
            approx::assert_relative_eq!(
                worst["error"].as_f64().unwrap(),
                error,
                max_relative = 1e-9
            );
        } else {
            assert!(worst["gap"].as_f64().unwrap() < 0.0);
            assert_ne!(worst["expected"], worst["found"]);
        }
        assert_eq!(worst["input"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_stricter_rule_refuses_what_the_usual_one_proves() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "frac_prevs", 11, &["inputs.lengths=[2]"]);
    let path = text(&run);
    let verdict = |options: &[&str]| {
        let arguments = [&["certify", &path, "--json"], options].concat();
        let found: Json = serde_json::from_str(&call(&arguments).1).unwrap();
        found["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(&["--mae", "1e-9", "--max-error", "1e-9"]), "proved");
    // The entries of W are rounded: it is off by a little, which double-double finds.
    assert_eq!(verdict(&["--max-error", "1e-300"]), "wrong");
    assert_eq!(verdict(&["--mae", "1e-300"]), "wrong");
}

#[test]
fn a_space_that_is_sampled_gets_a_bound_and_no_proof() {
    let dir = tempfile::tempdir().unwrap();
    // 4^11 inputs.
    let program = "model.program=\"programs/frac_prevs.rasp\"";
    let set = [
        program,
        "model.max_seq_len=11",
        "inputs.evaluation_sample=200",
    ];
    for (d, is_right) in [(17, true), (3, false)] {
        let run = principal(dir.path(), "hist", d, &set);
        let arguments = ["certify", &text(&run), "--sample", "100"];
        let (code, said, stderr) = call(&arguments);
        assert_eq!(code, 0, "{stderr}");
        assert!(said.starts_with("no proof: "), "{said}");
        let found = json(&run.join("certificate.json"));
        assert_eq!(found["verdict"], "sampled");
        assert_eq!(found["space"]["enumerated"], false);
        assert_eq!(found["space"]["inputs"], Json::Null);
        assert_eq!(found["space"]["sample"]["draws"], 100);
        let share = &found["wrong_share"];
        assert_eq!(share["confidence"], 0.95);
        if is_right {
            assert_eq!(share["wrong_inputs"], 0);
            let expected = 1.0 - 0.05f64.powf(0.01);
            approx::assert_relative_eq!(
                share["at_most"].as_f64().unwrap(),
                expected,
                max_relative = 1e-9
            );
        } else {
            let wrong = share["wrong_inputs"].as_u64().unwrap();
            assert!(wrong > 0 && share["at_most"].as_f64().unwrap() >= wrong as f64 / 100.0);
        }
        // The same draws again.
        succeed(&arguments);
        assert_eq!(json(&run.join("certificate.json")), found);
    }
}

#[test]
fn certify_refuses_what_is_no_finished_run_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "frac_prevs", 11, &["inputs.lengths=[2]"]);
    let path = text(&run);
    let projection = run.join("projection.safetensors");
    let bytes = std::fs::read(&projection).unwrap();

    refused(
        &["certify", &text(dir.path())],
        dir.path(),
        &["is not a run directory"],
    );
    for (options, parts) in [
        (["--mae", "0"], ["--mae is 0", "above 0"]),
        (["--max-error", "-1"], ["--max-error is -1", "above 0"]),
        (["--max-error", "inf"], ["--max-error is inf", "finite"]),
        (["-o", "certificate.csv"], ["not .csv", "certificate.json"]),
        (
            ["--write-model", "model.npz"],
            ["not .npz", "model.safetensors"],
        ),
    ] {
        let arguments = [&["certify", &path], &options[..]].concat();
        refused(&arguments, dir.path(), &parts);
    }
    // A damaged projection, in three ways.
    std::fs::write(&projection, &bytes[..bytes.len() - 8]).unwrap();
    refused(
        &["certify", &path],
        dir.path(),
        &["projection.safetensors", "damaged"],
    );
    std::fs::write(&projection, b"W").unwrap();
    refused(
        &["certify", &path],
        dir.path(),
        &["projection.safetensors", "not a .safetensors file"],
    );
    let mut nan = bytes.clone();
    let end = nan.len();
    nan[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    std::fs::write(&projection, nan).unwrap();
    refused(
        &["certify", &path],
        dir.path(),
        &["projection.safetensors", "must be finite"],
    );
    std::fs::write(&projection, &bytes).unwrap();
    // Not finished: W is written before the summary, and without it there is nothing to certify.
    let summary = run.join("summary.json");
    let kept = std::fs::read(&summary).unwrap();
    std::fs::remove_file(&summary).unwrap();
    std::fs::remove_file(&projection).unwrap();
    refused(
        &["certify", &path],
        dir.path(),
        &["is not finished", "goes on with it"],
    );
    std::fs::write(&summary, kept).unwrap();
    std::fs::write(&projection, &bytes).unwrap();
    succeed(&["certify", &path]);
    assert!(FinishedRun::load(&run).is_ok());
}

#[test]
fn certify_refuses_limits_of_numbers_for_classes_and_a_space_with_one_answer() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "sort_unique", 22, &["inputs.lengths=[1, 2]"]);
    for option in ["--mae", "--max-error"] {
        let arguments = ["certify", &text(&run), option, "0.1"];
        refused(
            &arguments,
            dir.path(),
            &["the output of sort_unique is a class"],
        );
    }
    // A single token is the only one of its kind, and the first x is not there.
    for (config, set) in [
        ("hist", "inputs.lengths=[1]"),
        ("hist", "model.program=\"programs/shuffle_dyck2.rasp\""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let lengths = "inputs.lengths=[1]";
        let run = principal(directory.path(), config, 10, &[set, lengths]);
        let parts = [
            "nothing to certify",
            "has the same answer at all",
            "inputs.lengths",
        ];
        refused(&["certify", &text(&run)], directory.path(), &parts);
    }
}

#[test]
fn a_run_that_starts_over_leaves_no_certificate_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), "frac_prevs", 11, &["inputs.lengths=[2]"]);
    succeed(&["certify", &text(&run)]);
    assert!(run.join("certificate.json").exists());
    let config = run.join("config.toml");
    succeed(&[
        "--config",
        &text(&config),
        "--output",
        &text(&run),
        "--force",
        "--quiet",
    ]);
    assert!(!run.join("certificate.json").exists());
}
