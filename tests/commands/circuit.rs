//! `compress circuit` and `compress judge`: files, verdicts and refusals.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::common::bench::refused;
use crate::common::command::{call, json, root, run, succeed, text};
use crate::common::study::StudyBench;

const MODEL: &str = "models/frac_prevs.safetensors";

/// A run of frac_prevs whose `W` is the principal directions of its states, on inputs of three tokens.
fn principal(directory: &Path, d: usize) -> PathBuf {
    let path = directory.join(format!("d{d}"));
    let d = format!("compression.dim={d}");
    let set = ["compression.method=\"pca\"", &d, "inputs.lengths=[3]"];
    run("frac_prevs", 1, &path, &set);
    path
}

fn verdict(arguments: &[&str]) -> Json {
    let arguments = [&["judge"], arguments, &["--json"]].concat();
    serde_json::from_str(&succeed(&arguments)).unwrap()
}

fn fixture(name: &str) -> String {
    text(&root().join("tests/fixtures/circuits").join(name))
}

#[test]
fn circuit_of_a_model_is_a_file_with_its_drawing_and_judged_to_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("circuit.json");
    let said = succeed(&["circuit", MODEL, "-o", &text(&file)]);
    println!("{said}");
    let circuit = json(&file);
    assert_eq!(circuit["format_version"], 1);
    assert_eq!(circuit["dim"], Json::Null);
    assert_eq!(circuit["edges"].as_array().unwrap().len(), 15);
    for key in [
        "from",
        "to",
        "features",
        "effect",
        "true",
        "reaches_output",
        "redundant",
        "interference",
    ] {
        let edges = circuit["edges"].as_array().unwrap();
        assert!(edges.iter().all(|edge| edge.get(key).is_some()), "{key}");
    }
    assert!(
        said.contains("layer1.head0.value") && said.contains("circuit.svg"),
        "{said}"
    );
    let svg = std::fs::read_to_string(dir.path().join("circuit.svg")).unwrap();
    assert!(svg.contains("layer1.head0") && svg.contains("is_x"));
    let printed = succeed(&["circuit", MODEL, "-o", &text(&file), "--json"]);
    assert_eq!(serde_json::from_str::<Json>(&printed).unwrap(), circuit);
    // By its effects, which are 0 where a value is the same on all inputs.
    let judged = verdict(&[MODEL, &text(&file)]);
    println!("{judged:#}");
    assert_eq!(judged["circuit"]["auroc_varying"], 1.0);
    assert_eq!(judged["circuit"]["average_precision_varying"], 1.0);
    assert_eq!(judged["truth"]["auroc"], 1.0);
    assert_eq!(judged["truth"]["f1"], 1.0);
    let is_one = |x: &Json| (x.as_f64().unwrap() - 1.0).abs() < 1e-9;
    for circuit in ["circuit", "truth"] {
        for measure in [
            "faithfulness",
            "completeness",
            "accuracy",
            "accuracy_affected",
        ] {
            assert!(is_one(&judged[circuit][measure]), "{circuit}, {measure}");
        }
    }
    let random = &judged["random"];
    let spread =
        |name: &str| ["mean", "low", "high"].map(|key| random[name][key].as_f64().unwrap());
    let [mean, low, high] = spread("auroc");
    assert!(
        low <= 0.5 && 0.5 <= high && low <= mean && mean <= high,
        "{random:#}"
    );
    assert!(spread("faithfulness")[0] < 0.9);
}

#[test]
fn random_circuits_have_an_auroc_of_a_half() {
    let judged = verdict(&[
        MODEL,
        &fixture("mib.json"),
        "--draws",
        "2000",
        "--pairs",
        "4",
    ]);
    let auroc = &judged["random"]["auroc"];
    // The mean of 2000 draws of 5 among 15: its own standard error is below 0.004.
    assert!(
        (auroc["mean"].as_f64().unwrap() - 0.5).abs() < 0.012,
        "{auroc}"
    );
}

#[test]
fn circuit_of_a_run_has_effects_of_both_models_and_a_section_on_its_page() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), 6);
    succeed(&["circuit", &text(&run)]);
    let circuit = json(&run.join("circuit.json"));
    assert_eq!(circuit["dim"], 6);
    let edges = circuit["edges"].as_array().unwrap();
    let heard = |edge: &&Json| edge["interference"].as_f64().unwrap() > 1e-6;
    assert!(edges.iter().any(|edge| heard(&edge)));
    let changes = |edge: &&Json| edge["effect"] != edge["effect_compiled"];
    assert!(edges.iter().any(|edge| changes(&edge)));
    let page = dir.path().join("page.html");
    succeed(&["report", &text(&run), "-o", &text(&page)]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2>Circuit</h2>") && page.contains("The circuit of frac_prevs"));
    succeed(&["plot", &text(&run)]);
    assert!(run.join("figures/circuit.png").is_file());
    // The same bytes again.
    let before = std::fs::read(run.join("circuit.json")).unwrap();
    succeed(&["circuit", &text(&run)]);
    assert_eq!(std::fs::read(run.join("circuit.json")).unwrap(), before);
}

