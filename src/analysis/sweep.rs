//! One pass over the inputs, on any number of threads with the same result.

use std::ops::Range;

use ndarray::Array2;

use superposition::inputs::{EvaluationSet, InputSpace};

/// The number of pieces into which the inputs are cut, whatever the number of threads: sums are formed within a
/// piece and added up in the pieces' order.
const PIECES: usize = 64;

/// Inputs that go through the model at a time.
pub const CHUNK: usize = 32;

/// `work` on each piece of `0..count`, and `take` what comes of it, in order. At any time there are at most
/// as many of these as threads.
pub fn pieces<S: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(Range<usize>) -> S + Sync,
    mut take: impl FnMut(S),
) {
    // Whole chunks, so that a piece's last one alone is short.
    let size = count.div_ceil(PIECES).next_multiple_of(CHUNK);
    let ranges: Vec<Range<usize>> = (0..count)
        .step_by(size.max(1))
        .map(|start| start..(start + size).min(count))
        .collect();
    in_order(
        &ranges,
        threads,
        |range| work(range.clone()),
        |part| {
            take(part);
            true
        },
    );
}

/// `work` on each item, and `take` what comes of it, in order, as long as that says to go on. At any time there are at
/// most as many of these as threads.
pub fn in_order<I: Sync, S: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> S + Sync,
    mut take: impl FnMut(S) -> bool,
) {
    if threads <= 1 || items.len() < 2 {
        for item in items {
            if !take(work(item)) {
                return;
            }
        }
        return;
    }
    let work = &work;
    for round in items.chunks(threads) {
        let parts: Vec<S> = std::thread::scope(|scope| {
            let workers: Vec<_> = round
                .iter()
                .map(|item| scope.spawn(move || work(item)))
                .collect();
            workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        for part in parts {
            if !take(part) {
                return;
            }
        }
    }
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
                let mut all: Vec<usize> = Vec::new();
                pieces(
                    count,
                    threads,
                    |r| r.collect::<Vec<_>>(),
                    |part| all.extend(part),
                );
                assert_eq!(all, (0..count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn items_are_taken_in_order_until_it_is_enough() {
        for threads in [1, 2, 3, 8] {
            let mut all = Vec::new();
            in_order(
                &[1, 2, 3, 4, 5],
                threads,
                |x| x * x,
                |square| {
                    all.push(square);
                    square < 9
                },
            );
            assert_eq!(all, [1, 4, 9]);
        }
    }

    #[test]
    fn pieces_need_no_threads() {
        let mut all: Vec<usize> = Vec::new();
        pieces(5000, 0, |r| r.collect::<Vec<_>>(), |part| all.extend(part));
        assert_eq!(all, (0..5000).collect::<Vec<_>>());
    }

    #[test]
    fn pieces_are_up_to_64_of_whole_chunks_whatever_the_number_of_threads() {
        for threads in [1, 3] {
            let lengths = |count: usize| {
                let mut all = Vec::new();
                pieces(count, threads, |r| r.len(), |part| all.push(part));
                all
            };
            assert_eq!(lengths(2048), [32; 64]);
            assert_eq!(lengths(2049), [&[64; 32][..], &[1]].concat());
        }
    }

    #[test]
    fn pieces_have_threads_of_their_own_from_two_of_them_on() {
        let here = std::thread::current().id();
        let elsewhere = |count: usize, threads: usize| {
            let mut all = Vec::new();
            let thread = |_: Range<usize>| std::thread::current().id();
            pieces(count, threads, thread, |id| all.push(id != here));
            all
        };
        assert_eq!(elsewhere(32, 2), [false]);
        assert_eq!(elsewhere(64, 2), [true; 2]);
        assert_eq!(elsewhere(96, 2), [true; 3]);
        assert_eq!(elsewhere(96, 1), [false; 3]);
    }

    #[test]
    fn chunks_are_the_inputs_of_a_piece_from_its_start_on() {
        let model = crate::test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[5], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let found: Vec<_> = chunks(&space, &inputs, 10..100).collect();
        let expected = [(10, 42), (42, 74), (74, 100)];
        assert_eq!(
            found,
            expected.map(|(start, end)| (start, inputs.chunk(&space, start, end)))
        );
    }
}
