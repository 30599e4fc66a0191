//! `compress score RUN DICTIONARY`: which of the true features a dictionary has found.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::kind::{self, Kind};
use super::signals::StopRequest;
use super::stream_part::{self, PartArgs, subject, threads};
use super::table::{aligned, wrapped};
use super::{output, terminal};
use crate::figures::{self, svg};
use crate::recovery::dictionary;
use crate::recovery::given;
use crate::recovery::judgement::Judge;
use crate::recovery::record::{self, Record};
use crate::recovery::scored::is_shown;
use crate::recovery::truth::Truth;
use crate::recovery::truth::targets::LEAST_SHARE;
use crate::results::Table;
use crate::run::finished::Subject;
use base::escape;
use base::files;
use base::limits::readable;
use base::numbers::{count, listed};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run, or of a W that `compress shrink` accepted
    run: PathBuf,
    /// The dictionary: a folder as SAELens or `compress recover` writes it, or a file with one matrix, an atom a row (m by
    /// d), as .safetensors, .npy or .npz, whose codes come from non-negative least squares
    dictionary: PathBuf,
    /// Codes to score in place of these: a safetensors file with one matrix, a row for each row of
    /// `compress export --format activations`
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,
    #[command(flatten)]
    part: PartArgs,
    /// The directory to write into [default: that of the dictionary]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print all scores as JSON
    #[arg(long)]
    json: bool,
}

/// The most codes `n·m` that are held at a time.
const MOST_CODES: usize = 1 << 27;

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    kind::expect("score", &args.run, &[Kind::RunDirectory])?;
    if let Some(path) = &args.output {
        output::directory(path, "score writes its tables")?;
    }
    let run = Subject::load(&args.run).map_err(Failure::input)?;
    let part = args.part.part();
    let directory = match &args.output {
        Some(path) => path.clone(),
        None if args.dictionary.is_dir() => args.dictionary.clone(),
        None => files::parent_of(&args.dictionary).to_owned(),
    };
    stop.say(format!(
        "stopped; the same command starts over ({})",
        directory.display()
    ));
    let dictionary =
        dictionary::load(&args.dictionary, run.projection.width()).map_err(Failure::input)?;
    let (truth, data) = stream_part::truth(&run, part)?;
    let (rows, atoms) = (truth.rows.z.nrows(), dictionary.atoms.nrows());
    if rows.saturating_mul(atoms) > MOST_CODES {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} has {atoms} atoms, whose codes for {rows} rows take {}, more than {}: score it at one --site at a time, or \
             fewer of its atoms",
            escape::path(&args.dictionary),
            readable(rows as u128 * atoms as u128 * 8),
            readable(MOST_CODES as u128 * 8)
        )));
    }
    let given = args.codes.as_ref();
    let given = given.map(|path| given::codes(path, (rows, atoms)));
    let given = given.transpose().map_err(Failure::input)?;
    let mut found = dictionary.reconstruct(&truth.rows);
    if let Some(codes) = given {
        found.codes = codes;
    }
    let inputs = run.experiment.evaluation_set();
    let judgement = Judge::new(&truth, subject(&run, &inputs), threads()).judge(&found);
    let names = (args.dictionary.as_path(), args.codes.as_deref());
    let record = Record::new(names, &truth, data, &judgement);
    if args.output.is_some() {
        files::make_directory(&directory).map_err(Failure::writing)?;
    }
    record::write(&directory, &record, &judgement).map_err(Failure::writing)?;
    draw(&directory)?;
    let shown = if args.json {
        record::json(&record).map_err(|e| Failure::Running(e.into()))?
    } else {
        text(&record, &truth, &directory)
    };
    terminal::print(&shown)?;
    if !args.json && is_shown(&args.run, &directory) {
        terminal::message(&output::next("report", &args.run));
    }
    Ok(())
}

/// The figure, from the table that was written.
fn draw(directory: &Path) -> Result<(), Failure> {
    let table = Table::read(directory, record::COSINES, record::SCORE)
        .map_err(|e| Failure::Running(e.into()))?;
    let figure = figures::recovery(&table).map_err(|e| Failure::Running(e.into()))?;
    let text = svg::document(&figure.scene, &figure.title, &figure.caption);
    let path = directory.join(format!("{}.svg", figure.name));
    files::write_atomically(&path, text.as_bytes()).map_err(Failure::writing)
}

/// The scores for reading, each beside what it is worth.
fn text(record: &Record, truth: &Truth, directory: &Path) -> String {
    let data = &record.data;
    let mut text = format!(
        "{}, d = {} of D = {}: {} and {} on {} of {}, {}\n",
        escape::name(&data.program),
        data.dim,
        data.width,
        count(record.atoms, "atom"),
        count(record.targets, "target"),
        count(data.rows, "different row"),
        data.places,
        if data.inputs_are_all {
            format!("all {} inputs", data.inputs)
        } else {
            format!("a sample of {} inputs", data.inputs)
        },
    );
    text += &wrapped(&record.sentence());
    text += &aligned(&record.table(), 1);
    let value = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
    text += &format!(
        "\nMCC rescaled, with the stronger random baseline at 0 and the truth at 1: {}. Explained variance {}, {} codes a row; neither says whether the \
         features were found.\n",
        value(record.mcc_corrected),
        value(Some(record.scores.explained_variance)),
        value(Some(record.scores.l0))
    );
    for near in &record.gauge.near {
        text += &format!(
            "{} {}: singular value {:.4}, near the threshold of {}\n",
            escape::name(&near.features.join(", ")),
            if near.varies {
                "count as told apart by the data"
            } else {
                "count as not told apart by the data"
            },
            near.singular_value,
            record.gauge.threshold
        );
    }
    let is_target = |i: &usize| {
        let mut members = truth.targets.iter().flat_map(|target| &target.members);
        members.any(|member| member.feature == *i)
    };
    let others: Vec<String> = (0..truth.labels.len())
        .filter(|i| !is_target(i))
        .map(|i| truth.labels[i].clone())
        .collect();
    if !others.is_empty() {
        text += &wrapped(&escape::visible(&format!(
            "No targets, as the data does not tell them apart or less than {LEAST_SHARE} of its variance is theirs: {}.",
            listed(&others)
        )));
    }
    text += &format!("{}\n", directory.join(record::TARGETS).display());
    text
}
