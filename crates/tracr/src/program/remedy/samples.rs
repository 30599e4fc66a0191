//! A few inputs of a program, on which two programs are compared or an s-op's values are collected.

use crate::compiler::Options;
use crate::model::Value;
use crate::program::verify;
use crate::rasp::Program;
use crate::rasp::interpreter;

/// Inputs begin with so many of the tokens.
const MAX_STARTS: usize = 32;
/// The longest.
const LONGEST: usize = 8;

/// Inputs of the longest and of half that length, with and without repeated tokens.
pub fn inputs(options: &Options) -> Vec<Vec<Value>> {
    let vocab = &options.vocab;
    let mut longest = options.max_seq_len.min(LONGEST);
    let mut steps = vec![1, 0, 2];
    if options.unique_tokens {
        longest = longest.min(vocab.len());
        steps.truncate(1);
    }
    let mut inputs = Vec::new();
    for length in [longest, longest.div_ceil(2)] {
        for step in &steps {
            for start in 0..vocab.len().min(MAX_STARTS) {
                let token = |i: usize| vocab[(start + i * step) % vocab.len()].clone();
                inputs.push((0..length).map(token).collect());
            }
        }
    }
    inputs
}

/// Whether the second program gives what the first one gives, wherever that gives anything.
pub fn agree(first: &Program, second: &Program, options: &Options) -> bool {
    let run = |program: &Program, input: &[Value]| {
        interpreter::run(&program.graph, program.output, input, options.causal)
            .map(|run| run.output().to_vec())
    };
    inputs(options).iter().all(|input| {
        let (Ok(expected), Ok(found)) = (run(first, input), run(second, input)) else {
            return false;
        };
        let mut pairs = expected.iter().zip(&found);
        pairs.all(|(expected, found)| verify::agree(expected, found))
    })
}
