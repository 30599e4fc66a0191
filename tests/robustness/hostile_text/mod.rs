//! Names that are made to break what they pass through: every one survives from a RASP program or a model
//! file to the tables, figures, page and exports of a run and a study, none steers a terminal or becomes
//! markup, and nothing is written outside the output directory.
//!
//! [`names::NAMES`] is the one table of such names. `cargo test --release --test robustness hostile_text`

mod bench;
mod links;
mod markup;
mod messages;
mod model_file;
mod names;
mod program;
mod study;
mod terminal;
