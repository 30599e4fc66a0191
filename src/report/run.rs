//! The page of one run.

use std::path::Path;

use maud::{Markup, html};
use serde_json::Value as Json;

use super::certificate;
use super::circuit;
use super::findings::{self, Works};
use super::recovery;
use super::template::{self, list, section, tables, verbatim};
use super::variants;
use crate::figures;
use crate::results::documents::{json, text};
use crate::results::layout::{
    ANALYSIS, ANALYZE_RUN, CONFIG, FEATURES, INTERVENTIONS, LAYERS, POSITIONS, RUN_AGAIN, SUMMARY,
    VARIABLES, WORST_INPUTS, is_accepted_w,
};
use crate::results::summary::FinalMetrics;
use crate::results::{ReadError, Summary, Table};
use crate::run::experiment::Experiment;
use crate::run::finished::Subject;
use crate::shrink::path::SHRINK;
use base::escape::{shell, visible};
use base::numbers::{capitalised, four_digits as number};
use superposition::StopReason;
use superposition::evaluation::Evaluator;
use tracr::model::visited;

/// Worst inputs that are shown.
const WORST: usize = 5;

const TABLES: [(&str, &str, &str, &str); 5] = [
    (
        FEATURES,
        "Features",
        "norm: length of the feature's direction. dimensionality: the share of a dimension that the feature has for itself; \
         dimensionality_active: the same, counting only features that are ever active; the verdict goes by it. partner: the \
         feature that it interferes with most; partner_response: the inner product of the feature's direction, scaled to \
         length 1, with the partner's direction; max_interference: its magnitude. from_companions: squared interference, \
         divided by the squared norm, from co-occurring features (the other is active at 60 % or more of the positions \
         where the rarer one is, unless the analysis had another threshold) and from features that carry the same \
         information; from_strangers: the same from the other features that are ever active. active_share: share of all \
         positions, BOS and padding included, where the compiled value is not 0; mean_active, largest: mean and largest magnitude there. read: whether \
         anything on the way to the output reads the feature. margin: distance to the nearest threshold that would change \
         the verdict.",
        ANALYZE_RUN,
    ),
    (
        LAYERS,
        "Blocks",
        "A block is an attention or MLP layer; its output in the compressed model is compared with that in the compiled one. \
         mse: mean squared error, summed over the features, whatever the block's weight in the objective. cosine: empty for \
         a block that writes nothing.",
        ANALYZE_RUN,
    ),
    (
        VARIABLES,
        "Variables, where they are written",
        "site: what writes the variable, the embedding or a block. positions: all, or those of tokens (BOS and padding aside). \
         r2: the share of its variance that the compressed value explains (below 0: less than a constant would). r2_mapped: \
         the share that the best affine map of the compressed value explains. If r2_mapped is high and r2 is low, the \
         variable is kept in another encoding.",
        ANALYZE_RUN,
    ),
    (
        INTERVENTIONS,
        "Interventions",
        "A variable's value is replaced by its value on another input, in both models. affected: the number of token positions \
         where this changes the compiled model's output, none for a variable that is the same on all inputs; \
         accuracy_affected: the share of them where both models then agree. undecided: token positions where the compiled \
         model's output is a tie; they are not counted.",
        ANALYZE_RUN,
    ),
    (
        POSITIONS,
        "Output by position",
        "Metrics count the output at the positions of tokens alone: at BOS and at padding a class is arbitrary. \
         objective.output_positions says where the loss counts it.",
        ANALYZE_RUN,
    ),
];

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<Markup, ReadError> {
    let figures = figures::of_run(directory)?;
    let summary: Option<Summary> = json(directory, SUMMARY, RUN_AGAIN)?;
    let config = text(directory, CONFIG)?.unwrap_or_default();
    let analysis: Option<Json> = json(directory, ANALYSIS, ANALYZE_RUN)?;
    let name = summary
        .as_ref()
        .map(|summary| summary.name.as_str())
        .or(directory.file_name().and_then(|n| n.to_str()))
        .unwrap_or("run");
    let beginning = match (&summary, &analysis) {
        (Some(summary), Some(analysis)) => finished(name, summary, analysis, &config),
        (None, Some(analysis)) if is_accepted_w(directory) => accepted(directory, analysis)?,
        _ => without_result(name, directory, summary.as_ref())?,
    };
    let body = html! {
        (beginning)
        (section("Certificate", certificate::of(directory)?))
        (section("Figures", template::figures(&figures)))
        (section("Worst inputs", worst(directory)?))
        (section("Circuit", circuit::section(directory)?))
        (section("Tables", tables(directory, &TABLES)?))
        (section("Dictionaries beside the true features", recovery::content(directory)?))
        (section("Configuration", verbatim(&config)))
        (section("How to run it again", verbatim(&commands(directory))))
    };
    let footer = summary.as_ref().map_or_else(Markup::default, footer);
    let title = analysis.map_or_else(|| name.to_owned(), |analysis| heading(name, &analysis));
    Ok(template::page(&format!("{title}: report"), body, footer))
}

