//! The way to the smallest `d`: how well each accepted `W` does, from `path.csv`.

use super::by_width::against_width;
use super::figure::Figure;
use super::series::Plot;
use crate::results::series::Series;
use crate::results::{ReadError, Table};
use crate::shrink::path::PATH;

/// Panels: the axis' title, whether it is logarithmic, and the column.
const PANELS: [(&str, bool, &str); 4] = [
    ("mean absolute error", true, "mae"),
    ("largest error", true, "max_error"),
    ("smallest lead", true, "gap"),
    ("lowest cosine", false, "lowest_cosine"),
];

/// A panel with its values.
struct Drawn {
    title: &'static str,
    logarithmic: bool,
    series: Vec<(String, Series)>,
}

/// The series of each row: its criterion, with the number of the descent if there are several.
fn names(path: &Table) -> Result<Vec<String>, ReadError> {
    let standards = path.texts("standard")?;
    let descents = match path.find("descent").is_some() {
        true => path.texts("descent")?,
        false => vec!["1"; standards.len()],
    };
    let several = |standard: &str| {
        let mut all = standards.iter().zip(&descents);
        all.any(|(other, descent)| *other == standard && *descent != "1")
    };
    let name = |(standard, descent): (&&str, &&str)| match several(standard) {
        false => (*standard).to_owned(),
        true => format!("{standard}, descent {descent}"),
    };
    Ok(standards.iter().zip(&descents).map(name).collect())
}

/// Each measure against `d`, a series for each descent.
///
/// # Errors
/// If a column is missing or a cell is not a number.
pub fn draw(path: &Table) -> Result<Vec<Figure>, ReadError> {
    let standards = names(path)?;
    let widths = path.numbers("d")?;
    let mut panels: Vec<Drawn> = Vec::new();
    for (title, logarithmic, column) in PANELS {
        let values = path.numbers(column)?;
        let mut series: Vec<(String, Series)> = Vec::new();
        for ((standard, d), value) in standards.iter().zip(&widths).zip(values) {
            let (Some(d), Some(value)) = (d, value) else {
                continue;
            };
            let at = series.iter().position(|(name, _)| name == standard);
            let at = at.unwrap_or_else(|| {
                let own = Series {
                    no_sample: true,
                    ..Series::default()
                };
                series.push((standard.clone(), own));
                series.len() - 1
            });
            series[at].1.points.push((*d, value));
        }
        if !series.is_empty() {
            panels.push(Drawn {
                title,
                logarithmic,
                series,
            });
        }
    }
    let plots: Vec<Plot<'_>> = panels
        .iter()
        .map(|drawn| (drawn.title, drawn.logarithmic, drawn.series.as_slice()))
        .collect();
    Ok(against_width(
        "shrink",
        "The way to the smallest d",
        "Each accepted W of each descent, from the start down to the smallest d that it reached: a point a W, over all inputs of \
         evaluation. The lead is that of the right class over every other one; the cosine is that of a block's output \
         with the compiled model's, of the block where it is lowest.",
        PATH,
        &plots,
    ))
}
