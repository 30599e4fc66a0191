//! `compress compile`, `compress run` on programs, and run files that name a program.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tracr::model::CompiledModel;

use crate::common::bench::refused;
use crate::common::command::{self, call, metrics_without_timing, root, succeed, text};

/// Compiles: what that prints, and what it says before the next command.
fn compile(arguments: &[&str]) -> (String, String) {
    let (code, stdout, stderr) = call(&[&["compile"], arguments].concat());
    assert_eq!(code, 0, "{stderr}");
    let next = stderr.trim_end().lines().next_back().unwrap_or_default();
    assert!(next.starts_with("next: compress init "), "{stderr}");
    let said = stderr.trim_end().strip_suffix(next).unwrap_or_default();
    (stdout, said.to_owned())
}

fn programs() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rasp"))
        .collect();
    found.sort();
    assert!(found.len() >= 16);
    found
}

#[test]
fn compile_makes_what_every_library_program_says() {
    let dir = tempfile::tempdir().unwrap();
    for program in programs() {
        let file = dir.path().join("model.safetensors");
        let (stdout, stderr) = compile(&[&text(&program), "--strict", "-o", &text(&file)]);
        assert!(stdout.contains(": D "), "{stdout}");
        assert!(!stderr.contains("warning"), "{stderr}");
        let model = CompiledModel::load(&file).unwrap();
        let extra = &model.metadata.extra;
        assert!(
            extra.contains_key("expected_output"),
            "{} has no example",
            program.display()
        );
        // The command line gives, for the model file, what the header's example says.
        let words = extra["test_input"].as_array().unwrap();
        let words: Vec<String> = words.iter().map(Json::to_string).collect();
        let mut arguments = vec!["run".to_owned(), text(&file), "--json".into(), "--".into()];
        arguments.extend(words);
        let object: Json = serde_json::from_str(&succeed(&arguments)).unwrap();
        let expected = extra["expected_output"].as_array().unwrap();
        for (ours, expected) in object["output"].as_array().unwrap().iter().zip(expected) {
            let same = match (ours.as_f64(), expected.as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-4,
                _ => ours == expected || expected.is_null(),
            };
            assert!(same, "{}: {object} beside {expected}", program.display());
        }
    }
}

#[test]
fn compile_flags_replace_the_header() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.safetensors");
    let program = "programs/sort_unique.rasp";
    let (stdout, _) = compile(&[
        program,
        "--vocab",
        "7,8,9",
        "--max-seq-len",
        "3",
        "--causal",
        "--output",
        "target_pos",
        "-o",
        &text(&file),
    ]);
    assert!(stdout.starts_with("sort_unique: D "), "{stdout}");
    let meta = CompiledModel::load(&file).unwrap().metadata;
    assert!(meta.causal);
    assert_eq!((meta.max_seq_len, meta.input_vocab.len()), (3, 5));
    assert!(meta.residual_labels.contains(&"target_pos:3".to_owned()));
    assert!(
        !meta
            .residual_labels
            .iter()
            .any(|label| label.starts_with("sort"))
    );
}

#[test]
fn run_interprets_programs_and_compares_their_models() {
    let (code, stdout, stderr) = call(&["run", "programs/sort_unique.rasp", "3", "1", "2"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        "position  token  output\n       1      3       1\n       2      1       2\n       3      2       3\n"
    );
    let arguments = [
        "run",
        "programs/sort_unique.rasp",
        "3",
        "1",
        "2",
        "--compare",
        "--json",
    ];
    let (code, stdout, _) = call(&arguments);
    assert_eq!(code, 0);
    let object: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(object["tokens"], serde_json::json!([3, 1, 2]));
    assert_eq!(object["output"], serde_json::json!([1, 2, 3]));
    assert_eq!(object["compiled"], serde_json::json!([1, 2, 3]));
    assert_eq!(object["differs"], serde_json::json!([]));
    let (_, stdout, _) = call(&["run", "programs/sort_unique.rasp", "3", "1", "--trace"]);
    let words: Vec<&str> = stdout.split_whitespace().collect();
    assert!(
        words.windows(3).any(|w| w == ["target_pos", "1", "0"]),
        "{stdout}"
    );
}

#[test]
fn training_goes_from_source_to_results() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::copy(root().join("programs/frac_prevs.rasp"), at("mine.rasp")).unwrap();
    let config = "[model]\nprogram = \"mine.rasp\"\n[compression]\ndim = 8\n[training]\n\
                  steps = 60\nlog_every = 50\n[output]\ndir = \"out\"\n";
    std::fs::write(at("run.toml"), config).unwrap();
    let run = [
        "--config".to_owned(),
        text(&at("run.toml")),
        "--quiet".into(),
    ];
    succeed(&run);
    // The same as from the compiled file.
    let other = at("other");
    command::run("frac_prevs", 60, &other, &[]);
    assert_eq!(
        metrics_without_timing(&at("out")),
        metrics_without_timing(&other)
    );
    // Its W stands beside program and compiled model, and differs after so few steps.
    let (code, stdout, _) = call(&[
        "run",
        &text(&at("mine.rasp")),
        "x",
        "a",
        "--projection",
        &text(&at("out")),
    ]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("compressed") && stdout.contains("<- differs"),
        "{stdout}"
    );
    // A changed program is noticed.
    let source = std::fs::read_to_string(at("mine.rasp")).unwrap();
    let changed = source
        .replace("\"x\"", "\"a\"")
        .replace("#! example", "# Of another program");
    std::fs::write(at("mine.rasp"), changed).unwrap();
    std::fs::remove_file(at("out").join("summary.json")).unwrap();
    let (code, _, stderr) = call(&run);
    assert_eq!(code, 2);
    assert!(stderr.contains("model.sha256"), "{stderr}");
    let kept = at("out").join("config.toml");
    let (code, _, stderr) = call(&["--config", &text(&kept)]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("not the model that this configuration was made with"),
        "{stderr}"
    );
}