/// The commands that repeat a run and what was made of it.
fn commands(directory: &Path) -> String {
    let shown = directory.display().to_string();
    let config = shell(&format!("{shown}/config.toml"));
    let first = if is_accepted_w(directory) {
        format!("compress train {config} --output further    # training that begins with this W")
    } else {
        format!("compress --config {config} --output rerun    # the same run, the same bytes")
    };
    format!(
        "{first}\ncompress analyze {0}\ncompress plot {0}\ncompress report {0}",
        shell(&shown)
    )
}

fn footer(summary: &Summary) -> Markup {
    let text = format!(
        "compress {}, commit {}, {}, {}, {} threads, {} s in the training loop.",
        summary.version,
        summary.git_commit.as_deref().unwrap_or("unknown"),
        summary.engine,
        summary.cpu,
        summary.threads,
        number(summary.wall_time_seconds)
    );
    html! { footer { (visible(&text)) } }
}

/// A run that is under way, or that diverged.
fn without_result(
    name: &str,
    directory: &Path,
    summary: Option<&Summary>,
) -> Result<Markup, ReadError> {
    let answer = match summary {
        Some(summary) if summary.stop_reason == StopReason::Diverged => format!(
            "The run diverged after {} updates: its loss became non-finite, and there is no W. A lower \
             training.learning_rate.initial may help.",
            summary.steps
        ),
        Some(_) => {
            return Err(ReadError::Missing {
                path: directory.join(ANALYSIS),
                remedy: ANALYZE_RUN.into(),
            });
        }
        None => "The run is not finished: it has training curves so far, and no W yet.".into(),
    };
    Ok(html! {
        h1 { (visible(name)) }
        p.answer.bad { (visible(&answer)) }
    })
}

/// A `W` that a search for the smallest `d` accepted, evaluated here: it has no summary.
fn accepted(directory: &Path, analysis: &Json) -> Result<Markup, ReadError> {
    let found = Subject::load(directory).map_err(|problem| ReadError::Malformed {
        path: directory.join(CONFIG),
        line: 1,
        problem: problem.to_string(),
        remedy: SHRINK.into(),
    })?;
    let Experiment { config, .. } = &found.experiment;
    let evaluator = Evaluator::new(found.experiment.teacher(), found.experiment.objective());
    let last = FinalMetrics::from(&evaluator.evaluate(&found.projection.w));
    let (works, answer) = findings::answer(Some(&last), analysis, None);
    let (d, width) = (found.projection.width(), found.experiment.model.width());
    let mut said = vec![format!(
        "d = {d} of D = {width}: a W that compress shrink accepted on its way to the smallest d, over {}.",
        inputs_of(analysis)
    )];
    said.push(ranks(analysis));
    said.extend(findings::all(analysis, works));
    Ok(html! {
        h1 { (visible(&config.name)) }
        p.question { (visible(&question(analysis))) }
        p.answer.bad[works == Works::No] { (visible(&answer)) }
        (section("What was found", list(&said)))
    })
}

