//! Checkpoints: foreign files (`{` and a header, or any bytes), and damage to a good one.
#![no_main]

use std::path::Path;

use compress_fuzz::{choice, container, readable_about};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use superposition::checkpoint::{from_bytes, to_bytes};
use superposition::trainer::State;

const SHAPE: (usize, usize) = (1, 2);
const HASH: &str = "abc";

fuzz_target!(|data: &[u8]| match choice(data) {
    Some((b'!', rest)) => damage(rest),
    _ => {
        let file = container::file(data);
        match from_bytes(Path::new("checkpoint"), &file, SHAPE, HASH) {
            Ok(state) => {
                let written = to_bytes(&state, HASH).expect("what was read can be written");
                let again = from_bytes(Path::new("checkpoint"), &written, SHAPE, HASH);
                assert_eq!(again.expect("what was written can be read"), state);
            }
            Err(error) => drop(readable_about("checkpoint", &error)),
        }
    }
});

/// A state of the first bytes, saved; then, for each three bytes more, one byte of the file is another. It is read
/// as it was, or refused.
fn damage(data: &[u8]) {
    let (numbers, changes) = data.split_at(data.len().min(12));
    let number = |i: usize| {
        numbers
            .get(i)
            .map_or(0.0, |byte| f64::from(*byte as i8) / 3.0)
    };
    let state = State {
        start: u32::from(numbers.first().copied().unwrap_or(0) % 3),
        step: number(1).to_bits(),
        rng_position: u128::from(number(2).to_bits()) << 64 | 7,
        seconds: number(3),
        ..State::initial(Array2::from_shape_fn(SHAPE, |(_, j)| number(4 + j)))
    };
    let mut file = to_bytes(&state, HASH).expect("a state can be written");
    for change in changes.chunks_exact(3) {
        let at = usize::from(change[0]) << 8 | usize::from(change[1]);
        let length = file.len();
        file[at % length] ^= change[2];
    }
    match from_bytes(Path::new("checkpoint"), &file, SHAPE, HASH) {
        Ok(read) => assert_eq!(read, state),
        Err(error) => drop(readable_about("checkpoint", &error)),
    }
}
