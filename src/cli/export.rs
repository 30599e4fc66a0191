//! `compress export RUN -o FILE`: the compressed model as a transformer of width d, or W for NumPy.

use std::path::PathBuf;

use super::{Failure, terminal};
use crate::compression::fold;
use crate::files;
use crate::model::file::{ModelFileError, Problem};
use crate::npz::NpzWriter;
use crate::study::finished::FinishedRun;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Model)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A model file: W multiplied into all weights, which `compress run` executes
    Model,
    /// NumPy's .npz with W (d by D; or each of several), G (D by D) and the labels
    Npz,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let run = FinishedRun::load(&args.run).map_err(Failure::input)?;
    let (dim, width) = (run.projection.width(), run.projection.w.ncols());
    let (bytes, what) = match args.format {
        Format::Model => {
            let folded = fold(&run.experiment.model, &run.projection);
            let bytes = folded
                .to_bytes()
                .map_err(|problem| too_large(args, problem))?;
            let program = &folded.metadata.program;
            (
                bytes,
                format!("{program} as a transformer of width {dim} (of {width})"),
            )
        }
        Format::Npz => {
            let names = run.projection.wiring.names().join(", ");
            let mut npz = NpzWriter::default();
            for (name, matrix) in run.projection.matrices() {
                npz.add_matrix(name, matrix);
            }
            npz.add_matrix("G", run.projection.gram(&run.experiment.model).view());
            npz.add_texts("labels", &run.projection.labels);
            let bytes = npz.finish().map_err(|e| Failure::Running(e.into()))?;
            (
                bytes,
                format!("{names} [{dim}, {width}], G [{width}, {width}] and labels"),
            )
        }
    };
    files::write_atomically(&args.output, &bytes).map_err(|e| Failure::Running(e.into()))?;
    Ok(terminal::print(&format!(
        "{}: {what}\n",
        args.output.display()
    ))?)
}

/// A weight that float32 cannot hold: W is far too large.
fn too_large(args: &Args, problem: Problem) -> Failure {
    Failure::input(ModelFileError::Malformed {
        path: args.output.clone(),
        problem,
    })
}