/// What the page of a `W` answers.
fn question(analysis: &Json) -> String {
    format!(
        "Does {} still work when its residual stream of {} features is squeezed into {} dimensions, and what became of the \
         features?",
        analysis["program"].as_str().unwrap_or("unknown"),
        analysis["width"].as_u64().unwrap_or(0),
        analysis["dim"].as_u64().unwrap_or(0),
    )
}

/// `all 1024 inputs`.
fn inputs_of(analysis: &Json) -> String {
    let inputs = analysis["inputs"].as_u64().unwrap_or(0);
    if analysis["inputs_are_all"].as_bool() == Some(true) {
        format!("all {inputs} inputs")
    } else {
        format!("{inputs} inputs that no training batch contains")
    }
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

fn finished(name: &str, summary: &Summary, analysis: &Json, config: &str) -> Markup {
    let whole = |key: &str| analysis[key].as_u64().unwrap_or(0);
    let (d, width) = (whole("dim"), whole("width"));
    let ending = summary.ending;
    let (works, answer) = findings::answer(summary.last.as_ref(), analysis, ending.as_ref());
    let mut found = vec![format!(
        "d = {d} of D = {width}, seed {}, {} updates; metrics are over {}.",
        whole("seed"),
        summary.steps,
        inputs_of(analysis),
    )];
    found.push(ranks(analysis));
    let remark = ending.and_then(|ending| ending.remark());
    found.extend(remark.map(|remark| format!("{}.", capitalised(&remark))));
    found.extend(variants::notes(config));
    found.extend(findings::all(analysis, works));
    html! {
        h1 { (visible(&heading(name, analysis))) }
        p.question { (visible(&question(analysis))) }
        p.answer.bad[works == Works::No] { (visible(&answer)) }
        (section("What was found", list(&found)))
    }
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
fn worst(directory: &Path) -> Result<Markup, ReadError> {
    let Some(table) = Table::read_if_there(directory, WORST_INPUTS, ANALYZE_RUN)? else {
        return Ok(Markup::default());
    };
    let ranks = table.numbers("rank")?;
    let columns = ["position", "token", "expected", "found"];
    let cells: Vec<Vec<&str>> = columns
        .iter()
        .map(|c| table.texts(c))
        .collect::<Result<_, _>>()?;
    let right = table.texts("right")?;
    let inputs: Vec<Vec<usize>> = (1..=WORST)
        .map(|rank| {
            (0..ranks.len())
                .filter(|&r| ranks[r] == Some(rank as f64))
                .collect()
        })
        .take_while(|rows: &Vec<usize>| !rows.is_empty())
        .collect();
    if inputs.is_empty() {
        return Ok(Markup::default());
    }
    Ok(html! {
        p.note {
            "The inputs with the largest errors (numerical output) or the smallest lead of the right class (categorical \
             output), token by token: the output of the compiled model (expected) and of the compressed one (found). Wrong \
             outputs are in bold red. worst_inputs.csv has more inputs."
        }
        @for rows in &inputs {
            .scroll {
                table {
                    tbody {
                        @for (&name, column) in columns.iter().zip(&cells) {
                            tr {
                                th scope="row" { (name) }
                                @for &row in rows {
                                    td.n.wrong[name == "found" && right[row] == "false"] {
                                        (visible(&shown(name, column[row])))
                                    }
                                }
                            }
                            "\n"
                        }
                    }
                }
            }
        }
    })
}

/// A cell of a column of `worst_inputs.csv`.
fn shown(column: &str, cell: &str) -> String {
    match cell.parse::<f64>() {
        // A compiled 0 that the softmax left at 1e-16 is a 0 to the reader.
        Ok(x) if ["expected", "found"].contains(&column) => {
            number(if x.abs() < 1e-9 { 0.0 } else { x })
        }
        _ => cell.to_owned(),
    }
}
