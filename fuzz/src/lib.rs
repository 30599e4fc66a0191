//! What the fuzz targets share: choices made from bytes, random programs and models from such choices, and what
//! every message about a refused file has to be.

pub mod container;
pub mod generators;

use base::escape;

/// The longest message: names in it are as long as the file has them, and written once or twice.
const LONGEST_MESSAGE: usize = 1 << 16;

/// What a terminal shows of a message about a refused file: something, not a flood, and nothing that steers it.
///
/// # Panics
/// Otherwise.
pub fn readable(error: &impl std::fmt::Display) -> String {
    let message = error.to_string();
    assert!(!message.trim().is_empty(), "an empty message");
    assert!(message.len() <= LONGEST_MESSAGE, "{} bytes", message.len());
    let shown = escape::lines(&message).into_owned();
    let steers = |c: char| escape::is_hidden(c) && c != '\n' && c != '\t';
    assert!(!shown.chars().any(steers), "{shown:?} is not harmless");
    shown
}

/// [`readable`], and the message says which file it is about.
///
/// # Panics
/// Otherwise.
pub fn readable_about(file: &str, error: &impl std::fmt::Display) -> String {
    let message = readable(error);
    assert!(message.contains(file), "where? {message}");
    message
}

/// Checks that two are equal, unless they hold a number that equals nothing: which weights a model takes is
/// checked with the model, NaN among them.
///
/// # Panics
/// Otherwise.
pub fn same<T: Clone + PartialEq + std::fmt::Debug>(again: &T, first: &T) {
    if *first == first.clone() {
        assert_eq!(again, first);
    }
}

/// The text up to a line `====`, and what follows it.
pub fn halves(text: &str) -> (&str, &str) {
    text.split_once("\n====\n").unwrap_or((text, ""))
}

/// The first byte, for a choice, and the rest.
pub fn choice(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}
