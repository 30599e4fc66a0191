//! Files that once made the program panic, take all memory or say something unreadable: found by fuzzing (fuzz/)
//! or on the way to it. `tests/rasp_limits.rs` has the programs.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use tracr_compress::figures::{Table, gram::Gram};
use tracr_compress::model::{CompiledModel, Value};
use tracr_compress::study::state::speed_of;

fn table(text: &str) -> Table {
    Table::parse(Path::new("table.csv"), text, "make it again").unwrap()
}

#[test]
fn a_gram_matrix_is_not_allocated_before_its_pairs_are_counted() {
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
fn steps_that_go_back_have_no_speed() {
    let text = "step,loss,steps_per_second\n10,1.0,100\n3,1.0,100\n";
    assert_eq!(speed_of(text), None);
    let text = "step,loss,steps_per_second\n10,1.0,100\n30,1.0,100\n";
    let (step, speed) = speed_of(text).unwrap();
    assert_eq!(step, 30);
    assert!((speed - 100.0).abs() < 1e-9, "{speed}");
}

#[test]
fn tokens_that_are_fractions_are_read_as_they_were_written() {
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
