//! The paper's statements from published studies. For this repository's own results; users have `compress`.
//!
//! - [`publication`]: what is kept of a study in the repository.
//! - [`paper`]: these results beside the paper's statements: REPORT.md.

#![forbid(unsafe_code)]

pub mod paper;
pub mod publication;
