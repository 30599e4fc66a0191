//! The page of one run.

use std::path::Path;

use serde_json::Value as Json;

use super::findings::{self, Works};
use super::html::{self, number};
use super::variants;
use crate::figures;
use crate::results::documents::{json, text};
use crate::results::layout::{
    ANALYSIS, ANALYZE_RUN, CONFIG, FEATURES, INTERVENTIONS, LAYERS, POSITIONS, RUN_AGAIN, SUMMARY,
    VARIABLES, WORST_INPUTS,
};
use crate::results::{ReadError, Summary, Table};
use base::escape::{markup, shell};
use base::numbers::capitalised;
use superposition::StopReason;
use tracr::model::visited;

/// Worst inputs that are shown.
const WORST: usize = 5;

const TABLES: [(&str, &str, &str); 5] = [
    (
        FEATURES,
        "Features",
        "norm: length of the direction; dimensionality: share of a dimension that the feature has for itself; \
         dimensionality_active: the same among the features that are ever active, which the verdict goes by; \
         partner: the feature that it interferes most with, partner_response (its magnitude: max_interference): the inner \
         product of the feature's direction, scaled to length 1, with the partner's; from_companions, from_strangers: squared interference, divided by the squared norm, from features that \
         mostly occur together with it (the rarer of the two accompanied in at least 60 % of its positions, unless the \
         analysis was told otherwise) or carry the same information, and from others; active_share: share of positions where the \
         compiled value is not 0, mean_active and largest: its magnitude there; read: whether anything on the way to the \
         output reads it; margin: how far the nearest threshold is that would change the verdict.",
    ),
    (
        LAYERS,
        "Blocks",
        "mse: mean squared error, summed over the features, whatever the block's weight in the objective; \
         cosine: empty for a dead block.",
    ),
    (
        VARIABLES,
        "Variables, where they are written",
        "r2: share of the variance that the compressed value explains as it is (below 0: less than a constant \
         would); r2_mapped: what the best affine map of it explains. If r2_mapped is high and r2 low, the variable is \
         kept in another encoding.",
    ),
    (
        INTERVENTIONS,
        "Interventions",
        "A variable's value is replaced by its value on another input, in both models. accuracy_affected: how \
         often both then agree, where the exchange changes the compiled model's output; affected: at how many positions; a \
         variable that is the same on all inputs has none and is not tested. undecided: positions where that output is a \
         tie, which do not count.",
    ),
    (POSITIONS, "Output by position", ""),
];

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<String, ReadError> {
    let figures = figures::of_run(directory)?;
    let summary: Option<Summary> = json(directory, SUMMARY, RUN_AGAIN)?;
    let config = text(directory, CONFIG)?.unwrap_or_default();
    let analysis: Option<Json> = json(directory, ANALYSIS, ANALYZE_RUN)?;
    let name = summary
        .as_ref()
        .map(|summary| summary.name.as_str())
        .or(directory.file_name().and_then(|n| n.to_str()))
        .unwrap_or("run");
    let mut body = String::new();
    match (&summary, &analysis) {
        (Some(summary), Some(analysis)) => body += &finished(name, summary, analysis, &config),
        _ => body += &without_result(name, directory, summary.as_ref())?,
    }
    body += &html::section("Figures", &html::figures(&figures));
    body += &html::section("Worst inputs", &worst(directory)?);
    let mut tables = String::new();
    for (file, title, note) in TABLES {
        if let Some(table) = Table::read_if_there(directory, file, ANALYZE_RUN)? {
            tables += &html::table(&format!("{title} ({file})"), note, &table, 1000);
        }
    }
    body += &html::section("Tables", &tables);
    body += &html::section("Configuration", &html::verbatim(&config));
    let shown = directory.display().to_string();
    let again = format!(
        "compress --config {0} --output again    # the same run, the same bytes\n\
         compress analyze {1}\ncompress plot {1}\ncompress report {1}",
        shell(&format!("{shown}/config.toml")),
        shell(&shown)
    );
    body += &html::section("How to run it again", &html::verbatim(&again));
    if let Some(summary) = &summary {
        body += &footer(summary);
    }
    let title = analysis.map_or_else(|| name.to_owned(), |analysis| heading(name, &analysis));
    Ok(html::page(&format!("{title}: what happened"), &body))
}

fn footer(summary: &Summary) -> String {
    format!(
        "<footer>{}</footer>\n",
        markup(&format!(
            "compress {}, commit {}, {}, {}, {} threads, {} s in the training loop.",
            summary.version,
            summary.git_commit.as_deref().unwrap_or("unknown"),
            summary.engine,
            summary.cpu,
            summary.threads,
            number(summary.wall_time_seconds)
        ))
    )
}

