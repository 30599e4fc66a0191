//! Every key of a run file: what may stand there, what stands there if nothing does, what it does.

pub use super::kind::{Bounds, Kind};
use base::limits;

const POSITIVE: Bounds = Bounds {
    min: 0.0,
    min_allowed: false,
    max: f64::INFINITY,
    max_allowed: false,
};
const NOT_NEGATIVE: Bounds = Bounds {
    min_allowed: true,
    ..POSITIVE
};
const SHARE: Bounds = Bounds {
    min: 0.0,
    min_allowed: true,
    max: 1.0,
    max_allowed: true,
};
const BELOW_ONE: Bounds = Bounds {
    max_allowed: false,
    ..SHARE
};

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// With its tables: `training.learning_rate.initial`.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What stands there otherwise, as text for people; `required` if nothing can.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        meaning,
    }
}

/// Longer names are like no key.
const LONGEST_NAME: usize = 200;
/// The longest run: far beyond any use, and exact as a float.
pub const MAX_STEPS: i64 = limits::STEPS;
/// The largest batch.
pub const MAX_BATCH: i64 = limits::BATCH;
/// The most starts of a run.
pub const MAX_STARTS: i64 = limits::STARTS;
/// The largest held-out sample.
pub const MAX_SAMPLE: i64 = limits::SAMPLE;

