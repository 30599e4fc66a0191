//! The paper's statements from published studies. For this repository's own results; users have `compress`.
//!
//! - [`publication`]: the files of a study that the repository keeps.
//! - `layout`: the tables that it adds to those of a sweep and an analysis.
//! - [`searches`]: what searches for the smallest `d` found, in one table.
//! - [`paper`]: these results beside the paper's statements: REPORT.md.

#![forbid(unsafe_code)]

mod layout;
pub mod paper;
pub mod publication;
pub mod searches;