#[test]
fn compile_refuses_what_cannot_be_compiled() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    let is = |source: &str, more: &[&str], parts: &[&str]| {
        std::fs::write(&program, source).unwrap();
        let (program, file) = (text(&program), text(&dir.path().join("out.safetensors")));
        let arguments = [&["compile", &program, "-o", &file], more].concat();
        let before = command::snapshot(dir.path());
        let (code, stdout, stderr) = call(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
        }
        assert!(command::snapshot(dir.path()) == before);
    };
    let header = "#! vocab: 1, 2\n#! max_seq_len: 3\n";
    let with = |body: &str| format!("{header}{body}\n");
    is(
        "x = tokens + 1;",
        &[],
        &["does not say its vocabulary", "--vocab"],
    );
    is(
        "x = tokens + 1;",
        &["--vocab", "1"],
        &["longest input", "--max-seq-len"],
    );
    is(
        &with("x = tokns + 1;"),
        &[],
        &["p.rasp:3:5", "did you mean", "tokens"],
    );
    is(
        &with("x = tokens +;"),
        &[],
        &["p.rasp:3:13", "expected an expression"],
    );
    is(
        &with("x = aggregate(select(indices, indices, true), tokens);"),
        &[],
        &[
            "selects different values",
            "the first is 2, 1",
            "the model gives",
        ],
    );
    is(
        &with("x = selector_width(select(numerical(map(x -> x, tokens)), tokens, ==));"),
        &[],
        &["keys of a selector must be categorical", "p.rasp:3:"],
    );
    is(
        &with("x = aggregate(select(indices, indices, <=), numerical(map(x -> x, tokens)));"),
        &[],
        &["can only average 0 and 1"],
    );
    let pairs = "x = sequence_map((a, b) -> a * b + 0.5, tokens, indices);\n\
                 y = sequence_map((a, b) -> (a, b), x, indices);";
    is(
        &with(pairs),
        &["--max-seq-len", "3000"],
        &["limit", "`y`", "p.rasp:4:"],
    );
    refused(
        &["compile", "nowhere.rasp"],
        dir.path(),
        &["cannot read nowhere.rasp"],
    );
    refused(
        &["run", "models/frac_prevs.safetensors", "a", "--compare"],
        dir.path(),
        &["for a RASP program"],
    );
    refused(
        &["run", "programs/sort_unique.rasp", "1", "1"],
        dir.path(),
        &["token `1` occurs more than once"],
    );
    refused(
        &["run", "programs/hist.rasp", "q"],
        dir.path(),
        &["unknown token `q`", "a, b, c, d"],
    );
}

