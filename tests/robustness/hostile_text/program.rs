//! From a RASP program on: every name is a token, a class, a part of features' names, and a label.

use base::escape::visible;
use tracr::model::{CompiledModel, Value};

use super::bench::{Bench, column, columns, config, literal};
use super::names::names;
use super::{markup, names};

/// A program over all names; it has them in reverse order for output, and its own name for each.
fn source() -> String {
    let vocab: Vec<String> = names().iter().map(|n| names::literal(n)).collect();
    format!(
        "\u{feff}#! about: hostile\n#! vocab: {}\n#! max_seq_len: 2\n\
         last = length - indices - 1;\n\
         turned = aggregate(select(indices, last, ==), tokens);\n\
         doubled = map(t -> t + t, turned);\n",
        vocab.join(", ")
    )
}

fn strings(values: &[Value]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Str(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    values.iter().map(text).collect()
}

#[test]
fn names_survive_from_program_to_export() {
    let run_name = names().concat();
    let bench = Bench::new(|directory| {
        std::fs::write(directory.join("hostile.rasp"), source()).unwrap();
        // As on a command line, `""` is the empty token and `"\"\""` the one of two quotes.
        let word = |name: &String| serde_json::to_string(name).unwrap();
        let weights = names()
            .iter()
            .map(|name| format!("{} = 2.0", literal(&word(name))));
        let text = config(&run_name, "program = \"hostile.rasp\"");
        let weights: Vec<String> = weights.collect();
        let inputs = format!("[inputs.token_weights]\n{}\n", weights.join("\n"));
        std::fs::write(directory.join("run.toml"), text + &inputs).unwrap();
    });
    let (source, model) = (bench.text("in/hostile.rasp"), bench.text("out/model"));

    // Program → model file.
    bench.ok(&["compile", &source, "-o", &model]);
    let compiled = CompiledModel::load(model.as_ref()).unwrap();
    let meta = &compiled.metadata;
    let words: Vec<Value> = meta
        .word_ids()
        .iter()
        .map(|id| meta.input_vocab[*id].clone())
        .collect();
    let mut expected = names().to_vec();
    expected.sort();
    let mut found = strings(&words);
    found.sort();
    assert_eq!(found, expected);
    let labels = &meta.residual_labels;
    for name in names() {
        for label in [
            format!("tokens:{name}"),
            format!("turned:{name}"),
            format!("doubled:{name}{name}"),
        ] {
            assert!(labels.contains(&label), "{label:?}");
        }
    }

    // What program and model compute.
    for pair in names().chunks(2).filter(|pair| pair.len() == 2) {
        let words: Vec<String> = pair
            .iter()
            .map(|n| serde_json::to_string(n).unwrap())
            .collect();
        let doubled: Vec<String> = pair.iter().rev().map(|n| n.repeat(2)).collect();
        for file in [&source, &model] {
            let said = bench.ok(&["run", file, &words[0], &words[1], "--json"]);
            let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
            assert_eq!(json["tokens"], serde_json::json!(pair));
            assert_eq!(json["output"], serde_json::json!(doubled));
            let said = bench.ok(&["run", file, &words[0], &words[1]]);
            assert_eq!(said.stdout.lines().count(), 3, "{}", said.stdout);
        }
    }
    let some = serde_json::to_string(&names()[6]).unwrap();
    bench.ok(&["run", &source, &some, "--compare"]);
    bench.ok(&["run", &source, &some, "--trace"]);
    bench.ok(&["run", &model, &some, "--trace", "--pad"]);
    bench.ok(&["run", &model, "--plan"]);

    // Model → run → tables.
    let (config, run) = (bench.text("in/run.toml"), bench.text("out/run"));
    bench.ok(&["--config", &config, "--output", &run, "--plan"]);
    let said = bench.ok(&["--config", &config, "--output", &run, "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(summary["name"], run_name.as_str());
    let again = bench.ok(&["--config", &config, "--output", &run]);
    assert!(
        again.stdout.contains("is complete already"),
        "{}",
        again.stdout
    );
    let kept: toml::Table = std::fs::read_to_string(bench.path("out/run/config.toml"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(kept["name"].as_str().unwrap(), run_name);
    let weights = kept["inputs"]["token_weights"].as_table().unwrap();
    let read = weights
        .keys()
        .map(|word| serde_json::from_str(word).unwrap());
    let mut read: Vec<String> = read.collect();
    read.sort();
    assert_eq!(read, expected);
    // The resolved file means the same run.
    let resolved = bench.text("out/run/config.toml");
    let again = bench.ok(&["--config", &resolved, "--output", &run]);
    assert!(
        again.stdout.contains("is complete already"),
        "{}",
        again.stdout
    );

    let file = |name: &str| bench.path(&format!("out/run/{name}"));
    assert_eq!(&column(&file("features.csv"), "feature"), labels);
    let pairs = columns(&file("gram.csv"), ["feature_a", "feature_b"]);
    assert_eq!(pairs.len(), labels.len() * labels.len());
    for (i, [a, b]) in pairs.iter().enumerate() {
        assert_eq!(
            (a, b),
            (&labels[i / labels.len()], &labels[i % labels.len()])
        );
    }
    let subjects = column(&file("diagnostics.csv"), "subject");
    for label in labels.iter().filter(|l| !l.starts_with("doubled")) {
        assert!(subjects.contains(label), "{label:?}");
    }
    for token in column(&file("worst_inputs.csv"), "token") {
        assert!(expected.contains(&token), "{token:?}");
    }

    // Analysis, figures, page.
    bench.ok(&["analyze", &run]);
    let said = bench.ok(&["analyze", &run, "--json"]);
    let analysis: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let verdicts = analysis["verdicts"].as_object().unwrap().values();
    let mut named: Vec<&str> = verdicts
        .flat_map(|v| v.as_array().unwrap())
        .map(|l| l.as_str().unwrap())
        .collect();
    named.sort_unstable();
    let mut sorted: Vec<&str> = labels.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(named, sorted);
    bench.ok(&["plot", &run, "--scale", "1"]);
    let texts = markup::figures(&file("figures"));
    for name in names().iter().filter(|n| visible(n).chars().count() < 7) {
        assert!(
            texts.contains(&*visible(&format!("tokens:{name}"))),
            "{name:?}"
        );
    }
    bench.ok(&["report", &run]);
    markup::page(&file("report.html"), labels);

    // Exports.
    let exported = bench.text("out/exported");
    bench.ok(&["export", &run, "-o", &exported]);
    let small = CompiledModel::load(exported.as_ref()).unwrap();
    assert_eq!(small.metadata.input_vocab, meta.input_vocab);
    assert_eq!(small.metadata.output_encoding, meta.output_encoding);
    bench.ok(&["run", &exported, &some]);
    bench.ok(&["run", &source, &some, "--projection", &run, "--compare"]);
    let npz = bench.text("out/w.npz");
    bench.ok(&["export", &run, "-o", &npz, "--format", "npz"]);
    // NumPy itself drops zeros at the end of a text.
    let trimmed: Vec<&str> = labels.iter().map(|l| l.trim_end_matches('\0')).collect();
    assert_eq!(super::model_file::labels_of(npz.as_ref()), trimmed);
}

#[test]
fn names_can_stand_in_a_program_as_they_are() {
    // Raw but for what ends the string, and as escapes.
    let raw = |name: &str| {
        let text = name
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        format!("\"{text}\"")
    };
    let file = |i: usize, escaped: bool| format!("{i}-{escaped}.rasp");
    let bench = Bench::new(|directory| {
        for (i, name) in names().iter().enumerate() {
            for escaped in [false, true] {
                let word = if escaped {
                    names::literal(name)
                } else {
                    raw(name)
                };
                let text = format!(
                    "#! vocab: a, {}\n#! max_seq_len: 2\n#! example: a -> 0\n\
                     _is_it = named(numerical(tokens == {word}), {word});\n\
                     share = aggregate(select(indices, indices, <=), _is_it); # {}\n",
                    names::literal(name),
                    name.replace('\n', " ")
                );
                std::fs::write(directory.join(file(i, escaped)), text).unwrap();
            }
        }
    });
    for (i, name) in names().iter().enumerate() {
        for escaped in [false, true] {
            let source = bench.text(&format!("in/{}", file(i, escaped)));
            let model = bench.text("out/model");
            bench.ok(&["compile", &source, "-o", &model]);
            let compiled = CompiledModel::load(model.as_ref()).unwrap();
            let labels = &compiled.metadata.residual_labels;
            assert!(labels.contains(name), "{name:?}: {labels:?}");
            let word = serde_json::to_string(name).unwrap();
            let said = bench.ok(&["run", &source, "a", &word, "--json", "--trace"]);
            let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
            let output = json["output"].as_array().unwrap().iter();
            let output: Vec<f64> = output.map(|x| x.as_f64().unwrap()).collect();
            assert_eq!(output, [0.0, 0.5], "{name:?}");
            assert_eq!(json["tokens"], serde_json::json!(["a", name]));
        }
    }
}
