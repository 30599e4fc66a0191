//! Safetensors files from text: a fuzzer that changes letters keeps lengths and offsets right only by accident.

use serde_json::{Map, Value, json};

/// More bytes of tensors than this are not made.
const MOST: u64 = 1 << 16;

/// The bytes of a file: `data` itself; or, if it starts with `{`, what has this header and, after a zero byte,
/// these numbers, over and over.
pub fn file(data: &[u8]) -> Vec<u8> {
    if data.first() != Some(&b'{') {
        return data.to_vec();
    }
    let (header, numbers) = at_zero(data);
    let claimed = serde_json::from_slice::<Value>(header)
        .ok()
        .and_then(|json| {
            let entries = json.as_object()?.values();
            entries
                .filter_map(|entry| entry["data_offsets"][1].as_u64())
                .max()
        });
    let length = claimed.unwrap_or(0).min(MOST) as usize;
    let numbers = if numbers.is_empty() { &[0] } else { numbers };
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(numbers.iter().cycle().take(length));
    file
}

/// A file with these tensors of float32 and one metadata entry; numbers are those of `bytes`, over and over, as
/// eighths.
pub fn floats(tensors: &[(String, Vec<usize>)], key: &str, text: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({ key: text }));
    let mut end = 0;
    for (name, shape) in tensors {
        let count = shape
            .iter()
            .fold(1_usize, |n, size| n.saturating_mul(*size));
        let start = end;
        end = count.saturating_mul(4).saturating_add(end);
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let header = Value::from(header).to_string();
    let numbers = (end as u64).min(MOST) as usize / 4;
    let bytes = if bytes.is_empty() { &[0] } else { bytes };
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    for byte in bytes.iter().cycle().take(numbers) {
        let number = match byte {
            0x7f => f32::MAX,
            0x80 => f32::NAN,
            byte => f32::from(*byte as i8) / 8.0,
        };
        file.extend(number.to_le_bytes());
    }
    file
}

/// What stands before the first zero byte, and what after it.
pub fn at_zero(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}
