//! What all rooms of `compress` stand on, and what knows none of them.
//!
//! - [`files`]: written whole or not at all; [`interrupt`]: what a request to stop waits for.
//! - [`content`]: what a file is, by its bytes.
//! - [`tensors`] and [`npz`]: arrays in files; [`escape`]: foreign text in messages, pages and shells.
//! - [`limits`]: how large things may be; [`numbers`]: numbers in sentences.
//! - [`linalg`]: bit-exact linear algebra; [`rng`]: random numbers in named streams.

#![forbid(unsafe_code)]

pub mod content;
pub mod escape;
pub mod files;
pub mod interrupt;
pub mod limits;
pub mod linalg;
pub mod npz;
pub mod numbers;
pub mod rng;
pub mod tensors;
