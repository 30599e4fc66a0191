//! Compress the residual stream of a Tracr-compiled transformer and see what survives.
//!
//! The experiment of section 5 of *Tracr: Compiled Transformers as a Laboratory for
//! Interpretability* (Lindner et al., NeurIPS 2023): a compiled transformer, whose every feature is
//! known, stays frozen; one matrix `W` `[d, D]` is trained so that the model still works when its
//! residual stream has only `d < D` dimensions. The pipeline:
//!
//! 1. [`config`]: one TOML file, checked key by key, becomes a [`config::RunConfig`].
//! 2. [`tracr`]: a model file, or a RASP program that is compiled, becomes a
//!    [`CompiledModel`](tracr::model::CompiledModel) with named features.
//! 3. [`superposition`]: the program's inputs, the objective, its gradient, AdamW, the training loop, exact
//!    evaluation.
//! 4. [`analysis`]: what `W` learned: geometry of `G`, faithfulness, interventions.
//! 5. [`certify`]: proof that a compressed model is right on every input; [`circuit`]: its edges, and what each one does.
//! 6. [`run`]: the run directory: CSV files while it runs, tables and `W` at the end; [`study`]: many runs on
//!    all cores; [`shrink`]: the smallest `d` at which a program works.
//! 7. [`results`]: what these leave, as types; [`figures`]: what it shows, drawn; [`report`]: one page about it all.
//! 8. [`library`]: what the binary brings along, and [`examples`]: the same as files to begin with.
//! 9. [`zoo`]: random programs, and the models made of them.
//! 10. [`cli`]: the commands.
//!
//! What these stand on is in [`base`].

// No `unsafe` of ours, nor of a macro that expands here: what is unsafe is in the dependencies.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod certify;
pub mod circuit;
pub mod cli;
pub mod config;
pub mod examples;
pub mod figures;
pub mod library;
pub mod recovery;
pub mod report;
pub mod results;
pub mod run;
pub mod shrink;
pub mod study;
pub mod zoo;

#[cfg(test)]
#[path = "../crates/tracr/src/model/test_models.rs"]
mod test_models;
