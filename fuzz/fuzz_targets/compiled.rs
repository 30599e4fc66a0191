//! A random program, compiled: the model says what the interpreter says, or what is wrong with the program is said.
#![no_main]

use compress_fuzz::generators::random::Random;
use compress_fuzz::generators::random_source::source;
use compress_fuzz::generators::source_check::{Counts, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (inputs, program) = data.split_at(data.len().min(8));
    let source = source(Random::of(program));
    if let Err(difference) = check(&source, Random::of(inputs), &mut Counts::default()) {
        panic!("{}\n{difference}", source.text());
    }
});
