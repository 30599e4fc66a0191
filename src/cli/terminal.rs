//! Standard output and error, where whoever listens may have gone away.

use std::io::{self, Write};

/// Writes to stdout.
///
/// # Errors
/// If it is closed or full.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to stderr; if that is closed, nobody reads it.
pub fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
