//! `compress run` of a compiled model, uncompressed or through a `W`.

use ndarray::Array2;
use serde_json::{Map, Value as Json, json};

use super::failure::Failure;
use super::run_attention;
use super::run_input::{
    Answer, Args, Column, Subject, all_inputs, check_finite, check_pass, load_projection,
    note_invalid,
};
use super::table;
use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Frozen, Stream, Trace, Value};
use tracr::rasp::{Valid, render};

/// A model, ready to be run.
pub struct OfModel {
    model: CompiledModel,
    frozen: Frozen<f64>,
    projection: Option<Projection>,
    valid: Option<Valid>,
    pad: bool,
    trace: bool,
    attention: bool,
}

impl OfModel {
    pub fn new(args: &Args) -> Result<Self, Failure> {
        if args.compare || !args.settings.is_empty() {
            return Err(Failure::Input(anyhow::anyhow!(
                "--compare, --vocab, --max-seq-len, --causal, --mlp-exactness and --output are for a RASP \
                 program (.rasp), not for a model that is compiled already"
            )));
        }
        let model = CompiledModel::load(&args.model).map_err(Failure::input)?;
        let projection = args.projection.as_deref();
        let projection = projection.map(|path| load_projection(path, &model));
        Ok(Self {
            frozen: Frozen::new(&model),
            projection: projection.transpose()?,
            valid: condition(&model)?,
            pad: args.pad,
            trace: args.trace,
            attention: args.selectors,
            model,
        })
    }

    fn stream(&self) -> Stream<'_, f64> {
        let projection = self.projection.as_ref();
        projection.map_or(Stream::Full, Projection::stream)
    }
}

/// The condition of valid inputs that a model file has.
pub fn condition(model: &CompiledModel) -> Result<Option<Valid>, Failure> {
    let meta = &model.metadata;
    let parse = |text: &String| {
        Valid::parse(text, meta.max_seq_len).map_err(|reports| {
            Failure::Input(anyhow::anyhow!(
                "the model's `valid` is no condition in RASP\n{}",
                render(&reports).trim_end()
            ))
        })
    };
    meta.valid.as_ref().map(parse).transpose()
}

/// All inputs of a model, with its vocabulary.
pub fn all_of_model(model: &CompiledModel) -> Result<(InputSpace, Vec<Value>), Failure> {
    let meta = &model.metadata;
    let space = all_inputs(
        (meta.word_ids(), (meta.bos_id, meta.pad_id)),
        meta.max_seq_len,
        meta.unique_tokens,
        (&meta.input_vocab, meta.valid.as_deref()),
    )?;
    Ok((space, meta.input_vocab.clone()))
}

/// The tokens of an input, by what the model knows of them.
pub fn read_for_model(model: &CompiledModel, words: &[String]) -> Result<Vec<Value>, Failure> {
    let ids = model.encode(words).map_err(Failure::input)?;
    let vocab = &model.metadata.input_vocab;
    Ok(ids[1..].iter().map(|id| vocab[*id].clone()).collect())
}

/// The ids of tokens of the vocabulary, BOS before them.
pub fn ids(model: &CompiledModel, tokens: &[Value]) -> Vec<usize> {
    let vocab = &model.metadata.input_vocab;
    let id = |token: &Value| vocab.iter().position(|known| known == token);
    let ids = tokens.iter().filter_map(id);
    std::iter::once(model.metadata.bos_id).chain(ids).collect()
}

impl Subject for OfModel {
    fn read(&self, words: &[String]) -> Result<Vec<Value>, Failure> {
        read_for_model(&self.model, words)
    }

    fn all(&self) -> Result<(InputSpace, Vec<Value>), Failure> {
        all_of_model(&self.model)
    }

