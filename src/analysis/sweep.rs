//! One pass over the inputs, on any number of threads with the same result.

use std::ops::Range;

use ndarray::Array2;

use crate::inputs::{EvaluationSet, InputSpace};

/// Into so many pieces the inputs are cut, whatever the number of threads: sums are formed within a
/// piece and added up in the pieces' order.
const PIECES: usize = 64;

/// Inputs that go through the model at a time.
pub const CHUNK: usize = 32;

/// `work` on each piece of `0..count`, in order.
pub fn pieces<S: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(Range<usize>) -> S + Sync,
) -> Vec<S> {
    // Whole chunks, so that a piece's last one alone is short.
    let size = count.div_ceil(PIECES).next_multiple_of(CHUNK);
    let ranges: Vec<Range<usize>> = (0..count)
        .step_by(size.max(1))
        .map(|start| start..(start + size).min(count))
        .collect();
    if threads <= 1 || ranges.len() < 2 {
        return ranges.into_iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let workers: Vec<_> = ranges
            .chunks(ranges.len().div_ceil(threads))
            .map(|mine| scope.spawn(move || mine.iter().cloned().map(work).collect::<Vec<S>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// The inputs of a piece, a chunk at a time: where it starts, and its token ids `[n, T]`.
pub fn chunks<'a>(
    space: &'a InputSpace,
    inputs: &'a EvaluationSet,
    range: Range<usize>,
) -> impl Iterator<Item = (usize, Array2<usize>)> + 'a {
    let end = range.end;
    range.step_by(CHUNK).map(move |start| {
        let chunk = inputs.chunk(space, start, (start + CHUNK).min(end));
        (start, chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_once_and_in_order() {
        for count in [0, 1, 31, 33, 325, 1024, 5000] {
            for threads in [1, 2, 7] {
                let all: Vec<usize> = pieces(count, threads, |r| r.collect::<Vec<_>>()).concat();
                assert_eq!(all, (0..count).collect::<Vec<_>>());
            }
        }
    }
}
