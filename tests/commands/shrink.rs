//! `compress shrink`: one dimension fewer again and again, with every accepted `W` doing what is asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use superposition::answers::Judge;
use superposition::evaluation::Evaluator;
use superposition::{Objective, Projection};
use tracr::model::Wiring;
use tracr_compress::run::experiment::Experiment;

use crate::common::command::{call, compress, json, run, snapshot, succeed, text};

/// A search that takes a second or two.
const SHORT: [&str; 10] = [
    "--set",
    "shrink.descents=2",
    "--set",
    "shrink.steps=1500",
    "--set",
    "shrink.tries=4",
    "--set",
    "shrink.starts=1",
    "--set",
    "shrink.candidates=60",
];

fn arguments(config: &str, output: &Path, more: &[&str]) -> Vec<String> {
    let mut all = vec!["shrink".to_owned(), config.to_owned()];
    all.extend(["--output".into(), text(output), "--quiet".into()]);
    all.extend(SHORT.iter().chain(more).map(|s| (*s).to_owned()));
    all
}

fn search(config: &str, output: &Path, more: &[&str]) -> Json {
    let mut all = arguments(config, output, more);
    all.push("--json".into());
    serde_json::from_str(&succeed(&all)).unwrap()
}

/// `path.csv`, a map from column to cell for each row.
fn rows(output: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(output.join("path.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// Everything that a search leaves, without seconds.
fn without_seconds(output: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = snapshot(output);
    for (path, content) in &mut files {
        if path.ends_with("path.csv") {
            let text = String::from_utf8(content.clone()).unwrap();
            let lines = text.lines().map(|line| line.rsplit_once(',').unwrap().0);
            *content = lines.collect::<Vec<_>>().join("\n").into_bytes();
        }
        *path = path.strip_prefix(output).unwrap().to_owned();
    }
    files.retain(|(path, _)| !path.ends_with("shrink.toml"));
    files
}

#[test]
fn shrink_goes_down_and_every_accepted_w_does_what_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    // The largest d that the search has to get below, by either criterion: what subsets and the rank reach.
    for (program, rank) in [("frac_prevs", 9), ("hist", 11)] {
        let output = dir.path().join(program);
        let config = format!("configs/{program}.toml");
        let result = search(&config, &output, &[]);
        assert_eq!(result["rank"], rank, "{result}");
        let experiment = Experiment::load(config.as_ref(), &[], Some(&output)).unwrap();
        let teacher = experiment.teacher();
        let judge = Judge::new(Arc::clone(&teacher));
        let evaluator = Evaluator::new(Arc::clone(&teacher), Objective::default());
        let (mut last, mut total) = (None, 0);
        let mut smallest = BTreeMap::new();
        for row in rows(&output) {
            let d: usize = row["d"].parse().unwrap();
            let standard = row["standard"].as_str();
            let descent: usize = row["descent"].parse().unwrap();
            let of_descent = match descent {
                1 => output.join(standard),
                n => output.join(standard).join(format!("descent={n}")),
            };
            let path = of_descent.join(format!("d={d}/projection.safetensors"));
            let w = Projection::load(&path, &experiment.model).unwrap().w;
            assert_eq!(w.dim(), (d, experiment.model.width()));
            let answers = judge.judge(&w, &Wiring::default());
            assert_eq!(row["right"], answers.right.to_string());
            assert_eq!(answers.right, answers.counted);
            assert!(answers.gap.is_none_or(|gap| gap > 0.01));
            assert!(answers.mae.is_none_or(|mae| mae <= 0.005));
            assert!(answers.max_error.is_none_or(|error| error <= 0.05));
            if standard == "faithful" {
                let blocks = evaluator.evaluate(&w).blocks;
                assert!(blocks.iter().all(|b| b.cosine.is_none_or(|c| c >= 0.99)));
            }
            let steps: u64 = row["steps"].parse().unwrap();
            smallest
                .entry(standard.to_owned())
                .or_insert_with(Vec::new)
                .push((d, descent));
            match &last {
                Some((before, from)) if *before == (standard.to_owned(), descent) => {
                    let dropped: usize = row["dropped"].parse().unwrap();
                    assert_eq!(d + dropped, *from);
                    assert!(dropped > 0 && steps > 0);
                    total += steps;
                }
                _ => {
                    assert_eq!((row["origin"].as_str(), steps), ("start", 0));
                    total = 0;
                }
            }
            assert_eq!(row["total_steps"], total.to_string());
            last = Some(((standard.to_owned(), descent), d));
        }
        // The smallest d of both descents counts, the first one's if they are equal; its W stands beside the first one's.
        for found in result["found"].as_array().unwrap() {
            let standard = found["standard"].as_str().unwrap();
            let (d, descent) = *smallest[standard].iter().min().unwrap();
            assert_eq!(
                (&found["d"], &found["descent"]),
                (&d.into(), &descent.into())
            );
            assert_eq!(found["descents"], 2);
            let below = format!("d={d}/projection.safetensors");
            let kept = fs::read(output.join(standard).join(&below)).unwrap();
            let of_descent = output
                .join(standard)
                .join(format!("descent={descent}"))
                .join(&below);
            assert!(descent == 1 || fs::read(of_descent).unwrap() == kept);
        }
        let found = |i: usize| result["found"][i]["d"].as_u64().unwrap();
        assert_eq!(result["found"][0]["standard"], "faithful");
        assert!(found(0) < rank && found(1) <= found(0), "{result}");
        // A second call has nothing to do, and says the same.
        let before = snapshot(&output);
        assert_eq!(search(&config, &output, &[]), result);
        assert_eq!(snapshot(&output), before);
    }
}

#[test]
fn shrink_ends_at_the_smallest_d_that_is_asked_for_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("found");
    let config = "configs/frac_prevs.toml";
    let more = ["--criterion", "outputs", "--set", "shrink.min_dim=8"];
    let result = search(config, &output, &more);
    for found in result["found"].as_array().unwrap() {
        assert_eq!(
            (&found["d"], &found["failed_trainings"]),
            (&8.into(), &0.into())
        );
    }
    let said = succeed(&arguments(config, &output, &more));
    assert!(said.contains("a smaller d was not tried"), "{said}");
    // It stands on the page, with the proof once there is one.
    let w = output.join("outputs/d=8");
    succeed(&["certify".to_owned(), text(&w)]);
    // The accepted W is drawn and told of like a run's, once it is analysed, and says so before.
    for command in ["plot", "report"] {
        let (code, _, stderr) = call(&[command.to_owned(), text(&w)]);
        assert_eq!(code, 2);
        assert!(
            stderr.contains("`compress analyze DIR` rebuilds it"),
            "{stderr}"
        );
    }
    succeed(&["analyze".to_owned(), text(&w)]);
    succeed(&["plot".to_owned(), text(&w)]);
    assert!(w.join("figures/gram.svg").is_file());
    let pictures = dir.path().join("pictures");
    let input = [
        "plot",
        &text(&w),
        "--input",
        "x a b",
        "-o",
        &text(&pictures),
    ]
    .map(str::to_owned);
    succeed(&input);
    assert!(pictures.join("residual_stream.svg").is_file());
    succeed(&["report".to_owned(), text(&w)]);
    let page = fs::read_to_string(w.join("report.html")).unwrap();
    assert!(
        page.contains("a W that compress shrink accepted") && page.contains("Proved: frac_prevs")
    );
    // Training that begins with it goes elsewhere, and never over it.
    let kept = fs::read(w.join("projection.safetensors")).unwrap();
    let train = |more: &[&str]| {
        let mut all = vec!["train".to_owned(), text(&w.join("config.toml"))];
        all.extend(
            ["--quiet", "--set", "training.steps=20"]
                .iter()
                .chain(more)
                .map(|s| (*s).to_owned()),
        );
        call(&all)
    };
    assert_eq!(train(&[]).0, 0);
    assert!(w.join("run/summary.json").is_file());
    let (code, _, stderr) = train(&["--output", &text(&w)]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("holds a W that `compress shrink` accepted"),
        "{stderr}"
    );
    assert_eq!(fs::read(w.join("projection.safetensors")).unwrap(), kept);
    succeed(&["report".to_owned(), text(&output)]);
    let page = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains("Certificate: outputs, d = 8") && page.contains("Proved: frac_prevs"));
    fs::copy(
        output.join("outputs/d=9/projection.safetensors"),
        w.join("projection.safetensors"),
    )
    .unwrap();
    succeed(&["report".to_owned(), text(&output)]);
    let page = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains("is about another W") && !page.contains("Proved: frac_prevs"));
    // As of a search that is not over.
    fs::remove_file(output.join("shrink.json")).unwrap();
    succeed(&["report".to_owned(), text(&output)]);
    let page = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains(
        "The smallest d found so far by the criterion outputs is 8; W is in outputs/d=8."
    ));
    assert!(page.contains("The search is not over"));
}

