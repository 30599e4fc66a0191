//! What dictionary learning finds of the true features, against `d`.

use std::collections::BTreeMap;
use std::path::Path;

use super::estimate::Estimate;
use super::writer::Writer;
use base::numbers::count;
use tracr_compress::config::{DictionaryMethod, Method};
use tracr_compress::figures;
use tracr_compress::results::group::by_key;
use tracr_compress::results::recovery_lines::{Group, Line, Who, groups, lines};
use tracr_compress::results::recovery_scores::{RecoveryRow, Score};
use tracr_compress::results::runs::RunRow;
use tracr_compress::results::statistics::median;
use tracr_compress::results::trainings::Verdict;
use tracr_compress::results::{ReadError, Runs};

/// Many `d` of two programs, and two of eight others.
const STUDY: &str = "recovery";
const PROGRAMS: &str = "recovery_programs";
/// Programs with fewer `d` have a shorter table.
const SEVERAL: usize = 3;
/// The share of recovered targets that dictionaries are divided by.
const HALF: f64 = 0.5;

/// The section.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Which features dictionary learning finds");
    writer.paragraph(
        "A compressed model computes in superposition, and its features are known. Five methods look for dictionaries in the \
         compressed streams, which is all that they see beside the number of targets (`docs/recovery_methods.md`): non-negative sparse coding \
         (`nnsc`), a sparse autoencoder with an L1 penalty (`l1_sae`) and one that keeps its largest codes (`topk_sae`), principal \
         components, and directions to random rows of the data. Scores (`docs/recovery.md`): MCC, the mean |cos| of the true \
         directions with the atoms that are matched with them; recovered, the share of at least 0.9; activation MCC, the mean \
         correlation of codes with true activations; causal, whether an exchange of a variable along its atoms does to the output what one along \
         its features does. The null is as many random rows of the data, read off linearly, the mean of 20 draws; the ceiling is the true `W` with \
         non-negative least-squares codes. One dictionary a run and method, seed 0.",
    );
    let Some(study) = writer.study(STUDY)? else {
        return Ok(());
    };
    let programs = writer.study(PROGRAMS)?;
    let directory = writer.results().join(STUDY);
    let mut rows = RecoveryRow::read(&directory)?.unwrap_or_default();
    let mut learned = learned(&directory)?;
    if programs.is_some() {
        let directory = writer.results().join(PROGRAMS);
        rows.extend(RecoveryRow::read(&directory)?.unwrap_or_default());
        learned.extend(self::learned(&directory)?);
    }
    let trained: Vec<RecoveryRow> = rows
        .iter()
        .filter(|row| row.method == Method::Train.name())
        .cloned()
        .collect();
    let by_program = by_key(
        groups(&trained)
            .into_iter()
            .map(|g| (g.program.to_owned(), g)),
    );
    let (curves, others): (Vec<_>, Vec<_>) = by_program
        .into_iter()
        .partition(|(_, groups)| groups.len() >= SEVERAL);
    for (program, groups) in &curves {
        let learned: Vec<String> = groups
            .iter()
            .map(|group| format!("d = {}: {}", group.d, share(group, &learned)))
            .collect();
        writer.paragraph(&format!(
            "`{program}`, D = {}, trained; runs that learned, {}:",
            groups[0].rows[0].width,
            learned.join(", ")
        ));
        writer.table(&in_full(groups));
        for group in groups {
            file(writer, STUDY, group);
        }
        costs(writer, program, groups);
    }
    if !others.is_empty() {
        writer.paragraph(
            "Programs at two `d`: the share recovered, and in the second table the causal score, where a run has one.",
        );
        let groups: Vec<&Group<'_>> = others.iter().flat_map(|(_, groups)| groups).collect();
        for score in [Score::Recovered, Score::Causal] {
            writer.table(&short(&groups, score, &learned));
        }
        for group in &groups {
            file(writer, PROGRAMS, group);
        }
    }
    uncompressed(writer, &rows);
    beaten(writer, &trained);
    effects(writer, &trained);
    for (number, mut figure) in figures::dictionaries(&directory, SEVERAL)?
        .into_iter()
        .enumerate()
    {
        figure.name = format!("REPORT_recovery_{}", number + 1);
        writer.figure(&figure);
    }
    for study in [Some(study), programs].into_iter().flatten() {
        writer.colophon(&study, &[])?;
    }
    Ok(())
}

