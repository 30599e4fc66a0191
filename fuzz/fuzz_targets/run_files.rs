//! What `sweep --collect`, `analyze` and resumed runs read of run directories: the first byte says which file, the
//! rest is its text.
#![no_main]

use std::path::Path;

use compress_fuzz::{choice, readable, readable_about};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use tracr_compress::results::{Summary, state};
use tracr_compress::run::reference::Reference;
use tracr_compress::run::{diagnostics, metrics, step_log};
use tracr_compress::study::Record;

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = choice(data) else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let path = Path::new("file");
    match which {
        b'm' => {
            if let Some((_, speed)) = state::speed_of(&text) {
                assert!(speed >= 0.0, "{speed} steps a second");
            }
            kept(&text, &metrics::columns());
        }
        b'd' => kept(&text, &diagnostics::COLUMNS),
        b'g' => match Reference::parse(path, &text, &[]) {
            Ok(reference) => {
                let labels = ["a", "b"].map(str::to_owned);
                if let Err(error) = reference.compare(&labels, Array2::eye(2).view()) {
                    readable_about("file", &error);
                }
            }
            Err(error) => drop(readable_about("file", &error)),
        },
        b's' => match Summary::parse(path, &text) {
            Ok(summary) => {
                let written = serde_json::to_string(&summary).expect("it can be written");
                Summary::parse(path, &written).expect("and read");
            }
            Err(error) => drop(readable_about("file", &error)),
        },
        _ => match Record::parse(path, &text) {
            Ok(record) => {
                let written = record.text().expect("what was read can be written");
                let again = Record::parse(path, &written).expect("what was written can be read");
                assert_eq!(again, record);
            }
            Err(error) => drop(readable_about("file", &error)),
        },
    }
});

/// What a resumed run keeps is a part of the file, whole lines, and is kept whole the next time.
fn kept(text: &str, columns: &[&str]) {
    let (next, rows) = (50, text.lines().count().saturating_sub(1) as u64);
    for rows in [rows, rows.saturating_sub(1)] {
        match step_log::kept(text, columns, next, rows) {
            Ok(kept) => {
                assert!(text.starts_with(&kept) && kept.ends_with('\n'));
                assert_eq!(step_log::kept(&kept, columns, next, rows), Ok(kept));
            }
            Err(problem) => drop(readable(&problem)),
        }
    }
}
