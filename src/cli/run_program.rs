//! `compress run PROGRAM.rasp TOKEN...`: what a program computes, by its interpreter; with
//! `--compare` beside its compiled model and, given a run, beside the compressed one.

use ndarray::Array2;
use serde_json::{Map, Value as Json, json};

use super::compile::mask_changes;
use super::failure::Failure;
use super::run_input::{Args, check_finite, check_pass, load_projection};
use super::{table, terminal};
use base::escape;
use superposition::Projection;
use tracr::model::{CompiledModel, Frozen, Value, codec, value};
use tracr::program::verify::{agree, outputs};
use tracr::program::{Settings, Source, mask};
use tracr::rasp::graph::Encoding;
use tracr::rasp::syntax::header;
use tracr::rasp::{Header, Program, interpreter};

/// One column of the comparison: whose, and its value at each token's position.
struct Column {
    whose: &'static str,
    values: Vec<Value>,
}

pub fn main(args: &Args, source: &Source) -> Result<(), Failure> {
    let settings = args.settings.resolve()?;
    if args.compare || args.projection.is_some() {
        return compare(args, source, &settings);
    }
    let program = source.read(&settings).map_err(Failure::input)?;
    for note in &program.notes {
        terminal::message(&format!("note: {note}"));
    }
    let vocab = settings.vocab.as_ref().or(program.header.vocab.as_ref());
    let tokens = tokens(&args.tokens, vocab.map(Vec::as_slice), &program.header)?;
    let causal = settings.causal.or(program.header.causal).unwrap_or(false);
    let run = interpret(&program, &tokens, causal)?;
    note_mask(&program, &tokens, causal, &run);
    let columns = [Column {
        whose: "output",
        values: output_of(&program, &run),
    }];
    let trace = args.trace.then(|| sops(&program, &run));
    if args.json {
        let mut object = object(&args.model.display().to_string(), &tokens, &columns);
        if let Some(trace) = trace {
            let all: Map<String, Json> = trace
                .into_iter()
                .map(|(name, values)| (name, values.iter().map(Value::to_json).collect()))
                .collect();
            object.insert("trace".into(), Json::Object(all));
        }
        return Ok(terminal::print(&format!("{}\n", Json::Object(object)))?);
    }
    let mut text = table(&tokens, &columns);
    if let Some(trace) = trace {
        let mut rows = vec![vec!["s-op".to_owned()]];
        rows[0].extend(tokens.iter().map(Value::to_string));
        for (name, values) in trace {
            let mut row = vec![name];
            row.extend(values.iter().map(cell));
            rows.push(row);
        }
        text.push('\n');
        text.push_str(&table::aligned(&rows, 1));
    }
    Ok(terminal::print(&text)?)
}

/// Program, compiled model and compressed model side by side.
fn compare(args: &Args, source: &Source, settings: &Settings) -> Result<(), Failure> {
    let compiled = source.compile(settings).map_err(Failure::input)?;
    let (program, model) = (&compiled.program, &compiled.model);
    for note in &program.notes {
        terminal::message(&format!("note: {note}"));
    }
    let ids = model.encode(&args.tokens).map_err(Failure::input)?;
    let tokens: Vec<Value> = ids[1..]
        .iter()
        .map(|id| model.metadata.input_vocab[*id].clone())
        .collect();
    let run = interpret(program, &tokens, model.metadata.causal)?;
    note_mask(program, &tokens, model.metadata.causal, &run);
    let mut columns = vec![
        Column {
            whose: "program",
            values: output_of(program, &run),
        },
        Column {
            whose: "compiled",
            values: outputs(model, &Frozen::<f64>::new(model), &ids[1..]),
        },
    ];
    if let Some(path) = &args.projection {
        let projection = load_projection(path, model)?;
        columns.push(Column {
            whose: "compressed",
            values: compressed_outputs(model, &projection, &ids)?,
        });
    }
    if args.json {
        let mut object = object(&model.metadata.program, &tokens, &columns);
        object.insert("differs".into(), json!(different(&columns)));
        return Ok(terminal::print(&format!("{}\n", Json::Object(object)))?);
    }
    Ok(terminal::print(&table(&tokens, &columns))?)
}

/// The decoded outputs of the model compressed by `W`, padded as in training.
fn compressed_outputs(
    model: &CompiledModel,
    projection: &Projection,
    ids: &[usize],
) -> Result<Vec<Value>, Failure> {
    let mut padded = ids.to_vec();
    padded.resize(model.positions(), model.metadata.pad_id);
    check_pass(model, padded.len())?;
    let padded = Array2::from_shape_vec((1, padded.len()), padded)
        .map_err(|e| Failure::Running(e.into()))?;
    let (_, scores) = Frozen::<f64>::new(model).evaluate(projection.stream(), padded.view());
    check_finite(&scores)?;
    Ok((1..ids.len())
        .map(|t| model.decode(scores.row(t)))
        .collect())
}

fn interpret(
    program: &Program,
    tokens: &[Value],
    causal: bool,
) -> Result<interpreter::Run, Failure> {
    interpreter::run(&program.graph, program.output, tokens, causal)
        .map_err(|e| Failure::Input(anyhow::anyhow!("on input {}: {e}", value::list(tokens))))
}

/// Says where the causal mask changes what the program gives.
fn note_mask(program: &Program, tokens: &[Value], causal: bool, run: &interpreter::Run) {
    let masked = || mask::changed(&program.graph, program.output, tokens, run.output());
    if let Some(masked) = causal.then(masked).flatten() {
        terminal::message(&format!("note: {}", mask_changes(&masked)));
    }
}

/// The output; a numerical one in numbers, so that the mean of one True reads as 1.
fn output_of(program: &Program, run: &interpreter::Run) -> Vec<Value> {
    let numerical = program.graph.node(program.output).encoding == Encoding::Numerical;
    let plain = |value: &Value| match value {
        Value::Bool(b) if numerical => Value::Int(i64::from(*b)),
        other => other.clone(),
    };
    run.output().iter().map(plain).collect()
}

/// Words as tokens: of the vocabulary if it is known, else as a header would read them.
fn tokens(
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
                        "unknown token `{}`: the vocabulary is {}",
                        escape::name(word),
                        value::list(vocab)
                    ))
                }),
            None => header::words(word, false)
                .ok()
                .and_then(|values| values.into_iter().next())
                .ok_or_else(|| input(format!("`{}` is not a token", escape::name(word)))),
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

/// The values of the program's named s-ops, in the order in which they are computed.
fn sops(program: &Program, run: &interpreter::Run) -> Vec<(String, Vec<Value>)> {
    let mut named: Vec<_> = program
        .names
        .iter()
        .filter(|(_, id)| !run.values(**id).is_empty())
        .map(|(name, id)| (*id, name.clone(), run.values(*id).to_vec()))
        .collect();
    named.sort_by_key(|(id, ..)| *id);
    named
        .into_iter()
        .map(|(_, name, values)| (name, values))
        .collect()
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

fn table(tokens: &[Value], columns: &[Column]) -> String {
    let differs = different(columns);
    let mut rows = vec![vec!["position".to_owned(), "token".into()]];
    rows[0].extend(columns.iter().map(|column| column.whose.to_owned()));
    for (t, token) in tokens.iter().enumerate() {
        let mut row = vec![(t + 1).to_string(), token.to_string()];
        row.extend(columns.iter().map(|column| cell(&column.values[t])));
        if differs.contains(&(t + 1)) {
            row.push("<- differs".into());
        }
        rows.push(row);
    }
    table::aligned(&rows, 0)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Float(x) => table::number(*x),
        other => other.to_string(),
    }
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
