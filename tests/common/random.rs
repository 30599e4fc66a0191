//! The choices of the generators: a fuzzer's or proptest's bytes, one byte a choice, so that a changed byte is a
//! changed choice and a smaller one a simpler one; or pseudo-random numbers of a seed.

use std::fmt;

/// The bytes one by one, and pseudo-random numbers (SplitMix64) after them.
#[derive(Clone)]
pub struct Random {
    bytes: Vec<u8>,
    at: usize,
    state: u64,
}

/// What is made of the choices is worth reading, not they.
impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

/// Pseudo-random choices alone.
pub fn seeded(seed: u64) -> Random {
    Random {
        bytes: Vec::new(),
        at: 0,
        state: seed,
    }
}

impl Random {
    /// These choices, and pseudo-random ones that depend on them.
    pub fn of(bytes: &[u8]) -> Self {
        // FNV-1a, for what comes after the bytes.
        let state = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
            (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self {
            bytes: bytes.to_vec(),
            at: 0,
            state,
        }
    }

    pub fn next(&mut self) -> u64 {
        match self.bytes.get(self.at) {
            Some(byte) => {
                self.at += 1;
                scrambled(u64::from(*byte))
            }
            None => {
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                scrambled(self.state)
            }
        }
    }

    pub fn below(&mut self, n: usize) -> usize {
        match self.bytes.get(self.at) {
            // The byte itself, so that the choices next to each other are bytes next to each other.
            Some(byte) if n <= 256 => {
                self.at += 1;
                usize::from(*byte) % n
            }
            _ => (self.next() % n as u64) as usize,
        }
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// SplitMix64's output function.
fn scrambled(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number of the environment, as COMPRESS_FUSED_CASES.
pub fn setting(key: &str, default: u64) -> u64 {
    std::env::var(key)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
