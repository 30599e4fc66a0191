//! The smallest `d` that continuation finds, beside what random starts reach with as many updates.

use std::path::Path;

use super::claims::{ACCURACY, LOWEST_COSINE, MAE};
use super::estimate::Estimate;
use super::study::{Source, Study};
use super::writer::Writer;
use crate::searches::{self, Row, SEARCHES};
use base::numbers::{count, listed};
use tracr_compress::config::keys::{DIM, PROGRAM};
use tracr_compress::results::feature::Verdict;
use tracr_compress::results::study_tables::{MeanVerdicts, VerdictRow};
use tracr_compress::results::{Metric, ReadError};

/// The study of random starts, and the one at the `d` that second descents found later, which goes before it.
const STUDY: &str = "smallest_d";
const SECOND: &str = "smallest_d_second";
/// As `shrink.mae`, `shrink.max_error` and `shrink.min_cosine` are by default.
const LIMITS: (f64, f64, f64) = (0.005, 0.05, 0.99);

/// The section.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("The smallest d by continuation");
    writer.paragraph(
        "`compress shrink` starts from a `W` that loses nothing, drops one dimension after the other and trains what is left \
         (`docs/shrink.md`). By `outputs`, every answer has to be right on the whole input space: a class leads by more than \
         0.01, or the numbers have a mean absolute error of at most 0.005 and a largest one of at most 0.05. By `faithful`, \
         every block's output must also have a cosine of at least 0.99 with the compiled model's. One search a program, \
         seed 0, of up to two descents: the better one is here, with its own updates. The control trains from random starts at the same `d`, with the paper's optimiser and learning rates and as \
         many updates as the search made from its start to this `d`, in ten seeds; it is counted right by the same rule, but \
         for the lead of a class, which need only be above 0. `reverse` has no control: its runs take as long as those of all others. \
         No `d` below the lower bound has right outputs \
         (`docs/certify.md`).",
    );
    let rows = searches::load(&writer.results().join(SEARCHES))?;
    if rows.is_empty() {
        writer.paragraph(
            "**The searches have not been run.** `scripts/smallest_d.sh` runs them, and the control.",
        );
        return Ok(());
    }
    let Some(study) = writer.study(STUDY)? else {
        return Ok(());
    };
    let second = Study::load(writer.results(), SECOND)?;
    let studies: Vec<Study> = second.into_iter().chain([study]).collect();
    let header = [
        "program",
        "D",
        "rank",
        "criterion",
        "smallest d found",
        "certificate",
        "lower bound",
        "updates",
        "random starts that are right",
    ];
    let mut table = vec![header.map(str::to_owned).to_vec()];
    let (mut proved, mut behind, mut controlled) = (0, 0, 0);
    for row in &rows {
        let (name, control) = Control::first(&studies, row)?;
        proved += usize::from(row.verdict == "proved");
        controlled += usize::from(control.runs > 0);
        behind += usize::from(control.runs > 0 && 2 * control.right < control.runs);
        let setting = format!("{}, {}", row.program, row.criterion);
        let figures = [
            ("smallest d found", row.d as f64),
            ("lower bound of d", row.lower_bound as f64),
            ("updates of the search", row.steps as f64),
        ];
        for (figure, value) in figures {
            let one = Some(Estimate::single(value, 1));
            writer.file(SEARCHES, &setting, figure, one);
        }
        let share = (control.runs > 0)
            .then(|| Estimate::single(control.right as f64 / control.runs as f64, control.runs));
        writer.file(
            name,
            &setting,
            "share of random starts that are right",
            share,
        );
        table.push(cells(row, &control));
    }
    writer.table(&table);
    writer.paragraph(&format!(
        "{} of {} are proved. At {behind} of the {controlled} with a control, fewer than half of the random starts are right: \
         there it is how training starts that decides, and not how much of it there is.",
        count(proved, "certificate"),
        rows.len()
    ));
    writer.paragraph(
        "A search tries a `d` several times, from the `W` of the `d` before, and stops at the first success; a random start is one \
         training. Both have as many updates in all. That no training succeeded at one dimension less is no proof that there \
         is no such `W`.",
    );
    geometry(writer, &studies, &rows)?;
    studies
        .iter()
        .rev()
        .try_for_each(|study| writer.colophon(study, &[]))
}

/// The verdicts that the table of features has. Features without use are left out: training has no reason to do anything with them.
const VERDICTS: [Verdict; 4] = [
    Verdict::Dedicated,
    Verdict::Shared,
    Verdict::Superposed,
    Verdict::Dropped,
];

