//! What is refused is refused harmlessly: arguments, paths, files and programs that hold such names.

use super::bench::{Bench, config, literal, model};
use super::names::{self, names};
use crate::common::command::RawModel;

/// Names that can be an argument.
fn arguments() -> impl Iterator<Item = &'static String> {
    names().iter().filter(|name| !name.contains('\0'))
}

#[test]
fn messages_repeat_arguments_harmlessly() {
    let bench = Bench::new(|directory| {
        model(&directory.join("m"), &[], &[]);
        std::fs::write(
            directory.join("p.rasp"),
            "#! vocab: a\n#! max_seq_len: 1\nx = map(t -> t, tokens);\n",
        )
        .unwrap();
        std::fs::write(directory.join("run.toml"), config("x", "path = \"m\"")).unwrap();
    });
    let (file, program, run) = (
        bench.text("in/m"),
        bench.text("in/p.rasp"),
        bench.text("in/run.toml"),
    );
    for name in arguments() {
        let unknown = |word: &String| word.parse::<f64>().is_err() && !word.starts_with('-');
        if unknown(name) {
            bench.refused(&["run", &file, name], &["the vocabulary is a, b, c, x"]);
            bench.refused(&["run", &program, name], &["unknown token"]);
        }
        for arguments in [
            vec!["--config", &run, "--set", name],
            vec![
                "--config",
                &run,
                "--set",
                &format!("inputs.token_weights={{{} = 1}}", literal(name)),
            ],
            vec!["--config", &run, "--no-such", name],
            vec![name],
            vec!["keys", name],
            vec!["init", "--", name],
            vec!["programs", "--", name],
            vec!["compile", &program, "--output", name],
            vec!["analyze", "--within", &format!("{name}=1"), "x"],
        ] {
            let said = bench.call(&arguments);
            // Nothing, "" and the like mean the whole list.
            assert!(
                said.code == 2 || arguments[0] == "keys",
                "{arguments:?}: {}",
                said.stderr
            );
        }
        if !name.is_empty() {
            let path = format!("./{}/{name}", "no such directory");
            // A line break of a path stays one, so that there may seem to be two messages.
            let refused = |arguments: &[&str]| {
                let said = bench.call(arguments);
                assert!([1, 2].contains(&said.code), "{arguments:?}");
                assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
            };
            for command in ["analyze", "plot", "report", "publish", "sweep", "compile"] {
                refused(&[command, &path]);
            }
            refused(&["run", &format!("{path}.rasp"), "a"]);
            refused(&["--config", &path]);
            refused(&["--config", &run, "--output", &format!("{file}/{name}")]);
        }
    }
}

