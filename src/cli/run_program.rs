//! `compress run PROGRAM.rasp TOKEN...`: what a program computes, by its interpreter; with
//! `--compare` beside its compiled model and, given a run, beside the compressed one.

use std::cell::Cell;

use ndarray::Array2;
use serde_json::{Map, Value as Json, json};

use super::compile::mask_changes;
use super::failure::Failure;
use super::run_attention::{self, Attention, Selectors};
use super::run_input::{
    Answer, Args, Column, Subject, all_inputs, check_finite, check_pass, load_projection,
    note_invalid,
};
use super::run_model::{all_of_model, ids, read_for_model};
use super::{table, terminal};
use base::escape;
use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::{CompiledModel, Frozen, Stream, Value, codec, value};
use tracr::program::verify::agree;
use tracr::program::{Compiled, Source, mask};
use tracr::rasp::python;
use tracr::rasp::syntax::header;
use tracr::rasp::unselected::Unselected;
use tracr::rasp::{Header, Program, Valid, interpreter, render};

/// A program, ready to be run; where it is compared, with its models.
pub struct OfProgram {
    program: Program,
    name: String,
    vocab: Option<Vec<Value>>,
    causal: bool,
    valid: Option<Valid>,
    models: Option<Models>,
    /// What is compared with the program; else models are there for their attention alone.
    compare: bool,
    trace: bool,
    selectors: bool,
    /// Whether the examples of the header are of what is run: no other output or mask was asked for.
    has_examples: bool,
    /// Whether it was said that an aggregate selects nothing.
    has_noted: Cell<bool>,
}

/// What a program was compiled to.
struct Models {
    model: CompiledModel,
    frozen: Frozen<f64>,
    projection: Option<Projection>,
}

impl OfProgram {
    pub fn new(args: &Args, source: &Source) -> Result<Self, Failure> {
        let settings = args.settings.resolve()?;
        let compare = args.compare || args.projection.is_some();
        let compiled = if compare {
            Some(source.compile(&settings).map_err(Failure::input)?)
        } else if args.selectors {
            // Without a model there are still the program's selectors.
            let compiled = source.compile(&settings);
            if let (Err(e), Ok(_)) = (&compiled, source.read(&settings)) {
                let why = e.to_string();
                let why = why
                    .lines()
                    .find(|line| line.starts_with("Error"))
                    .or(why.lines().next());
                terminal::message(&format!(
                    "note: the attention of a model is not drawn, since there is none: {}",
                    why.unwrap_or_default().trim_start_matches("Error: ")
                ));
            }
            compiled.ok()
        } else {
            None
        };
        let (program, models) = match compiled {
            None => (source.read(&settings).map_err(Failure::input)?, None),
            Some(Compiled { program, model, .. }) => {
                let projection = args.projection.as_deref();
                let projection = projection.map(|path| load_projection(path, &model));
                let models = Models {
                    frozen: Frozen::new(&model),
                    projection: projection.transpose()?,
                    model,
                };
                (program, Some(models))
            }
        };
        for note in &program.notes {
            terminal::message(&format!("note: {note}"));
        }
        let header = &program.header;
        let longest = header.max_seq_len.unwrap_or(usize::MAX);
        let reports = |e: Vec<_>| Failure::Input(anyhow::anyhow!("{}", render(&e).trim_end()));
        let valid = Valid::of(&program, longest).map_err(reports)?;
        Ok(Self {
            name: match &models {
                Some(models) if compare => models.model.metadata.program.clone(),
                _ => args.model.display().to_string(),
            },
            vocab: settings.vocab.or_else(|| header.vocab.clone()),
            causal: settings.causal.or(header.causal).unwrap_or(false),
            valid,
            models,
            compare,
            trace: args.trace,
            selectors: args.selectors,
            has_examples: settings.output.is_none() && settings.causal.is_none(),
            has_noted: Cell::new(false),
            program,
        })
    }

    fn interpret(&self, tokens: &[Value]) -> Result<interpreter::Run, Failure> {
        let (graph, output) = (&self.program.graph, self.program.output);
        interpreter::run(graph, output, tokens, self.causal)
            .map_err(|e| Failure::Input(anyhow::anyhow!("on input {}: {e}", value::list(tokens))))
    }

    /// Says where the causal mask changes what the program gives.
    fn note_mask(&self, tokens: &[Value], run: &interpreter::Run) -> Option<String> {
        let Program { graph, output, .. } = &self.program;
        let masked = || mask::changed(graph, *output, tokens, run.output());
        let masked = self.causal.then(masked).flatten()?;
        Some(format!("note: {}", mask_changes(&masked)))
    }

