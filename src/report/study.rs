//! The page of a study.

use std::path::Path;

use serde_json::Value as Json;

use super::html::{self, number};
use super::{count, json, study_answer, text};
use crate::analysis::answer::group_name;
use crate::escape::{markup, shell};
use crate::figures;
use crate::figures::table::{FigureError, Table};

const ANALYZE: &str = "`compress analyze DIR` makes it again from the runs";
const COLLECT: &str = "`compress sweep --collect DIR` makes it again from the runs";

/// `study_verdicts.csv` and `study_metrics.csv` are long, and drawn.
const TABLES: [(&str, &str, &str, &str); 4] = [
    (
        "critical_widths.csv",
        "Smallest sufficient d",
        "critical_d: the smallest d that suffices: there and at every larger d tried, the median over seeds is \
         within the tolerance. low, high: 95 % interval over seeds. Empty: no d that was tried suffices, or the \
         runs were not trained long enough to tell (column ending of runs.csv).",
        ANALYZE,
    ),
    (
        "summary.csv",
        "Grid points",
        "Statistics over the seeds of each point; ci: 95 % bootstrap interval of the mean; median_low, median_high: of the \
         median.",
        COLLECT,
    ),
    (
        "runs.csv",
        "Runs",
        "ending: how a training ended. learned: its error is below 5 % of the best constant answer's; falling: not \
         learned, and its loss was still falling; stuck: not learned, and its loss fell no longer; unclear: too few \
         logged steps to tell.",
        COLLECT,
    ),
    (
        "reference_agreement.csv",
        "Agreement of G with the reference",
        "",
        ANALYZE,
    ),
];

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<String, FigureError> {
    let figures = figures::of_study(directory)?;
    let analysis = json(directory, "analysis.json", ANALYZE)?;
    let record = text(directory, "study.toml")?;
    let parsed: Option<toml::Table> = record.as_ref().and_then(|t| t.parse().ok());
    let word = |key: &str| parsed.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let name = word("name")
        .or_else(|| Some(directory.file_name()?.to_str()?.to_owned()))
        .unwrap_or_else(|| "study".into());
    let mut body = format!("<h1>{}</h1>\n", markup(&name));
    let question = word("question").unwrap_or_else(|| {
        "How small can d be before the compressed model stops working, and what becomes of its features?".into()
    });
    body += &html::paragraph("question", &question);
    let answer = study_answer::of(directory, analysis.as_ref())?;
    body += &html::paragraph("answer", &answer.sentences.join(" "));
    let mut found = answer.more;
    found.extend(runs(directory)?);
    match &analysis {
        Some(analysis) => found.extend(agreement(directory, analysis)),
        None => found.push(
            "The runs have not been analysed together: `compress analyze DIR` adds faithfulness, verdicts and \
             the agreement between seeds."
                .into(),
        ),
    }
    body += &html::section("What was found", &html::list(&found));
    body += &html::section("Figures", &html::figures(&figures));
    let mut tables = String::new();
    for (file, title, note, remedy) in TABLES {
        if let Some(table) = Table::read_if_there(directory, file, remedy)? {
            tables += &html::table(&format!("{title} ({file})"), note, &table, 1000);
        }
    }
    body += &html::section("Tables", &tables);
    let shown = directory.display().to_string();
    let mut again = String::new();
    if let Some(record) = &record {
        // The list of runs repeats what the tables say.
        let head: Vec<&str> = record
            .lines()
            .take_while(|l| !l.starts_with("[[run]]"))
            .collect();
        body += &html::section("Configuration", &html::verbatim(&head.join("\n")));
        again += "compress sweep STUDY.toml    # the file that the study was started with: missing runs only\n";
        again += &format!(
            "compress sweep --collect {}    # both tables from the runs\n",
            shell(&shown)
        );
    } else {
        again += "compress --config RUN/config.toml --output again    # any of the runs, the same bytes\n";
    }
    again += &format!(
        "compress analyze {0}\ncompress plot {0}\ncompress report {0}\n\
         compress report {1}    # the page of one run",
        shell(&shown),
        shell(&format!("{shown}/RUN"))
    );
    body += &html::section("How to run it again", &html::verbatim(&again));
    body += &format!("<footer>compress {}</footer>\n", env!("CARGO_PKG_VERSION"));
    Ok(html::page(&format!("{name}: what happened"), &body))
}

/// How many runs there are, and which failed.
fn runs(directory: &Path) -> Result<Vec<String>, FigureError> {
    let Some(table) = Table::read_if_there(directory, "runs.csv", COLLECT)? else {
        return Ok(Vec::new());
    };
    let (names, reasons) = (table.texts("run")?, table.texts("stop_reason")?);
    let completed = reasons.iter().filter(|r| **r == "completed").count();
    let mut found = vec![format!(
        "{completed} of {} that {} over {} completed.",
        count(names.len(), "run"),
        if names.len() == 1 { "is" } else { "are" },
        if completed == 1 { "was" } else { "were" }
    )];
    let others: Vec<String> = names
        .iter()
        .zip(&reasons)
        .filter(|(_, reason)| **reason != "completed")
        .take(20)
        .map(|(name, reason)| format!("{name} ({reason})"))
        .collect();
    if !others.is_empty() {
        found.push(format!("Without a result: {}.", others.join("; ")));
    }
    Ok(found)
}

/// Whether seeds agree on `G`, with each other and with a reference.
fn agreement(directory: &Path, analysis: &Json) -> Vec<String> {
    let mut found = Vec::new();
    if !directory.join("runs.csv").exists() {
        let runs = analysis["runs"].as_u64().unwrap_or(0) as usize;
        found.push(format!(
            "{} analysed.",
            if runs == 1 {
                "1 run was".to_owned()
            } else {
                format!("{runs} runs were")
            }
        ));
    }
    let agreement = analysis["gram_agreement"].as_array();
    let mut by_group: Vec<(&str, Vec<(u64, f64)>)> = Vec::new();
    for row in agreement.into_iter().flatten() {
        let (Some(group), Some(d), Some(median)) = (
            row["group"].as_str(),
            row["d"].as_u64(),
            row["median_correlation"].as_f64(),
        ) else {
            continue;
        };
        match by_group.last_mut() {
            Some((known, values)) if *known == group => values.push((d, median)),
            _ => by_group.push((group, vec![(d, median)])),
        }
    }
    let by = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
    for (group, values) in &by_group {
        let who = if *group == "all" {
            "Seeds".to_owned()
        } else {
            format!("{}: seeds", group_name(group))
        };
        if let [(d, median)] = values[..] {
            found.push(format!(
                "{who} agree on G at d = {d} with a median correlation of {}.",
                number(median)
            ));
        } else if let (Some(low), Some(high)) = (values.iter().min_by(by), values.iter().max_by(by))
        {
            found.push(format!(
                "{who} agree on G with a median correlation of {} (d = {}) to {} (d = {}).",
                number(low.1),
                low.0,
                number(high.1),
                high.0
            ));
        }
    }
    if let Some(median) = analysis["reference_median"].as_f64() {
        found.push(format!(
            "The median correlation of G with the reference is {}.",
            number(median)
        ));
    }
    found
}
