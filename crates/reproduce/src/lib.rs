//! The paper's statements from published studies. For this repository's own results; users have `compress`.
//!
//! - [`publication`]: the files of a study that the repository keeps.
//! - [`paper`]: these results beside the paper's statements: REPORT.md.

#![forbid(unsafe_code)]

pub mod paper;
pub mod publication;
