//! `compress run MODEL TOKEN...`: what a model computes on one input (a program:
//! [`super::run_program`]).

use std::path::Path;

use ndarray::Array2;
use serde_json::{Map, Value as Json, json};

use super::failure::Failure;
pub use super::run_input::Args;
use super::run_input::{check_finite, check_pass, load_projection};
use super::{run_program, table, terminal};
use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Frozen, Stream, Trace, Value};
use tracr::program::Source;

/// The program that a path means, if it is no model file.
fn program(path: &Path) -> Option<Source> {
    let is_source = path.extension().is_some_and(|e| e == "rasp");
    (is_source || tracr::library::program_named(path).is_some()).then(|| Source::find(path))
}

/// The plan for a model file, or for what a program compiles to.
fn plan(args: &Args) -> Result<(), Failure> {
    let model = match program(&args.model) {
        Some(source) => {
            let settings = args.settings.resolve()?;
            source.compile(&settings).map_err(Failure::input)?.model
        }
        None => CompiledModel::load(&args.model).map_err(Failure::input)?,
    };
    let meta = &model.metadata;
    let space =
        InputSpace::new(&model, &[meta.max_seq_len], meta.unique_tokens).map_err(Failure::input)?;
    super::plan::print(&model, &space, 256)
}

pub fn main(args: &Args) -> Result<(), Failure> {
    if args.plan {
        return plan(args);
    }
    if let Some(source) = program(&args.model) {
        return run_program::main(args, &source);
    }
    if args.compare || !args.settings.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "--compare, --vocab, --max-seq-len, --causal, --mlp-exactness and --output are for a RASP \
             program (.rasp), not for a model that is compiled already"
        )));
    }
    let model = CompiledModel::load(&args.model).map_err(Failure::input)?;
    let projection = args
        .projection
        .as_deref()
        .map(|path| load_projection(path, &model));
    let projection = projection.transpose()?;
    let mut ids = model.encode(&args.tokens).map_err(Failure::input)?;
    if args.pad {
        ids.resize(model.positions(), model.metadata.pad_id);
    }
    check_pass(&model, ids.len())?;
    let tokens = Array2::from_shape_vec((1, ids.len()), ids.clone())
        .map_err(|e| Failure::Running(e.into()))?;
    let frozen = Frozen::<f64>::new(&model);
    let stream = projection.as_ref().map_or(Stream::Full, Projection::stream);
    let trace = frozen.forward(stream, tokens.view());
    check_finite(&trace.output)?;
    let shown = Shown {
        model: &model,
        ids: &ids,
        words: args.tokens.len(),
        trace: &trace,
    };
    let features = args
        .trace
        .then(|| features_after_each_block(&trace, stream));
    if args.json {
        terminal::print(&format!("{}\n", shown.json(features.as_deref())))?;
    } else {
        terminal::print(&shown.text(features.as_deref()))?;
        shown.warn_of_undecided();
    }
    Ok(())
}

/// The stream in feature dimensions `[T, D]`, after the embedding and after each block: as it is,
/// or as the next block (after the last: the unembedding) reads it through `W`.
fn features_after_each_block(trace: &Trace<f64>, stream: Stream<'_, f64>) -> Vec<Array2<f64>> {
    let last = trace.residuals.len() - 1;
    let readers = (0..last).map(Reader::Block).chain([Reader::Unembedding]);
    let residuals = trace.residuals.iter().zip(readers);
    residuals
        .map(|(residual, reader)| stream.read(reader, residual))
        .collect()
}

/// A model's answer to one input.
struct Shown<'a> {
    model: &'a CompiledModel,
    ids: &'a [usize],
    /// Tokens without BOS and padding.
    words: usize,
    trace: &'a Trace<f64>,
}

impl Shown<'_> {
    fn token(&self, position: usize) -> &Value {
        &self.model.metadata.input_vocab[self.ids[position]]
    }

    fn output(&self, position: usize) -> Value {
        self.model.decode(self.trace.output.row(position))
    }

    fn undecided(&self) -> Vec<usize> {
        (1..=self.words)
            .filter(|t| self.model.is_undecided(self.trace.output.row(*t)))
            .collect()
    }

    fn text(&self, features: Option<&[Array2<f64>]>) -> String {
        let plain = |value: &Value| match value {
            Value::Float(x) => table::number(*x),
            other => other.to_string(),
        };
        let mut rows = vec![vec!["position".into(), "token".into(), "output".into()]];
        for t in 1..=self.words {
            rows.push(vec![
                t.to_string(),
                self.token(t).to_string(),
                plain(&self.output(t)),
            ]);
        }
        let mut text = table::aligned(&rows, 0);
        let Some(features) = features else {
            return text;
        };
        let positions = 0..self.ids.len();
        for (stage, values) in self.stages().iter().zip(features) {
            let mut rows = vec![vec![stage.clone()]];
            rows[0].extend(positions.clone().map(|t| self.token(t).to_string()));
            for (label, column) in self
                .model
                .metadata
                .residual_labels
                .iter()
                .zip(values.columns())
            {
                let mut row = vec![format!("  {label}")];
                row.extend(column.iter().map(|x| table::number(*x)));
                rows.push(row);
            }
            text.push('\n');
            text.push_str(&table::aligned(&rows, 1));
        }
        text
    }

    fn json(&self, features: Option<&[Array2<f64>]>) -> Json {
        let words = 1..=self.words;
        let mut object = Map::new();
        object.insert("program".into(), self.model.metadata.program.clone().into());
        object.insert(
            "tokens".into(),
            words.clone().map(|t| self.token(t).to_json()).collect(),
        );
        object.insert(
            "output".into(),
            words.map(|t| self.output(t).to_json()).collect(),
        );
        object.insert("undecided_positions".into(), json!(self.undecided()));
        if let Some(features) = features {
            let all: Vec<Json> = (0..self.ids.len())
                .map(|t| self.token(t).to_json())
                .collect();
            let stages = self
                .stages()
                .into_iter()
                .zip(features)
                .map(|(stage, values)| {
                    let by_feature: Map<String, Json> = self
                        .model
                        .metadata
                        .residual_labels
                        .iter()
                        .zip(values.columns())
                        .map(|(label, column)| (label.clone(), json!(column.to_vec())))
                        .collect();
                    json!({ "after": stage, "features": by_feature })
                });
            object.insert(
                "trace".into(),
                json!({ "positions": all, "stages": stages.collect::<Vec<_>>() }),
            );
        }
        Json::Object(object)
    }

    fn stages(&self) -> Vec<String> {
        std::iter::once("embedding".to_owned())
            .chain(self.model.block_names())
            .collect()
    }

    fn warn_of_undecided(&self) {
        let positions = self.undecided();
        if !positions.is_empty() {
            let list: Vec<String> = positions.iter().map(usize::to_string).collect();
            terminal::message(&format!(
                "note: at position {} no class stands out: the program's output is undefined there",
                list.join(", ")
            ));
        }
    }
}
