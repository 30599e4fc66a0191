//! Models for unit tests: the shipped files. The tests of other crates include this file, too.

use std::path::Path;

use tracr::model::CompiledModel;

/// `models/{name}.safetensors`.
pub fn load(name: &str) -> CompiledModel {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = here.ancestors().map(|folder| folder.join("models"));
    let folder = folders.find(|folder| folder.is_dir()).unwrap();
    let path = folder.join(name).with_extension("safetensors");
    CompiledModel::load(&path).unwrap()
}
