//! What both pages are made of. Text from elsewhere goes through [`visible`], which shows what has no shape of its
//! own, and the templates escape it; a page loads nothing.

use std::path::Path;

use base::escape::visible;
use base::numbers::four_digits;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::glossary;
use crate::figures::{Figure, svg};
use crate::results::{ReadError, Table};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");
/// Rows of a table that a page shows.
const MOST_ROWS: usize = 1000;

/// A whole page around its sections; the terms that they use are explained after them.
pub fn page(title: &str, body: Markup, footer: Markup) -> Markup {
    let terms = section("Terms", glossary::of(&body));
    html! {
        (DOCTYPE) "\n"
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { (visible(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                (terms)
                (footer)
                script { (PreEscaped(SCRIPT)) }
            }
        }
        "\n"
    }
}

/// A heading with what follows it; nothing where nothing follows.
pub fn section(title: &str, content: Markup) -> Markup {
    html! {
        @if !content.0.is_empty() {
            h2 { (title) } "\n"
            (content) "\n"
        }
    }
}

/// A list of sentences.
pub fn list(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            ul {
                @for sentence in sentences {
                    li { (visible(sentence)) } "\n"
                }
            }
        }
    }
}

/// Text as it is, lines kept.
pub fn verbatim(text: &str) -> Markup {
    let lines: Vec<_> = text.lines().map(visible).collect();
    html! { pre { code { (lines.join("\n")) } } }
}

/// Figures with their captions.
pub fn figures(figures: &[Figure]) -> Markup {
    html! {
        @for figure in figures {
            figure {
                h3 { (visible(&figure.title)) }
                (PreEscaped(svg::inline(&figure.scene, &figure.title, &figure.caption)))
                figcaption { (visible(&figure.caption)) " (From " (visible(&figure.source)) ".)" }
            }
        }
    }
}

/// The tables of a directory that are there: of each its file, its title, a note (may be empty), and what
/// rebuilds the file.
pub fn tables(directory: &Path, tables: &[(&str, &str, &str, &str)]) -> Result<Markup, ReadError> {
    tables_of(directory, tables, |_, _| true)
}

/// The same, of the columns to show: by file and name.
///
/// # Errors
/// If one is garbled.
pub fn tables_of(
    directory: &Path,
    tables: &[(&str, &str, &str, &str)],
    is_shown: impl Fn(&str, &str) -> bool,
) -> Result<Markup, ReadError> {
    Ok(html! {
        @for (file, title, note, remedy) in tables {
            @if let Some(table) = Table::read_if_there(directory, file, remedy)? {
                @let table = table.columns(|name| is_shown(file, name));
                h3 { (title) " (" (file) ")" }
                @if !note.is_empty() {
                    p.note { (note) }
                }
                (sortable(&table))
            }
        }
    })
}

/// A table that a click on a heading sorts. Numbers are shown with four digits; sorting and the
/// pointer's hint have them in full.
fn sortable(table: &Table) -> Markup {
    let numeric: Vec<bool> = (0..table.header.len())
        .map(|column| is_numeric(table, column))
        .collect();
    let left = table.rows.len().saturating_sub(MOST_ROWS);
    html! {
        .scroll {
            table {
                thead {
                    tr {
                        @for (name, &numeric) in table.header.iter().zip(&numeric) {
                            th class=[numeric.then_some("n")] scope="col" title=[glossary::meaning(name)] {
                                button type="button" { (visible(name)) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in table.rows.iter().take(MOST_ROWS) {
                        tr {
                            @for (cell, &numeric) in row.iter().zip(&numeric) {
                                (table_cell(cell, numeric))
                            }
                        }
                        "\n"
                    }
                }
            }
        }
        @if left > 0 {
            p.note { (left) " more rows are in the file." }
        }
    }
}

/// Whether a column has numbers and nothing else beside empty cells.
fn is_numeric(table: &Table, column: usize) -> bool {
    let mut cells = table
        .rows
        .iter()
        .map(|row| &row[column])
        .filter(|cell| !cell.is_empty())
        .peekable();
    cells.peek().is_some() && cells.all(|cell| cell.parse::<f64>().is_ok())
}

fn table_cell(cell: &str, numeric: bool) -> Markup {
    match cell.parse::<f64>() {
        Ok(x) if numeric => html! { td.n data-v=(cell) title=(cell) { (four_digits(x)) } },
        _ => html! { td class=[numeric.then_some("n")] { (visible(cell)) } },
    }
}
