//! How large things may be: every limit on what a user's files and arguments ask for, in one place.
//!
//! A size beyond its limit is refused before anything of that size is allocated, with a message that says
//! what is too large, where, and how to mend it. The language has limits of its own, on depth and steps
//! rather than on bytes, beside the code that counts them (`rasp`).

/// Bytes of a model file. A compiled model of this size would not fit in memory.
pub const MODEL_FILE_BYTES: u64 = 2 << 30;
/// Bytes of a model that `compress compile` makes, from the sizes alone, before it makes any of it.
pub const COMPILED_BYTES: u64 = 1 << 30;
/// Bytes of a run or study file, and of one beside a run (`summary.json`, `failure.json`).
pub const CONFIG_BYTES: u64 = 1 << 20;
/// Bytes of inputs on standard input, a line each.
pub const LINES_BYTES: u64 = 64 << 20;
/// Bytes of a RASP source.
pub const PROGRAM_BYTES: usize = 1 << 20;
/// Bytes of `projection.safetensors`.
pub const PROJECTION_BYTES: u64 = 2 << 30;
/// Bytes of `checkpoint.safetensors`: a run that needs more is refused by [`RUN_BYTES`].
pub const CHECKPOINT_BYTES: u64 = RUN_BYTES;
/// Bytes of a log that is continued row by row (`metrics.csv`, `diagnostics.csv`).
pub const LOG_BYTES: u64 = 4 << 30;
/// Bytes of a table that a figure, a page or a publication is made from.
pub const TABLE_BYTES: u64 = 1 << 28;
/// Bytes of a text that a page shows (`config.toml`, `analysis.json`).
pub const PAGE_TEXT_BYTES: u64 = 1 << 26;
/// Bytes of `study.toml`: 100 000 runs with long names.
pub const STUDY_RECORD_BYTES: u64 = 256 << 20;
/// Bytes of a Gram matrix from elsewhere, as CSV.
pub const REFERENCE_BYTES: u64 = 1 << 30;

/// Runs of a study.
pub const RUNS: usize = 100_000;
/// Updates of a run.
pub const STEPS: i64 = 1_000_000_000_000;
/// Inputs of a batch.
pub const BATCH: i64 = 1_000_000;
/// Starts of a run.
pub const STARTS: i64 = 1000;
/// Inputs of a held-out sample; a quarter of the spaces that are enumerated.
pub const SAMPLE: i64 = 262_144;
/// Threads of a run.
pub const THREADS: i64 = 1024;
/// Members of an input space that is enumerated; larger spaces are sampled.
pub const ENUMERATION: u64 = 1 << 20;
/// Pairs of inputs in a sample for interventions; `all` keeps none of them.
pub const INTERVENTION_PAIRS: u64 = 100_000_000;
/// Pixels of a PNG; SVG has none.
pub const PIXELS: f64 = 1e8;
/// Cells of a table that a figure or a page is made from: `gram.csv` of the widest model has 12.6 million.
pub const TABLE_CELLS: usize = 1 << 24;

/// `D` of a model that is compressed: `G` has `D²` entries, `gram.csv` as many rows, and what the analysis
/// takes grows with `D³`.
pub const WIDTH: usize = 2048;
/// `T` of a model that is compressed: an attention has `T²` logits for each head and sequence.
pub const POSITIONS: usize = 4096;
/// `V·T`, the (position, token) pairs that the engines number.
pub const PAIRS: usize = 1 << 24;
/// Bytes that a run may need, by the estimate of `compress run --plan`.
pub const RUN_BYTES: u64 = 4 << 30;

/// A number of bytes for people: `12.3 GiB`, `45 MiB`.
pub fn readable(bytes: u128) -> String {
    let bytes = bytes as f64;
    let mib = bytes / f64::from(1 << 20);
    match mib {
        _ if mib >= 1e9 => format!("{:.0e} GiB", mib / 1024.0),
        _ if mib >= 1024.0 => format!("{:.1} GiB", mib / 1024.0),
        _ if mib >= 10.0 => format!("{mib:.0} MiB"),
        _ => format!("{mib:.1} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        assert_eq!(readable(0), "0.0 MiB");
        assert_eq!(readable(5 << 20), "5.0 MiB");
        assert_eq!(readable(700 << 20), "700 MiB");
        assert_eq!(readable(u128::from(RUN_BYTES)), "4.0 GiB");
        assert_eq!(readable(3 << 40), "3072.0 GiB");
        assert_eq!(readable(1 << 70), "1e12 GiB");
    }
}
