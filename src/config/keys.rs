//! The keys of a run file that other rooms speak of.

/// `d`.
pub const DIM: &str = "compression.dim";
/// Where `W` comes from.
pub const METHOD: &str = "compression.method";
/// The seed; tables of studies fold it.
pub const SEED: &str = "training.seed";
/// A compiled model.
pub const MODEL: &str = "model.path";
/// A program to compile.
pub const PROGRAM: &str = "model.program";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    #[test]
    fn keys_are_those_of_the_schema() {
        for key in [DIM, METHOD, SEED, MODEL, PROGRAM] {
            assert!(schema::find(key).is_some(), "{key}");
        }
    }
}
