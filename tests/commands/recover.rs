//! `compress recover`: dictionaries of a run's stream, resumed, refused, and the same on any number of threads.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;
use tracr_compress::recovery::dictionary;

use crate::common::command::{call, compress, run, signal, snapshot, succeed, text};

/// `compress recover` of a run into a directory.
fn arguments(run: &Path, method: &str, output: &Path, more: &[&str]) -> Vec<String> {
    let mut all = vec!["recover".to_owned(), text(run)];
    all.extend(["--method", method, "-o", &text(output), "--quiet"].map(String::from));
    all.extend(more.iter().map(|word| (*word).to_owned()));
    all
}

fn recover(run: &Path, method: &str, output: &Path, more: &[&str]) -> Json {
    let mut all = arguments(run, method, output, more);
    all.push("--json".into());
    serde_json::from_str(&succeed(&all)).unwrap()
}

#[test]
fn recover_writes_a_dictionary_a_seed_and_says_how_well_it_explains_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let of = dir.path().join("run");
    run("frac_prevs", 2000, &of, &["compression.dim=8"]);
    let few = ["--atoms", "9", "--seeds", "2"];
    for (method, more, files) in [
        (
            "nnsc",
            &["--lambda", "0.3"][..],
            &["dictionary.safetensors"][..],
        ),
        (
            "l1_sae",
            &["--lambda", "0.2"],
            &["cfg.json", "sae_weights.safetensors"],
        ),
        (
            "topk_sae",
            &["--k", "3"],
            &["cfg.json", "sae_weights.safetensors"],
        ),
        ("pca", &[], &["dictionary.safetensors"]),
        (
            "random",
            &["--no-bos", "--site", "0"],
            &["dictionary.safetensors"],
        ),
    ] {
        let output = dir.path().join(method);
        let result = recover(&of, method, &output, &[&few[..], more].concat());
        assert_eq!(result["d"], 8);
        for seed in 0..2 {
            let facts = &result["dictionaries"][seed];
            let folder = output.join(format!("seed={seed}"));
            assert_eq!(facts["path"], text(&folder));
            assert_eq!(facts["seed"], seed);
            for file in files {
                assert!(folder.join(file).is_file(), "{method}: {file}");
            }
            let loaded = dictionary::load(&folder, 8).unwrap();
            let count = if method == "pca" { 8 } else { 9 };
            assert_eq!(facts["atoms"], count);
            assert_eq!(loaded.atoms.dim(), (count, 8));
            let explained = facts["explained_variance"].as_f64().unwrap();
            let l0 = facts["l0"].as_f64().unwrap();
            assert!(explained > 0.5 && explained <= 1.0, "{method}: {explained}");
            assert!(l0 > 0.0 && l0 <= 9.0);
            if method == "topk_sae" {
                assert!(l0 <= 3.0 + 1e-9); // a mean by weights
            }
        }
        let atoms = |seed: usize| {
            let folder = output.join(format!("seed={seed}"));
            dictionary::load(&folder, 8).unwrap().atoms
        };
        assert_eq!(atoms(0) == atoms(1), method == "pca");
        // Said again, and on the terminal.
        let before = snapshot(&output);
        assert_eq!(
            recover(&of, method, &output, &[&few[..], more].concat()),
            result
        );
        assert_eq!(snapshot(&output), before);
        let shown = succeed(&arguments(&of, method, &output, &[&few[..], more].concat()));
        assert!(shown.starts_with(&format!("{method}: from ")), "{shown}");
        assert_eq!(shown.lines().count(), 5, "{shown}");
    }
    // Without --atoms their number is that of the features to be found, the only thing that the truth gives.
    let output = dir.path().join("default");
    let result = recover(&of, "pca", &output, &[]);
    let features = result["dictionaries"][0]["atoms"].as_u64().unwrap();
    assert!((5..=14).contains(&features), "{features}");
    assert_eq!(
        recover(&of, "pca", &dir.path().join("one"), &["--site", "0"])["d"],
        8
    );
}

