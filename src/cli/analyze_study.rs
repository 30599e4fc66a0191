//! The analysis of many runs, for reading.

use std::fmt::Write;
use std::path::Path;

use super::table::{aligned, number, wrapped};
use crate::results::feature::Verdict;
use crate::results::group::by_key;
use crate::results::study_tables::MeanVerdicts;
use crate::results::{Better, Group};
use crate::study::collection::Collection;

/// All sections.
pub fn text(collection: &Collection, directory: &Path) -> String {
    let mut text = format!("{} runs\n", collection.members.len());
    let answer = collection.answer();
    for paragraph in std::iter::once(&answer.sentences.join(" ")).chain(&answer.more) {
        let _ = write!(text, "\n{}", wrapped(paragraph)); // a String takes everything
    }
    let verdicts = collection.mean_verdicts();
    let groups = by_key(verdicts.iter().map(|found| (&found.group, found)));
    for (name, found) in &groups {
        if groups.len() > 1 {
            let _ = write!(text, "\n{name}\n");
        }
        let _ = write!(
            text,
            "\nFeatures by verdict, mean over seeds\n{}",
            verdict_table(collection, found)
        );
        let _ = write!(
            text,
            "\nSmallest sufficient d (there and at every larger d tried, the median over seeds is within the \
             tolerance)\n{}",
            critical_table(collection, name)
        );
    }
    if let Some((with, without)) = collection.reference_medians() {
        let _ = write!(
            text,
            "\nCorrelation of G's upper triangle with the reference\n{}  median of {}: {with:.4} \
             (without the diagonal {without:.4})\n",
            reference_table(collection),
            collection.members.len(),
        );
    }
    let _ = write!(text, "\nfiles in {}\n", directory.display());
    text
}

fn verdict_table(collection: &Collection, verdicts: &[&MeanVerdicts]) -> String {
    let mut rows = vec![vec!["  d".to_owned(), "runs".into()]];
    rows[0].extend(Verdict::ALL.iter().map(|v| v.name().to_owned()));
    rows[0].extend(["G between seeds".to_owned(), "off the diagonal".into()]);
    let agreement = collection.agreement_medians();
    for found in verdicts {
        let mut row = vec![format!("  {}", found.d), found.runs.to_string()];
        row.extend(Verdict::ALL.iter().map(|v| {
            let mean = found.mean_features.get(v).copied().unwrap_or(0.0);
            format!("{mean:.1}")
        }));
        let mut agreement = agreement.iter();
        let same = agreement.find(|a| a.group == found.group && a.d == found.d);
        row.extend(same.map_or_else(
            || vec!["-".to_owned(), "-".into()],
            |a| {
                let medians = [a.median_correlation, a.median_correlation_off_diagonal];
                let shown = |median: Option<f64>| format!("{:.3}", median.unwrap_or(f64::NAN));
                medians.map(shown).to_vec()
            },
        ));
        rows.push(row);
    }
    aligned(&rows, 0)
}

fn critical_table(collection: &Collection, group: &Group) -> String {
    let mut rows = vec![
        ["  metric", "tolerance", "d", "95 % interval"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let interval = |low: Option<usize>, high: Option<usize>| match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, _) => "-".into(),
    };
    for row in collection.critical.iter().filter(|row| row.group == *group) {
        let sign = match row.metric.column().better {
            Better::Lower => "<= ",
            Better::Higher => ">= ",
        };
        rows.push(vec![
            format!("  {}", row.metric),
            format!("{sign}{}", number(row.tolerance)),
            row.critical_d
                .map_or_else(|| "none of these".into(), |d| d.to_string()),
            interval(row.low, row.high),
        ]);
    }
    aligned(&rows, 1)
}

fn reference_table(collection: &Collection) -> String {
    let mut rows = vec![
        ["  run", "d", "seed", "correlation", "without the diagonal"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let optional = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.4}"));
    for member in &collection.members {
        if let Some(found) = member.reference {
            rows.push(vec![
                format!("  {}", member.run),
                member.d.to_string(),
                member.seed.to_string(),
                optional(found.correlation),
                optional(found.correlation_off_diagonal),
            ]);
        }
    }
    aligned(&rows, 1)
}
