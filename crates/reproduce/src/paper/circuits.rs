//! What `d` costs the estimates of a circuit: exact patching, and attribution by gradients.

use std::collections::{BTreeMap, HashMap};

use super::estimate::Estimate;
use super::study::Source;
use super::writer::Writer;
use base::numbers::listed;
use tracr_compress::circuit::study::{CIRCUIT_SCORES, JUDGE_STUDY};
use tracr_compress::config::keys::{DIM, PROGRAM};
use tracr_compress::figures::{self, Figure};
use tracr_compress::results::runs::ENDING;
use tracr_compress::results::{ReadError, Table};

const STUDY: &str = "circuits";
/// The baselines as they stand in the table, and what they are called here.
const BASELINES: [(&str, &str); 3] = [
    ("patching", "patching"),
    ("eap", "EAP"),
    ("eap_ig", "EAP-IG"),
];
const MEASURES: [(&str, &str); 2] = [("auroc_varying", "AUROC"), ("faithfulness", "faithfulness")];

/// The section.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Circuits");
    writer.paragraph(
        "The true edges of a compiled model are known (`docs/circuits.md`), and in a compressed model the edges of the \
         compiled one are what it should use. Three baselines score every edge of a model: exact patching of the edge, \
         attribution by its gradient (EAP), and by the gradient along the way from one input to the other (EAP-IG). AUROC \
         says how well the scores rank the true edges above all others, among those that carry something that varies; 0.5 is \
         chance. The circuit of a baseline has as many of its highest scores as there are true edges; its faithfulness is \
         the share of the model's change of output that it keeps. `D` is the compiled model. The trainings are short and from \
         random starts: `learned` says how many of them work, and the medians are over all of them.",
    );
    let Some(study) = writer.study(STUDY)? else {
        return Ok(());
    };
    let directory = writer.results().join(STUDY);
    let compiled = Table::read(&directory, CIRCUIT_SCORES, JUDGE_STUDY)?;
    let mut header: Vec<String> = ["program", "d", "learned"].map(str::to_owned).into();
    for (_, measure) in MEASURES {
        header.extend(BASELINES.iter().map(|(_, b)| format!("{measure}, {b}")));
    }
    let mut table = vec![header];
    let mut pooled = Pooled::default();
    for program in study.levels(&[], PROGRAM)? {
        let name = program.rsplit('/').next().unwrap_or(&program);
        let name = name.trim_end_matches(".rasp");
        let widths = study.levels(&[(PROGRAM, program.as_str())], DIM)?;
        let last = widths.len();
        for (place, d) in widths.iter().enumerate() {
            let setting = [(PROGRAM, program.as_str()), (DIM, d.as_str())];
            let values = |column, baseline| {
                let keep = [("scores", baseline)];
                study.values(&setting, &Source::of(CIRCUIT_SCORES, column, &keep))
            };
            let endings = study.values(&setting, &LEARNED)?;
            let learned = endings.iter().sum::<f64>();
            let mut cells = vec![
                format!("`{name}`"),
                d.clone(),
                format!("{learned} of {}", endings.len()),
            ];
            for measure in MEASURES {
                for baseline in BASELINES {
                    let values = values(measure.0, baseline.0)?;
                    let setting = format!("{name}, d = {d}");
                    cells.push(entry(writer, &setting, measure, baseline, &values));
                    pooled.add(place, measure, baseline, values);
                }
            }
            table.push(cells);
        }
        let mut cells = vec![format!("`{name}`"), "D".to_owned(), String::new()];
        for measure in MEASURES {
            for baseline in BASELINES {
                let values = of_compiled(&compiled, name, measure.0, baseline.0)?;
                let setting = format!("{name}, compiled");
                cells.push(entry(writer, &setting, measure, baseline, &values));
                pooled.add(last, measure, baseline, values);
            }
        }
        table.push(cells);
    }
    writer.table(&table);
    if let Some(figure) = figures::circuit_scores(&directory)? {
        writer.figure(&Figure {
            name: "REPORT_circuits".into(),
            ..figure
        });
    }
    pooled.write(writer);
    writer.colophon(&study, &[])
}

/// 1 of a run that learned, else 0.
const LEARNED: Source<'_> =
    Source::of_run(ENDING).valued(|ending| Some(f64::from(ending == "learned")));

/// Files a figure and says it.
fn entry(
    writer: &mut Writer,
    setting: &str,
    (_, measure): (&str, &str),
    (_, baseline): (&str, &str),
    values: &[f64],
) -> String {
    let found = Estimate::new(values);
    writer.file(STUDY, setting, &format!("{measure}, {baseline}"), found);
    found.map_or_else(String::new, |found| found.text())
}

/// The value of a program's compiled model: a row without a run. None if it is undefined.
fn of_compiled(
    table: &Table,
    program: &str,
    column: &str,
    baseline: &str,
) -> Result<Vec<f64>, ReadError> {
    let (programs, runs) = (table.texts("program")?, table.texts("run")?);
    let (scores, values) = (table.texts("scores")?, table.numbers(column)?);
    let is_so =
        |i: &usize| runs[*i].is_empty() && programs[*i] == program && scores[*i] == baseline;
    let rows = (0..runs.len()).filter(is_so);
    Ok(rows.filter_map(|i| values[i]).collect())
}

/// The values of all programs, by place of `d`: from the smallest to `D`.
#[derive(Default)]
struct Pooled {
    values: BTreeMap<usize, HashMap<(&'static str, &'static str), Vec<f64>>>,
}

impl Pooled {
    fn add(
        &mut self,
        place: usize,
        (measure, _): (&'static str, &'static str),
        (baseline, _): (&'static str, &'static str),
        values: Vec<f64>,
    ) {
        let at = self.values.entry(place).or_default();
        at.entry((measure, baseline)).or_default().extend(values);
    }

    /// A sentence a measure.
    fn write(&self, writer: &mut Writer) {
        let last = self.values.len().saturating_sub(1);
        for (measure, called) in MEASURES {
            let mut parts = Vec::new();
            for (place, values) in &self.values {
                let which = match *place {
                    0 => "at the smallest d",
                    place if place == last => "in the compiled models",
                    place if place + 1 == last => "at the largest d below D",
                    _ => "between",
                };
                let texts = BASELINES.iter().filter_map(|(baseline, name)| {
                    let found = Estimate::new(values.get(&(measure, *baseline))?)?;
                    writer.file(
                        STUDY,
                        &format!("all programs, {which}"),
                        &format!("{called}, {name}"),
                        Some(found),
                    );
                    Some(format!("{} ({name})", found.text()))
                });
                let texts: Vec<String> = texts.collect();
                parts.push(format!("{which} {}", listed(&texts)));
            }
            writer.paragraph(&format!(
                "Median {called} over the runs of all programs: {}.",
                parts.join("; ")
            ));
        }
    }
}
