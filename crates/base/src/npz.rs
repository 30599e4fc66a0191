//! NumPy's `.npz`: a zip of uncompressed `.npy` arrays (NumPy's format description, version 1.0).

use std::io::Write;

use ndarray::ArrayView2;

/// Arrays under names, for `numpy.load`.
#[derive(Debug, Default)]
pub struct NpzWriter {
    arrays: Vec<(String, Vec<u8>)>,
}

impl NpzWriter {
    /// Adds a matrix of float64.
    pub fn add_matrix(&mut self, name: &str, matrix: ArrayView2<'_, f64>) {
        let (rows, columns) = matrix.dim();
        let mut bytes = header("<f8", &format!("({rows}, {columns})"));
        bytes.extend(matrix.iter().flat_map(|x| x.to_le_bytes()));
        self.arrays.push((name.to_owned(), bytes));
    }

    /// Adds a list of texts as an array of Unicode strings.
    pub fn add_texts(&mut self, name: &str, texts: &[String]) {
        let longest = texts.iter().map(|t| t.chars().count()).max().unwrap_or(0);
        let length = longest.max(1); // NumPy has no empty strings' type
        let mut bytes = header(&format!("<U{length}"), &format!("({},)", texts.len()));
        for text in texts {
            let filled = text.chars().map(u32::from).chain(std::iter::repeat(0));
            bytes.extend(filled.take(length).flat_map(u32::to_le_bytes));
        }
        self.arrays.push((name.to_owned(), bytes));
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// If an array is larger than a zip file can hold.
    pub fn finish(self) -> Result<Vec<u8>, rawzip::Error> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (name, array) in self.arrays {
            let (mut entry, config) = archive.new_file(format!("{name}.npy")).start()?;
            let mut writer = config.wrap(&mut entry);
            writer.write_all(&array).map_err(rawzip::Error::from)?;
            let (_, descriptor) = writer.finish()?;
            entry.finish(descriptor)?;
        }
        archive.finish()?;
        Ok(bytes)
    }
}

/// An array's beginning: magic, version, and a Python dictionary padded to 64 bytes.
fn header(descr: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length take ten bytes, the newline at the end one.
    while !(10 + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn arrays_are_laid_out_as_numpy_describes() {
        let mut writer = NpzWriter::default();
        writer.add_matrix("W", array![[1.0, -2.0, 0.5]].view());
        writer.add_texts("labels", &["a:ß".into(), "b".into()]);
        let bytes = writer.finish().unwrap();
        let archive = rawzip::ZipArchive::from_slice(&bytes).unwrap();
        let mut found = Vec::new();
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().unwrap() {
            let name = entry
                .file_path()
                .try_normalize()
                .unwrap()
                .as_ref()
                .to_owned();
            assert_eq!(entry.compression_method(), rawzip::CompressionMethod::STORE);
            let data = archive.get_entry(entry.wayfinder()).unwrap();
            found.push((name, data.data().to_vec()));
        }
        assert_eq!(found[0].0, "W.npy");
        let (head, numbers) = found[0].1.split_at(128);
        assert_eq!(&head[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = std::str::from_utf8(&head[10..]).unwrap();
        assert!(text.starts_with("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }"));
        assert!(text.ends_with(" \n"));
        let expected: Vec<u8> = [1.0f64, -2.0, 0.5]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        assert_eq!(numbers, expected);
        assert_eq!(found[1].0, "labels.npy");
        let (head, letters) = found[1].1.split_at(128);
        assert!(
            String::from_utf8_lossy(head).contains("'<U3', 'fortran_order': False, 'shape': (2,)")
        );
        let codes: Vec<u32> = letters
            .chunks(4)
            .map(|c| u32::from_le_bytes(c.try_into().unwrap()))
            .collect();
        assert_eq!(codes, [97, 58, 223, 98, 0, 0]);
    }
}
