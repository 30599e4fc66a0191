//! Model files: any bytes; a header with numbers; or `[` and the JSON of the metadata, to which tensors of the
//! right shapes are made.
#![no_main]

use compress_fuzz::{container, readable};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use serde_json::Value as Json;
use tracr::model::{CompiledModel, Frozen, Stream};

fuzz_target!(|data: &[u8]| {
    let file = match data.split_first() {
        Some((b'[', rest)) => of_metadata(rest),
        _ => container::file(data),
    };
    let model = match CompiledModel::from_bytes(&file) {
        Ok(model) => model,
        Err(problem) => {
            readable(&problem);
            return;
        }
    };
    let written = model.to_bytes().expect("what was read can be written");
    let again = CompiledModel::from_bytes(&written).expect("what was written can be read");
    assert_eq!(again, model);
    assert_eq!(again.to_bytes().expect("again"), written);

    // It can be asked about any of its words.
    let meta = &model.metadata;
    let words: Vec<usize> = meta.word_ids();
    let ids = [meta.bos_id, words[words.len() - 1]];
    let tokens = Array2::from_shape_fn((1, 2), |(_, t)| ids[t]);
    let trace = Frozen::<f64>::new(&model).forward(Stream::Full, tokens.view());
    assert_eq!(trace.output.dim(), (2, meta.output_columns()));
    let _ = model.decode(trace.output.row(1)).to_string();
    let _ = model.encode(&[meta.input_vocab[ids[1]].to_string()]);
    assert_eq!(model.block_names().len(), 2 * model.layers.len());
});

/// A file with this JSON as its metadata and the tensors that it speaks of.
fn of_metadata(data: &[u8]) -> Vec<u8> {
    let (text, numbers) = container::at_zero(data);
    let text = String::from_utf8_lossy(text);
    let json: Json = serde_json::from_str(&text).unwrap_or_default();
    let size = |key: &str| json[key].as_u64().map_or(0, |n| n.min(16) as usize);
    let count = |key: &str| json[key].as_array().map_or(1, Vec::len);
    let (vocab, width) = (count("input_vocab"), count("residual_labels"));
    let (inner, hidden) = (
        size("num_heads") * size("key_size"),
        size("mlp_hidden_size"),
    );
    let mut tensors = vec![
        ("token_embed".to_owned(), vec![vocab, width]),
        ("pos_embed".to_owned(), vec![size("max_seq_len") + 1, width]),
        ("unembed".to_owned(), vec![width, count("output_encoding")]),
    ];
    for layer in 0..size("num_layers") {
        for (name, from, to) in [
            ("attn.query", width, inner),
            ("attn.key", width, inner),
            ("attn.value", width, inner),
            ("attn.output", inner, width),
            ("mlp.fc1", width, hidden),
            ("mlp.fc2", hidden, width),
        ] {
            tensors.push((format!("layers.{layer}.{name}.weight"), vec![from, to]));
            tensors.push((format!("layers.{layer}.{name}.bias"), vec![to]));
        }
    }
    container::floats(&tensors, "tracr", &text, numbers)
}
