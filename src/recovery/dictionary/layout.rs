//! Names of files, and how many atoms there may be.

/// The file that a dictionary without an encoder is written to.
pub const BARE: &str = "dictionary.safetensors";
/// SAELens' configuration.
pub const CONFIG: &str = "cfg.json";
/// SAELens' tensors.
pub const WEIGHTS: &str = "sae_weights.safetensors";

/// Atoms of a dictionary: codes of many rows have to fit in memory.
pub const MOST_ATOMS: usize = 4096;
