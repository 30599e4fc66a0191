//! What the model file says about a compiled model besides its weights.

use ndarray::Array2;
use serde_json::{Map, json};

use super::craft::Space;
use super::error::{CompileError, Reason};
use super::labels;
use super::options::Options;
use super::plan::Plan;
use super::program::OpId;
use crate::model::metadata::FORMAT_VERSION;
use crate::model::{CompiledModel, Frozen, Metadata, OutputKind, Stream, Value};

/// The metadata, without an example.
pub fn of(plan: &Plan, space: &Space, options: &Options) -> Metadata {
    let output = OpId(0);
    let categorical = plan.program.op(output).is_categorical();
    let id = |token: &Value| space.vocabulary.place(token).unwrap_or(0);
    let mut extra = Map::new();
    extra.insert("layer_norm".into(), json!(false));
    extra.insert("activation".into(), json!("relu"));
    let exactness = options.mlp_exactness;
    let whole = exactness.fract() == 0.0 && exactness.abs() < 1e15;
    let exactness = if whole {
        json!(exactness as i64)
    } else {
        json!(exactness)
    };
    extra.insert("mlp_exactness".into(), exactness);
    Metadata {
        format_version: FORMAT_VERSION,
        program: options.program_name.clone(),
        residual_labels: labels::labels(&plan.program, space),
        input_vocab: space.vocabulary.values().to_vec(),
        bos_token: options.bos.clone(),
        pad_token: options.pad.clone(),
        bos_id: id(&options.bos),
        pad_id: id(&options.pad),
        output_kind: if categorical {
            OutputKind::Categorical
        } else {
            OutputKind::Numerical
        },
        output_encoding: categorical.then(|| plan.inferred.set(output).values().to_vec()),
        num_heads: plan.report.heads,
        num_layers: plan.report.layers,
        key_size: plan.report.key_size,
        mlp_hidden_size: plan.report.mlp_width,
        causal: options.causal,
        max_seq_len: options.max_seq_len,
        unique_tokens: options.unique_tokens,
        valid: options.valid.clone(),
        extra,
    }
}

/// Runs the model on the example and keeps input, expected output and the model's output.
///
/// Numbers are rounded to 1e-9, so that the file is the same on every machine.
///
/// # Errors
/// If the example is no input of the model.
pub fn add_example(model: &mut CompiledModel, options: &Options) -> Result<(), CompileError> {
    let Some((input, expected)) = &options.example else {
        return Ok(());
    };
    let ids = example_ids(model, input)?;
    let positions = ids.len();
    let tokens = Array2::from_shape_vec((1, positions), ids)
        .map_err(|error| Reason::Options(format!("the example: {error}")))?;
    let (_, output) = Frozen::<f64>::new(model).evaluate(Stream::Full, tokens.view());
    let decoded = (1..positions).map(|t| match model.decode(output.row(t)) {
        Value::Float(x) if model.metadata.output_encoding.is_none() => {
            Value::Float((x * 1e9).round() / 1e9)
        }
        value => value,
    });
    let json = |values: &[Value]| {
        values
            .iter()
            .map(Value::to_json)
            .collect::<serde_json::Value>()
    };
    let decoded: Vec<Value> = decoded.collect();
    let extra = &mut model.metadata.extra;
    extra.insert("test_input".into(), json(input));
    if let Some(expected) = expected {
        extra.insert("expected_output".into(), json(expected));
    }
    extra.insert("model_output".into(), json(&decoded));
    Ok(())
}

/// BOS and the tokens, as ids.
fn example_ids(model: &CompiledModel, input: &[Value]) -> Result<Vec<usize>, CompileError> {
    let meta = &model.metadata;
    let problem = |text: String| CompileError::from(Reason::Options(text));
    if input.is_empty() || input.len() > meta.max_seq_len {
        let (given, longest) = (input.len(), meta.max_seq_len);
        return Err(problem(format!(
            "the example has {given} tokens, not 1 to {longest}"
        )));
    }
    let mut ids = vec![meta.bos_id];
    for token in input {
        let id = meta
            .word_ids()
            .into_iter()
            .find(|id| crate::rasp::python::equal(&meta.input_vocab[*id], token))
            .ok_or_else(|| problem(format!("the example has `{token}`, which is not a token")))?;
        ids.push(id);
    }
    Ok(ids)
}
