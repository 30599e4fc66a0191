//! Random models of any shape, with biases everywhere and dead parts of every kind.

use ndarray::{Array1, Array2};
use tracr::model::frozen::convert;
use tracr::model::{CompiledModel, Layer, Linear, Metadata, OutputKind, Value};

use super::random::Random;

/// Sizes of a model.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub width: usize,
    pub depth: usize,
    pub heads: usize,
    pub key_size: usize,
    pub hidden: usize,
    pub words: usize,
    pub longest: usize,
}

impl Shape {
    /// A small model; one in ten has a large vocabulary.
    pub fn random(random: &mut Random) -> Self {
        let large = random.one_in(10);
        Self {
            width: 3 + random.below(10),
            depth: random.below(5),
            heads: 1 + random.below(3),
            key_size: 1 + random.below(4),
            hidden: 1 + random.below(6),
            words: if large {
                28 + random.below(20)
            } else {
                1 + random.below(6)
            },
            longest: 1 + random.below(6),
        }
    }
}

/// A number of [−1, 1).
fn number(random: &mut Random) -> f32 {
    ((random.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0) as f32
}

fn matrix(random: &mut Random, shape: (usize, usize), scale: f32) -> Array2<f32> {
    Array2::from_shape_simple_fn(shape, || scale * number(random))
}

/// A map with a bias; some have whole rows and columns of zeros.
fn linear(random: &mut Random, inputs: usize, outputs: usize) -> Linear<f32> {
    let mut weight = matrix(random, (inputs, outputs), 1.5 / (inputs as f32).sqrt());
    let mut bias = Array1::from_shape_simple_fn(outputs, || 0.5 * number(random));
    for i in 0..inputs {
        if random.one_in(4) {
            weight.row_mut(i).fill(0.0);
        }
    }
    for o in 0..outputs {
        if random.one_in(3) {
            weight.column_mut(o).fill(0.0);
            if !random.one_in(4) {
                bias[o] = 0.0;
            }
        }
    }
    if random.one_in(4) {
        bias.fill(0.0);
    }
    Linear { weight, bias }
}

fn layer(random: &mut Random, shape: Shape) -> Layer<f32> {
    let inner = shape.heads * shape.key_size;
    let mut layer = Layer {
        query: linear(random, shape.width, inner),
        key: linear(random, shape.width, inner),
        value: linear(random, shape.width, inner),
        output: linear(random, inner, shape.width),
        fc1: linear(random, shape.width, shape.hidden),
        fc2: linear(random, shape.hidden, shape.width),
    };
    for head in 0..shape.heads {
        if random.one_in(4) {
            let rows = head * shape.key_size..(head + 1) * shape.key_size;
            rows.for_each(|row| layer.output.weight.row_mut(row).fill(0.0));
        }
    }
    if random.one_in(3) {
        layer.output.weight.fill(0.0);
        layer.output.bias.fill(0.0);
    }
    if random.one_in(4) {
        layer.fc2.weight.fill(0.0);
        layer.fc2.bias.fill(0.0);
    }
    layer
}

/// A model of this shape.
pub fn model(random: &mut Random, shape: Shape) -> CompiledModel {
    let mut input_vocab: Vec<Value> = (0..shape.words)
        .map(|i| Value::Str(format!("w{i}")))
        .collect();
    let mut add = |random: &mut Random, text: &str| {
        let place = random.below(input_vocab.len() + 1);
        input_vocab.insert(place, Value::Str(text.into()));
    };
    add(random, "BOS");
    add(random, "PAD");
    let id = |text: &str| {
        let token = Value::Str(text.into());
        input_vocab.iter().position(|v| *v == token).unwrap()
    };
    let (bos_id, pad_id) = (id("BOS"), id("PAD"));
    let classes: Option<Vec<Value>> = (!random.one_in(2)).then(|| {
        (0..2 + random.below(4))
            .map(|i| Value::Int(i as i64))
            .collect()
    });
    let metadata = Metadata {
        format_version: 1,
        program: "synthetic".into(),
        residual_labels: (0..shape.width).map(|i| format!("f{i}")).collect(),
        bos_token: Value::Str("BOS".into()),
        pad_token: Value::Str("PAD".into()),
        bos_id,
        pad_id,
        output_kind: match classes {
            Some(_) => OutputKind::Categorical,
            None => OutputKind::Numerical,
        },
        output_encoding: classes,
        num_heads: shape.heads,
        num_layers: shape.depth,
        key_size: shape.key_size,
        mlp_hidden_size: shape.hidden,
        causal: random.one_in(2),
        max_seq_len: shape.longest,
        unique_tokens: false,
        valid: None,
        extra: serde_json::Map::new(),
        input_vocab,
    };
    let vocabulary = metadata.input_vocab.len();
    CompiledModel {
        token_embed: convert(&matrix(random, (vocabulary, shape.width), 1.0)),
        pos_embed: convert(&matrix(random, (shape.longest + 1, shape.width), 1.0)),
        unembed: convert(&matrix(
            random,
            (shape.width, metadata.output_columns()),
            1.0,
        )),
        layers: (0..shape.depth)
            .map(|_| layer(random, shape).convert())
            .collect(),
        metadata,
    }
}
