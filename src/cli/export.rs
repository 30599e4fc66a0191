//! `compress export RUN -o FILE`: the compressed model as a transformer of width d, W for NumPy, or the activations with
//! their true features. `compress export STUDY --zoo DIR`: every model of a study with the truth about it (`export_zoo`).

use std::path::{Path, PathBuf};

use super::export_zoo::{self, Zoo};
use super::failure::Failure;
use super::kind::{self, Kind};
use super::output::{self, FileKind};
use super::signals::StopRequest;
use super::stream_part::{self, PartArgs};
use super::terminal;
use crate::recovery::record;
use crate::run::experiment::Experiment;
use crate::run::finished::Subject;
use base::escape;
use base::files;
use base::npz::NpzWriter;
use superposition::export::{self, Exported, TOLERANCE};
use tracr::model::file::{ModelFileError, Problem};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run directory; with --zoo the directory of a study
    run: PathBuf,
    /// The file to write: .safetensors for a model or activations, .npz for W
    #[arg(short, long, value_name = "FILE", required_unless_present = "zoo")]
    output: Option<PathBuf>,
    /// Write every model of a study into this directory instead: a directory each with transformer, W, true features,
    /// circuit and certificate, and manifest.csv
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "format", "precision", "site", "no_bos"])]
    zoo: Option<PathBuf>,
    /// Leave out the activations and true features of each model, by far the largest file
    #[arg(long, requires = "zoo", conflicts_with = "output")]
    no_activations: bool,
    /// Export again what is in the zoo's directory already
    #[arg(long, requires = "zoo", conflicts_with = "output")]
    force: bool,
    /// What to write [default: a model, or what the file's ending says]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The precision of the model file's weights
    #[arg(long, value_enum, default_value_t = Precision::Auto)]
    precision: Precision,
    #[command(flatten)]
    part: PartArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A model file: W multiplied into all weights, which `compress run` executes
    Model,
    /// NumPy's .npz with W (d by D; or each of several), G (D by D) and the labels
    Npz,
    /// The compressed stream's states, the true features behind them, and W: what dictionaries are scored on
    Activations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Precision {
    /// float32 if the outputs stay within 1e-5 of the compressed model's, else float64
    Auto,
    /// float32, as compiled models have
    F32,
    /// float64
    F64,
}

impl Format {
    const fn kind(self) -> FileKind {
        match self {
            Self::Model => FileKind::Model,
            Self::Npz => FileKind::Npz,
            Self::Activations => FileKind::Activations,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Npz => "npz",
            Self::Activations => "activations",
        }
    }
}

/// What the ending and `--format` say together.
fn kind(args: &Args, output: &Path) -> Result<FileKind, Failure> {
    let command = format!("compress export {} -o", output::argument(&args.run));
    if matches!(args.format, Some(Format::Activations)) {
        let command = command.replace(" -o", " --format activations -o");
        output::format_of(&command, output, &[FileKind::Activations])?;
        return Ok(FileKind::Activations);
    }
    if !args.part.is_default() {
        return Err(Failure::Input(anyhow::anyhow!(
            "--site and --no-bos say which activations to write: add --format activations, or leave them out"
        )));
    }
    let kinds = [FileKind::Model, FileKind::Npz];
    let given = args.format.map(|format| (format.kind(), format.word()));
    let kind = output::format(&command, output, &kinds, given)?;
    Ok(kind.unwrap_or(FileKind::Model))
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    match (&args.output, &args.zoo) {
        (Some(output), _) => one(args, output),
        (None, Some(directory)) => {
            kind::expect("export --zoo", &args.run, &[Kind::StudyDirectory])?;
            let zoo = Zoo {
                study: &args.run,
                directory,
                no_activations: args.no_activations,
                force: args.force,
            };
            export_zoo::main(&zoo, stop)
        }
        (None, None) => Err(Failure::Input(anyhow::anyhow!(
            "nothing to write: give --output FILE, or --zoo DIR for a study"
        ))),
    }
}

