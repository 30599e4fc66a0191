//! A file of another kind in the place of a model, a program, a run file or a W: the message says what it
//! is and what to do, with exit code 2 and nothing written.

use std::path::{Path, PathBuf};

use base::npz::NpzWriter;
use tempfile::TempDir;

use crate::common::bench::{Bench, refused};
use crate::common::command::{root, succeed, text};

const WRITERS: &str = "`compress compile`, and by scripts/export_tracr.py";

/// The beginnings of files of many kinds, with their names, what they are called and what is said to do.
fn kinds() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let npz = {
        let mut writer = NpzWriter::default();
        writer.add_matrix("token_embed", ndarray::array![[1.0, 2.0]].view());
        writer.finish().unwrap()
    };
    let torch = b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0archive/data.pkl";
    vec![
        ("params.npz", npz, "a NumPy archive (.npz)", WRITERS),
        (
            "w.npy",
            b"\x93NUMPY\x01\0v\0{'descr'".to_vec(),
            "a NumPy array",
            WRITERS,
        ),
        (
            "params.pkl",
            b"\x80\x04\x95\x1a\0\0\0\0\0\0\0}".to_vec(),
            "a Python pickle",
            WRITERS,
        ),
        (
            "p0.pickle",
            b"(dp0\nS'a'\np1\nI1\ns.".to_vec(),
            "a Python pickle",
            WRITERS,
        ),
        ("model.pt", torch.to_vec(), "a PyTorch file", WRITERS),
        (
            "old.pth",
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(),
            "a PyTorch file",
            WRITERS,
        ),
        (
            "model.h5",
            b"\x89HDF\r\n\x1a\n\0\0\0\0".to_vec(),
            "an HDF5 file",
            WRITERS,
        ),
        (
            "model.onnx",
            b"\x08\x07\x12\x07pytorch\x1a\x051.1".to_vec(),
            "an ONNX model",
            WRITERS,
        ),
        (
            "flax.msgpack",
            b"\x81\xa6params\x82\xa1w".to_vec(),
            "a MessagePack file",
            WRITERS,
        ),
        (
            "model.json",
            b"{\"num_layers\": 2}".to_vec(),
            "a JSON document",
            WRITERS,
        ),
        (
            "notes.txt",
            b"the weights are in the other folder".to_vec(),
            "a text",
            WRITERS,
        ),
        (
            "model.tar.gz",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(),
            "compressed by gzip",
            "unpack that first",
        ),
        (
            "page.safetensors",
            b"<!DOCTYPE html>\n<html>".to_vec(),
            "an HTML page",
            "a file to download",
        ),
        (
            "big.safetensors",
            b"version https://git-lfs.github.com/spec/v1\n".to_vec(),
            "a Git LFS pointer",
            "`git lfs pull`",
        ),
        (
            "program.py",
            b"from tracr.rasp import rasp\n".to_vec(),
            "a Python program",
            "scripts/export_tracr.py, called from Python",
        ),
        (
            "program.txt",
            b"out = aggregate(select(indices, indices, ==), tokens);".to_vec(),
            "a RASP program",
            "model.program",
        ),
        (
            "run.toml",
            b"[model]\npath = \"x.safetensors\"\n".to_vec(),
            "a TOML file",
            "compress --config FILE",
        ),
    ]
}

fn written(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_file_of_another_kind_given_as_a_model_is_called_what_it_is() {
    for (name, bytes, kind, remedy) in kinds() {
        let dir = tempfile::tempdir().unwrap();
        let path = text(&written(&dir, name, &bytes));
        let what = format!("{name} is not a usable model file: it is {kind}");
        let parts = [
            what.replace("it is compressed", "it is a file compressed"),
            remedy.into(),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        refused(&["run", &path, "1", "0", "1"], dir.path(), &parts);
    }
}

#[test]
fn a_file_of_another_kind_named_in_a_run_file_is_called_what_it_is() {
    for (name, bytes, kind, remedy) in kinds() {
        let bench = Bench::new();
        bench.damage_bytes(|model| *model = bytes);
        println!("{name}");
        bench.refused(
            &[],
            &[
                "frac_prevs.safetensors is not a usable model file",
                kind,
                remedy,
            ],
        );
    }
    // As the library's programs: a header, comments, and no word of the language but `select`.
    for program in ["hist", "sort_unique", "shuffle_dyck2"] {
        let source = std::fs::read(root().join(format!("programs/{program}.rasp"))).unwrap();
        let bench = Bench::new();
        bench.damage_bytes(|model| *model = source);
        bench.refused(&[], &["it is a RASP program", "names it as model.program"]);
    }
}

#[test]
fn the_advice_for_a_program_given_as_a_model_works() {
    let dir = tempfile::tempdir().unwrap();
    let program = root().join("programs/hist.rasp");
    let source = text(&written(&dir, "hist.txt", &std::fs::read(program).unwrap()));
    refused(
        &["run", &source, "a"],
        dir.path(),
        &["it is a RASP program", "`compress compile`"],
    );
    let model = text(&dir.path().join("hist.safetensors"));
    succeed(&["compile", &source, "-o", &model]);
    assert!(succeed(&["run", &model, "a", "a"]).contains("2"));
}

#[test]
fn a_file_that_is_no_text_given_as_a_program_or_run_file_is_called_what_it_is() {
    let model = std::fs::read(root().join("models/frac_prevs.safetensors")).unwrap();
    let compiled = "a model that is compiled already is given to `compress run`";
    let kinds = kinds().into_iter();
    let binary = kinds.filter(|(_, bytes, ..)| bytes.iter().any(|b| *b < 9 || *b > 127));
    let mut tried = 0;
    for (name, bytes, kind, remedy) in binary
        .map(|(name, bytes, kind, _)| (name, bytes, kind, "`compress programs`"))
        .chain([("model.safetensors", model, "a file of tensors", compiled)])
    {
        let dir = tempfile::tempdir().unwrap();
        let path = text(&written(&dir, name, &bytes));
        refused(
            &["compile", &path],
            dir.path(),
            &["cannot read", kind, "not a text", remedy],
        );
        refused(
            &["--config", &path],
            dir.path(),
            &["cannot read", kind, "not a text"],
        );
        let renamed = text(&written(&dir, "renamed.rasp", &bytes));
        refused(
            &["run", &renamed, "1"],
            dir.path(),
            &["cannot read", kind, remedy],
        );
        let run = format!(
            "[model]\nprogram = \"{name}\"\n[compression]\ndim = 2\n[output]\ndir = \"out\"\n"
        );
        let run = text(&written(&dir, "run.toml", run.as_bytes()));
        refused(
            &["--config", &run],
            dir.path(),
            &["cannot read", kind, remedy],
        );
        tried += 1;
    }
    assert!(tried >= 9, "{tried}");
}

#[test]
fn a_file_of_another_kind_given_as_a_projection_is_called_what_it_is() {
    let model = root().join("models/frac_prevs.safetensors");
    let remedy = "a run's directory has its W, in projection.safetensors";
    let refuse = |path: &Path, dir: &Path, kind: &str| {
        let arguments = ["run", &text(&model), "x", "--projection", &text(path)];
        refused(
            &arguments,
            dir,
            &["is not a usable projection file", kind, remedy],
        );
    };
    for (name, bytes, kind, _) in kinds() {
        let dir = tempfile::tempdir().unwrap();
        refuse(&written(&dir, name, &bytes), dir.path(), kind);
    }
    let dir = tempfile::tempdir().unwrap();
    refuse(&model, dir.path(), "its metadata has no `residual_labels`");
}
