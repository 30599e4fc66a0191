//! `docs/configuration.md` says of every key what the program does with it: the tables are those of the
//! schema, and each default, range and word that they print is tried.
//!
//! `UPDATE_DOCS=1 cargo test --release --test documents configuration` rewrites the tables.

mod probes;
mod tables;

use std::path::{Path, PathBuf};

use probes::probes;
use tables::regenerated;
use toml_edit::{DocumentMut, Item, Value};
use tracr::compiler;
use tracr_compress::config::schema::{KEYS, RANGE_KEYS, RECOVERY_KEYS, SHRINK_KEYS, STUDY_KEYS};
use tracr_compress::config::{ConfigSource, RunConfig};
use tracr_compress::run::experiment::Experiment;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page_path() -> PathBuf {
    root().join("docs/configuration.md")
}

fn page() -> String {
    std::fs::read_to_string(page_path()).unwrap()
}

#[test]
fn tables_are_those_of_the_schema_and_have_every_key_once() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page_path(), regenerated(&page())).unwrap();
    }
    let page = page();
    assert_eq!(
        page,
        regenerated(&page),
        "run: UPDATE_DOCS=1 cargo test --release --test documents configuration"
    );
    let study = STUDY_KEYS
        .iter()
        .chain(RANGE_KEYS)
        .chain(RECOVERY_KEYS)
        .chain(SHRINK_KEYS)
        .map(|key| key.name);
    for name in KEYS.iter().map(|key| key.name).chain(study) {
        let rows = page.matches(&format!("\n| `{name}` |")).count();
        // `name` is a key of both files.
        assert_eq!(rows, if name == "name" { 2 } else { 1 }, "{name}");
    }
}

/// A key as the page has it.
struct Row {
    key: String,
    takes: String,
    default: String,
}

/// The rows of the run file's tables, read from the page.
fn rows() -> Vec<Row> {
    let page = page();
    let run_file = page.split("<!-- study keys -->").next().unwrap();
    let rows: Vec<Row> = run_file
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            Row {
                key: cells[0]
                    .trim_start_matches("| ")
                    .trim_matches('`')
                    .to_owned(),
                takes: cells[1].replace('`', ""),
                default: cells[2].trim_matches('`').to_owned(),
            }
        })
        .collect();
    assert_eq!(rows.len(), KEYS.len());
    rows
}

/// A run file with what is required and these lines laid over it.
fn resolve(set: &[String]) -> Result<RunConfig, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("example.toml");
    let compiles = set.iter().any(|s| {
        let key = s.split('=').next().unwrap().trim();
        key.starts_with("model.") && !["model.path", "model.sha256"].contains(&key)
    });
    let model = if compiles {
        "program = \"p\""
    } else {
        "path = \"m\""
    };
    let text = format!("[model]\n{model}\n[compression]\ndim = 8\n[output]\ndir = \"o\"\n");
    std::fs::write(&file, text).unwrap();
    let source = ConfigSource::read(&file, set).map_err(|e| e.to_string())?;
    RunConfig::new(&source, None).map_err(|e| e.to_string())
}

/// What the resolved configuration has at a key, as TOML.
fn resolved(config: &RunConfig, key: &str) -> Option<Item> {
    let document: DocumentMut = toml::to_string(config).unwrap().parse().unwrap();
    let item = key
        .split('.')
        .try_fold(document.as_item(), |item, part| item.get(part))?;
    Some(item.clone())
}

/// Numbers by value, lists item by item, everything else as text.
fn same(item: &Item, written: &str) -> bool {
    let written: Value = match written.parse() {
        Ok(value) => value,
        Err(_) => Value::from(written),
    };
    let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|i| i as f64));
    fn plain(value: &Value) -> String {
        value.clone().decorated("", "").to_string().replace(' ', "")
    }
    let value = item.clone().into_value().unwrap();
    match (number(&value), number(&written)) {
        (Some(a), Some(b)) => a == b,
        _ => plain(&value) == plain(&written),
    }
}

#[test]
fn default_is_what_a_run_gets_that_says_nothing() {
    let config = resolve(&[]).unwrap();
    let mut tried = 0;
    for Row { key, default, .. } in rows() {
        if default.parse::<Value>().is_err() || default == "[max_seq_len]" {
            continue; // in words: below
        }
        match resolved(&config, &key) {
            Some(item) => assert!(same(&item, &default), "{key}: {item}, not {default}"),
            None => assert_eq!(default, "{}", "{key}"), // an empty table is not written
        }
        tried += 1;
    }
    assert!(tried > 30, "only {tried} defaults");
}

