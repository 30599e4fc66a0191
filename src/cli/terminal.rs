//! Standard output and error, where whoever listens may have gone away. All output goes through here, and
//! nothing of it can steer the terminal: see [`escape`].

use std::io::{self, Write};

use base::escape;

/// Writes to stdout.
///
/// # Errors
/// If it is closed or full.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(escape::lines(text).as_bytes())?;
    out.flush()
}

/// Writes a line to stderr; if that is closed, nobody reads it.
pub fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape::lines(text));
}

/// What clap says: help on stdout, complaints on stderr, with its colours unless the arguments that it
/// repeats hold something of the kind themselves.
pub fn usage(error: &clap::Error, arguments_are_plain: bool) {
    if arguments_are_plain {
        let _ = error.print(); // nobody to tell if this fails
        return;
    }
    let text = error.render().to_string();
    let text = text.trim_end();
    if error.use_stderr() {
        message(text);
    } else {
        let _ = print(&format!("{text}\n"));
    }
}
