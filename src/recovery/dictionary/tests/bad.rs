use std::fs;
use std::path::Path;

use ndarray::array;

use super::super::encoder::Activation;
use super::super::{CONFIG, WEIGHTS, load};
use super::{npy, saelens};
use base::npz::NpzWriter;
use base::tensors::TensorWriter;

/// What is said of a dictionary for a stream of width 3.
fn said(path: &Path) -> String {
    let text = load(path, 3).unwrap_err().to_string();
    let names = path.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(names), "{text} does not name {names}");
    text
}

#[test]
fn bad_files_each_get_a_message_that_says_what_and_how_to_mend_it() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = |shape: &[usize], numbers: &[f64]| {
        TensorWriter::default()
            .add("W", shape, numbers.iter().copied())
            .finish("format", "pt".into())
            .unwrap()
    };
    let whole = |name: &str, shape: &[usize]| {
        TensorWriter::default()
            .add(name, shape, vec![1i32; shape.iter().product()])
            .finish("format", "pt".into())
            .unwrap()
    };
    let two = TensorWriter::default()
        .add("A", &[1, 3], [1.0, 2.0, 3.0])
        .add("B", &[1, 3], [1.0, 2.0, 3.0])
        .finish("format", "pt".into())
        .unwrap();
    let offset = TensorWriter::default()
        .add("W_dec", &[1, 3], [1.0, 2.0, 3.0])
        .add("b_dec", &[4], [1.0; 4])
        .finish("format", "pt".into())
        .unwrap();
    let metadata = TensorWriter::default()
        .add("W_dec", &[1, 3], [1.0, 2.0, 3.0])
        .finish(
            "recovery",
            "{\"codes\": {\"non_negative\": {\"penalty\": -1}}}".into(),
        )
        .unwrap();
    let weights = TensorWriter::default()
        .add("W_enc", &[3, 1], [1.0, 2.0, 3.0])
        .add("W_dec", &[1, 3], [1.0, 2.0, 3.0])
        .finish("format", "pt".into())
        .unwrap();
    let ones = [1.0f64.to_le_bytes(); 6].concat();
    let archive = |name: &str| {
        let mut writer = NpzWriter::default();
        writer.add_matrix(name, array![[1.0, 2.0, 3.0]].view());
        writer.finish().unwrap()
    };
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 9].to_vec();
    let one = tensors(&[1, 3], &[1.0, 2.0, 3.0]);
    let good = npy(1, "'<f8'", false, "(2, 3)", &ones);
    for (name, bytes, expected) in [
        ("empty.npy", vec![], "it is empty"),
        (
            "narrow.npy",
            npy(1, "'<f8'", false, "(3, 2)", &ones),
            "give its transpose, [2, 3]",
        ),
        (
            "wide.npy",
            npy(1, "'<f8'", false, "(1, 6)", &ones),
            "have 6 numbers, but the stream of this run has d = 3",
        ),
        (
            "vector.npy",
            npy(1, "'<f8'", false, "(6,)", &ones),
            "1 dimensions, shape [6]",
        ),
        (
            "cube.npy",
            npy(1, "'<f8'", false, "(2, 1, 3)", &ones),
            "3 dimensions",
        ),
        (
            "integers.npy",
            npy(1, "'<i8'", false, "(2, 3)", &ones),
            "its numbers are `<i8`",
        ),
        (
            "records.npy",
            npy(1, "[('x', '<f8')]", false, "(2,)", &ones),
            "its numbers are records",
        ),
        (
            "none.npy",
            npy(1, "'<f8'", false, "(0, 3)", &[]),
            "no atoms: its matrix has no rows",
        ),
        (
            "short.npy",
            cut(good.clone()),
            "claims 48 bytes, but 39 follow",
        ),
        (
            "huge.npy",
            npy(1, "'<f8'", false, "(99999999999999, 9999999999999)", &ones),
            "truncated or damaged",
        ),
        (
            "overflow.npy",
            npy(1, "'<f8'", false, "(99999999999999999999999, 3)", &ones),
            "its shape is no list",
        ),
        (
            "header.npy",
            b"\x93NUMPY\x01\0\xff\xffabc".to_vec(),
            "it is cut off",
        ),
        (
            "version.npy",
            npy(9, "'<f8'", false, "(2, 3)", &ones),
            "none of 1, 2 and 3",
        ),
        (
            "nothing.npy",
            b"\x93NUMPY\x01\0\x02\0{}".to_vec(),
            "it lacks descr",
        ),
        (
            "zero.safetensors",
            tensors(&[2, 3], &[0.0; 6]),
            "all its rows are zero",
        ),
        (
            "nan.safetensors",
            tensors(&[1, 3], &[1.0, f64::NAN, 2.0]),
            "NaN at [0, 1]",
        ),
        (
            "infinite.safetensors",
            tensors(&[1, 3], &[f64::INFINITY, 1.0, 2.0]),
            "inf at [0, 0]",
        ),
        (
            "large.safetensors",
            tensors(&[1, 3], &[1e200, 1.0, 2.0]),
            "at most 1e100",
        ),
        (
            "many.safetensors",
            tensors(&[4097, 3], &vec![1.0; 3 * 4097]),
            "4097 atoms, and at most 4096",
        ),
        (
            "integers.safetensors",
            whole("W", &[2, 3]),
            "holds I32: save it as float32",
        ),
        ("two.safetensors", two, "it holds A and B: give one matrix"),
        ("offset.safetensors", offset, "b_dec has shape [4]"),
        ("metadata.safetensors", metadata, "its penalty is -1"),
        ("weights.safetensors", weights, "give their folder"),
        ("cut.safetensors", cut(one.clone()), "truncated or damaged"),
        ("start.safetensors", one[..5].to_vec(), "too short"),
        (
            "cut.npz",
            cut(archive("W")),
            "its archive is truncated or damaged",
        ),
        (
            "text.zip",
            b"PK\x03\x04nothing of a zip".to_vec(),
            "its archive is truncated or damaged",
        ),
        (
            "sae.pt",
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(),
            "a PyTorch file (.pt)",
        ),
        ("sae.pkl", b"\x80\x04\x95\x1a\0\0\0".to_vec(), "numpy.save("),
        ("sae.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "an HDF5 file"),
        ("sae.tar.gz", b"\x1f\x8b\x08\0".to_vec(), "unpack it first"),
        (
            "notes.txt",
            b"W = ...\nand so on".to_vec(),
            "give a folder as SAELens writes it",
        ),
        (
            "noise.bin",
            vec![0xff, 0xfe, 0, 1, 2],
            "it is no dictionary",
        ),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let text = said(&path);
        assert!(text.contains(expected), "{name}: {text}");
    }
    let text = said(&dir.path().join("missing.npy"));
    assert!(text.contains("cannot read"), "{text}");
}

