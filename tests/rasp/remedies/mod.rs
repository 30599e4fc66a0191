//! Each refusal says what to write instead, and whoever writes that has a program that compiles and
//! computes what was meant.

mod hints;
mod language;
mod refusals;

use std::fmt::Write;
use std::path::Path;

use hints::MORE;
use language::LANGUAGE;
use refusals::{Refused, TABLE};
use tracr::compiler;
use tracr::model::Value;
use tracr::program::verify::verify;
use tracr::program::{Compiled, Settings, Source, remedy};
use tracr::rasp::{self, Options};

impl Refused {
    fn source(&self) -> String {
        let Self {
            vocab,
            longest,
            body,
            ..
        } = self;
        format!("#! vocab: {vocab}\n#! max_seq_len: {longest}\n{body}\n")
    }

    /// What is said of it: of the compiler, or of the comparison of model and program.
    fn helps(&self, directory: &Path) -> Vec<String> {
        match compile(directory, &self.source()) {
            Err(report) => {
                let lines: Vec<&str> = report
                    .lines()
                    .map(|line| line.trim_start_matches([' ', '│']))
                    .collect();
                let text = lines.join(" ");
                let helps = text.split("Help: ").skip(1);
                let end = |help: &str| {
                    let end = help.find(" ───╯").or_else(|| help.find("Error: "));
                    help[..end.unwrap_or(help.len())].trim().to_owned()
                };
                helps.map(end).collect()
            }
            Ok(compiled) => {
                let Compiled {
                    program,
                    options,
                    model,
                    ..
                } = compiled;
                let verdict = verify(&program.graph, program.output, &model);
                Vec::from_iter(remedy::of_difference(&program, &options, &verdict))
            }
        }
    }
}

fn compile(directory: &Path, source: &str) -> Result<Compiled, String> {
    let path = directory.join("p.rasp");
    std::fs::write(&path, source).unwrap();
    Source::File(path)
        .compile(&Settings::default())
        .map_err(|e| e.to_string())
}

/// The source with what a line of advice says, by its letter.
fn followed(source: &str, help: &str) -> String {
    let mut source = source.to_owned();
    let parts: Vec<&str> = help.split('`').collect();
    // Odd parts stand in quotes, what is before them says what to do with them.
    for i in (1..parts.len()).step_by(2) {
        let (before, quoted) = (parts[i - 1], parts[i]);
        if before.ends_with("instead of ") {
            let new = parts[i - 2];
            assert_eq!(source.matches(quoted).count(), 1, "{help}\n{source}");
            source = source.replace(quoted, new);
        } else if before.ends_with("end with ") {
            source += &format!("{quoted}\n");
        } else if let Some((key, _)) = quoted.strip_prefix("#! ").and_then(|q| q.split_once(':')) {
            let old = source
                .lines()
                .find(|line| line.contains(&format!("#! {key}:")));
            source = source.replace(old.unwrap(), quoted);
        }
    }
    source
}

#[test]
fn remedy_of_every_refusal_computes_what_was_meant() {
    let directory = tempfile::tempdir().unwrap();
    let mut shown = String::new();
    for wrong in TABLE {
        let source = wrong.source();
        let helps = wrong.helps(directory.path());
        assert!(!helps.is_empty(), "nothing is said of\n{source}");
        let mended = helps
            .iter()
            .fold(source.clone(), |source, help| followed(&source, help));
        assert_ne!(
            mended, source,
            "{helps:?} says nothing to do about\n{source}"
        );
        let compiled = compile(directory.path(), &mended)
            .unwrap_or_else(|e| panic!("{helps:?} does not help\n{mended}\n{e}"));
        let _ = writeln!(
            shown,
            "{}\n  {}",
            wrong.kind,
            wrong.body.replace('\n', "\n  ")
        );
        for help in &helps {
            let _ = writeln!(shown, "  -> {help}");
        }
        if wrong.longest > 3 {
            // Compiling it was the question, and running it would take long.
            continue;
        }
        let Compiled { program, model, .. } = compiled;
        let own = verify(&program.graph, program.output, &model);
        assert!(own.inputs >= 8, "{mended}");
        assert_eq!((own.different, own.failed), (0, 0), "{mended}\n{own:?}");
        if wrong.means_the_same {
            let meant = rasp::compile_source("p.rasp", &source, &Options::default());
            let meant = meant.map_err(|e| rasp::render(&e)).unwrap();
            let verdict = verify(&meant.graph, meant.output, &model);
            assert_eq!(
                (verdict.different, verdict.failed),
                (0, 0),
                "{mended}\n{verdict:?}"
            );
        }
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("rasp_remedies", shown);
    });
}

