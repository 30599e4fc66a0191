//! What a file is, by its first bytes: for the message where a file of another kind is expected.

use std::fmt;

/// Only the beginning of a file is looked at, where it is long.
const LOOKED_AT: usize = 1 << 16;
/// The longest header of a safetensors file, by its format.
const LONGEST_HEADER: u64 = 100_000_000;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `Display` says what each is
pub enum Content {
    Safetensors,
    NumpyArchive,
    NumpyArray,
    Pickle,
    PyTorch,
    Keras,
    Zip,
    Gzip,
    Bzip2,
    Xz,
    Zstandard,
    Tar,
    Hdf5,
    Onnx,
    Gguf,
    TensorFlowLite,
    MessagePack,
    Matlab,
    Parquet,
    Sqlite,
    Picture,
    Pdf,
    Executable,
    GitLfsPointer,
    Html,
    Xml,
    Json,
    Rasp,
    Toml,
    Python,
    Text,
}

use Content::{
    Bzip2, Executable, Gguf, GitLfsPointer, Gzip, Hdf5, Html, Json, Keras, Matlab, MessagePack,
    NumpyArchive, NumpyArray, Onnx, Parquet, Pdf, Pickle, Picture, PyTorch, Python, Rasp,
    Safetensors, Sqlite, Tar, TensorFlowLite, Text, Toml, Xml, Xz, Zip, Zstandard,
};

/// Bytes at an offset that only files of one kind have there.
const MAGIC: &[(usize, &[u8], Content)] = &[
    (0, b"\x93NUMPY", NumpyArray),
    (0, b"\x89HDF\r\n\x1a\n", Hdf5),
    (0, b"\x1f\x8b", Gzip),
    (0, b"BZh", Bzip2),
    (0, b"\xfd7zXZ\0", Xz),
    (0, b"\x28\xb5\x2f\xfd", Zstandard),
    (257, b"ustar", Tar),
    (0, b"GGUF", Gguf),
    (4, b"TFL3", TensorFlowLite),
    (0, b"MATLAB 5.0", Matlab),
    (0, b"PAR1", Parquet),
    (0, b"SQLite format 3\0", Sqlite),
    (0, b"\x89PNG\r\n", Picture),
    (0, b"\xff\xd8\xff", Picture),
    (0, b"GIF8", Picture),
    (0, b"%PDF-", Pdf),
    (0, b"\x7fELF", Executable),
    (0, b"\xcf\xfa\xed\xfe", Executable),
    (0, b"MZ\x90\0", Executable),
    (0, b"version https://git-lfs.github.com/", GitLfsPointer),
];

/// What a pickle of PyTorch before its version 1.6 begins with: a number of its own, 0x1950a86a20f9469cfc6c.
const OLD_PYTORCH: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";

impl Content {
    /// The kind of a file with these bytes; `None` if it cannot be told or the file is empty.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if is_safetensors(bytes) {
            return Some(Safetensors);
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return Some(of_zip(&bytes[..bytes.len().min(LOOKED_AT)]));
        }
        let magic = MAGIC.iter().find(|(offset, magic, _)| {
            bytes
                .get(*offset..)
                .is_some_and(|rest| rest.starts_with(magic))
        });
        if let Some((.., content)) = magic {
            return Some(*content);
        }
        match bytes {
            [0x80, 2..=5, rest @ ..] => {
                let is_pytorch = rest.starts_with(OLD_PYTORCH);
                return Some(if is_pytorch { PyTorch } else { Pickle });
            }
            // A message with the version of its format first, then its producer or its graph.
            [0x08, 1..=20, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, ..] => return Some(Onnx),
            // A map with a short text as its first key.
            [0x81..=0x8f, 0xa1..=0xbf, first, ..] if first.is_ascii_graphic() => {
                return Some(MessagePack);
            }
            _ => {}
        }
        text(bytes).map(|text| of_text(text, bytes))
    }

    /// Whether a person can read it.
    pub fn is_text(self) -> bool {
        matches!(
            self,
            GitLfsPointer | Html | Xml | Json | Rasp | Toml | Python | Text
        )
    }

    /// Whether there may be a file in it, which has to be unpacked.
    pub fn is_packed(self) -> bool {
        matches!(self, Zip | Gzip | Bzip2 | Xz | Zstandard | Tar)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Safetensors => "a file of tensors (.safetensors)",
            NumpyArchive => "a NumPy archive (.npz)",
            NumpyArray => "a NumPy array (.npy)",
            Pickle => "a Python pickle (.pkl)",
            PyTorch => "a PyTorch file (.pt)",
            Keras => "a Keras model (.keras)",
            Zip => "a zip archive",
            Gzip => "a file compressed by gzip",
            Bzip2 => "a file compressed by bzip2",
            Xz => "a file compressed by xz",
            Zstandard => "a file compressed by zstd",
            Tar => "a tar archive",
            Hdf5 => "an HDF5 file (.h5)",
            Onnx => "an ONNX model (.onnx)",
            Gguf => "a GGUF model (.gguf)",
            TensorFlowLite => "a TensorFlow Lite model (.tflite)",
            MessagePack => "a MessagePack file, as Flax writes (.msgpack)",
            Matlab => "a MATLAB file (.mat)",
            Parquet => "a Parquet table",
            Sqlite => "an SQLite database",
            Picture => "a picture",
            Pdf => "a PDF document",
            Executable => "an executable program",
            GitLfsPointer => "a Git LFS pointer, which stands for a file that is not there yet",
            Html => "an HTML page",
            Xml => "an XML document",
            Json => "a JSON document",
            Rasp => "a RASP program",
            Toml => "a TOML file, as a run file is",
            Python => "a Python program",
            Text => "a text",
        })
    }
}

