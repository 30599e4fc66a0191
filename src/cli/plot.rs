//! `compress plot DIR`: the figures of a run or a study, from its tables. `compress plot MODEL --input TOKENS`:
//! what a model computes on an input.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::compile::SettingArgs;
use super::failure::Failure;
use super::kind::{self, Kind};
use super::run_input::{check_finite, check_pass, load_projection, model_of, words};
use super::run_model::{features_after_each_block, ids, read_for_model, stages};
use super::{output, terminal};
use crate::figures::activations::{Activations, attention, stream};
use crate::figures::{self, Figure, pdf, png, svg};
use crate::run::finished::Subject;
use base::escape;
use base::files::{self, links};
use superposition::Projection;
use tracr::model::{CompiledModel, Frozen, Stream, Value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run or a study; with --input also a model file or a RASP program
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Draw what a model computes on this input, tokens with blanks between: the attention patterns and the
    /// residual stream after each block. Of a run it is the compressed model, padded as in training
    #[arg(long, value_name = "TOKENS")]
    input: Option<String>,
    /// With --input and a model file or a program: draw the model compressed by this W, a run directory or its
    /// projection.safetensors
    #[arg(long, value_name = "RUN", requires = "input")]
    projection: Option<PathBuf>,
    /// The directory to write the figures into [default: DIR/figures; of a model or a program, figures]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Which files to write
    #[arg(long, value_enum, default_value_t = Format::Both)]
    format: Format,
    /// Pixels per point (1/72 inch) in PNG files; 4 gives 288 dots per inch
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    scale: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Vector graphics, for the web
    Svg,
    /// Vector graphics, for papers
    Pdf,
    /// Bitmaps
    Png,
    /// SVG and PNG
    Both,
}

/// The directory of figures, unless another one is given.
const FIGURES: &str = "figures";

/// The figures of a run or a study.
fn of_tables(directory: &Path) -> Result<Vec<Figure>, Failure> {
    if directory.is_file() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} is a file, not the directory of a run or a study: of a model, --input says on which tokens to draw it",
            escape::path(directory)
        )));
    }
    match figures::kind(directory).map_err(Failure::input)? {
        figures::Kind::Run => figures::of_run(directory),
        figures::Kind::Study => figures::of_study(directory),
        figures::Kind::Shrink => figures::of_shrink(directory),
    }
    .map_err(Failure::input)
}

/// The figures of a model on an input.
fn on_input(args: &Args, input: &str) -> Result<Vec<Figure>, Failure> {
    let path = &args.directory;
    let (model, projection) = if path.is_dir() {
        if args.projection.is_some() {
            return Err(Failure::Input(anyhow::anyhow!(
                "--projection is for a model file or a program: the run {} has a W of its own",
                escape::path(path)
            )));
        }
        let run = Subject::load(path).map_err(Failure::input)?;
        (run.experiment.model, Some(run.projection))
    } else {
        let model = model_of(path, &SettingArgs::default())?;
        let projection = args.projection.as_deref();
        let projection = projection.map(|path| load_projection(path, &model));
        (model, projection.transpose()?)
    };
    let tokens = read_for_model(&model, &words(input))?;
    let activations = activations(&model, projection.as_ref(), &tokens)?;
    let mut figures: Vec<Figure> = attention(&activations).into_iter().collect();
    figures.push(stream(&activations));
    Ok(figures)
}

/// What a model computes on tokens, or what it does through a `W`, padded as in training.
fn activations(
    model: &CompiledModel,
    projection: Option<&Projection>,
    tokens: &[Value],
) -> Result<Activations, Failure> {
    let mut ids = ids(model, tokens);
    if projection.is_some() {
        ids.resize(model.positions(), model.metadata.pad_id);
    }
    check_pass(model, ids.len())?;
    let input = Array2::from_shape_vec((1, ids.len()), ids.clone())
        .map_err(|e| Failure::Running(e.into()))?;
    let frozen = Frozen::<f64>::new(model);
    let through = projection.map_or(Stream::Full, Projection::stream);
    let trace = frozen.forward(through, input.view());
    check_finite(&trace.output)?;
    let features = features_after_each_block(&trace, through);
    let patterns = frozen.patterns(&trace).into_iter();
    let vocab = &model.metadata.input_vocab;
    let shown: Vec<String> = tokens.iter().map(Value::shown).collect();
    let program = escape::name(&model.metadata.program);
    Ok(Activations {
        model: match projection {
            None => format!("the compiled model of {program}"),
            Some(projection) => format!(
                "the model of {program} compressed to d = {}",
                projection.width()
            ),
        },
        input: shown.join(" "),
        features: model.metadata.residual_labels.clone(),
        tokens: ids.iter().map(|id| vocab[*id].shown()).collect(),
        stream: stages(model).into_iter().zip(features).collect(),
        attention: patterns
            .map(|pattern| (pattern.name(), pattern.weights))
            .collect(),
    })
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let takes = &[Kind::RunDirectory, Kind::StudyDirectory, Kind::Program];
    if args.input.is_none() {
        kind::expect("plot", &args.directory, takes)?;
    }
    if let Some(path) = &args.output {
        output::directory(
            path,
            "plot writes its figures (--format svg, pdf or png says which)",
        )?;
    }
    let figures = match &args.input {
        Some(input) => on_input(args, input)?,
        None => of_tables(&args.directory)?,
    };
    // All are drawn before the first is written.
    let mut drawn = Vec::new();
    for figure in &figures {
        if matches!(args.format, Format::Svg | Format::Both) {
            let text = svg::document(&figure.scene, &figure.title, &figure.caption);
            drawn.push((format!("{}.svg", figure.name), text.into_bytes()));
        }
        if args.format == Format::Pdf {
            let bytes = pdf::document(&figure.scene, &figure.title, &figure.caption);
            let bytes = bytes.ok_or_else(|| {
                Failure::Running(anyhow::anyhow!("the bundled font cannot be read"))
            })?;
            drawn.push((format!("{}.pdf", figure.name), bytes));
        }
        if matches!(args.format, Format::Png | Format::Both) {
            let bytes = png::encode(&figure.scene, f64::from(args.scale)).ok_or_else(|| {
                let (w, h) = (figure.scene.width, figure.scene.height);
                Failure::Input(anyhow::anyhow!(
                    "{}.png would be too large: {w:.0} by {h:.0} points at --scale {}; use a smaller scale, or \
                     --format svg or pdf",
                    figure.name,
                    args.scale
                ))
            })?;
            drawn.push((format!("{}.png", figure.name), bytes));
        }
    }
    let beside = match args.directory.is_dir() {
        true => args.directory.join(FIGURES),
        false => FIGURES.into(),
    };
    let output = args.output.clone().unwrap_or(beside);
    match args.output {
        Some(_) => files::make_directory(&output),
        None => links::make_directory(&output),
    }
    .map_err(Failure::writing)?;
    files::remove_leftovers(&output).map_err(Failure::writing)?;
    let mut text = String::new();
    for (name, bytes) in drawn {
        let path = output.join(name);
        files::write_atomically(&path, &bytes).map_err(Failure::writing)?;
        text += &format!("{}\n", path.display());
    }
    Ok(terminal::print(&text)?)
}
