//! The `compress` command: parse, dispatch, exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tracr_compress::cli::main(std::env::args_os())
}