#[test]
fn bad_folders_each_get_a_message_that_says_what_and_how_to_mend_it() {
    let change = |key: &'static str, value: serde_json::Value| {
        move |config: &mut serde_json::Value| config[key] = value.clone()
    };
    type Change = Box<dyn Fn(&mut serde_json::Value)>;
    let changes: Vec<(Change, &str)> = vec![
        (
            Box::new(change("architecture", "gated".into())),
            "is `gated`: `standard`, `topk` and `jumprelu`",
        ),
        (
            Box::new(change("architecture", "batchtopk".into())),
            "`save_inference_model` writes this one as `jumprelu`",
        ),
        (Box::new(change("architecture", 3.into())), "takes a word"),
        (
            Box::new(change("activation_fn_str", "tanh-relu".into())),
            "is `tanh-relu`",
        ),
        (
            Box::new(change("normalize_activations", "layer_norm".into())),
            "\"layer_norm\", and only `none`",
        ),
        (
            Box::new(change("reshape_activations", "hook_z".into())),
            "`hook_z`",
        ),
        (
            Box::new(change("finetuning_scaling_factor", true.into())),
            "is true",
        ),
        (
            Box::new(change("apply_b_dec_to_input", "yes".into())),
            "takes true or false",
        ),
        (
            Box::new(change("d_in", 4.into())),
            "have 4 numbers, but the stream of this run has d = 3",
        ),
        (
            Box::new(change("d_in", (-3).into())),
            "is -3, but it takes a whole number",
        ),
        (
            Box::new(change("d_in", serde_json::Value::Null)),
            "`d_in` is missing",
        ),
        (Box::new(change("d_sae", 0.into())), "no atoms"),
        (Box::new(change("d_sae", 99_999_999.into())), "at most 4096"),
        (Box::new(change("k", 0.into())), "`k` is 0, but d_sae is 5"),
        (Box::new(change("k", 6.into())), "`k` is 6, but d_sae is 5"),
        (
            Box::new(change("k", 2.5.into())),
            "is 2.5, but it takes a whole number",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (n, (change, expected)) in changes.into_iter().enumerate() {
        let folder = dir.path().join(n.to_string());
        fs::create_dir(&folder).unwrap();
        let topk = Activation::TopK {
            k: 2,
            by_length: false,
        };
        let is_of_k = expected.contains("`k`") || expected.contains("2.5");
        saelens(&folder, if is_of_k { topk } else { Activation::Relu });
        let path = folder.join(CONFIG);
        let mut config = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut config);
        fs::write(&path, config.to_string()).unwrap();
        let text = load(&folder, 3).unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains(CONFIG), "{text}");
    }
    let folder = dir.path().join("own");
    fs::create_dir(&folder).unwrap();
    let (config, weights) = (folder.join(CONFIG), folder.join(WEIGHTS));
    assert!(said(&folder).contains("holds no dictionary"));
    fs::create_dir(folder.join("seed=0")).unwrap();
    saelens(&folder.join("seed=0"), Activation::Relu);
    assert!(
        said(&folder).contains("such as seed=0"),
        "{}",
        said(&folder)
    );

    saelens(
        &folder,
        Activation::JumpRelu(array![0.0, 0.0, 0.0, 0.0, 0.0]),
    );
    let good = fs::read(&weights).unwrap();
    let tensors = |change: &dyn Fn(&mut TensorWriter)| {
        let mut writer = TensorWriter::default();
        writer
            .add("W_enc", &[3, 5], [1.0f32; 15])
            .add("b_enc", &[5], [1.0f32; 5])
            .add("threshold", &[5], [1.0f32; 5]);
        change(&mut writer);
        writer.finish("format", "pt".into()).unwrap()
    };
    let rest: &dyn Fn(&mut TensorWriter) = &|writer| {
        writer
            .add("W_dec", &[5, 3], [1.0f32; 15])
            .add("b_dec", &[3], [1.0f32; 3]);
    };
    for (bytes, expected) in [
        (vec![], "it is empty"),
        (good[..good.len() - 4].to_vec(), "truncated or damaged"),
        (b"\x80\x04\x95\x1a\0\0\0".to_vec(), "a Python pickle"),
        (tensors(&|_| {}), "tensor `W_dec` is missing"),
        (
            tensors(&|writer| {
                rest(writer);
                writer.add("W_skip", &[3, 3], [1.0f32; 9]);
            }),
            "tensor `W_skip` does not belong",
        ),
        (
            tensors(&|writer| {
                writer
                    .add("W_dec", &[3, 5], [1.0f32; 15])
                    .add("b_dec", &[3], [1.0f32; 3]);
            }),
            "tensor `W_dec` has shape [3, 5], expected [5, 3]",
        ),
        (
            tensors(&|writer| {
                let mut numbers = [1.0f32; 15];
                numbers[4] = f32::NAN;
                writer
                    .add("W_dec", &[5, 3], numbers)
                    .add("b_dec", &[3], [1.0f32; 3]);
            }),
            "W_dec holds NaN at [1, 1]",
        ),
    ] {
        fs::write(&weights, bytes).unwrap();
        let text = load(&folder, 3).unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains(WEIGHTS), "{text}");
    }
    fs::write(&weights, tensors(rest)).unwrap();
    load(&folder, 3).unwrap();
    for (text, expected) in [("{", "not a JSON object"), ("[1]", "not a JSON object")] {
        fs::write(&config, text).unwrap();
        let text = load(&folder, 3).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    fs::remove_file(&config).unwrap();
    assert!(said(&folder).contains("has sae_weights.safetensors and no cfg.json"));
    fs::remove_file(&weights).unwrap();
    fs::write(&config, "{}").unwrap();
    assert!(said(&folder).contains("has cfg.json and no sae_weights.safetensors"));
}
