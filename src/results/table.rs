//! Any table with a header, read with errors that name file and line; and tables, written.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::error::ReadError;
use super::statistics::{median, median_interval};
use base::escape::visible;
use base::files::{self, FileError};
use base::limits;

/// Larger tables are none of this program's.
const MAX_BYTES: u64 = limits::TABLE_BYTES;

/// A table: every row has as many cells as the header.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    remedy: String,
    /// Names of columns.
    pub header: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
    lines: Vec<u64>,
}

impl Table {
    /// The columns whose names are wanted.
    pub fn columns(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let wanted: Vec<bool> = self.header.iter().map(|name| is_wanted(name)).collect();
        for cells in self.rows.iter_mut().chain([&mut self.header]) {
            let mut wanted = wanted.iter();
            cells.retain(|_| wanted.next().is_some_and(|wanted| *wanted));
        }
        self
    }

    /// Reads `directory/name`; `remedy` says in errors what rebuilds the file.
    ///
    /// # Errors
    /// If it is missing, not CSV, or has rows of different lengths.
    pub fn read(directory: &Path, name: &str, remedy: &str) -> Result<Self, ReadError> {
        let path = directory.join(name);
        if !path.exists() {
            return Err(ReadError::Missing {
                path,
                remedy: remedy.to_owned(),
            });
        }
        let text = files::read_text(&path, MAX_BYTES)?;
        Self::parse(&path, &text, remedy)
    }

    /// As [`Table::read`], from the text of the file `path`.
    ///
    /// # Errors
    /// If it is not CSV, or has rows of different lengths.
    pub fn parse(path: &Path, text: &str, remedy: &str) -> Result<Self, ReadError> {
        let mut table = Self {
            path: path.to_owned(),
            remedy: remedy.to_owned(),
            header: Vec::new(),
            rows: Vec::new(),
            lines: Vec::new(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.map_err(|e| {
                let line = e.position().map_or(1, csv::Position::line);
                table.problem(
                    line,
                    "this row has more or fewer cells than the header".into(),
                )
            })?;
            if (table.rows.len() + 1).saturating_mul(record.len()) > limits::TABLE_CELLS {
                let line = record.position().map_or(1, csv::Position::line);
                let limit = limits::TABLE_CELLS;
                return Err(table.problem(line, format!("the table has more than {limit} cells")));
            }
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if table.header.is_empty() {
                table.header = cells;
            } else {
                table.rows.push(cells);
                table
                    .lines
                    .push(record.position().map_or(0, csv::Position::line));
            }
        }
        if table.header.is_empty() {
            return Err(table.problem(1, "the file is empty".into()));
        }
        Ok(table)
    }

    /// Reads a table that need not be there.
    ///
    /// # Errors
    /// As [`Table::read`], a missing file aside.
    pub fn read_if_there(
        directory: &Path,
        name: &str,
        remedy: &str,
    ) -> Result<Option<Self>, ReadError> {
        match Self::read(directory, name, remedy) {
            Err(ReadError::Missing { .. }) => Ok(None),
            table => table.map(Some),
        }
    }

    fn problem(&self, line: u64, problem: String) -> ReadError {
        ReadError::Malformed {
            path: self.path.clone(),
            line,
            problem,
            remedy: self.remedy.clone(),
        }
    }

    /// An error about a row.
    pub fn wrong(&self, row: usize, problem: impl Into<String>) -> ReadError {
        self.problem(self.lines.get(row).copied().unwrap_or(1), problem.into())
    }

    /// The number of a column.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn column(&self, name: &str) -> Result<usize, ReadError> {
        self.find(name)
            .ok_or_else(|| self.problem(1, format!("there is no column `{name}`")))
    }

    /// The number of a column that need not be there.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// A cell's number, which may be non-finite; none where the cell is empty.
    ///
    /// # Errors
    /// If it is something else.
    pub fn value(&self, row: usize, column: usize) -> Result<Option<f64>, ReadError> {
        let cell = &self.rows[row][column];
        if cell.is_empty() {
            return Ok(None);
        }
        let number = cell.parse().map_err(|_| {
            let name = &self.header[column];
            self.wrong(row, format!("`{name}` is `{}`, not a number", short(cell)))
        })?;
        Ok(Some(number))
    }