    /// Says where the header's example has something else for this very input.
    fn note_example(&self, tokens: &[Value], found: &[Value]) -> Option<String> {
        let mut examples = self.program.header.examples.iter();
        let example = examples.find(|example| example.input == tokens)?;
        let mut pairs = example.output.iter().zip(found);
        let is_right =
            pairs.all(|(expected, found)| python::equal(expected, found) || agree(found, expected));
        (self.has_examples && !is_right).then(|| {
            let expected: Vec<String> = example.output.iter().map(Value::word).collect();
            format!(
                "note: the header's example says `{}` for this input; `compress compile` refuses the program for that",
                expected.join(" ")
            )
        })
    }

    /// Says where an aggregate selects nothing and has no default, of the first input that has such a place.
    fn note_unselected(&self, tokens: &[Value], run: &interpreter::Run) -> Option<String> {
        let unselected = Unselected::of(&self.program.graph, tokens, run)?;
        let is_first = !self.has_noted.replace(true);
        is_first.then(|| format!("note: {}", unselected.describe()))
    }
}

impl Subject for OfProgram {
    fn read(&self, words: &[String]) -> Result<Vec<Value>, Failure> {
        match &self.models {
            Some(models) => read_for_model(&models.model, words),
            None => tokens(words, self.vocab.as_deref(), &self.program.header),
        }
    }

    fn all(&self) -> Result<(InputSpace, Vec<Value>), Failure> {
        if let Some(models) = &self.models {
            return all_of_model(&models.model);
        }
        let header = &self.program.header;
        let (Some(vocab), Some(longest)) = (&self.vocab, header.max_seq_len) else {
            return Err(Failure::Input(anyhow::anyhow!(
                "--all needs the tokens and the longest input, which the program does not say: give --vocab \
                 and --max-seq-len"
            )));
        };
        let (n, valid) = (vocab.len(), header.valid.as_deref());
        let words = ((0..n).collect(), (n, n + 1));
        let space = all_inputs(words, longest, header.unique_tokens, (vocab, valid))?;
        Ok((space, vocab.clone()))
    }

    fn answer(&self, tokens: &[Value]) -> Result<Answer, Failure> {
        let program = &self.program;
        let run = self.interpret(tokens)?;
        let mut columns = vec![Column {
            whose: if self.compare { "program" } else { "output" },
            values: program.output_of(&run),
        }];
        let mut attention = Vec::new();
        if let Some(models) = &self.models {
            let (compared, patterns) = models.answers(tokens, self.selectors)?;
            attention = patterns;
            if self.compare {
                columns.extend(compared);
            }
        }
        let mut json = object(&self.name, tokens, &columns);
        let mut more = String::new();
        let differs = different(&columns);
        if self.compare {
            json.insert("differs".into(), json!(differs));
        }
        if self.trace && !self.compare {
            let trace = program.trace_of(&run);
            more += &trace_text(tokens, &trace);
            let all: Map<String, Json> = trace
                .into_iter()
                .map(|(name, values)| (name, values.iter().map(Value::to_json).collect()))
                .collect();
            json.insert("trace".into(), Json::Object(all));
        }
        if self.selectors {
            let selectors = Selectors::new(program, &run, tokens);
            more += &selectors.text();
            json.insert("selectors".into(), selectors.json());
            attention.iter().for_each(|drawn| more += &drawn.text());
            json.insert("attention".into(), run_attention::json(&attention));
        }
        Ok(Answer {
            tokens: tokens.to_vec(),
            columns,
            differs,
            json,
            more,
            notes: note_invalid(self.valid.as_ref(), tokens)
                .into_iter()
                .chain(self.note_mask(tokens, &run))
                .chain(self.note_unselected(tokens, &run))
                .chain(self.note_example(tokens, &program.output_of(&run)))
                .collect(),
        })
    }
}