/// Whether each run learned, by its directory.
fn learned(directory: &Path) -> Result<BTreeMap<String, bool>, ReadError> {
    let runs = Runs::read(directory)?.map_or_else(Vec::new, |runs| runs.rows);
    let of_run = |row: RunRow| (row.run, row.ending == Some(Verdict::Learned));
    Ok(runs.into_iter().map(of_run).collect())
}

/// `2 of 3`.
fn share(group: &Group<'_>, learned: &BTreeMap<String, bool>) -> String {
    let runs = by_key(group.rows.iter().map(|row| (row.run.as_str(), ())));
    let good = runs
        .iter()
        .filter(|(run, _)| learned.get(*run) == Some(&true));
    format!("{} of {}", good.count(), runs.len())
}

fn cell(values: &[f64]) -> String {
    Estimate::new(values).map_or_else(String::new, |found| found.text())
}

/// All scores of all methods.
fn in_full(groups: &[Group<'_>]) -> Vec<Vec<String>> {
    let header = ["d", "targets", ""]
        .into_iter()
        .chain(Score::ALL.map(Score::title));
    let mut table = vec![header.map(str::to_owned).collect::<Vec<_>>()];
    for group in groups {
        for line in lines(&group.rows) {
            let targets = line.of_runs(|row| Some(row.targets as f64));
            let mut cells = vec![group.d.to_string(), cell(&targets), name(line.who)];
            cells.extend(Score::ALL.map(|score| cell(&line.values(score))));
            table.push(cells);
        }
    }
    table
}

fn name(who: Who) -> String {
    match who {
        Who::Method(method) => format!("`{}`", method.name()),
        other => other.name().to_owned(),
    }
}

/// One score, a column a method.
fn short(
    groups: &[&Group<'_>],
    score: Score,
    learned: &BTreeMap<String, bool>,
) -> Vec<Vec<String>> {
    let of = groups.iter().flat_map(|group| lines(&group.rows));
    let mut columns: Vec<Who> = Vec::new();
    for line in of {
        if !columns.contains(&line.who) {
            columns.push(line.who);
        }
    }
    let first = ["program", "D", "d", "learned"].map(str::to_owned);
    let mut table = vec![
        first
            .into_iter()
            .chain(columns.iter().map(|who| name(*who)))
            .collect(),
    ];
    for group in groups {
        let found = lines(&group.rows);
        let mut cells = vec![
            format!("`{}`", group.program),
            group.rows[0].width.to_string(),
            group.d.to_string(),
            share(group, learned),
        ];
        cells.extend(columns.iter().map(|who| {
            let line = found.iter().find(|line| line.who == *who);
            line.map_or_else(String::new, |line| cell(&line.values(score)))
        }));
        table.push(cells);
    }
    table
}

/// Every figure of a setting, for `REPORT.csv`.
fn file(writer: &mut Writer, study: &str, group: &Group<'_>) {
    for line in lines(&group.rows) {
        let setting = format!("{}, d = {}, {}", group.program, group.d, line.who.name());
        for score in Score::ALL {
            let found = Estimate::new(&line.values(score));
            writer.file(study, &setting, score.title(), found);
        }
    }
}

/// What is lost from the largest `d` to the smallest.
fn costs(writer: &mut Writer, program: &str, groups: &[Group<'_>]) {
    let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
        return;
    };
    let at = |group: &Group<'_>, who: Who, score: Score| {
        let found = lines(&group.rows);
        let line = found.into_iter().find(|line| line.who == who)?;
        Estimate::new(&line.values(score)).map(|found| found.median)
    };
    let methods = DictionaryMethod::ALL.map(|(_, method)| Who::Method(method));
    let costs: Vec<String> = methods
        .into_iter()
        .filter_map(|who| {
            let of = |score| Some((at(first, who, score)?, at(last, who, score)?));
            let ((a, b), (c, d)) = (of(Score::Mcc)?, of(Score::Recovered)?);
            Some(format!("{} {a:.2} to {b:.2} ({c:.2} to {d:.2})", name(who)))
        })
        .collect();
    writer.paragraph(&format!(
        "What superposition costs on `{program}`, from d = {} to d = {}, median MCC (and share recovered): {}.",
        first.d,
        last.d,
        costs.join(", ")
    ));
}

/// The stream that nothing was compressed in.
fn uncompressed(writer: &mut Writer, rows: &[RecoveryRow]) {
    let whole: Vec<RecoveryRow> = rows
        .iter()
        .filter(|row| row.method == Method::Subset.name() && row.d == row.width)
        .cloned()
        .collect();
    let groups = groups(&whole);
    if groups.is_empty() {
        return;
    }
    writer.paragraph(
        "The uncompressed stream itself, `W = 1`, whose features are the axes. Adam scales every coordinate by itself, so that a sparse \
         autoencoder is not blind to axes:",
    );
    let mut table = vec![
        ["program", ""]
            .into_iter()
            .chain(Score::ALL.map(Score::title))
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    for group in &groups {
        for line in lines(&group.rows) {
            let mut cells = vec![format!("`{}`", group.program), name(line.who)];
            cells.extend(Score::ALL.map(|score| cell(&line.values(score))));
            table.push(cells);
        }
    }
    writer.table(&table);
}

/// Whether the median over runs of a score is above the median of the null's 97.5 % quantiles; `None` if either is missing.
fn beats(line: &Line<'_>, score: Score) -> Option<bool> {
    let own = line.values(score);
    let null = line.of_runs(|row| row.score(score).rows_high);
    (!own.is_empty() && !null.is_empty()).then(|| median(&own) > median(&null))
}

/// In how many settings each method beats the null.
fn beaten(writer: &mut Writer, trained: &[RecoveryRow]) {
    let groups = groups(trained);
    writer.paragraph(&format!(
        "Which methods beat the null: in how many of {} (a program at one `d`) the median over runs is above the median of the 97.5 % \
         quantile of the null's draws, with as many atoms as the method has:",
        count(groups.len(), "setting")
    ));
    let mut table = vec![
        ["method"]
            .into_iter()
            .chain(Score::ALL.map(Score::title))
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    for (_, method) in DictionaryMethod::ALL {
        let mut cells = vec![format!("`{}`", method.name())];
        for score in Score::ALL {
            let verdicts: Vec<bool> = groups
                .iter()
                .flat_map(|group| lines(&group.rows))
                .filter(|line| line.who == Who::Method(method))
                .filter_map(|line| beats(&line, score))
                .collect();
            let above = verdicts.iter().filter(|beats| **beats).count();
            let share = above as f64 / verdicts.len().max(1) as f64;
            let figure = format!("share of settings above the null, {}", score.title());
            let found = Some(Estimate::single(share, verdicts.len()));
            writer.file(STUDY, method.name(), &figure, found);
            cells.push(format!("{above} of {}", verdicts.len()));
        }
        table.push(cells);
    }
    writer.table(&table);
}

/// Whether dictionaries that have the directions do what the features do.
fn effects(writer: &mut Writer, trained: &[RecoveryRow]) {
    let with = |has_half: bool| -> Vec<&RecoveryRow> {
        let of = |row: &&RecoveryRow| {
            let recovered = row.score(Score::Recovered).value;
            let judged = row.score(Score::Causal).value.is_some();
            judged && recovered.is_some_and(|share| (share >= HALF) == has_half)
        };
        trained.iter().filter(of).collect()
    };
    let mut sentences = Vec::new();
    for (has_half, words) in [(true, "at least half"), (false, "fewer than half")] {
        let rows = with(has_half);
        let of = |value: fn(&RecoveryRow) -> Option<f64>| {
            rows.iter()
                .filter_map(|row| value(row))
                .collect::<Vec<f64>>()
        };
        let own = of(|row| row.score(Score::Causal).value);
        let null = of(|row| row.score(Score::Causal).rows);
        let ceiling = of(|row| row.score(Score::Causal).ceiling);
        if own.is_empty() {
            continue;
        }
        let found = Some(Estimate::single(median(&own), own.len()));
        writer.file(
            STUDY,
            &format!("recovered: {words}"),
            "median causal score of dictionaries",
            found,
        );
        sentences.push(format!(
            "of {} with {words} of the targets recovered, the median causal score is {:.2}, where the null of the same runs has {:.2} and the true \
             directions with non-negative codes have {:.2}",
            dictionaries(own.len()),
            median(&own),
            median(&null),
            median(&ceiling)
        ));
    }
    writer.paragraph(&format!(
        "Does a recovered direction do what the feature does? Over all methods and trained runs: {}. An exchange is made along all atoms of a variable at \
         once, with their codes: a direction that is right does nothing right where its code is wrong.",
        sentences.join("; ")
    ));
}

fn dictionaries(n: usize) -> String {
    if n == 1 {
        "1 dictionary".into()
    } else {
        format!("{n} dictionaries")
    }
}