/// The length of a header of sensible size, then the brace that opens it.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes
        .split_first_chunk::<8>()
        .is_some_and(|(length, rest)| {
            rest.first() == Some(&b'{') && u64::from_le_bytes(*length) <= LONGEST_HEADER
        })
}

/// Which zip archive, by the names of the files in it.
fn of_zip(bytes: &[u8]) -> Content {
    let mut names = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(4).position(|four| four == b"PK\x03\x04") {
        rest = &rest[at..];
        let length = rest
            .get(26..28)
            .map_or(0, |two| usize::from(u16::from_le_bytes([two[0], two[1]])));
        names.extend(rest.get(30..30 + length));
        rest = &rest[4..];
    }
    let any = |ending: &[u8]| names.iter().any(|name| name.ends_with(ending));
    if any(b"/data.pkl") {
        PyTorch
    } else if any(b"model.weights.h5") {
        Keras
    } else if !names.is_empty() && names.iter().all(|name| name.ends_with(b".npy")) {
        NumpyArchive
    } else {
        Zip
    }
}

/// The beginning of a text; none if the bytes are none.
fn text(bytes: &[u8]) -> Option<&str> {
    let beginning = &bytes[..bytes.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // Cut within a letter.
        Err(e) if bytes.len() > LOOKED_AT && e.error_len().is_none() => {
            std::str::from_utf8(&beginning[..e.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    let is_control = |c: char| c.is_control() && !c.is_whitespace();
    (!text.is_empty() && !text.contains(is_control)).then_some(text)
}

fn of_text(text: &str, bytes: &[u8]) -> Content {
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    if begins("<!doctype html") || begins("<html") {
        return Html;
    }
    if begins("<?xml") || begins("<svg") {
        return Xml;
    }
    if text.starts_with(['{', '['])
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
    {
        return Json;
    }
    let is_old_pickle = ["(dp", "(lp", "(tp", "ccopy_reg", "cnumpy"]
        .iter()
        .any(|start| text.starts_with(start));
    if is_old_pickle && bytes.ends_with(b".") {
        return Pickle;
    }
    let imports = |line: &str| {
        line.starts_with("import ") || line.starts_with("from ") && line.contains(" import ")
    };
    if lines().any(|line| imports(line) || line.starts_with("def ") && line.ends_with(':')) {
        return Python;
    }
    let is_rasp = |line: &str| {
        let line = line.split('#').next().unwrap_or(line).trim_end();
        let words = ["tokens", "indices", "select(", "aggregate(", "length"];
        line.ends_with(';') && words.iter().any(|word| line.contains(word))
    };
    if lines().any(is_rasp) {
        return Rasp;
    }
    let is_table = |line: &str| line.starts_with('[') && line.ends_with(']');
    let is_entry = |line: &str| {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.\"".contains(c);
        !key.is_empty() && key.chars().all(is_key) && !line.ends_with(';')
    };
    match lines().next() {
        Some(line) if is_table(line) || is_entry(line) => Toml,
        _ => Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_bytes() {
        let npz = {
            let mut writer = crate::npz::NpzWriter::default();
            writer.add_matrix("W", ndarray::array![[1.0]].view());
            writer.finish().unwrap()
        };
        let zip = |name: &[u8]| {
            let mut bytes = b"PK\x03\x04".to_vec();
            bytes.resize(26, 0);
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(name);
            bytes
        };
        let tar = {
            let mut bytes = vec![b'a'; 257];
            bytes.extend(b"ustar\0");
            bytes
        };
        let safetensors = b"\x08\0\0\0\0\0\0\0{}      ";
        for (bytes, expected) in [
            (&safetensors[..], Safetensors),
            (&npz, NumpyArchive),
            (&zip(b"archive/data.pkl"), PyTorch),
            (&zip(b"model.weights.h5"), Keras),
            (&zip(b"notes.txt"), Zip),
            (&tar, Tar),
            (b"\x93NUMPY\x01\0", NumpyArray),
            (b"\x80\x04\x95\x1a\0\0\0", Pickle),
            (b"(dp0\nS'a'\np1\nI1\ns.", Pickle),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", PyTorch),
            (b"\x08\x07\x12\x07pytorch", Onnx),
            (b"\x81\xa6params\x82", MessagePack),
            (b"{\"a\": [1, 2]}", Json),
            (b"[1, 2]\n", Json),
            (b"[model]\npath = \"x\"\n", Toml),
            (b"# a run\nname = \"x\"\n", Toml),
            (b"#! vocab: a\nout = reverse(tokens); # backwards\n", Rasp),
            (b"def f(s) {\n  return select(s, s, ==);\n}\n", Rasp),
            (b"from tracr.rasp import rasp\nx = rasp.tokens\n", Python),
            (b"<!DOCTYPE HTML>\n<p>", Html),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                GitLfsPointer,
            ),
            ("Grüße\n".as_bytes(), Text),
        ] {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(Content::of(bytes), Some(expected), "{shown:?}");
        }
        for unknown in [&b""[..], b"  \n", b"\xff\xfe\xff\xff", b"a\0b\x01"] {
            assert_eq!(Content::of(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_long_text_is_looked_at() {
        let long = "é".repeat(LOOKED_AT);
        for start in ["", "a"] {
            let text = format!("{start}{long}");
            assert_eq!(Content::of(text.as_bytes()), Some(Text));
        }
    }
}
