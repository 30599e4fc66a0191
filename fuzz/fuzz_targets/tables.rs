//! The tables that figures and reports are made of, as text.
#![no_main]

use std::path::Path;

use compress_fuzz::readable_about;
use libfuzzer_sys::fuzz_target;
use tracr_compress::results::Table;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let table = match read(&text) {
        Ok(table) => table,
        Err(message) => {
            assert!(message.contains("table.csv, line "), "{message}");
            return;
        }
    };
    for name in &table.header {
        let texts = table.texts(name).expect("a column of the header");
        assert_eq!(texts.len(), table.rows.len());
        match table.numbers(name) {
            Ok(numbers) => assert!(numbers.iter().flatten().all(|x| x.is_finite())),
            Err(error) => drop(readable_about("table.csv", &error)),
        }
    }
    // All in quotes: at the very beginning, a byte order mark outside of them is none of the text.
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    for row in std::iter::once(&table.header).chain(&table.rows) {
        writer.write_record(row).expect("rows are of one length");
    }
    let written = writer.into_inner().expect("into memory");
    let again = read(std::str::from_utf8(&written).expect("text")).expect("CSV");
    assert_eq!((again.header, again.rows), (table.header, table.rows));
});

fn read(text: &str) -> Result<Table, String> {
    Table::parse(Path::new("table.csv"), text, "make it again")
        .map_err(|e| readable_about("table.csv", &e))
}
