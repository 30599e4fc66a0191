//! What is read, written and computed; `bad`: what is refused.

mod bad;

use std::fs;
use std::path::Path;

use ndarray::{Array1, Array2, array};

use super::encoder::{Activation, Encoder, Linear};
use super::{BARE, CONFIG, Dictionary, load};
use crate::recovery::rows::Rows;
use base::npz::NpzWriter;
use base::rng::{Purpose, normal, stream};
use base::tensors::TensorWriter;

fn rows(z: Array2<f64>) -> Rows {
    let n = z.nrows();
    Rows {
        z,
        weights: Array1::from_elem(n, 1.0 / n as f64),
    }
}

fn saelens(dir: &Path, activation: Activation) -> Dictionary {
    let mut rng = stream(3, Purpose::Init);
    let dictionary = Dictionary {
        atoms: normal(&mut rng, (5, 3), 1.0),
        bias: array![0.1, -0.2, 0.3],
        encoder: Encoder::Linear(Box::new(Linear {
            weights: normal(&mut rng, (3, 5), 1.0),
            bias: array![0.1, 0.2, -0.3, 0.0, 0.5],
            subtracts_offset: true,
            activation,
        })),
    }
    .as_written();
    dictionary
        .save(dir, &serde_json::json!({"seed": 1}))
        .unwrap();
    dictionary
}

#[test]
fn what_is_written_is_read_again() {
    let rows = rows(normal(&mut stream(4, Purpose::Init), (37, 3), 1.0));
    let threshold = array![0.1, 0.2, 0.3, 0.4, 0.5];
    for activation in [
        Activation::Relu,
        Activation::TopK {
            k: 2,
            by_length: true,
        },
        Activation::JumpRelu(threshold),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let written = saelens(dir.path(), activation);
        let read = load(dir.path(), 3).unwrap();
        assert_eq!(read, written);
        assert_eq!(
            read.reconstruct(&rows).codes,
            written.reconstruct(&rows).codes
        );
    }
    for encoder in [Encoder::Projection, Encoder::NonNegative { penalty: 0.25 }] {
        let dir = tempfile::tempdir().unwrap();
        let written = Dictionary {
            atoms: array![[1.0, 0.0, 0.1], [0.0, 2.0, 1.0]],
            bias: array![0.1, 0.2, 1.0 / 3.0],
            encoder,
        };
        written.save(dir.path(), &serde_json::Value::Null).unwrap();
        assert_eq!(load(dir.path(), 3).unwrap(), written);
        assert_eq!(load(&dir.path().join(BARE), 3).unwrap(), written);
    }
}

