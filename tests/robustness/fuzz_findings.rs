//! Files that once made the program panic, take all memory or say something unreadable: found by fuzzing (fuzz/)
//! or on the way to it. `tests/rasp/limits.rs` has the programs.

use std::path::Path;

use tracr::model::{CompiledModel, Value};
use tracr_compress::config::StudyFile;
use tracr_compress::figures::gram::Gram;
use tracr_compress::results::Table;
use tracr_compress::results::state::speed_of;

fn table(text: &str) -> Table {
    Table::parse(Path::new("table.csv"), text, "make it again").unwrap()
}

#[test]
fn gram_is_not_allocated_before_its_pairs_are_counted() {
    // A hundred thousand features: 160 GB of matrix, 2 MB of file.
    let mut text = String::from("feature_a,feature_b,value\n");
    for feature in 0..100_000 {
        text += &format!("f{feature},f{feature},1\n");
    }
    let error = Gram::read(&table(&text)).err().unwrap().to_string();
    assert!(
        error.contains("100000 features have 10000000000 pairs, and the file has 100000"),
        "{error}"
    );
}

#[test]
fn speed_of_steps_that_go_back_is_unknown() {
    let text = "step,loss,steps_per_second\n10,1.0,100\n3,1.0,100\n";
    assert_eq!(speed_of(text), None);
    let text = "step,loss,steps_per_second\n10,1.0,100\n30,1.0,100\n";
    let (step, speed) = speed_of(text).unwrap();
    assert_eq!(step, 30);
    assert!((speed - 100.0).abs() < 1e-9, "{speed}");
}

#[test]
fn model_file_keeps_tokens_that_are_fractions() {
    // A reader of JSON that rounds twice has one in ten of them off in the last digit: another token.
    let mut model = CompiledModel::load(Path::new("models/frac_prevs.safetensors")).unwrap();
    let word = model.metadata.word_ids()[0];
    for denominator in 1..60 {
        for numerator in 1..denominator {
            let fraction = f64::from(numerator) / f64::from(denominator);
            for token in [fraction, fraction * 1e20, fraction * 1e-20] {
                model.metadata.input_vocab[word] = Value::Float(token);
                let read = CompiledModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
                assert_eq!(read.metadata.input_vocab[word], Value::Float(token));
            }
        }
    }
}

const STUDY: &str = "name = \"x\"\nquestion = \"?\"\nbase = \"run.toml\"\n";

fn study(tables: &str) -> Result<StudyFile, String> {
    let base = "model.path = \"m.safetensors\"\ncompression.dim = 8\n";
    let text = format!("{STUDY}{tables}");
    StudyFile::parse(Path::new("study.toml"), &text, &[], |_| Ok(base.into()))
        .map_err(|e| e.to_string())
}

#[test]
fn study_file_is_read_in_time_that_grows_with_its_length() {
    // Each value was compared with all before it, and each table's line looked up in the text read again: hours.
    let range = "[grid]\n\"training.seed\" = { from = 0, count = 100000 }\n";
    assert_eq!(study(range).unwrap().blocks[0][0].values.len(), 100_000);
    let seeds: Vec<String> = (0..90_000).map(|seed| seed.to_string()).collect();
    let twice = format!("[grid]\n\"training.seed\" = [{}, 5]\n", seeds.join(", "));
    let error = study(&twice).unwrap_err();
    assert!(error.contains("has the value 5 twice"), "{error}");
    let tables: String = (0..25_000)
        .map(|seed| format!("[[include]]\n\"training.seed\" = {seed}\n"))
        .collect();
    let blocks = study(&tables).unwrap().blocks;
    assert_eq!(blocks.len(), 25_000);
    assert_eq!(blocks[24_999][0].location(), "study.toml:50003");
}

#[test]
fn study_file_of_too_many_runs_is_refused_before_its_values_are_made() {
    // Each table is allowed by itself; together they would be 2.5 billion values.
    let table = "[[include]]\n\"training.seed\" = { from = 0, count = 60000 }\n";
    let error = study(&table.repeat(10_000)).unwrap_err();
    assert!(
        error.contains("study.toml:7") && error.contains("more than 100000 runs"),
        "{error}"
    );
}
