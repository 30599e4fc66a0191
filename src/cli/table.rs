//! Aligned plain-text tables.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

pub use crate::results::table::{decimals, median_cell};
use base::escape;
use tracr::model::Value;

/// Lays out rows of cells: the first `left` columns aligned left, the others right, two blanks
/// between. A cell is one line, whatever it holds.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let rows: Vec<Vec<Cow<'_, str>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| escape::name(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                let blanks = " ".repeat(width - cell.width());
                if column < left {
                    format!("{cell}{blanks}")
                } else {
                    format!("{blanks}{cell}")
                }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number for reading: up to six decimals, no trailing zeros, small leaks as 0.
pub fn number(x: f64) -> String {
    if x != 0.0 && x.is_finite() && (x.abs() >= 1e6 || (5e-7..1e-3).contains(&x.abs())) {
        return format!("{x:.3e}");
    }
    let text = format!("{x:.6}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// A value for reading: a number as [`number`] writes it.
pub fn value(value: &Value) -> String {
    match value {
        Value::Float(x) => number(*x),
        other => other.word(),
    }
}

/// A figure for reading, however small: four significant digits or six decimals.
pub fn significant(x: f64) -> String {
    if x != 0.0 && x.abs() < 1e-3 {
        format!("{x:.3e}")
    } else {
        number(x)
    }
}

/// A paragraph in lines of at most 90 characters, the later ones indented.
pub fn wrapped(sentence: &str) -> String {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let line = lines.len() - 1;
        if !lines[line].is_empty() && lines[line].chars().count() + 1 + word.chars().count() > 90 {
            lines.push(format!("  {word}"));
        } else {
            let space = if lines[line].is_empty() { "" } else { " " };
            lines[line] += &format!("{space}{word}");
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts: Vec<String> = [0.0, 1.0, -0.5, 1.0 / 3.0, -1e-12, 2e-6, 1e7, f64::NAN]
            .map(number)
            .into();
        assert_eq!(
            texts,
            [
                "0", "1", "-0.5", "0.333333", "0", "2.000e-6", "1.000e7", "NaN"
            ]
        );
    }

    #[test]
    fn a_small_figure_is_not_zero() {
        let texts: Vec<String> = [0.0, 1.856e-7, 0.9975].map(significant).into();
        assert_eq!(texts, ["0", "1.856e-7", "0.9975"]);
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".into(), "1".into()],
            vec!["long".into(), "22".into()],
        ];
        assert_eq!(aligned(&rows, 1), "a      1\nlong  22\n");
    }

    #[test]
    fn a_cell_is_one_line_as_wide_as_it_looks() {
        let rows = [
            vec!["a\nb".into(), "1".into()],
            vec!["中e\u{301}".into(), "2".into()],
            vec!["\u{1b}[0m".into(), "3".into()],
        ];
        let text = aligned(&rows, 1);
        assert_eq!(text, "a\\nb       1\n中e\u{301}        2\n\\u001b[0m  3\n");
    }
}