#[test]
fn codes_of_an_encoder_by_hand() {
    let z = array![[2.0, 1.0]];
    // z − b = (1, 1); u = (1, −1, 2, 0.5).
    let linear = |subtracts_offset, activation| Dictionary {
        atoms: array![[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [0.0, 20.0]],
        bias: array![1.0, 0.0],
        encoder: Encoder::Linear(Box::new(Linear {
            weights: array![[1.0, -1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
            bias: array![0.0, 0.0, 0.0, 0.5],
            subtracts_offset,
            activation,
        })),
    };
    let codes = |dictionary: Dictionary| {
        dictionary
            .reconstruct(&rows(z.clone()))
            .codes
            .row(0)
            .to_vec()
    };
    let topk = |k, by_length| Activation::TopK { k, by_length };
    assert_eq!(codes(linear(true, Activation::Relu)), [1.0, 0.0, 2.0, 0.5]);
    assert_eq!(codes(linear(false, Activation::Relu)), [2.0, 0.0, 3.0, 0.5]);
    let threshold = array![1.0, -5.0, 1.9, 0.0];
    let jump = Activation::JumpRelu(threshold);
    assert_eq!(codes(linear(true, jump)), [0.0, 0.0, 2.0, 0.5]);
    assert_eq!(codes(linear(true, topk(2, false))), [1.0, 0.0, 2.0, 0.0]);
    // By length: 1, −1, 10, 10. Of equal ones the first.
    assert_eq!(codes(linear(true, topk(1, true))), [0.0, 0.0, 2.0, 0.0]);
    assert_eq!(codes(linear(true, topk(2, true))), [0.0, 0.0, 2.0, 0.5]);
    assert_eq!(codes(linear(true, topk(4, true))), [1.0, 0.0, 2.0, 0.5]);
}

#[test]
fn non_negative_codes_meet_the_conditions_of_optimality() {
    let mut rng = stream(8, Purpose::Init);
    for (m, d, penalty) in [(4, 6, 0.0), (11, 8, 0.0), (11, 8, 0.3), (30, 5, 0.1)] {
        let atoms = normal(&mut rng, (m, d), 2.0);
        let dictionary = Dictionary {
            bias: normal(&mut rng, (1, d), 1.0).row(0).to_owned(),
            encoder: Encoder::NonNegative { penalty },
            atoms,
        };
        let rows = rows(normal(&mut rng, (50, d), 1.0));
        let found = dictionary.reconstruct(&rows);
        for (z, codes) in rows.z.rows().into_iter().zip(found.codes.rows()) {
            let left = &z - &dictionary.bias - codes.dot(&dictionary.atoms);
            let size = (&z - &dictionary.bias).dot(&(&z - &dictionary.bias)).sqrt();
            for (code, atom) in codes.iter().zip(dictionary.atoms.rows()) {
                let length = atom.dot(&atom).sqrt();
                let slope = penalty - atom.dot(&left) / length;
                let missed = (code * length).min(slope).abs();
                assert!(*code >= 0.0 && missed <= 2e-9 * size, "{m} {d}: {missed}");
            }
        }
        // A row's codes are its own: whatever stands beside it.
        let one = Rows {
            z: rows.z.select(ndarray::Axis(0), &[23]),
            weights: array![1.0],
        };
        assert_eq!(
            dictionary.reconstruct(&one).codes.row(0),
            found.codes.row(23)
        );
    }
}

#[test]
fn non_negative_codes_by_hand_and_beside_an_atom_without_length() {
    let dictionary = Dictionary {
        atoms: array![[2.0, 0.0], [0.0, 0.0], [0.0, -1.0]],
        bias: array![1.0, 1.0],
        encoder: Encoder::NonNegative { penalty: 0.0 },
    };
    let found = dictionary.reconstruct(&rows(array![[5.0, 3.0], [0.0, -3.0], [1.0, 1.0]]));
    let expected = array![[2.0, 0.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]];
    for (found, expected) in found.codes.iter().zip(&expected) {
        approx::assert_abs_diff_eq!(*found, *expected, epsilon = 1e-8);
    }
}

/// A .npy file.
fn npy(version: u8, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    if version == 1 {
        bytes.extend((header.len() as u16).to_le_bytes());
    } else {
        bytes.extend((header.len() as u32).to_le_bytes());
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_bare_matrix_is_read_from_every_kind_of_file() {
    let dir = tempfile::tempdir().unwrap();
    let matrix = array![[1.0, 2.0, 0.5], [-1.0, 0.25, 8.0]];
    let le = |order: &[f64]| {
        order
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let plain: Vec<f64> = matrix.iter().copied().collect();
    let columns: Vec<f64> = matrix.t().iter().copied().collect();
    let single: Vec<u8> = plain
        .iter()
        .flat_map(|x| (*x as f32).to_be_bytes())
        .collect();
    let mut npz = NpzWriter::default();
    npz.add_matrix("atoms", matrix.view());
    let mut both = NpzWriter::default();
    both.add_matrix("other", array![[9.0]].view());
    both.add_matrix("W_dec", matrix.view());
    let tensors = |name: &str| {
        TensorWriter::default()
            .add(name, &[2, 3], plain.iter().map(|x| *x as f32))
            .finish("format", "pt".into())
            .unwrap()
    };
    let deflated = {
        let array = npy(1, "'<f8'", false, "(2, 3)", &le(&plain));
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        let method = rawzip::CompressionMethod::DEFLATE;
        let file = archive.new_file("W.npy").compression_method(method);
        let (mut entry, config) = file.start().unwrap();
        let packed = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(packed);
        std::io::Write::write_all(&mut writer, &array).unwrap();
        let (packed, descriptor) = writer.finish().unwrap();
        packed.finish().unwrap();
        entry.finish(descriptor).unwrap();
        archive.finish().unwrap();
        bytes
    };
    for (name, bytes) in [
        ("a.safetensors", tensors("anything")),
        ("b.safetensors", tensors("W_dec")),
        ("c.npy", npy(1, "'<f8'", false, "(2, 3)", &le(&plain))),
        ("d.npy", npy(2, "'<f8'", true, "(2, 3)", &le(&columns))),
        ("e.npy", npy(3, "\">f4\"", false, "(2L, 3L)", &single)),
        ("f.npz", npz.finish().unwrap()),
        ("g.npz", both.finish().unwrap()),
        ("h.npz", deflated),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let found = load(&path, 3).unwrap();
        assert_eq!(found.atoms, matrix, "{name}");
        assert_eq!(found.bias, array![0.0, 0.0, 0.0]);
        assert_eq!(found.encoder, Encoder::NonNegative { penalty: 0.0 });
    }
}

#[test]
fn older_configurations_are_read_as_saelens_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    saelens(dir.path(), Activation::Relu);
    let path = dir.path().join(CONFIG);
    let with = |text: &str| {
        fs::write(&path, text).unwrap();
        match load(dir.path(), 3).unwrap().encoder {
            Encoder::Linear(linear) => (linear.subtracts_offset, linear.activation),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        with("{\"d_in\": 3, \"d_sae\": 5}"),
        (true, Activation::Relu)
    );
    let old = "{\"d_in\": 3, \"d_sae\": 5, \"activation_fn_str\": \"topk\", \"activation_fn_kwargs\": {\"k\": 3}, \
               \"normalize_activations\": false, \"apply_b_dec_to_input\": false}";
    let topk = Activation::TopK {
        k: 3,
        by_length: false,
    };
    assert_eq!(with(old), (false, topk));
}