#[test]
fn recover_goes_on_after_it_was_stopped_or_killed_and_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let of = dir.path().join("run");
    run("frac_prevs", 500, &of, &["compression.dim=6"]);
    let more = ["--seeds", "3", "--atoms", "8", "--lambda", "0.2"];
    let whole = dir.path().join("whole");
    recover(&of, "l1_sae", &whole, &more);
    let first = dir.path().join("first");
    recover(
        &of,
        "l1_sae",
        &first,
        &["--seeds", "1", "--atoms", "8", "--lambda", "0.2"],
    );
    assert_eq!(snapshot(&first.join("seed=0")).len(), 3);
    let killed = dir.path().join("killed");
    for (wait, how) in [(300, "INT"), (200, "KILL"), (500, "KILL"), (900, "TERM")] {
        let child = compress()
            .args(arguments(&of, "l1_sae", &killed, &more))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        signal(&child, how);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        // A fast machine may have been ready.
        match ended.status.code() {
            Some(130) => assert!(said.contains("stopped"), "{said}"),
            Some(0) => {}
            other => assert!(other.is_none() && how == "KILL", "{how}: {other:?} {said}"),
        }
    }
    for directory in [&killed, &first] {
        recover(&of, "l1_sae", directory, &more);
        for seed in ["seed=0", "seed=1", "seed=2"] {
            let files = |root: &Path| {
                let mut all: Vec<_> = snapshot(&root.join(seed))
                    .into_iter()
                    .map(|(path, bytes)| (path.file_name().unwrap().to_owned(), bytes))
                    .collect();
                all.sort();
                all
            };
            assert_eq!(files(directory), files(&whole), "{seed}");
        }
    }
}

#[test]
fn recover_refuses_what_it_cannot_do_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let of = dir.path().join("run");
    run("frac_prevs", 2, &of, &["compression.dim=6"]);
    let layers = dir.path().join("layers");
    run(
        "frac_prevs",
        2,
        &layers,
        &["compression.dim=6", "compression.tied=false"],
    );
    let other = dir.path().join("other");
    run("frac_prevs", 3, &other, &["compression.dim=6"]);
    let taken = dir.path().join("taken");
    recover(&of, "pca", &taken, &[]);
    let mine = dir.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("notes.txt"), "mine").unwrap();
    let broken = dir.path().join("broken");
    recover(&of, "pca", &broken, &[]);
    fs::write(broken.join("seed=0/found.json"), "{").unwrap();
    let new = dir.path().join("new");
    let file = dir.path().join("dictionary.npz");
    for (from, method, output, more, said) in [
        (
            &of,
            "ica",
            &new,
            &[][..],
            "nnsc, l1_sae, topk_sae, pca and random",
        ),
        (
            &of,
            "pca",
            &new,
            &["--lambda", "0.1"],
            "--lambda is an option of nnsc and l1_sae",
        ),
        (
            &of,
            "nnsc",
            &new,
            &["--k", "3"],
            "--k is an option of topk_sae",
        ),
        (
            &of,
            "topk_sae",
            &new,
            &["--k", "30", "--atoms", "4"],
            "--k is 30, but there are 4 atoms",
        ),
        (
            &of,
            "nnsc",
            &new,
            &["--lambda", "-1"],
            "a number from 0 to 1e6",
        ),
        (
            &of,
            "nnsc",
            &new,
            &["--lambda", "nan"],
            "a number from 0 to 1e6",
        ),
        (&of, "nnsc", &new, &["--atoms", "0"], "--atoms"),
        (&of, "nnsc", &new, &["--atoms", "99999"], "--atoms"),
        (&of, "nnsc", &new, &["--seeds", "0"], "--seeds"),
        (
            &of,
            "pca",
            &new,
            &["--site", "last"],
            "it is all, or the number of a site",
        ),
        (&of, "pca", &new, &["--site", "9"], "there is no site 9"),
        (&layers, "pca", &new, &[], "compression.tied=true"),
        (
            &dir.path().to_owned(),
            "pca",
            &new,
            &[],
            "is not a run directory",
        ),
        (&of, "pca", &file, &[], "is called like a .npz file"),
        (&of, "pca", &mine, &[], "holds `notes.txt`"),
        (&of, "random", &taken, &[], "asked for otherwise"),
        (&of, "pca", &taken, &["--no-bos"], "asked for otherwise"),
        (&other, "pca", &taken, &[], "dictionaries of another run"),
        (&of, "pca", &broken, &[], "is not what compress wrote"),
    ] {
        let before = snapshot(dir.path());
        let (code, stdout, stderr) = call(&arguments(from, method, output, more));
        assert_eq!(
            (code, stdout.as_str()),
            (2, ""),
            "{method} {more:?}: {stderr}"
        );
        assert!(stderr.contains(said), "{method} {more:?}: {stderr}");
        assert_eq!(snapshot(dir.path()), before, "{method} {more:?}");
    }
}
