//! `compress generate`: every program is what docs/zoo.md says of it, recomputed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ndarray::Array2;
use superposition::baselines::live::LiveFeatures;
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::model::{Frozen, Stream, Value};
use tracr::program::verify::agree;
use tracr::program::{Compiled, Settings};
use tracr::rasp::graph::Kind;
use tracr::rasp::interpreter;
use tracr_compress::run::experiment::Experiment;

use crate::common::command::{call, snapshot, succeed, text};

fn generate(output: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["generate".to_owned(), "-o".into(), text(output)];
    arguments.extend(more.iter().map(|s| (*s).to_owned()));
    succeed(&arguments)
}

/// programs.csv, a map from column to cell for each row.
fn rows(output: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(output.join("programs.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// All inputs of a length, as tokens.
fn inputs(vocabulary: &[Value], length: usize) -> Vec<Vec<Value>> {
    let count = vocabulary.len().pow(length as u32);
    (0..count)
        .map(|number| {
            let place = |t: u32| number / vocabulary.len().pow(t) % vocabulary.len();
            (0..length as u32)
                .map(|t| vocabulary[place(t)].clone())
                .collect()
        })
        .collect()
}

/// What interpreter and model give on every input of the longest length, after they were compared.
fn outputs(compiled: &Compiled) -> Vec<Vec<Value>> {
    let Compiled {
        program,
        options,
        model,
        ..
    } = compiled;
    let frozen = Frozen::<f64>::new(model);
    let all = inputs(&options.vocab, options.max_seq_len);
    let outputs = all.iter().map(|input| {
        let run = interpreter::run(&program.graph, program.output, input, options.causal).unwrap();
        let id = |t: usize| match t {
            0 => model.metadata.bos_id,
            _ => {
                let vocabulary = &model.metadata.input_vocab;
                vocabulary.iter().position(|v| *v == input[t - 1]).unwrap()
            }
        };
        let tokens = Array2::from_shape_fn((1, input.len() + 1), |(_, t)| id(t));
        let (_, scores) = frozen.evaluate(Stream::Full, tokens.view());
        for (t, expected) in run.output().iter().enumerate() {
            let row = scores.row(t + 1);
            assert_ne!(*expected, Value::None);
            assert!(agree(expected, &model.decode(row)), "{input:?}");
            assert!(!model.is_undecided(row), "{input:?}");
        }
        run.output().to_vec()
    });
    outputs.collect()
}

#[test]
fn generate_finds_programs_of_every_size_of_its_default_range() {
    let dir = tempfile::tempdir().unwrap();
    generate(dir.path(), &["--count", "20", "--seed", "1"]);
    let sizes: Vec<usize> = rows(dir.path())
        .iter()
        .map(|row| row["operators"].parse().unwrap())
        .collect();
    let expected: Vec<usize> = (3..=12).chain(3..=12).collect();
    assert_eq!(sizes, expected);
}

#[test]
fn generated_programs_are_verified_use_their_input_and_differ() {
    let dir = tempfile::tempdir().unwrap();
    for seed in ["3", "4"] {
        let output = dir.path().join(seed);
        generate(
            &output,
            &["--count", "10", "--operators", "2..6", "--seed", seed],
        );
        let mut functions = BTreeSet::new();
        let mut kinds = BTreeSet::new();
        for (i, row) in rows(&output).iter().enumerate() {
            let path = output.join(format!("{}.rasp", row["program"]));
            let compiled = tracr::program::compile(&path, &Settings::default()).unwrap();
            assert!(compiled.notes.is_empty(), "{:?}", compiled.notes);
            let found = outputs(&compiled);
            // At some position the answer depends on the tokens.
            assert!(found.iter().any(|output| *output != found[0]));
            let answers: BTreeSet<String> = found.iter().flatten().map(Value::shown).collect();
            assert!(answers.len() > 1);
            assert_eq!(row["inputs"], found.len().to_string());
            let vocabulary = compiled.options.vocab.len();
            // Answers by first occurrence: programs differ by more than the names of their answers.
            let mut names: Vec<String> = Vec::new();
            let numbers: Vec<usize> = found
                .iter()
                .flatten()
                .map(|value| {
                    let shown = value.shown();
                    names.iter().position(|n| *n == shown).unwrap_or_else(|| {
                        names.push(shown);
                        names.len() - 1
                    })
                })
                .collect();
            let length = compiled.options.max_seq_len;
            assert!(functions.insert((vocabulary, length, numbers)), "{path:?}");

            let graph = &compiled.program.graph;
            let used = interpreter::reachable(graph, compiled.program.output);
            let operators = graph.nodes.iter().zip(used).filter(|(node, used)| {
                let is_input = matches!(node.kind, Kind::Tokens | Kind::Indices | Kind::Full(_));
                *used && !is_input && !node.kind.is_selector()
            });
            assert_eq!(row["operators"], operators.count().to_string());
            assert_eq!(row["operators"], (2 + i % 5).to_string());
            let model = &compiled.model;
            assert_eq!(row["D"], model.width().to_string());
            assert_eq!(row["layers"], model.metadata.num_layers.to_string());
            assert_eq!(row["heads"], model.metadata.num_heads.to_string());
            kinds.insert(row["output"].clone());
            let space = InputSpace::new(model, &[length], false).unwrap();
            let evaluation = EvaluationSet::new(&space, 1);
            let live = LiveFeatures::of(&Frozen::new(model), &space, &evaluation);
            assert_eq!(row["rank"], live.rank.to_string());
        }
        assert_eq!(functions.len(), 10);
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        // The study is one: every run of it can start.
        let plan = succeed(&[
            "sweep",
            &text(&output.join("zoo.toml")),
            "--dry-run",
            "--output",
            &text(&dir.path().join("r")),
        ]);
        assert!(plan.contains("0 of 90 runs done"), "{plan}");
    }
}

#[test]
fn generate_gives_the_same_bytes_and_a_larger_count_begins_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let [first, again, more, other] =
        ["first", "again", "more", "other"].map(|n| dir.path().join(n));
    let small = ["--operators", "2..4", "--seed", "7", "--count"];
    let call = |output: &Path, count: &str| generate(output, &[&small[..], &[count]].concat());
    call(&first, "3");
    call(&again, "3");
    call(&more, "5");
    generate(
        &other,
        &["--operators", "2..4", "--seed", "8", "--count", "3"],
    );
    let files = |output: &Path| -> BTreeMap<String, Vec<u8>> {
        let named = snapshot(output).into_iter();
        named
            .map(|(path, bytes)| (text(path.strip_prefix(output).unwrap()), bytes))
            .collect()
    };
    assert_eq!(files(&first), files(&again));
    let (first, more, other) = (files(&first), files(&more), files(&other));
    for number in 1..=3 {
        let name = format!("g7_000{number}.rasp");
        assert_eq!(first[&name], more[&name]);
        let body = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.split_once("\n\n").unwrap().1.to_owned()
        };
        assert_ne!(
            body(&first[&name]),
            body(&other[&format!("g8_000{number}.rasp")])
        );
    }
    assert_eq!(more.len(), first.len() + 2);
}

#[test]
fn a_generated_program_goes_through_the_other_commands() {
    let dir = tempfile::tempdir().unwrap();
    let said = generate(dir.path(), &["--count", "1", "--operators", "3"]);
    assert!(said.contains("programs.csv: 1 program\n"), "{said}");
    let program = dir.path().join("g0_0001.rasp");
    let source = fs::read_to_string(&program).unwrap();
    assert!(source.starts_with("#! about: random program 1 of seed 0, with 3 operators\n"));
    succeed(&["compile", &text(&program), "--strict"]);
    // The examples of the header are what the program says.
    let examples: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("#! example: "))
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        let (input, _) = example.split_once(" -> ").unwrap();
        let words = input.split(' ').map(str::to_owned);
        let all: Vec<String> = ["run".to_owned(), text(&program)]
            .into_iter()
            .chain(words)
            .collect();
        succeed(&all);
    }
    let run = dir.path().join("run.toml");
    let output = dir.path().join("run");
    let experiment = Experiment::load(&run, &[], Some(&output)).unwrap();
    assert_eq!(experiment.model.metadata.program, "g0_0001");
    succeed(&[
        "train",
        &text(&run),
        "--set",
        "training.steps=20",
        "--set",
        "training.log_every=10",
        "--output",
        &text(&output),
        "--quiet",
    ]);
    assert!(output.join("projection.safetensors").exists());
}

