//! The parts of a page. Every text goes through [`markup`]; nothing is loaded from elsewhere.

use crate::figures::Figure;
use crate::figures::svg;
use crate::results::Table;
use base::escape::markup;
pub use base::numbers::four_digits as number;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");

/// A whole page around its sections.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         {body}<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        markup(title)
    )
}

/// A heading with what follows it; nothing where nothing follows.
pub fn section(title: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<h2>{}</h2>\n{content}", markup(title))
}

/// A paragraph of a class (empty: none).
pub fn paragraph(class: &str, text: &str) -> String {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    format!("<p{class}>{}</p>\n", markup(text))
}

/// A list of sentences.
pub fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items
        .iter()
        .map(|item| format!("<li>{}</li>\n", markup(item)))
        .collect();
    format!("<ul>\n{items}</ul>\n")
}

/// Text as it is, lines kept.
pub fn verbatim(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(markup).collect();
    format!("<pre><code>{}</code></pre>\n", lines.join("\n"))
}

/// Figures with their captions.
pub fn figures(figures: &[Figure]) -> String {
    figures
        .iter()
        .map(|figure| {
            format!(
                "<figure>\n<h3>{}</h3>\n{}<figcaption>{} (From {}.)</figcaption>\n</figure>\n",
                markup(&figure.title),
                svg::inline(&figure.scene, &figure.title, &figure.caption),
                markup(&figure.caption),
                markup(&figure.source)
            )
        })
        .collect()
}

/// A table that a click on a heading sorts. Numbers are shown with four digits; sorting and the
/// pointer's hint have them in full.
pub fn table(title: &str, note: &str, table: &Table, most_rows: usize) -> String {
    let numeric: Vec<bool> = (0..table.header.len())
        .map(|c| {
            let cells = || {
                table
                    .rows
                    .iter()
                    .map(|row| &row[c])
                    .filter(|cell| !cell.is_empty())
            };
            cells().next().is_some() && cells().all(|cell| cell.parse::<f64>().is_ok())
        })
        .collect();
    let class = |c: usize| if numeric[c] { " class=\"n\"" } else { "" };
    let mut html = format!("<h3>{}</h3>\n", markup(title));
    if !note.is_empty() {
        html += &paragraph("note", note);
    }
    html += "<div class=\"scroll\"><table>\n<thead><tr>";
    for (c, name) in table.header.iter().enumerate() {
        let name = markup(name);
        html += &format!(
            "<th{} scope=\"col\"><button type=\"button\">{name}</button></th>",
            class(c)
        );
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in table.rows.iter().take(most_rows) {
        html += "<tr>";
        for (c, cell) in row.iter().enumerate() {
            let full = markup(cell);
            match cell.parse::<f64>() {
                Ok(x) if numeric[c] => {
                    let short = number(x);
                    html +=
                        &format!("<td class=\"n\" data-v=\"{full}\" title=\"{full}\">{short}</td>");
                }
                _ => html += &format!("<td{}>{full}</td>", class(c)),
            }
        }
        html += "</tr>\n";
    }
    html += "</tbody>\n</table></div>\n";
    if table.rows.len() > most_rows {
        let left = table.rows.len() - most_rows;
        html += &paragraph("note", &format!("{left} more rows are in the file."));
    }
    html
}

/// A share as people say it.
pub fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.001 {
        "less than 0.1 %".into()
    } else if x < 1.0 && x > 0.999 {
        "more than 99.9 %".into()
    } else {
        format!("{} %", number((x * 1000.0).round() / 10.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        let html = paragraph("", "<script>alert('1')</script> & \"\u{0}");
        assert_eq!(
            html,
            "<p>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;\\u0000</p>\n"
        );
    }
}
