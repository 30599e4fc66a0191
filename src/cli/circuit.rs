//! `compress circuit MODEL|RUN`: the true edges, and what each edge does.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::circuit_subject::{CircuitSubject, PairArgs, check_memory, threads};
use super::failure::Failure;
use super::output::{self, FileKind};
use super::signals::StopRequest;
use super::table::{aligned, significant, wrapped};
use super::{bar, kind, terminal};
use crate::circuit::baseline::Baseline;
use crate::circuit::effects::{Exchanges, Watch};
use crate::circuit::file::CircuitFile;
use crate::figures::{circuit, svg};
use crate::results::layout::CIRCUIT;
use base::escape;
use base::files;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file, a RASP program, or the directory of a run
    #[arg(value_name = "MODEL|RUN")]
    subject: PathBuf,
    /// The file to write: .json with its drawing (.svg) beside it, or .csv with --scores
    /// [default: circuit.json, in the run's directory or the working directory; with --scores circuit_SCORES.csv]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a baseline's score of every edge instead, for `compress judge`: patching (the exact effect), eap (edge
    /// attribution patching: gradients at the base) or eap_ig (the mean gradient of five runs from source to base)
    #[arg(long, value_name = "SCORES", conflicts_with = "json", value_parser = baseline)]
    scores: Option<Baseline>,
    #[command(flatten)]
    pairs: PairArgs,
    /// Print circuit.json
    #[arg(long)]
    json: bool,
}

fn baseline(word: &str) -> Result<Baseline, &'static str> {
    Baseline::named(word).ok_or("it is patching, eap or eap_ig")
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    let (name, kind) = match args.scores {
        None => (CIRCUIT.to_owned(), FileKind::Circuit),
        Some(baseline) => (
            format!("circuit_{}.csv", baseline.name()),
            FileKind::EdgeScores,
        ),
    };
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| match args.subject.is_dir() {
            true => args.subject.join(&name),
            false => name.clone().into(),
        });
    kind::expect("circuit", &args.subject, &kind::MODELS)?;
    let command = format!("compress circuit {} -o", output::argument(&args.subject));
    output::format_of(&command, &path, &[kind])?;
    let loaded = CircuitSubject::load(&args.subject)?;
    stop.say(format!(
        "stopped: {} is as it was; the same command starts over",
        path.display()
    ));
    let (compiled, compressed) = (loaded.compiled(), loaded.compressed());
    let (subject, pairs) = (loaded.subject(), args.pairs.of(&loaded));
    let network = compressed.as_ref().unwrap_or(&compiled);
    // Each of both models' effects goes over the pairs once; a baseline is of one model.
    let passes = match (args.scores, &compressed) {
        (None, Some(_)) => 2,
        _ => 1,
    };
    let bar = bar::pairs(passes * pairs.len() as u64, args.json);
    let done = |pairs: u64| bar.inc(pairs);
    let watch = Watch(&done);
    let exchanges = Exchanges {
        watch,
        ..loaded.exchanges((&compiled, network), &pairs)
    };
    check_memory(&exchanges)?;
    if let Some(baseline) = args.scores {
        let table = scores(&exchanges, baseline)?;
        bar.finish_and_clear();
        files::write_atomically(&path, table.as_bytes()).map_err(Failure::writing)?;
        return Ok(terminal::print(&format!("{}\n", path.display()))?);
    }
    let seeded = (&pairs, args.pairs.seed);
    let models = (&compiled, compressed.as_ref());
    let circuit = CircuitFile::measure(subject, models, seeded, threads(), watch);
    bar.finish_and_clear();
    check_finite(
        circuit
            .edges
            .iter()
            .map(|edge| edge.effect + edge.interference),
    )?;
    let json = output::json(&circuit)?;
    let drawing = path.with_extension("svg");
    let figure = circuit::draw(&circuit);
    let picture = svg::document(&figure.scene, &figure.title, &figure.caption);
    files::write_atomically(&path, json.as_bytes()).map_err(Failure::writing)?;
    files::write_atomically(&drawing, picture.as_bytes()).map_err(Failure::writing)?;
    let shown = if args.json {
        json
    } else {
        text(&circuit, &path, &drawing)
    };
    Ok(terminal::print(&shown)?)
}

/// A baseline's scores as a table.
fn scores(exchanges: &Exchanges<'_>, baseline: Baseline) -> Result<String, Failure> {
    let scores = baseline.scores(exchanges);
    check_finite(scores.iter().copied())?;
    let mut table = "from,to,score\n".to_owned();
    for (edge, score) in scores.iter().enumerate() {
        let (from, to) = exchanges.network.graph.names(edge);
        let _ = writeln!(table, "{from},{to},{score}"); // a String takes everything
    }
    Ok(table)
}

/// Refuses a model whose numbers leave float64.
pub fn check_finite(mut numbers: impl Iterator<Item = f64>) -> Result<(), Failure> {
    if numbers.all(f64::is_finite) {
        return Ok(());
    }
    Err(Failure::Input(anyhow::anyhow!(
        "the model computes numbers beyond float64 on some inputs: its weights, or those of W, are too large"
    )))
}

/// The true edges, for reading.
fn text(circuit: &CircuitFile, path: &Path, drawing: &Path) -> String {
    let mut text = String::new();
    for sentence in circuit.sentences() {
        text += &wrapped(&escape::visible(&sentence));
    }
    let mut header = vec![
        "from".to_owned(),
        "to".into(),
        "features".into(),
        "effect".into(),
    ];
    if circuit.dim.is_some() {
        header.extend(["compiled", "interference"].map(String::from));
    }
    let mut rows = vec![header];
    for edge in circuit.edges.iter().filter(|edge| edge.is_true) {
        let mut row = vec![
            edge.from.clone(),
            edge.to.clone(),
            shortened(&edge.features),
            significant(edge.effect),
        ];
        if circuit.dim.is_some() {
            row.extend([edge.effect_compiled, edge.interference].map(significant));
        }
        rows.push(row);
    }
    text += &aligned(&rows, 3);
    let _ = writeln!(text, "{}\n{}", path.display(), drawing.display()); // a String takes everything
    text
}

/// Features that a line of the table has.
const SHOWN: usize = 3;

fn shortened(features: &[String]) -> String {
    let more = features.len().saturating_sub(SHOWN);
    let shown = features[..features.len() - more].join(" ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