#[test]
fn generate_overwrites_nothing_unless_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("programs");
    let small = ["--count", "2", "--operators", "2..3"];
    generate(&output, &small);
    let expected = snapshot(&output);
    generate(&output, &small); // the same files are no change
    let program = output.join("g0_0002.rasp");
    fs::write(&program, "mine").unwrap();
    let before = snapshot(&output);
    let arguments = |more: &[&str]| {
        let mut all = vec!["generate".to_owned(), "-o".into(), text(&output)];
        all.extend(small.iter().chain(more).map(|s| (*s).to_owned()));
        all
    };
    let (code, _, stderr) = call(&arguments(&[]));
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("g0_0002.rasp exists with different content"),
        "{stderr}"
    );
    assert_eq!(snapshot(&output), before);
    succeed(&arguments(&["--force"]));
    assert_eq!(snapshot(&output), expected);
}

#[test]
fn generate_refuses_what_it_cannot_make_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = text(&dir.path().join("new"));
    for (more, said) in [
        (&["--count", "0"][..], "--count"),
        (&["--operators", "0..3"], "from 1 to 24"),
        (&["--operators", "5..3"], "from 1 to 24"),
        (&["--operators", "3..25"], "from 1 to 24"),
        (&["--operators", "few"], "from 1 to 24"),
        (&["--seed", "first"], "--seed"),
    ] {
        let (code, _, stderr) = call(&[&["generate", "-o", &output], more].concat());
        assert_eq!(code, 2, "{more:?}: {stderr}");
        assert!(stderr.contains(said), "{more:?}: {stderr}");
    }
    let file = text(&dir.path().join("programs.csv"));
    let (code, _, stderr) = call(&["generate", "-o", &file]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("is called like a .csv file"), "{stderr}");
    assert!(snapshot(dir.path()).is_empty());
}
