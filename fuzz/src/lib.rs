//! What the fuzz targets share: choices made from bytes, random programs and models from such choices, and what
//! every message about a refused file has to be.

pub mod container;
pub mod generators;
pub mod random;

/// The longest message: names in it are as long as the file has them, and written once or twice.
const LONGEST_MESSAGE: usize = 1 << 16;

/// Checks that there is something to say about a refused file, and not a flood.
///
/// # Panics
/// Otherwise.
pub fn readable(error: &impl std::fmt::Display) -> String {
    let message = error.to_string();
    assert!(!message.trim().is_empty(), "an empty message");
    assert!(message.len() <= LONGEST_MESSAGE, "{} bytes", message.len());
    message
}

/// The text up to a line `====`, and what follows it.
pub fn halves(text: &str) -> (&str, &str) {
    text.split_once("\n====\n").unwrap_or((text, ""))
}

/// The first byte, for a choice, and the rest.
pub fn choice(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}