#[test]
fn messages_quote_files_harmlessly() {
    for name in names() {
        let twice = [name.clone(), name.clone()];
        let bench = Bench::new(|directory| {
            model(&directory.join("twice"), &[], &twice);
            model(&directory.join("tokens"), &twice, &[]);
            let mut other = RawModel::read(&directory.join("tokens"));
            other.metadata["causal"] = name.clone().into();
            other.write(&directory.join("type"));
            other.metadata["causal"] = false.into();
            other.header[format!("x{name}")] = other.header["token_embed"].clone();
            other.write(&directory.join("tensor"));
            let mut other = RawModel::read(&directory.join("tokens"));
            other.metadata["input_vocab"][2] = "b".into();
            other.metadata["bos_token"] = name.clone().into();
            other.write(&directory.join("bos"));
            let name = literal(name);
            for (file, text) in [
                ("key", format!("{name} = 1\n")),
                (
                    "value",
                    config("x", "path = \"m\"").replace("dim = 5", &format!("dim = {name}")),
                ),
                (
                    "path",
                    config(
                        "x",
                        &format!("path = {}", literal(&format!("none{}", "\u{1b}[31m"))),
                    ),
                ),
                ("place", config("x", &format!("path = {name}"))),
                (
                    "weights",
                    config("x", "path = \"m\"") + &format!("[inputs.token_weights]\n{name} = -1\n"),
                ),
                (
                    "block",
                    config("x", "path = \"m\"")
                        + &format!("[objective.block_weights]\n{name} = 1\n"),
                ),
                ("syntax", format!("x = \"\u{1b}[31m{}\n", "\u{202e}")),
                (
                    "study",
                    format!(
                        "name = {name}\nbase = \"run.toml\"\n[grid]\n\"compression.dim\" = [1]\n"
                    ),
                ),
                (
                    "study_key",
                    format!("base = \"run.toml\"\n[grid]\n{name} = [1]\n"),
                ),
                (
                    "base",
                    format!("name = \"x\"\nbase = {name}\n[grid]\n\"compression.dim\" = [1]\n"),
                ),
            ] {
                std::fs::write(directory.join(file), text).unwrap();
            }
            model(&directory.join("m"), &[], &[]);
            std::fs::write(directory.join("run.toml"), config("x", "path = \"m\"")).unwrap();
        });
        for file in ["twice", "tokens", "type", "tensor", "bos"] {
            bench.refused(
                &["run", &bench.text(&format!("in/{file}")), "a"],
                &["is not a usable model file"],
            );
        }
        for file in [
            "key", "value", "path", "place", "weights", "block", "syntax",
        ] {
            bench.refused(&["--config", &bench.text(&format!("in/{file}"))], &[]);
        }
        for file in ["study", "study_key", "base"] {
            let said = bench.call(&["sweep", &bench.text(&format!("in/{file}")), "--dry-run"]);
            // A dot and the like are names of studies, or are not: both are well.
            assert!(said.code == 2, "{file} {name:?}: {}", said.stdout);
        }
    }
}

#[test]
fn messages_show_programs_harmlessly() {
    for name in names() {
        let written = names::literal(name);
        // Characters as they are, on a line of their own with a mistake.
        let raw = name.replace(['\n', '"', '\\'], " ");
        let sources = [
            format!("x = map(t -> t, \"{raw}\";"),
            format!("x = unknown + \"{raw}\" - 1;"),
            format!("x = {name};"),
            format!("x = tokens + {written} - 1; # {raw}"),
            format!("x = \"{raw}\" - 1;\ny = map(t -> t, tokens);"),
            format!("x = {written} - 1;"),
            name.clone(),
            format!("x = named(tokens, {written}, {written});"),
            format!("x = tokens[{written}]; load {written};"),
            format!("#! vocab: {name}{name}, {name}{name}, \"\\x\"\nx = tokens + 1;"),
            format!("#! {name}: 1\n#! about {name}\nx = tokens;"),
            format!("#! vocab: {written}, {written}\n#! max_seq_len: {written}\nx = tokens;"),
            format!(
                "#! vocab: a\n#! max_seq_len: 2\n#! example: {written} b -> {written}\nx = tokens;"
            ),
        ];
        let bench = Bench::new(|directory| {
            for (i, source) in sources.iter().enumerate() {
                std::fs::write(directory.join(format!("{i}.rasp")), source).unwrap();
            }
        });
        for i in 0..sources.len() {
            bench.refused(&["compile", &bench.text(&format!("in/{i}.rasp"))], &[]);
        }
    }
}

#[test]
fn messages_point_into_a_line_that_cannot_be_drawn_by_its_column() {
    let bench = Bench::new(|directory| {
        std::fs::write(
            directory.join("p.rasp"),
            "x = tokens;\ny = \"\u{1b}[31m\" - 1;\n",
        )
        .unwrap();
        std::fs::write(
            directory.join("q.rasp"),
            "\u{feff}x = tokens;\r\ny = \"a\" - 1;\r\n",
        )
        .unwrap();
    });
    let said = bench.refused(&["compile", &bench.text("in/p.rasp")], &["p.rasp:2:"]);
    assert!(!said.stderr.contains('│'), "{}", said.stderr);
    // Line ends of Windows and a byte order mark are nothing odd.
    let said = bench.refused(&["compile", &bench.text("in/q.rasp")], &["q.rasp:2:"]);
    assert!(
        said.stderr.contains("y = \"a\" - 1;") && said.stderr.contains('│'),
        "{}",
        said.stderr
    );
}