#[test]
fn a_run_that_starts_over_loses_the_circuit_of_its_old_w() {
    let dir = tempfile::tempdir().unwrap();
    let path = principal(dir.path(), 8);
    succeed(&["circuit".to_owned(), text(&path)]);
    assert!(path.join("circuit.json").exists() && path.join("circuit.svg").exists());
    let config = text(&root().join("configs/frac_prevs.toml"));
    let keys = ["compression.method=\"pca\"", "compression.dim=6"];
    let mut again = vec!["train".to_owned(), config, "--output".into(), text(&path)];
    again.extend(
        keys.iter()
            .flat_map(|key| ["--set".to_owned(), (*key).to_owned()]),
    );
    again.push("--force".into());
    succeed(&again);
    assert!(!path.join("circuit.json").exists() && !path.join("circuit.svg").exists());
}

#[test]
fn baselines_are_lists_that_judge_takes_and_find_a_lossless_circuit() {
    let dir = tempfile::tempdir().unwrap();
    let run = principal(dir.path(), 11);
    for scores in ["patching", "eap", "eap_ig"] {
        let file = dir.path().join(format!("{scores}.csv"));
        succeed(&[
            "circuit",
            &text(&run),
            "--scores",
            scores,
            "-o",
            &text(&file),
        ]);
        let table = std::fs::read_to_string(&file).unwrap();
        assert!(
            table.starts_with("from,to,score\ntoken_embed,layer0.mlp,"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 16);
        let judged = verdict(&[&text(&run), &text(&file)]);
        println!("{scores}: {judged:#}");
        assert!(judged["circuit"]["auroc_varying"].as_f64().unwrap() > 0.5);
    }
    let by_effect = dir.path().join("patching.csv");
    let judged = verdict(&[&text(&run), &text(&by_effect), "--edges", "3"]);
    assert_eq!(judged["circuit"]["edges"], 3);
    assert_eq!(judged["circuit"]["precision"], 1.0);
    let judged = verdict(&[&text(&run), &text(&by_effect), "--threshold", "1e9"]);
    assert_eq!(
        (&judged["circuit"]["edges"], &judged["circuit"]["precision"]),
        (&Json::from(0), &Json::Null)
    );
}

#[test]
fn circuits_of_other_programs_are_read_and_judged() {
    for (file, edges, listed_out) in [
        ("eap_ig.json", 10, (13, 0)),
        ("mib.json", 10, (13, 0)),
        ("acdc.json", 10, (1, 2)),
        ("interpbench.csv", 15, (0, 1)),
    ] {
        let judged = verdict(&[MODEL, &fixture(file)]);
        println!("{file}: {judged:#}");
        assert_eq!(judged["edges"], edges, "{file}");
        assert_eq!(judged["embeddings_are_one"], edges == 10, "{file}");
        assert_eq!(judged["left_out_dead"], listed_out.0, "{file}");
        assert_eq!(judged["left_out_inside"], listed_out.1, "{file}");
        assert_eq!(judged["circuit"]["edges"], 5, "{file}");
        assert_eq!(judged["circuit"]["precision"], 1.0, "{file}");
        assert!((judged["circuit"]["faithfulness"].as_f64().unwrap() - 1.0).abs() < 1e-9);
        let said = succeed(&["judge", MODEL, &fixture(file)]);
        println!("{said}");
        assert!(said.contains("faithfulness") && said.contains("random circuit (20 draws)"));
    }
}

#[test]
fn what_is_no_circuit_of_the_model_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |name: &str, content: &str, parts: &[&str]| {
        let file = dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        refused(
            &["judge", MODEL, &text(&file)],
            dir.path(),
            &[parts, &[name]].concat(),
        );
        std::fs::remove_file(file).unwrap();
    };
    refuse(
        "a.csv",
        "from,to\nlayer0.mpl,unembed\n",
        &["line 2", "layer0.mpl is no sender", "layer0.mlp"],
    );
    refuse("a.csv", "from,to\nm0,a1.h0<x>\n", &["line 2", "a1.h0<q>"]);
    refuse("a.csv", "from,to\nm0,a1.h0\n", &["line 2", "three inputs"]);
    refuse(
        "a.csv",
        "from,to\na1.h0,m0\n",
        &["line 2", "there can be no edge from a1.h0 to m0"],
    );
    refuse(
        "a.csv",
        "from,to,score\nm0,logits,NaN\n",
        &["line 2", "not a finite number"],
    );
    refuse(
        "a.csv",
        "from,to\nm0,logits\nlayer0.mlp,unembed\n",
        &["line 3", "listed already (line 2)"],
    );
    refuse(
        "a.csv",
        "from,to,score\nm0,logits,1\na1.h0,logits,\n",
        &["line 3", "has no score"],
    );
    refuse(
        "a.csv",
        "from,to\ninput,m0\nhook_embed,logits\n",
        &["line 3", "one or the other"],
    );
    refuse("a.csv", "from,to\na0.h0,logits\n", &["none of its edges"]);
    refuse("a.csv", "from,to\n", &["it has no edges"]);
    refuse("a.csv", "", &["header"]);
    refuse("a.json", "{\"edges\": {}}", &["it has no edges"]);
    refuse(
        "a.json",
        "{\"edges\": {\"m0->logits\": {\"score\": NaN}}}",
        &["line 1", "NaN"],
    );
    refuse("a.json", "[1]", &["edge 1"]);
    let list = fixture("interpbench.csv");
    refused(
        &["judge", MODEL, &list, "--edges", "3"],
        dir.path(),
        &["no scores to choose by"],
    );
    refused(
        &["judge", MODEL, &list, "--threshold", "0"],
        dir.path(),
        &["--threshold is 0"],
    );
    refused(
        &["judge", MODEL, "nowhere.csv"],
        dir.path(),
        &["nowhere.csv"],
    );
    refused(
        &["judge", "nowhere.safetensors", &list],
        dir.path(),
        &["nowhere.safetensors"],
    );
    let png = text(&dir.path().join("circuit.png"));
    refused(
        &["circuit", MODEL, "-o", &png],
        dir.path(),
        &["circuit.png", ".json"],
    );
    let wrong = text(&dir.path().join("eap.json"));
    refused(
        &["circuit", MODEL, "--scores", "eap", "-o", &wrong],
        dir.path(),
        &["eap.json", ".csv"],
    );
    let (code, _, stderr) = call(&["circuit", MODEL, "--pairs", "1"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("expected a number from 2"), "{stderr}");
}

#[test]
fn judge_of_a_study_has_every_baseline_on_every_run_and_on_the_compiled_model() {
    let bench = StudyBench::new(
        "name = \"small\"\nquestion = \"?\"\nbase = \"BASE\"\n\
         [grid]\ncompression = { method = [\"random\"], dim = [9, 12] }\ntraining.seed = [0, 1]\n\
         [override]\ninputs.lengths = [2]\n",
    );
    bench.sweeps("out", &["--quiet"]);
    let out = bench.path("out");
    let said = succeed(&["judge", &text(&out), "--pairs", "all"]);
    println!("{said}");
    let table = std::fs::read_to_string(out.join("circuit_scores.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |line: &csv::StringRecord, name: &str| {
        let column = header.iter().position(|column| column == name).unwrap();
        line[column].to_owned()
    };
    assert_eq!(lines.len(), 3 * (1 + 4), "{table}");
    for (line, scores) in lines
        .iter()
        .zip(["patching", "eap", "eap_ig"].iter().cycle())
    {
        assert_eq!(cell(line, "scores"), *scores);
        assert_eq!(cell(line, "program"), "frac_prevs");
        assert_eq!(
            (cell(line, "edges"), cell(line, "true_edges")),
            ("15".into(), "7".into())
        );
        assert_eq!(cell(line, "run").is_empty(), cell(line, "d") == "14");
    }
    assert_eq!(cell(&lines[0], "auroc_varying"), "1.0");
    assert_eq!(cell(&lines[0], "true_accuracy"), "1.0");
    // The same as of one run and the list of its scores.
    let run = out.join(cell(&lines[3], "run"));
    let list = bench.path("eap.csv");
    succeed(&[
        "circuit",
        &text(&run),
        "--scores",
        "eap",
        "--pairs",
        "all",
        "-o",
        &text(&list),
    ]);
    let judged = verdict(&[&text(&run), &text(&list), "--pairs", "all"]);
    for name in ["auroc", "auroc_varying", "f1", "faithfulness", "accuracy"] {
        assert_eq!(
            cell(&lines[4], name),
            judged["circuit"][name].to_string(),
            "{name}"
        );
    }
    let printed = succeed(&["judge", &text(&out), "--pairs", "all", "--json"]);
    let rows: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), lines.len());
    assert_eq!(
        std::fs::read_to_string(out.join("circuit_scores.csv")).unwrap(),
        table
    );
    refused(
        &["judge", &text(&run)],
        bench.dir.path(),
        &["there is no circuit to judge"],
    );
    let empty = tempfile::tempdir().unwrap();
    refused(
        &["judge", &text(empty.path())],
        empty.path(),
        &["holds no results"],
    );
}