impl Models {
    /// The outputs of the compiled model and, where there is a `W`, of the compressed one, padded as in
    /// training; and what their heads attend to, if that is asked for.
    fn answers(
        &self,
        tokens: &[Value],
        attention: bool,
    ) -> Result<(Vec<Column>, Vec<Attention>), Failure> {
        let model = &self.model;
        let plain = ids(model, tokens);
        let mut passes = vec![("compiled", Stream::Full, plain.clone())];
        if let Some(projection) = &self.projection {
            let mut padded = plain;
            padded.resize(model.positions(), model.metadata.pad_id);
            passes.push(("compressed", projection.stream(), padded));
        }
        let (mut columns, mut drawn) = (Vec::new(), Vec::new());
        for (whose, stream, ids) in passes {
            check_pass(model, ids.len())?;
            let input = Array2::from_shape_vec((1, ids.len()), ids.clone())
                .map_err(|e| Failure::Running(e.into()))?;
            let scores = if attention {
                let trace = self.frozen.forward(stream, input.view());
                let vocab = &model.metadata.input_vocab;
                drawn.push(Attention {
                    whose,
                    patterns: self.frozen.patterns(&trace),
                    tokens: ids.iter().map(|id| vocab[*id].clone()).collect(),
                });
                trace.output
            } else {
                self.frozen.evaluate(stream, input.view()).1
            };
            check_finite(&scores)?;
            let rows = 1..=tokens.len();
            columns.push(Column {
                whose,
                values: rows.map(|t| model.decode(scores.row(t))).collect(),
            });
        }
        Ok((columns, drawn))
    }
}

/// The values of s-ops, a row for each.
fn trace_text(tokens: &[Value], trace: &[(String, Vec<Value>)]) -> String {
    let mut rows = vec![vec!["s-op".to_owned()]];
    rows[0].extend(tokens.iter().map(Value::word));
    for (name, values) in trace {
        let mut row = vec![name.clone()];
        row.extend(values.iter().map(table::value));
        rows.push(row);
    }
    format!("\n{}", table::aligned(&rows, 1))
}

/// Words as tokens: of the vocabulary if it is known, else as a header would read them.
///
/// # Errors
/// If one is no token, or they are no input of the program.
pub fn tokens(
    words: &[String],
    vocab: Option<&[Value]>,
    header: &Header,
) -> Result<Vec<Value>, Failure> {
    let input = |text: String| Failure::Input(anyhow::anyhow!(text));
    let tokens = words
        .iter()
        .map(|word| match vocab {
            Some(vocab) => codec::token_of_word(vocab, word)
                .map(|i| vocab[i].clone())
                .ok_or_else(|| {
                    input(format!(
                        "unknown token `{}`: the vocabulary is {}{}",
                        escape::name(word),
                        value::list(vocab),
                        codec::separated(vocab, word)
                    ))
                }),
            None => match &header::words(word, false).unwrap_or_default()[..] {
                [token] => Ok(token.clone()),
                [] => Err(input(format!("`{}` is not a token", escape::name(word)))),
                several => Err(input(format!(
                    "`{}` would be {} tokens: give each by itself, or, if it is one token with blanks in it, in quotes of its own, \
                     as in '\"a b\"'",
                    escape::name(word),
                    several.len()
                ))),
            },
        })
        .collect::<Result<Vec<Value>, Failure>>()?;
    if let Some(longest) = header.max_seq_len
        && tokens.len() > longest
    {
        return Err(input(format!(
            "the input has {} tokens, but the program is for at most {longest}: give fewer, or \
             --max-seq-len",
            tokens.len()
        )));
    }
    let repeated = tokens
        .iter()
        .enumerate()
        .find(|(i, token)| tokens[..*i].contains(token));
    if let (true, Some((_, token))) = (header.unique_tokens, repeated) {
        return Err(input(format!(
            "token `{}` occurs more than once, but the program is defined only for inputs \
             without repeated tokens{}",
            token.shown(),
            vocab.map_or_else(String::new, |v| format!(
                ": use each of {} at most once",
                value::list(v)
            ))
        )));
    }
    Ok(tokens)
}

/// Positions, from 1, at which a column differs from the first one, where that is defined.
fn different(columns: &[Column]) -> Vec<usize> {
    let first = &columns[0].values;
    (0..first.len())
        .filter(|t| {
            columns[1..]
                .iter()
                .any(|column| !agree(&first[*t], &column.values[*t]))
        })
        .map(|t| t + 1)
        .collect()
}

fn object(program: &str, tokens: &[Value], columns: &[Column]) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("program".into(), program.into());
    object.insert("tokens".into(), tokens.iter().map(Value::to_json).collect());
    object.insert(
        "output".into(),
        columns[0].values.iter().map(Value::to_json).collect(),
    );
    for column in &columns[1..] {
        object.insert(
            column.whose.into(),
            column.values.iter().map(Value::to_json).collect(),
        );
    }
    object
}