/// What becomes of the features at the smallest `d`, beside random starts.
fn geometry(writer: &mut Writer, studies: &[Study], rows: &[Row]) -> Result<(), ReadError> {
    let mut random: Vec<Vec<VerdictRow>> = Vec::new();
    for study in studies {
        random.extend(study.verdicts()?);
    }
    let mut header = vec!["program", "criterion", "d"];
    header.extend(VERDICTS.map(Verdict::name));
    let mut table = vec![
        header
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<String>>(),
    ];
    // By verdict: in the searches, and on average in random starts.
    let (mut found, mut expected, mut settings) = ([0.0; 4], [0.0; 4], 0);
    for row in rows {
        let prefix = format!("program={}.rasp~", row.program);
        let of_row = |other: &&VerdictRow| other.d == row.d && other.run.starts_with(&prefix);
        let of_study = |rows: &Vec<VerdictRow>| {
            let of_row: Vec<VerdictRow> = rows.iter().filter(of_row).cloned().collect();
            MeanVerdicts::of(&of_row).into_iter().next()
        };
        let Some(means) = random.iter().find_map(of_study) else {
            continue;
        };
        settings += 1;
        let mut cells = vec![
            format!("`{}`", row.program),
            row.criterion.clone(),
            row.d.to_string(),
        ];
        for (i, verdict) in VERDICTS.into_iter().enumerate() {
            let mean = means.mean_features.get(&verdict).copied().unwrap_or(0.0);
            cells.push(format!("{} ({mean:.1})", row.features(verdict)));
            found[i] += row.features(verdict) as f64;
            expected[i] += mean;
        }
        table.push(cells);
    }
    if settings == 0 {
        return Ok(());
    }
    writer.paragraph(
        "What becomes of the features there: how many have each verdict in the search's `W` (`docs/analysis.md`), and in \
         parentheses how many have it on average in the random starts at the same `d`. Features that are unused, which \
         kept a direction although nothing reads them or they never occur, are left out.",
    );
    writer.table(&table);
    let of = |numbers: [f64; 4]| {
        let all = VERDICTS.iter().zip(numbers);
        let parts: Vec<String> = all.map(|(v, n)| format!("{n:.0} {}", v.name())).collect();
        listed(&parts)
    };
    writer.paragraph(&format!(
        "Summed over the {}, the searches have {}; random starts {} on average.",
        count(settings, "row"),
        of(found),
        of(expected)
    ));
    Ok(())
}

/// What random starts reach.
struct Control {
    runs: usize,
    right: usize,
}

impl Control {
    /// That of the first study that has one, with the study's name.
    fn first<'a>(studies: &'a [Study], row: &Row) -> Result<(&'a str, Self), ReadError> {
        for study in studies {
            let control = Self::of(study, row)?;
            if control.runs > 0 {
                return Ok((&study.name, control));
            }
        }
        Ok((STUDY, Self { runs: 0, right: 0 }))
    }

    fn of(study: &Study, row: &Row) -> Result<Self, ReadError> {
        let d = row.d.to_string();
        let is_this = |program: &String| {
            Path::new(program)
                .file_stem()
                .and_then(|stem| stem.to_str())
                == Some(&row.program)
        };
        let Some(program) = study.levels(&[], PROGRAM)?.into_iter().find(is_this) else {
            return Ok(Self { runs: 0, right: 0 });
        };
        let setting = [(PROGRAM, program.as_str()), (DIM, d.as_str())];
        let (mean, largest, cosine) = LIMITS;
        let of = |source: &Source<'_>, good: &dyn Fn(f64) -> bool| {
            let values = study.values(&setting, source)?;
            Ok::<Vec<bool>, ReadError>(values.into_iter().map(good).collect())
        };
        let accuracies = of(&ACCURACY, &|share| share >= 1.0)?;
        let mut right = if accuracies.is_empty() {
            let means = of(&MAE, &|error| error <= mean)?;
            let largest = of(&Source::of_metric(Metric::MaxError), &|e| e <= largest)?;
            means
                .into_iter()
                .zip(largest)
                .map(|(a, b)| a && b)
                .collect()
        } else {
            accuracies
        };
        if row.criterion == "faithful" {
            let cosines = of(&LOWEST_COSINE, &|lowest| lowest >= cosine)?;
            right.iter_mut().zip(cosines).for_each(|(a, b)| *a &= b);
        }
        Ok(Self {
            runs: right.len(),
            right: right.iter().filter(|is_right| **is_right).count(),
        })
    }
}

fn cells(row: &Row, control: &Control) -> Vec<String> {
    vec![
        format!("`{}`", row.program),
        row.width.to_string(),
        row.rank.to_string(),
        row.criterion.clone(),
        row.d.to_string(),
        row.verdict.replace('_', " "),
        row.lower_bound.to_string(),
        row.steps.to_string(),
        match control.runs {
            0 => String::new(),
            runs => format!("{} of {runs}", control.right),
        },
    ]
}
