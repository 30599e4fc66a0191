//! Compress the residual stream of a Tracr-compiled transformer and see what survives.
//!
//! The experiment of section 5 of *Tracr: Compiled Transformers as a Laboratory for
//! Interpretability* (Lindner et al., NeurIPS 2023): a compiled transformer, whose every feature is
//! known, stays frozen; one matrix `W` `[d, D]` is trained so that the model still works when its
//! residual stream has only `d < D` dimensions. The pipeline:
//!
//! 1. [`config`]: one TOML file, checked key by key, becomes a [`config::RunConfig`].
//! 2. [`model`]: a `.safetensors` file becomes a [`model::CompiledModel`] with named features.
//!    A RASP program becomes one, too: [`rasp`] reads it into an expression graph, [`compiler`] turns
//!    that into weights, [`program`] joins the two.
//! 3. [`inputs`]: the program's input space, enumerated or sampled, and the run's batches.
//! 4. [`compression`]: the objective, its gradient, AdamW, the training loop, exact evaluation.
//! 5. [`analysis`]: what `W` learned: geometry of `G`, faithfulness, interventions.
//! 6. [`study`]: the run directory: CSV files while it runs, tables and `W` at the end; and studies:
//!    many runs on all cores.
//! 7. [`figures`]: what these files show, drawn; [`report`]: one page about it all.
//! 8. [`publication`]: what is kept of a study in the repository; [`paper`]: these results beside the
//!    paper's statements.
//! 9. [`library`]: what the binary brings along, and [`examples`]: the same as files to begin with.
//! 10. [`cli`]: the commands; [`interrupt`]: what they wait for when they are asked to stop.
//!
//! ```
//! use tracr_compress::model::{CompiledModel, Frozen, Stream};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = CompiledModel::load("models/sort_unique.safetensors".as_ref())?;
//! let ids = model.encode(&["3".into(), "1".into(), "2".into()])?;
//! let tokens = ndarray::Array2::from_shape_vec((1, ids.len()), ids)?;
//! let trace = Frozen::<f64>::new(&model).forward(Stream::Full, tokens.view());
//! let sorted: Vec<String> =
//!     (1..4).map(|t| model.decode(trace.output.row(t)).to_string()).collect();
//! assert_eq!(sorted, ["1", "2", "3"]);
//! # Ok(())
//! # }
//! ```

// No `unsafe` of ours, nor of a macro that expands here: what is unsafe is in the dependencies.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod cli;
pub mod compiler;
pub mod compression;
pub mod config;
pub mod escape;
pub mod examples;
pub mod figures;
pub mod files;
pub mod inputs;
pub mod interrupt;
pub mod library;
pub mod limits;
pub mod linalg;
pub mod model;
pub mod npz;
mod numbers;
pub mod paper;
pub mod program;
pub mod publication;
pub mod rasp;
pub mod report;
pub mod study;
pub mod tensors;