/// Values that no mean is of: too many for a sum of shares, each number times how many there are.
const FURTHER: [&str; 3] = [
    "scaled = numerical(sequence_map((t, i) -> t * 10 ^ i, tokens, indices));\n\
     out = aggregate(select(indices, indices, true), scaled);",
    "n = numerical(tokens * indices);\nout = aggregate(select(tokens, tokens, ==), n);",
    "n = numerical(10 * tokens + indices);\nout = aggregate(select(indices, indices, <=), n);",
];

#[test]
fn remedy_that_leads_to_another_refusal_says_to_which() {
    let directory = tempfile::tempdir().unwrap();
    for body in FURTHER {
        let source = format!("#! vocab: 1, 2, 3\n#! max_seq_len: 3\n{body}\n");
        let refusal = Refused {
            kind: "two in a row",
            vocab: "1, 2, 3",
            longest: 3,
            body,
            means_the_same: true,
        };
        let helps = refusal.helps(directory.path());
        let [help] = helps.as_slice() else {
            panic!("{helps:?}");
        };
        let (edit, next) = help.split_once("; it is then refused because ").unwrap();
        let refused = compile(directory.path(), &followed(&source, edit)).unwrap_err();
        assert!(refused.contains(next), "{next}\n{refused}");
        assert!(next.contains("can only average 0 and 1"), "{next}");
    }
}

#[test]
fn remedy_of_every_diagnostic_compiles() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        max_seq_len: Some(3),
        ..Options::default()
    };
    let mut failures = Vec::new();
    for (wrong, part, mended) in LANGUAGE.iter().chain(MORE) {
        let reports = rasp::compile_source("p.rasp", wrong, &options);
        if let Err(reports) = &reports {
            let said: Vec<&str> = reports.iter().filter_map(|r| r.help.as_deref()).collect();
            if said.len() < reports.len() || said.contains(&"") {
                failures.push(format!("no advice: {}", rasp::render(reports)));
            }
            if !said.iter().any(|help| help.contains(part)) {
                failures.push(format!("{wrong}\n`{part}` is not in {said:?}"));
            }
        } else if !part.is_empty() {
            failures.push(format!("{wrong}\nis refused by the compiler alone"));
        }
        let source = format!("#! vocab: 1, 2, 3\n#! max_seq_len: 3\n{mended}\n");
        match compile(directory.path(), &source) {
            Ok(compiled) => assert_eq!(compiled.options.max_seq_len, 3),
            Err(e) => failures.push(format!("{mended}\n{e}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn options_out_of_range_say_what_is_in_range() {
    let source = "out = tokens + 1;";
    let program = rasp::compile_source("p.rasp", source, &Options::default()).unwrap();
    let fits = |change: &dyn Fn(&mut compiler::Options)| {
        let mut options = compiler::Options::new("p", vec![Value::Int(1), Value::Int(2)], 3);
        change(&mut options);
        compiler::report(&program.graph, program.output, &options)
    };
    for given in [16_384, 1_000_000, 1 << 40] {
        let mut options = compiler::Options::new("p", vec![Value::Int(1), Value::Int(2)], given);
        let error = compiler::report(&program.graph, program.output, &options).unwrap_err();
        let helps = remedy::of_refusal(&program, &options, &error);
        let help = helps.into_iter().next().flatten().unwrap();
        let length = help.split("--max-seq-len ").nth(1).unwrap();
        options.max_seq_len = length.parse().unwrap();
        compiler::report(&program.graph, program.output, &options).unwrap();
        assert!(options.max_seq_len >= 1000, "{help}");
    }
    let bos = fits(&|o| o.vocab.push(Value::Str("BOS".into()))).unwrap_err();
    assert!(bos.to_string().contains("leave it out"), "{bos}");
}
