//! Whatever is wrong with a model file: a message that names the tensor or key at fault, exit code 2,
//! and nothing written.

use serde_json::json;

use crate::common::bench::Bench;

#[test]
fn model_file_that_is_damaged_is_refused() {
    let metadata = |key: &str, value: serde_json::Value, parts: &[&str]| {
        Bench::new()
            .damage_model(|m| m.metadata[key] = value)
            .refused(&[], parts);
    };
    metadata(
        "format_version",
        json!(2),
        &["frac_prevs.safetensors", "format_version 2", "version 1"],
    );
    metadata(
        "num_heads",
        json!("one"),
        &["num_heads", "expected a whole number"],
    );
    metadata(
        "num_layers",
        json!(3),
        &["tensor `layers.2.attn.query.weight` is missing"],
    );
    metadata(
        "num_layers",
        json!(1),
        &["tensor `layers.1.", "does not belong"],
    );
    metadata("num_layers", json!(u64::MAX), &["is missing"]);
    metadata("key_size", json!(u64::MAX), &["layers.0.attn.query.weight"]);
    metadata("max_seq_len", json!(u64::MAX), &["a size overflows"]);
    metadata(
        "mlp_hidden_size",
        json!(2),
        &["`layers.0.mlp.fc1.weight` has shape [14, 1], expected [14, 2]"],
    );
    metadata("bos_id", json!(77), &["bos_id is 77", "6 tokens"]);
    metadata(
        "bos_id",
        json!(1),
        &["bos_token is `BOS`, but token 1 of input_vocab is `a`"],
    );
    metadata(
        "residual_labels",
        json!(["a", "b"]),
        &["residual_labels names 2 entries, expected 14"],
    );
    metadata(
        "input_vocab",
        json!(["BOS", "a", "a", "c", "compiler_pad", "x"]),
        &["\"a\" twice"],
    );
    metadata(
        "output_kind",
        json!("categorical"),
        &["output_encoding is null"],
    );
    metadata(
        "causal",
        json!(null),
        &["`causal` is null", "expected true or false"],
    );
    Bench::new()
        .damage_model(|m| drop(m.metadata.as_object_mut().unwrap().remove("pad_id")))
        .refused(&[], &["`pad_id` is missing", "expected a whole number"]);
    Bench::new()
        .damage_model(|m| drop(m.header.as_object_mut().unwrap().remove("__metadata__")))
        .refused(&[], &["its metadata has no `tracr`"]);
    Bench::new()
        .damage_model(|m| {
            let tensor = m.header["pos_embed"].take();
            m.header["pos_embde"] = tensor;
            m.header.as_object_mut().unwrap().remove("pos_embed");
        })
        .refused(&[], &["tensor `pos_embed` is missing"]);
    Bench::new()
        .damage_model(|m| m.header["pos_embed"]["dtype"] = json!("I32"))
        .refused(&[], &["tensor `pos_embed` holds I32, expected F32"]);
    Bench::new()
        .damage_model(|m| m.header["token_embed"]["dtype"] = json!("U32"))
        .refused(
            &[],
            &["tensor `token_embed` holds U32, expected F32 or F64"],
        );
    Bench::new()
        .damage_model(|m| m.header["unembed"]["dtype"] = json!("F16"))
        .refused(&[], &["its header is damaged"]);
    for (value, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let message = format!("tensor `unembed` holds {name} at [1, 0]");
        Bench::new()
            .damage_model(|m| {
                let at = m.header["unembed"]["data_offsets"][0].as_u64().unwrap() as usize;
                m.data[at + 4..at + 8].copy_from_slice(&value.to_le_bytes());
            })
            .refused(&[], &[&message, "every entry must be finite"]);
    }
    Bench::new()
        .damage_bytes(Vec::clear)
        .refused(&[], &["only 0 bytes", "too short"]);
    Bench::new()
        .damage_bytes(|bytes| bytes.truncate(bytes.len() - 9))
        .refused(&[], &["follow the header", "truncated"]);
    Bench::new()
        .damage_bytes(|bytes| bytes.truncate(200))
        .refused(&[], &["header claims"]);
    Bench::new()
        .damage_bytes(|bytes| bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes()))
        .refused(&[], &["header claims 18446744073709551615 bytes"]);
    Bench::new()
        .damage_bytes(|bytes| bytes[9] = b'{')
        .refused(&[], &["its header is damaged"]);
    let none = Bench::new();
    std::fs::remove_file(none.path("frac_prevs.safetensors")).unwrap();
    none.refused(&[], &["cannot read", "frac_prevs.safetensors"]);
}