/// All keys, in the order of a run file.
pub const KEYS: &[Key] = &[
    key(
        "name",
        Kind::Text,
        "the file's name",
        "What the run is called in messages and results.",
    ),
    key(
        "model.path",
        Kind::Path,
        "required, unless model.program is there",
        "The compiled model, a .safetensors file.",
    ),
    key(
        "model.program",
        Kind::Path,
        "required, unless model.path is there",
        "The RASP program to compile, a .rasp file; its header supplies what is left out below.",
    ),
    key(
        "model.output",
        Kind::Text,
        "the header's, or the last assignment",
        "The s-op that is the program's output.",
    ),
    key(
        "model.vocab",
        Kind::Tokens,
        "the header's",
        "The tokens to compile the program for.",
    ),
    key(
        "model.max_seq_len",
        Kind::Integer(1, 1 << 20),
        "the header's",
        "The longest input to compile the program for.",
    ),
    key(
        "model.causal",
        Kind::Flag,
        "the header's, or false",
        "Whether a position attends only to itself and to those before it.",
    ),
    key(
        "model.mlp_exactness",
        Kind::Number(POSITIVE),
        "the header's, or 100",
        "How steep the compiled model's thresholds on numbers are.",
    ),
    key(
        "model.sha256",
        Kind::Text,
        "not checked",
        "The compiled model's SHA-256; a resolved config has it, so that a changed one is noticed.",
    ),
    key(
        "inputs.lengths",
        Kind::Integers(1, i64::MAX),
        "[max_seq_len]",
        "The lengths of the inputs, each from 1 to the model's max_seq_len; shorter ones are padded.",
    ),
    key(
        "inputs.unique_tokens",
        Kind::Flag,
        "false",
        "Whether a token occurs at most once in an input.",
    ),
    key(
        "inputs.evaluation_sample",
        Kind::Integer(1, MAX_SAMPLE),
        "4096",
        "Size of the held-out sample of an input space with more than 2^20 members.",
    ),
    key(
        "inputs.token_weights",
        Kind::Weights("tokens", "{ x = 0.05 }"),
        "{}",
        "How often tokens occur: inputs of one length are as likely as the product of their tokens' \
         weights; a token that is not named weighs 1.",
    ),
    key(
        "compression.method",
        Kind::Choice(&["train", "pca", "random", "subset"]),
        "\"train\"",
        "Where W comes from: training, or a baseline to compare with.",
    ),
    key(
        "compression.dim",
        Kind::Integer(1, i64::MAX),
        "required",
        "d, the compressed width, from 1 to the model's D.",
    ),
    key(
        "compression.init",
        Kind::Choice(&["normal", "orthonormal", "pca", "subset"]),
        "\"normal\"",
        "What training starts from: normal entries, random orthogonal rows, or the W of a baseline.",
    ),
    key(
        "compression.init_std",
        Kind::Number(POSITIVE),
        "1.0",
        "The initial W's scale: the entries' standard deviation if normal, else the rows' length.",
    ),
    key(
        "compression.tied",
        Kind::Flag,
        "true",
        "Whether reading from the stream and writing to it have the same matrix; else W_read and W_write.",
    ),
    key(
        "compression.per_layer",
        Kind::Flag,
        "false",
        "Whether every block, the embedding and the unembedding have a W of their own.",
    ),
    key(
        "compression.init_matrices",
        Kind::Choice(&["equal", "independent"]),
        "\"equal\"",
        "Whether several W start as copies of one or are drawn one after the other.",
    ),
    key(
        "objective.output_positions",
        Kind::Choice(&["all", "tokens"]),
        "\"all\"",
        "Where the output loss counts: every position, or neither BOS nor PAD.",
    ),
    key(
        "objective.output_weight",
        Kind::Number(NOT_NEGATIVE),
        "1.0",
        "The weight of L_out.",
    ),
    key(
        "objective.layer_weight",
        Kind::Number(NOT_NEGATIVE),
        "1.0",
        "The weight of L_layer.",
    ),
    key(
        "objective.categorical_targets",
        Kind::Choice(&["hard", "soft"]),
        "\"hard\"",
        "What classes are compared with: the compiled model's class, or the softmax of its scores.",
    ),
    key(
        "objective.layer_reduction",
        Kind::Choice(&["sum", "mean"]),
        "\"sum\"",
        "Whether L_layer sums a block's squared errors over the D features, or takes their mean.",
    ),
    key(
        "objective.l1_weight",
        Kind::Number(NOT_NEGATIVE),
        "0.0",
        "The weight of the penalty sum |W_ij|.",
    ),
    key(
        "objective.gram_weight",
        Kind::Number(NOT_NEGATIVE),
        "0.0",
        "The weight of the penalty sum |G_ij| over pairs of different features.",
    ),
    key(
        "objective.block_weights",
        Kind::Weights("blocks", "{ \"layer0.attn\" = 2.0 }"),
        "{}",
        "The weights of single blocks in L_layer; a block that is not named weighs 1.",
    ),
    key(
        "training.engine",
        Kind::Choice(&["fused", "autodiff"]),
        "\"fused\"",
        "What computes the loss and its gradient: one hand-derived pass, or Burn's tensors op by op.",
    ),
    key(
        "training.precision",
        Kind::Choice(&["f32", "f64"]),
        "\"f32\"",
        "The precision of loss and gradient; W, AdamW and evaluation are always f64.",
    ),
    key(
        "training.steps",
        Kind::Integer(1, MAX_STEPS),
        "300000",
        "The number of updates.",
    ),
    key(
        "training.batch_size",
        Kind::Integer(1, MAX_BATCH),
        "256",
        "Inputs per update.",
    ),
    key(
        "training.learning_rate.initial",
        Kind::Number(NOT_NEGATIVE),
        "1e-3",
        "The learning rate of the first update.",
    ),
    key(
        "training.learning_rate.final",
        Kind::Number(NOT_NEGATIVE),
        "1e-6",
        "The learning rate from the end of the decay on.",
    ),
    key(
        "training.learning_rate.warmup_fraction",
        Kind::Number(SHARE),
        "0",
        "The share of the steps over which the rate first rises linearly from 0; the decay follows.",
    ),
    key(
        "training.learning_rate.decay_fraction",
        Kind::Number(SHARE),
        "0.5",
        "The share of the steps over which the rate falls linearly; 0 keeps the initial rate.",
    ),
    key(
        "training.weight_decay",
        Kind::Number(NOT_NEGATIVE),
        "0.1",
        "AdamW's decoupled decay, multiplied by the learning rate.",
    ),
    key(
        "training.betas",
        Kind::Numbers(2, BELOW_ONE),
        "[0.9, 0.99]",
        "AdamW's beta_1 and beta_2.",
    ),
    key(
        "training.epsilon",
        Kind::Number(POSITIVE),
        "1e-8",
        "AdamW's epsilon, outside the square root.",
    ),
    key(
        "training.seed",
        Kind::Integer(0, i64::MAX),
        "0",
        "The seed of the initial W and of the batches.",
    ),
    key(
        "training.restarts.count",
        Kind::Integer(1, MAX_STARTS),
        "1",
        "How many starts are tried; the one with the lowest exact loss goes on.",
    ),
    key(
        "training.restarts.steps",
        Kind::Integer(0, MAX_STEPS),
        "0",
        "Updates of each start before one is chosen, if count is above 1: a multiple of log_every.",
    ),
    key(
        "training.threads",
        Kind::Integer(1, limits::THREADS),
        "2",
        "How many threads may work, where a step is long enough; the results are the same for any number.",
    ),
    key(
        "training.log_every",
        Kind::Integer(1, MAX_STEPS),
        "1000",
        "Steps between rows of metrics.csv.",
    ),
    key(
        "training.diagnostics_every",
        Kind::Integer(0, MAX_STEPS),
        "0",
        "Steps between measurements in diagnostics.csv; 0 makes none.",
    ),
    key(
        "training.checkpoint_every",
        Kind::Integer(1, MAX_STEPS),
        "10000",
        "Steps between checkpoints.",
    ),
    key(
        "output.dir",
        Kind::Path,
        "required, here or as --output",
        "The run directory, made if it is not there.",
    ),
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether keys stand below this name, as for `training` or `training.learning_rate`.
pub fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The known name most like a misspelt one, if any is like it.
pub fn suggestion(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let misspelt = name.rsplit('.').next().unwrap_or(name);
    KEYS.iter()
        .map(|key| {
            let whole = strsim::jaro_winkler(key.name, name);
            let word = strsim::jaro_winkler(last(key.name), misspelt);
            (whole.max(word), key.name)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, name)| name)
}
