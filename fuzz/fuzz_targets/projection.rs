//! Matrices written by others: `projection.safetensors` beside a small model.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use compress_fuzz::generators::random::Random;
use compress_fuzz::generators::synthetic::{Shape, model};
use compress_fuzz::{container, readable_about};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use superposition::Projection;
use tracr::model::{CompiledModel, Frozen};

/// Two layers, three features.
static MODEL: LazyLock<CompiledModel> = LazyLock::new(|| {
    let shape = Shape {
        width: 3,
        depth: 2,
        heads: 1,
        key_size: 1,
        hidden: 1,
        words: 1,
        longest: 1,
    };
    model(&mut Random::of(b"a model"), shape)
});

fuzz_target!(|data: &[u8]| {
    let path = Path::new("projection.safetensors");
    let read = |bytes: &[u8]| Projection::from_bytes(path, bytes, &MODEL);
    let projection = match read(&container::file(data)) {
        Ok(projection) => projection,
        Err(error) => {
            readable_about("projection.safetensors", &error);
            return;
        }
    };
    let written = projection.to_bytes().expect("what was read can be written");
    let again = read(&written).expect("what was written can be read");
    assert_eq!(again, projection);
    // What belongs to the model can be used with it.
    if projection.labels.len() == MODEL.width() {
        let gram = projection.gram(&MODEL);
        assert_eq!(gram.dim(), (MODEL.width(), MODEL.width()));
        let meta = &MODEL.metadata;
        let tokens = Array2::from_shape_fn((1, 2), |(_, t)| [meta.bos_id, meta.word_ids()[0]][t]);
        Frozen::<f64>::new(&MODEL).forward(projection.stream(), tokens.view());
    }
});