#[test]
fn shrink_gives_the_same_bytes_with_any_jobs_stopped_or_not_and_killed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let config = "configs/frac_prevs.toml";
    let whole = dir.path().join("whole");
    search(config, &whole, &["--jobs", "1"]);
    let expected = without_seconds(&whole);
    let parallel = dir.path().join("parallel");
    search(config, &parallel, &["--jobs", "3", "--simd", "baseline"]);
    assert_eq!(without_seconds(&parallel), expected);

    let stopped = dir.path().join("stopped");
    let short = arguments(config, &stopped, &["--set", "shrink.max_seconds=0.3"]);
    let mut sessions = 0;
    loop {
        let (code, _, stderr) = call(&short);
        sessions += 1;
        match code {
            0 => break,
            130 => assert!(stderr.contains("shrink.max_seconds"), "{stderr}"),
            _ => panic!("{stderr}"),
        }
        assert!(sessions < 500);
        if sessions == 40 {
            search(config, &stopped, &[]); // a slow machine gets nowhere in so little time
        }
    }
    assert!(sessions > 1);
    assert_eq!(without_seconds(&stopped), expected);

    let killed = dir.path().join("killed");
    for wait in [150, 400, 900] {
        let mut child = compress()
            .args(arguments(config, &killed, &[]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    search(config, &killed, &[]);
    assert_eq!(without_seconds(&killed), expected);
}

#[test]
fn shrink_goes_on_from_a_run_that_works_and_refuses_one_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let result = search(
        "configs/frac_prevs.toml",
        &first,
        &["--criterion", "outputs"],
    );
    let d = result["found"][0]["d"].as_u64().unwrap();
    // A run that begins with its W and stays there.
    let w = format!(
        "compression.init={{from = {:?}}}",
        text(&first.join(format!("outputs/d={d}")))
    );
    let still = "training.learning_rate={initial=0,final=0,decay_fraction=0}";
    let dim = format!("compression.dim={d}");
    let works = dir.path().join("works");
    run("frac_prevs", 2, &works, &[&w, still, &dim]);
    let again = dir.path().join("again");
    let result = search(&text(&works), &again, &["--criterion", "outputs"]);
    assert_eq!(rows(&again)[0]["d"], d.to_string());
    assert!(result["found"][0]["d"].as_u64().unwrap() <= d);

    let poor = dir.path().join("poor");
    run("frac_prevs", 2, &poor, &[]);
    let none = dir.path().join("none");
    let (code, _, stderr) = call(&arguments(&text(&poor), &none, &[]));
    assert_eq!(code, 2, "{stderr}");
    assert!(!none.exists());
    assert!(
        stderr.contains("does not meet the criterion `faithful`"),
        "{stderr}"
    );
    assert!(stderr.contains("start from the run file"), "{stderr}");
}

#[test]
fn shrink_refuses_what_it_cannot_search_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let constant = dir.path().join("constant.toml");
    let program = dir.path().join("constant.rasp");
    fs::write(
        &program,
        "#! vocab: a, b\n#! max_seq_len: 3\nsame = map(x -> \"c\", tokens);\n",
    )
    .unwrap();
    fs::write(
        &constant,
        "[model]\nprogram = \"constant.rasp\"\n[compression]\ndim = 2\n[output]\ndir = \"o\"\n",
    )
    .unwrap();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "mine").unwrap();
    let (output, other) = (dir.path().join("new"), other);
    let hist = "configs/hist.toml";
    for (config, to, more, said) in [
        (
            hist,
            &output,
            &["--set", "compression.tied=false"][..],
            "compression.tied=true",
        ),
        (
            hist,
            &output,
            &["--set", "compression.per_layer=true"],
            "compression.per_layer=false",
        ),
        (
            hist,
            &output,
            &["--set", "compression.method=pca"],
            "compression.method",
        ),
        (hist, &output, &["--set", "shrink.triez=3"], "shrink.tries"),
        (hist, &output, &["--set", "shrink.steps=0"], "shrink.steps"),
        (
            hist,
            &output,
            &["--set", "shrink.criterion=best"],
            "\"outputs\"",
        ),
        (hist, &output, &["--criterion", "best"], "faithful or both"),
        (hist, &output, &["--jobs", "0"], "--jobs"),
        (hist, &other, &[], "notes.txt"),
        ("configs/none.toml", &output, &[], "configs/none.toml"),
    ] {
        let before = snapshot(dir.path());
        let (code, _, stderr) = call(&arguments(config, to, more));
        assert_eq!(code, 2, "{config} {more:?}: {stderr}");
        assert!(stderr.contains(said), "{config} {more:?}: {stderr}");
        assert_eq!(snapshot(dir.path()), before, "{config} {more:?}");
    }
    let before = snapshot(dir.path());
    let (code, _, stderr) = call(&arguments(&text(&constant), &output, &[]));
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(snapshot(dir.path()), before);
    assert!(stderr.contains("same one"), "{stderr}");
}