/// A run that is under way, or that diverged.
fn without_result(
    name: &str,
    directory: &Path,
    summary: Option<&Summary>,
) -> Result<String, ReadError> {
    let answer = match summary {
        Some(summary) if summary.stop_reason == StopReason::Diverged => format!(
            "The run diverged after {} updates: its loss was no longer a number, and it left no W. A lower \
             training.learning_rate.initial may help.",
            summary.steps
        ),
        Some(_) => {
            return Err(ReadError::Missing {
                path: directory.join(ANALYSIS),
                remedy: ANALYZE_RUN.into(),
            });
        }
        None => "The run is not finished: there are training curves so far, and no W yet.".into(),
    };
    Ok(format!(
        "<h1>{}</h1>\n{}",
        markup(name),
        html::paragraph("answer bad", &answer)
    ))
}

/// The program and `d`; and the run's name, where that says something else.
fn heading(name: &str, analysis: &Json) -> String {
    let program = analysis["program"].as_str().unwrap_or("unknown");
    let heading = format!("{program}, d = {}", analysis["dim"].as_u64().unwrap_or(0));
    if name == program {
        heading
    } else {
        format!("{heading} ({name})")
    }
}

fn finished(name: &str, summary: &Summary, analysis: &Json, config: &str) -> String {
    let word = |key: &str| analysis[key].as_str().unwrap_or("unknown");
    let whole = |key: &str| analysis[key].as_u64().unwrap_or(0);
    let (d, width) = (whole("dim"), whole("width"));
    let question = format!(
        "Does {} still work when its residual stream of {width} features is squeezed into {d} dimensions by one \
         matrix W, and what became of the features?",
        word("program")
    );
    let ending = summary.ending;
    let (works, answer) = findings::answer(summary.last.as_ref(), analysis, ending.as_ref());
    let inputs = if analysis["inputs_are_all"].as_bool() == Some(true) {
        format!("all {} inputs", whole("inputs"))
    } else {
        format!("{} inputs that no training batch contains", whole("inputs"))
    };
    let mut html = format!("<h1>{}</h1>\n", markup(&heading(name, analysis)));
    html += &html::paragraph("question", &question);
    html += &html::paragraph(
        if works == Works::No {
            "answer bad"
        } else {
            "answer"
        },
        &answer,
    );
    let mut found = vec![format!(
        "d = {d} of D = {width}, seed {}, {} updates; metrics are over {inputs}.",
        whole("seed"),
        summary.steps,
    )];
    found.push(ranks(analysis));
    let remark = ending.and_then(|ending| ending.remark());
    found.extend(remark.map(|remark| format!("{}.", capitalised(&remark))));
    found.extend(variants::notes(config));
    found.extend(findings::all(analysis, works));
    html + &html::section("What was found", &html::list(&found))
}

/// The rank of `G` beside that of the visited states; an older analysis knew neither of these two.
fn ranks(analysis: &Json) -> String {
    let whole = |key: &str| analysis[key].as_u64();
    let of_gram = whole("gram_rank").unwrap_or(0);
    match (whole("read_rank"), whole("activation_rank")) {
        (Some(read), Some(all)) => {
            let (read, all) = (read as usize, all as usize);
            let states = visited::sentence(read, all);
            if whole("dim") == Some(of_gram) {
                states
            } else {
                format!("{states} G has rank {of_gram}.")
            }
        }
        _ => format!("G has rank {of_gram}."),
    }
}

/// The worst inputs, token by token, from `worst_inputs.csv`.
fn worst(directory: &Path) -> Result<String, ReadError> {
    let Some(table) = Table::read_if_there(directory, WORST_INPUTS, ANALYZE_RUN)? else {
        return Ok(String::new());
    };
    let ranks = table.numbers("rank")?;
    let columns = ["position", "token", "expected", "found"];
    let cells: Vec<Vec<&str>> = columns
        .iter()
        .map(|c| table.texts(c))
        .collect::<Result<_, _>>()?;
    let right = table.texts("right")?;
    let mut html = String::new();
    for rank in 1..=WORST {
        let rows: Vec<usize> = (0..ranks.len())
            .filter(|&r| ranks[r] == Some(rank as f64))
            .collect();
        if rows.is_empty() {
            break;
        }
        html += "<div class=\"scroll\"><table>\n<tbody>\n";
        for (name, column) in columns.iter().zip(&cells) {
            html += &format!("<tr><th scope=\"row\">{name}</th>");
            for &row in &rows {
                let short = match column[row].parse::<f64>() {
                    // A compiled 0 that the softmax left at 1e-16 is a 0 to the reader.
                    Ok(x) if ["expected", "found"].contains(name) => {
                        number(if x.abs() < 1e-9 { 0.0 } else { x })
                    }
                    _ => column[row].to_owned(),
                };
                let wrong = *name == "found" && right[row] == "false";
                html += &format!(
                    "<td class=\"n{}\">{}</td>",
                    if wrong { " wrong" } else { "" },
                    markup(&short)
                );
            }
            html += "</tr>\n";
        }
        html += "</tbody>\n</table></div>\n";
    }
    if html.is_empty() {
        return Ok(html);
    }
    Ok(html::paragraph(
        "note",
        "The inputs with the largest errors (numbers) or the smallest lead of the right class, token by token: what the \
         compiled model says (expected) and the compressed one (found); what is wrong is set in bold red. More are in \
         worst_inputs.csv.",
    ) + &html)
}
