//! RASP programs and the transformers that they compile to, whose every feature is known
//! (Lindner et al. 2023, *Tracr: Compiled Transformers as a Laboratory for Interpretability*).
//!
//! [`rasp`] reads a program's text into an expression graph and interprets it, [`compiler`] turns the graph into
//! weights, [`program`] joins the two and compares them, and [`model`] is the compiled transformer: its file, its
//! tokens, its forward pass. [`library`] holds the programs that come along. Nothing here knows of training.
//!
//! ```
//! use tracr::model::{Frozen, Stream};
//! use tracr::program::{Settings, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let program = Source::find("sort_unique".as_ref());
//! let model = program.compile(&Settings::default())?.model;
//! let ids = model.encode(&["3".into(), "1".into(), "2".into()])?;
//! let tokens = ndarray::Array2::from_shape_vec((1, ids.len()), ids)?;
//! let trace = Frozen::<f64>::new(&model).forward(Stream::Full, tokens.view());
//! let sorted: Vec<String> =
//!     (1..4).map(|t| model.decode(trace.output.row(t)).to_string()).collect();
//! assert_eq!(sorted, ["1", "2", "3"]);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as tracr;

pub mod compiler;
pub mod library;
pub mod model;
pub mod program;
pub mod rasp;