#[test]
fn compile_refuses_an_ending_that_is_no_model_and_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("mine.rasp");
    std::fs::copy(root().join("programs/hist.rasp"), &source).unwrap();
    let before = command::snapshot(dir.path());
    for (name, part) in [
        (
            "x.npz",
            "`safetensors.numpy.load_file(\"DIR/x.safetensors\")`",
        ),
        (
            "x.pt",
            "`safetensors.torch.load_file(\"DIR/x.safetensors\")`",
        ),
        (
            "mine.rasp",
            "`compress compile hist -o DIR/mine.safetensors`",
        ),
        ("x.json", "writes .safetensors (a model file), not .json"),
    ] {
        let (code, stdout, stderr) =
            call(&["compile", "hist", "-o", &text(&dir.path().join(name))]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        let part = part.replace("DIR", &text(dir.path()));
        assert!(stderr.contains(&part), "`{part}` is not in: {stderr}");
        assert!(command::snapshot(dir.path()) == before, "{name}");
    }
    for name in ["x.SafeTensors", "x"] {
        compile(&["hist", "-o", &text(&dir.path().join(name))]);
        assert!(dir.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn compile_warns_of_a_model_that_differs_for_some_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let (program, file) = (
        dir.path().join("p.rasp"),
        dir.path().join("out.safetensors"),
    );
    // The most frequent value up to here, wrong where two tie.
    let source = "#! vocab: 1, 2\n#! max_seq_len: 3\n\
                  x = aggregate(select(tokens, indices, <=), tokens);\n";
    std::fs::write(&program, source).unwrap();
    let (program, file) = (text(&program), text(&file));
    let (_, stderr) = compile(&[&program, "-o", &file]);
    assert!(
        stderr.contains("warning: the compiled model differs"),
        "{stderr}"
    );
    assert!(Path::new(&file).exists());
    std::fs::remove_file(&file).unwrap();
    let (code, _, stderr) = call(&["compile", &program, "-o", &file, "--strict"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(!Path::new(&file).exists());
}

#[test]
fn compile_says_what_the_compiler_adds() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    let sizes = |body: &str| {
        std::fs::write(
            &program,
            format!("#! vocab: a, b, c\n#! max_seq_len: 4\n{body}\n"),
        )
        .unwrap();
        let (stdout, stderr) = compile(&[&text(&program), "--strict"]);
        assert_eq!(stderr, "", "{body}");
        stdout
    };
    let both = "select(tokens, tokens, ==) and select(indices, indices, <)";
    assert_eq!(
        sizes(&format!("out = selector_width({both});"))
            .lines()
            .filter(|line| line.starts_with("  of which "))
            .collect::<Vec<_>>(),
        ["  of which tuples of tokens and indices: 12 features, 12 hidden units"]
    );
    assert_eq!(
        sizes("out = aggregate(select(indices, indices - 1, ==), tokens, \"-\");")
            .lines()
            .filter(|line| line.starts_with("  of which "))
            .collect::<Vec<_>>(),
        ["  of which the default '-': 10 features, 1 head, 13 hidden units"]
    );
    assert!(!sizes("out = shift(tokens, 1, \"-\");").contains("of which"));
}

#[test]
fn compile_and_run_note_what_a_mask_changes() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    let source =
        |body: &str| format!("#! vocab: 1, 2, 3\n#! max_seq_len: 3\n#! causal: true\n{body}\n");
    std::fs::write(&program, source("out = reverse(tokens);")).unwrap();
    let program = text(&program);
    let note = "note: the causal mask changes what the program computes: on input";
    let (_, stderr) = compile(&[&program]);
    assert!(
        stderr.contains(&format!("{note} 2, 1 it gives 2 2, without the mask 1 2")),
        "{stderr}"
    );
    let (code, stdout, stderr) = call(&["run", &program, "3", "2", "1"]);
    assert_eq!(code, 0);
    assert!(
        stderr.contains(&format!(
            "{note} 3, 2, 1 it gives 3 3 3, without the mask 1 2 3"
        )),
        "{stderr}"
    );
    assert!(!stdout.contains("note"), "{stdout}");
    // Nothing where it changes nothing.
    std::fs::write(&program, source("out = frac_prevs(tokens == 1);")).unwrap();
    assert_eq!(compile(&[&program]).1, "");
    assert_eq!(call(&["run", &program, "3", "1"]).2, "");
}

#[test]
fn compile_refuses_a_wrong_example_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("p.rasp");
    let source = "#! vocab: 1, 2, 3\n#! max_seq_len: 3\n#! example: 3 1 2 -> 1 2 2\n\
                  out = sort(tokens, tokens, 3, 1);\n";
    std::fs::write(&program, source).unwrap();
    let (program, file) = (text(&program), text(&dir.path().join("out.safetensors")));
    refused(
        &["compile", &program, "-o", &file],
        dir.path(),
        &[
            "the program gives `1 2 3` for the example `3 1 2`, not `1 2 2`",
            "write `#! example: 3 1 2 -> 1 2 3`",
        ],
    );
    assert!(!Path::new(&file).exists());
}

#[test]
fn lengths_and_steepnesses_that_are_none_are_refused_in_words() {
    for (arguments, said) in [
        (
            ["--max-seq-len", "-1"],
            "give a whole number from 1, such as 5",
        ),
        (
            ["--max-seq-len", "2.5"],
            "give a whole number from 1, such as 5",
        ),
        (
            ["--max-seq-len", "five"],
            "give a whole number from 1, such as 5",
        ),
        (["--max-seq-len", "0"], "max_seq_len is 0"),
        (
            ["--max-seq-len", "99999999999999999999999"],
            "no input can be so long",
        ),
        (
            ["--mlp-exactness", "steep"],
            "give a number above 0, such as 100",
        ),
        (["--mlp-exactness", "-5"], "mlp_exactness is -5"),
    ] {
        let mut all = vec!["compile", "programs/hist.rasp"];
        all.extend(arguments);
        let (code, _, stderr) = call(&all);
        assert_eq!(code, 2, "{arguments:?}\n{stderr}");
        assert!(stderr.contains(said), "{arguments:?}\n{stderr}");
        assert!(!stderr.contains("invalid digit"), "{stderr}");
    }
}
