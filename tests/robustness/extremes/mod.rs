//! Numbers and sizes at the edge: huge, tiny and missing ones, widths of 1, models without layers or with two
//! hundred of them. Each gives a right result or a typed stop, and never a number that is silently wrong.
//!
//! - `engines`: both engines and both precisions beside each other and beside the plain forward pass.
//! - `runs`: the same through the binary: training, analysis, figures, page.
//! - `endings`: what a run says of itself: learned, falling, stuck, diverged.
//! - `refusals`: sizes that are refused before anything of that size is allocated.

mod endings;
mod engines;
mod refusals;
mod runs;
mod tally;
mod workshop;