/// A file of one run.
fn one(args: &Args, output: &Path) -> Result<(), Failure> {
    kind::expect("export", &args.run, &[Kind::RunDirectory])?;
    let kind = kind(args, output)?;
    if kind == FileKind::Activations {
        return activations(args, output);
    }
    let run = Subject::load(&args.run).map_err(Failure::input)?;
    let (dim, width) = (run.projection.width(), run.projection.w.ncols());
    let (bytes, what) = match kind {
        FileKind::Npz => npz(&run)?,
        _ => {
            let exported = export_model(args, output, &run)?;
            let program = escape::name(&run.experiment.model.metadata.program);
            (
                exported.bytes,
                format!("{program} as a transformer of width {dim} (of {width})"),
            )
        }
    };
    files::write_atomically(output, &bytes).map_err(Failure::writing)?;
    Ok(terminal::print(&format!("{}: {what}\n", output.display()))?)
}

/// Writes the stream with the truth about it.
fn activations(args: &Args, output: &Path) -> Result<(), Failure> {
    let run = Subject::load(&args.run).map_err(Failure::input)?;
    let (truth, data) = stream_part::truth(&run, args.part.part())?;
    let vocabulary = &run.experiment.model.metadata.input_vocab;
    let vocabulary = vocabulary.iter().map(|token| token.shown()).collect();
    let said = format!(
        "{}: {} different rows of {} ({} {} inputs{}), {} features, {} targets\n",
        output.display(),
        data.rows,
        data.places,
        if data.inputs_are_all {
            "all"
        } else {
            "a sample of"
        },
        data.inputs,
        if data.bos { "" } else { ", BOS left out" },
        data.width,
        truth.targets.len()
    );
    let bytes = record::export(&truth, data, vocabulary).map_err(|e| Failure::Running(e.into()))?;
    files::write_atomically(output, &bytes).map_err(Failure::writing)?;
    Ok(terminal::print(&said)?)
}

/// The matrices for NumPy, and what they are.
fn npz(run: &Subject) -> Result<(Vec<u8>, String), Failure> {
    let (dim, width) = (run.projection.width(), run.projection.w.ncols());
    let names = run.projection.wiring.names().join(", ");
    let mut npz = NpzWriter::default();
    for (name, matrix) in run.projection.matrices() {
        npz.add_matrix(name, matrix);
    }
    npz.add_matrix("G", run.projection.gram(&run.experiment.model).view());
    npz.add_texts("labels", &run.projection.labels);
    let bytes = npz.finish().map_err(|e| Failure::Running(e.into()))?;
    Ok((
        bytes,
        format!("{names} [{dim}, {width}], G [{width}, {width}] and labels"),
    ))
}

/// The model file, after saying on stderr what its weights are and how far off its outputs.
fn export_model(args: &Args, output: &Path, run: &Subject) -> Result<Exported, Failure> {
    let Experiment { model, space, .. } = &run.experiment;
    let set = run.experiment.evaluation_set();
    let precision = match args.precision {
        Precision::Auto => export::Precision::Auto,
        Precision::F32 => export::Precision::F32,
        Precision::F64 => export::Precision::F64,
    };
    let exported = export::export(model, &run.projection, (space, &set), precision)
        .map_err(|problem| too_large(output, problem))?;
    terminal::message(&description(&exported, set.len()));
    Ok(exported)
}

/// `float64 weights: outputs within 2.1e-11 of the compressed model's on 325 inputs (float32: 4.6e-3)`.
fn description(exported: &Exported, inputs: usize) -> String {
    let name = match exported.precision {
        export::Precision::F32 => "float32",
        _ => "float64",
    };
    let difference = exported.difference;
    let mut text = format!(
        "{name} weights: outputs differ by at most {difference:.1e} from the compressed model's, over \
         {inputs} inputs"
    );
    if let Some(single) = exported.single_difference {
        text.push_str(&format!("; by {single:.1e} with float32"));
    }
    if difference > TOLERANCE {
        text = format!("warning: {text}, more than {TOLERANCE:.0e}");
    }
    text
}

/// A weight that the precision cannot hold: W is far too large.
fn too_large(output: &Path, problem: Problem) -> Failure {
    Failure::input(ModelFileError::Malformed {
        path: output.to_owned(),
        problem,
    })
}
