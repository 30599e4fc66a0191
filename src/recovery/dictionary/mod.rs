//! Atoms with the way to their codes: what a dictionary learning method finds.
//!
//! - `model`: a [`Dictionary`].
//! - [`encoder`]: from a row to its codes.
//! - `load`: which file or folder holds what; `save`: what is written.
//! - `saelens`: the folder that SAELens reads and writes.
//! - `matrix`: a bare matrix of atoms, as safetensors, .npy or .npz.
//! - `numpy`: NumPy's arrays and archives.
//! - `layout`: names of files.
//! - [`error`]: what can be wrong with all of these.

pub mod encoder;
pub mod error;
mod layout;
mod load;
mod matrix;
mod model;
mod numpy;
mod saelens;
mod save;
#[cfg(test)]
mod tests;

pub use encoder::{Activation, Encoder, Linear};
pub use error::DictionaryError;
pub use layout::{BARE, CONFIG, MOST_ATOMS, WEIGHTS};
pub use load::load;
pub use model::Dictionary;