#[test]
fn shrink_keeps_to_its_directory_and_names_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("search");
    let config = "configs/frac_prevs.toml";
    let few = [
        "--criterion",
        "faithful",
        "--set",
        "shrink.tries=1",
        "--set",
        "shrink.starts=0",
    ];
    search(config, &output, &few);
    let refused = |more: &[&str], said: &str| {
        let before = snapshot(&output);
        let (code, _, stderr) = call(&arguments(config, &output, more));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(snapshot(&output), before);
    };
    refused(
        &[&few[..], &["--set", "shrink.seed=1"]].concat(),
        "other settings in [shrink]",
    );
    refused(
        &[&few[..], &["--set", "training.batch_size=32"]].concat(),
        "another run file or model",
    );
    let result = json(&output.join("shrink.json"));
    let d = result["found"][0]["d"].as_u64().unwrap();
    fs::write(output.join("shrink.json"), "{").unwrap();
    refused(&few, "delete it, and the same command goes on");
    fs::remove_file(output.join("shrink.json")).unwrap();
    let kept = fs::read(output.join("path.csv")).unwrap();
    fs::write(output.join("path.csv"), "standard,d\nfaithful,x\n").unwrap();
    refused(&few, "path.csv is not what compress shrink wrote");
    fs::write(output.join("path.csv"), kept).unwrap();
    let w = output.join(format!("faithful/d={d}/projection.safetensors"));
    let bytes = fs::read(&w).unwrap();
    fs::write(&w, &bytes[..bytes.len() / 2]).unwrap();
    refused(&few, "projection.safetensors");
    fs::write(&w, bytes).unwrap();
    assert_eq!(search(config, &output, &few), result);
}