    fn answer(&self, tokens: &[Value]) -> Result<Answer, Failure> {
        let model = &self.model;
        let mut ids = ids(model, tokens);
        if self.pad {
            ids.resize(model.positions(), model.metadata.pad_id);
        }
        check_pass(model, ids.len())?;
        let input = Array2::from_shape_vec((1, ids.len()), ids.clone())
            .map_err(|e| Failure::Running(e.into()))?;
        let trace = self.frozen.forward(self.stream(), input.view());
        check_finite(&trace.output)?;
        let shown = Shown {
            model,
            ids: &ids,
            words: tokens.len(),
            trace: &trace,
        };
        let mut more = String::new();
        let mut json = shown.json();
        if self.trace {
            let features = features_after_each_block(&trace, self.stream());
            more += &shown.trace_text(&features);
            json.insert("trace".into(), shown.trace_json(&features));
        }
        if self.attention {
            let drawn = run_attention::Attention {
                whose: match self.projection {
                    None => "compiled",
                    Some(_) => "compressed",
                },
                patterns: self.frozen.patterns(&trace),
                tokens: shown.tokens(),
            };
            more += &drawn.text();
            json.insert("attention".into(), run_attention::json(&[drawn]));
        }
        let mut notes: Vec<String> = note_invalid(self.valid.as_ref(), tokens)
            .into_iter()
            .collect();
        notes.extend(shown.note_undecided());
        let values = (1..=tokens.len()).map(|t| shown.output(t)).collect();
        Ok(Answer {
            tokens: tokens.to_vec(),
            columns: vec![Column {
                whose: "output",
                values,
            }],
            differs: Vec::new(),
            json,
            more,
            notes,
        })
    }
}

/// The stream in feature dimensions `[T, D]`, after the embedding and after each block: as it is,
/// or as the next block (after the last: the unembedding) reads it through `W`.
pub fn features_after_each_block(trace: &Trace<f64>, stream: Stream<'_, f64>) -> Vec<Array2<f64>> {
    let last = trace.residuals.len() - 1;
    let readers = (0..last).map(Reader::Block).chain([Reader::Unembedding]);
    let residuals = trace.residuals.iter().zip(readers);
    residuals
        .map(|(residual, reader)| stream.read(reader, residual))
        .collect()
}

/// The names of what the stream is shown after: the embedding and each block.
pub fn stages(model: &CompiledModel) -> Vec<String> {
    std::iter::once("embedding".to_owned())
        .chain(model.block_names())
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

    fn tokens(&self) -> Vec<Value> {
        (0..self.ids.len()).map(|t| self.token(t).clone()).collect()
    }

    fn output(&self, position: usize) -> Value {
        self.model.decode(self.trace.output.row(position))
    }

    fn undecided(&self) -> Vec<usize> {
        (1..=self.words)
            .filter(|t| self.model.is_undecided(self.trace.output.row(*t)))
            .collect()
    }

    fn json(&self) -> Map<String, Json> {
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
        object
    }

    fn trace_text(&self, features: &[Array2<f64>]) -> String {
        let mut text = String::new();
        for (stage, values) in stages(self.model).iter().zip(features) {
            let mut rows = vec![vec![stage.clone()]];
            rows[0].extend(self.tokens().iter().map(Value::to_string));
            let labels = &self.model.metadata.residual_labels;
            for (label, column) in labels.iter().zip(values.columns()) {
                let mut row = vec![format!("  {label}")];
                row.extend(column.iter().map(|x| table::number(*x)));
                rows.push(row);
            }
            text.push('\n');
            text.push_str(&table::aligned(&rows, 1));
        }
        text
    }

    fn trace_json(&self, features: &[Array2<f64>]) -> Json {
        let labels = &self.model.metadata.residual_labels;
        let stages = stages(self.model).into_iter().zip(features);
        let stages = stages.map(|(stage, values)| {
            let by_feature: Map<String, Json> = labels
                .iter()
                .zip(values.columns())
                .map(|(label, column)| (label.clone(), json!(column.to_vec())))
                .collect();
            json!({ "after": stage, "features": by_feature })
        });
        let positions: Vec<Json> = self.tokens().iter().map(Value::to_json).collect();
        json!({ "positions": positions, "stages": stages.collect::<Vec<_>>() })
    }

    fn note_undecided(&self) -> Option<String> {
        let positions = self.undecided();
        if positions.is_empty() {
            return None;
        }
        let list: Vec<String> = positions.iter().map(usize::to_string).collect();
        Some(format!(
            "note: at position {} no class stands out: the program's output is undefined there",
            list.join(", ")
        ))
    }
}