#[test]
fn default_in_words_is_true() {
    let in_words: Vec<(String, String)> = rows()
        .into_iter()
        .filter(|row| row.default.parse::<Value>().is_err() || row.default == "[max_seq_len]")
        .map(|row| (row.key, row.default))
        .collect();
    let keys: Vec<&str> = in_words.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "name",
            "output.dir",
            "model.path",
            "model.program",
            "model.output",
            "model.vocab",
            "model.max_seq_len",
            "model.causal",
            "model.mlp_exactness",
            "model.sha256",
            "inputs.lengths",
            "inputs.valid",
            "compression.dim",
        ]
    );
    assert_eq!(resolve(&[]).unwrap().name, "example"); // the file's name

    // What the header of a program leaves open.
    let options = compiler::Options::new("p", Vec::new(), 1);
    assert_eq!((options.causal, options.mlp_exactness), (false, 100.0));

    // The header's vocabulary, length and output; all lengths are max_seq_len; no SHA-256 is expected.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.toml");
    let program = "#! vocab: a, b\n#! max_seq_len: 4\n#! causal: true\n#! output: first\n\
                   #! valid: length > 2\n\
                   first = tokens == \"a\";\nsecond = tokens == \"b\";\n";
    std::fs::write(directory.path().join("p.rasp"), program).unwrap();
    let text = "[model]\nprogram = \"p.rasp\"\n[compression]\ndim = 2\n[output]\ndir = \"o\"\n";
    std::fs::write(&file, text).unwrap();
    let experiment = Experiment::load(&file, &[], None).unwrap();
    assert_eq!(experiment.config.inputs.lengths, Some(vec![4]));
    assert_eq!(experiment.config.inputs.valid, Some("length > 2".into()));
    assert!(experiment.model.metadata.causal);
    let labels = &experiment.model.metadata.residual_labels;
    assert!(
        labels.iter().any(|label| label.starts_with("first")),
        "{labels:?}"
    );
    assert!(
        !labels.iter().any(|label| label.starts_with("second")),
        "{labels:?}"
    );

    // What is required.
    for (text, key) in [
        (
            "[compression]\ndim = 2\n[output]\ndir = \"o\"\n",
            "model.path",
        ),
        (
            "[model]\npath = \"m\"\n[output]\ndir = \"o\"\n",
            "compression.dim",
        ),
        (
            "[model]\npath = \"m\"\n[compression]\ndim = 2\n",
            "output.dir",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let message = Experiment::load(&file, &[], None).unwrap_err().to_string();
        assert!(
            message.contains(&format!("`{key}` is missing")),
            "{message}"
        );
    }
}

/// What a key needs beside it to have an effect, or to be allowed with its largest value.
fn company(key: &str) -> Vec<String> {
    let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    match key {
        "objective.output_weight" => texts(&["objective.layer_weight=1"]),
        "training.learning_rate.warmup_fraction" => {
            texts(&["training.learning_rate.decay_fraction=0"])
        }
        "training.restarts.count" => texts(&[
            "training.restarts.steps=1",
            "training.steps=1",
            "training.log_every=1",
        ]),
        "training.restarts.steps" => texts(&[
            "training.restarts.count=2",
            "training.steps=1000000000000",
            "training.log_every=1",
        ]),
        _ => Vec::new(),
    }
}

#[test]
fn range_is_what_the_program_takes_and_uses() {
    for Row { key, takes, .. } in rows() {
        let (allowed, refused) = probes(&takes);
        for value in allowed {
            let mut set = company(&key);
            set.push(format!("{key}={value}"));
            // More than one start needs at least one update each.
            let needs_one = key == "training.restarts.steps" && value == "0";
            match resolve(&set) {
                Err(problem) if needs_one => assert!(problem.contains("at least one update")),
                Err(problem) => panic!("{key} = {value}: {problem}"),
                Ok(config) => match resolved(&config, &key) {
                    Some(item) => assert!(same(&item, &value), "{key}: {item}, not {value}"),
                    None => assert_eq!(value, "{}", "{key}"),
                },
            }
        }
        for value in refused {
            let mut set = company(&key);
            set.push(format!("{key}={value}"));
            let problem = match resolve(&set) {
                Err(problem) => problem,
                Ok(_) => panic!("{key} = {value} is taken, against: {takes}"),
            };
            assert!(problem.contains(&format!("`{key}` is ")), "{problem}");
        }
    }
}

#[test]
fn prose_has_the_programs_numbers() {
    let page = page();
    assert!(page.contains(&format!("A study has at most {} runs", base::limits::RUNS)));
    assert_eq!(superposition::inputs::space::ENUMERATION_LIMIT, 1 << 20);
    assert!(page.contains("Up to 2^20 of them are enumerated"));
    let sample = KEYS
        .iter()
        .find(|key| key.name == "inputs.evaluation_sample");
    assert!(sample.unwrap().meaning.contains("2^20"));
}
