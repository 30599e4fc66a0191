//! Figures, drawn from any tables: the first byte says which figure, the rest up to a line `====` is its table.
#![no_main]

use std::path::Path;

use compress_fuzz::{choice, halves, readable};
use libfuzzer_sys::fuzz_target;
use tracr_compress::figures::{Figure, bars, curves, diagnostics, gram, heat_map, png, study, svg};
use tracr_compress::results::{ReadError, Runs, Study, Table};

fuzz_target!(|data: &[u8]| {
    let Some((which, text)) = choice(data) else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    match draw(which, &text) {
        Ok(figures) => {
            for figure in figures {
                let drawn = svg::document(&figure.scene, &figure.title, &figure.caption);
                assert!(!drawn.contains("<script"), "{drawn}");
                for tag in drawn.split('<').filter_map(|part| part.split('>').next()) {
                    assert!(!tag.contains("NaN") && !tag.contains("inf"), "<{tag}>");
                }
                assert!(png::encode(&figure.scene, 0.5).is_some(), "{drawn}");
            }
        }
        Err(error) => drop(readable(&error)),
    }
});

fn draw(which: u8, text: &str) -> Result<Vec<Figure>, ReadError> {
    let read = |text| Table::parse(Path::new("table.csv"), text, "make it again");
    let (first, _) = halves(text);
    let table = read(first)?;
    Ok(vec![match which {
        b'm' => curves::draw(&table)?,
        b'd' => return Ok(diagnostics::draw(&table)?.into_iter().collect()),
        b'g' => heat_map::draw(&gram::Gram::read(&table)?),
        b'f' => bars::features(&table)?,
        b'l' => bars::layers(&table)?,
        b'a' => return Ok(study::draw(&Study::of_analysis(&table)?)),
        b's' => return Ok(study::draw(&Study::of_sweep(&Runs::from_table(&table)?))),
        _ => return Ok(Vec::new()),
    }])
}