    /// A cell's number; none where the cell is empty or non-finite.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>, ReadError> {
        let value = self.value(row, column)?;
        Ok(value.filter(|number| number.is_finite()))
    }

    /// The whole number in a cell; `None` if the cell is empty.
    ///
    /// # Errors
    /// If it is something else.
    pub fn whole<N: FromStr>(&self, row: usize, column: usize) -> Result<Option<N>, ReadError> {
        let cell = &self.rows[row][column];
        if cell.is_empty() {
            return Ok(None);
        }
        let number = cell.parse().map_err(|_| {
            let name = &self.header[column];
            self.wrong(
                row,
                format!("`{name}` is `{}`, not a whole number", short(cell)),
            )
        })?;
        Ok(Some(number))
    }

    /// A cell's word, one of an enumeration's as serde calls them; none where the cell is empty.
    ///
    /// # Errors
    /// If it is no such word.
    pub fn word<'a, W: Deserialize<'a>>(
        &'a self,
        row: usize,
        column: usize,
    ) -> Result<Option<W>, ReadError> {
        let cell = self.rows[row][column].as_str();
        if cell.is_empty() {
            return Ok(None);
        }
        let word: StrDeserializer<'a, WordError> = cell.into_deserializer();
        W::deserialize(word).map(Some).map_err(|_| {
            let name = &self.header[column];
            self.wrong(
                row,
                format!("`{name}` is `{}`, which is none of its words", short(cell)),
            )
        })
    }

    /// The numbers of a column.
    ///
    /// # Errors
    /// As [`Table::column`] and [`Table::number`].
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, ReadError> {
        let column = self.column(name)?;
        (0..self.rows.len())
            .map(|row| self.number(row, column))
            .collect()
    }

    /// The texts of a column.
    ///
    /// # Errors
    /// As [`Table::column`].
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, ReadError> {
        let column = self.column(name)?;
        Ok(self.rows.iter().map(|row| row[column].as_str()).collect())
    }
}

fn short(cell: &str) -> String {
    let mut text: String = visible(cell).chars().take(40).collect();
    if cell.chars().count() > 40 {
        text.push('…');
    }
    text
}

/// A number as all tables have it: the shortest text that reads back the same.
pub fn number(x: f64) -> String {
    format!("{x:?}")
}

/// A number to `places` decimals, without trailing zeros.
pub fn decimals(x: f64, places: usize) -> String {
    let text = format!("{x:.places$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// The median of values with the bootstrap's 95 % interval, to three decimals: `0.5 (0.25 to 0.75)`. One value has no
/// interval, and no value is `-`.
pub fn median_cell(values: &[f64]) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let (low, high) = median_interval(values);
    let [median, low, high] = [median(values), low, high].map(|x| decimals(x, 3));
    if values.len() == 1 {
        median
    } else {
        format!("{median} ({low} to {high})")
    }
}

/// The bytes of a table; a row is a tuple or a struct with the header's fields in its order.
///
/// # Errors
/// If a row has more or fewer cells than the header.
pub fn to_csv<H: AsRef<[u8]>, R: Serialize>(
    header: &[H],
    rows: impl IntoIterator<Item = R>,
) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let other = |e: csv::Error| io::Error::other(e.to_string());
    writer.write_record(header).map_err(other)?;
    for row in rows {
        writer.serialize(row).map_err(other)?;
    }
    writer
        .into_inner()
        .map_err(|e| io::Error::other(e.to_string()))
}

/// As [`to_csv`], into a file that is whole or not there at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_csv<R: Serialize>(
    path: &Path,
    header: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<(), FileError> {
    let bytes = to_csv(header, rows).map_err(FileError::new("write", path))?;
    files::write_atomically(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_as_many_as_asked_for() {
        let texts = [0.0, 4e-4, -4e-5, 0.97549, 120.0, f64::NAN].map(|x| decimals(x, 4));
        assert_eq!(texts, ["0", "0.0004", "0", "0.9755", "120", "NaN"]);
        assert_eq!(decimals(120.4, 0), "120");
    }

    #[test]
    fn a_median_has_its_interval_where_there_is_one() {
        let cells = [&[][..], &[0.5], &[0.25, 0.25, 0.25]].map(median_cell);
        assert_eq!(cells, ["-", "0.5", "0.25 (0.25 to 0.25)"]);
    }
}
