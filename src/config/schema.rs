//! Every key of a run file and of a study file: what may stand there, what stands there if nothing does, what it does.
//!
//! A new key of a run file is an entry of [`KEYS`] and a field of the struct of its table, which carries its value.

use toml::{Table, Value};

use super::choices::{Criterion, DictionaryMethod, Engine, Init, InitMatrices, Method, Precision};
use super::kind::{Bounds, Kind, words};
use DefaultValue::{Required, Toml, Words};
use base::limits;
use superposition::{CategoricalTargets, LayerReduction, OutputPositions};

const ANY: Bounds = Bounds {
    min: f64::NEG_INFINITY,
    min_allowed: false,
    max: f64::INFINITY,
    max_allowed: false,
};
const POSITIVE: Bounds = Bounds { min: 0.0, ..ANY };
const NOT_NEGATIVE: Bounds = Bounds {
    min_allowed: true,
    ..POSITIVE
};
const SHARE: Bounds = Bounds {
    max: 1.0,
    max_allowed: true,
    ..NOT_NEGATIVE
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
    pub(super) kind: Kind,
    /// What stands there otherwise.
    pub default: DefaultValue,
    /// What it does.
    pub meaning: &'static str,
    /// Whether earlier versions did not have it; what they did is the default.
    later: bool,
    /// Whether only training depends on it, as on all of `[training]`.
    of_training: bool,
}

/// What stands at a key that a file does not have.
#[derive(Clone, Copy, Debug)]
pub enum DefaultValue {
    /// This, as a file would have it.
    Toml(&'static str),
    /// What is known from elsewhere, in words.
    Words(&'static str),
    /// Nothing: the file is refused.
    Required,
}

impl DefaultValue {
    /// For people: a value as a file would have it, or words.
    pub fn text(&self) -> &'static str {
        match self {
            Toml(text) | Words(text) => text,
            Required => "required",
        }
    }
}

const fn key(name: &'static str, kind: Kind, default: DefaultValue, meaning: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        meaning,
        later: false,
        of_training: false,
    }
}

impl Key {
    const fn later(self) -> Self {
        Self {
            later: true,
            ..self
        }
    }

    const fn of_training(self) -> Self {
        Self {
            of_training: true,
            ..self
        }
    }

    /// Whether a file without it is refused.
    pub(super) fn is_required(&self) -> bool {
        matches!(self.default, Required)
    }

    /// What may stand there, for people: `an integer from 1 to 1000000`.
    pub fn takes(&self) -> String {
        self.kind.describe()
    }

    /// The words that may stand there, if it is one of a few.
    pub fn choices(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Choice(words) | Kind::ChoiceOrFile(words) => words().to_vec(),
            Kind::Flag => vec!["true", "false"],
            _ => Vec::new(),
        }
    }

    /// The default, if it is a value.
    pub(super) fn default_value(&self) -> Option<Value> {
        match self.default {
            Toml(text) => text.parse().ok(),
            Words(_) | Required => None,
        }
    }

    /// Whether a value, as JSON, says what earlier versions did that did not have this key.
    pub(super) fn is_as_before(&self, value: &str) -> bool {
        let default = match (self.kind, self.default_value()) {
            (Kind::Number(_), Some(Value::Integer(i))) => Some(Value::Float(i as f64)),
            (_, default) => default,
        };
        self.later && serde_json::to_string(&default).is_ok_and(|default| default == value)
    }
}

/// Longer names are like no key.
const LONGEST_NAME: usize = 200;

/// All keys of a run file, in its order.
pub const KEYS: &[Key] = &[
    key(
        "name",
        Kind::Text,
        Words("the file's name"),
        "What the run is called in messages and results.",
    ),
    key(
        "model.path",
        Kind::Path,
        Words("required, unless model.program is there"),
        "The compiled model, a .safetensors file.",
    ),
    key(
        "model.program",
        Kind::Path,
        Words("required, unless model.path is there"),
        "The RASP program to compile, a .rasp file; its header supplies what is left out below.",
    ),
    key(
        "model.output",
        Kind::Text,
        Words("the header's, or the last assignment"),
        "The s-op that is the program's output.",
    ),
    key(
        "model.vocab",
        Kind::Tokens,
        Words("the header's"),
        "The tokens to compile the program for.",
    ),
    key(
        "model.max_seq_len",
        Kind::Integer(1, 1 << 20),
        Words("the header's"),
        "The longest input to compile the program for.",
    ),
    key(
        "model.causal",
        Kind::Flag,
        Words("the header's, or false"),
        "Whether a position attends only to itself and to those before it.",
    ),
    key(
        "model.mlp_exactness",
        Kind::Number(POSITIVE),
        Words("the header's, or 100"),
        "How steep the compiled model's thresholds on numbers are.",
    ),
    key(
        "model.sha256",
        Kind::Text,
        Words("not checked"),
        "The compiled model's SHA-256; a resolved config has it, so that a changed one is noticed.",
    ),
    key(
        "inputs.lengths",
        Kind::Integers(1, i64::MAX),
        Words("[max_seq_len]"),
        "The lengths of the inputs, each from 1 to the model's max_seq_len; shorter ones are padded.",
    ),
    key(
        "inputs.unique_tokens",
        Kind::Flag,
        Toml("false"),
        "Whether a token occurs at most once in an input.",
    ),
    key(
        "inputs.valid",
        Kind::Text,
        Words("the header's, or all"),
        "A condition in RASP, as `tokens != \"x\"`: only inputs where it is true at every position count.",
    ),
    key(
        "inputs.evaluation_sample",
        Kind::Integer(1, limits::SAMPLE),
        Toml("4096"),
        "Size of the held-out sample of an input space with more than 2^20 members.",
    ),
    key(
        "inputs.token_weights",
        Kind::Weights("tokens", "{ x = 0.05 }"),
        Toml("{}"),
        "How often tokens occur: inputs of one length are as likely as the product of their tokens' \
         weights; a token that is not named weighs 1.",
    ),
    key(
        "compression.method",
        Kind::Choice(words::<Method>),
        Toml(r#""train""#),
        "Where W comes from: training, or a baseline to compare with.",
    ),
    key(
        "compression.dim",
        Kind::Integer(1, i64::MAX),
        Required,
        "d, the compressed width, from 1 to the model's D.",
    ),
    key(
        "compression.init",
        Kind::ChoiceOrFile(words::<Init>),
        Toml(r#""normal""#),
        "What training starts from: normal entries, random orthogonal rows, the W of a baseline, the live features \
         (live) or their principal directions (rank), which lose nothing where d is large enough, or another W.",
    ).later().of_training(),
    key(
        "compression.init_std",
        Kind::Number(POSITIVE),
        Toml("1.0"),
        "The initial W's scale: the entries' standard deviation if normal, else the rows' length; a W from a file is taken \
         as it is.",
    ).of_training(),
    key(
        "compression.tied",
        Kind::Flag,
        Toml("true"),
        "Whether reading from the stream and writing to it have the same matrix; else W_read and W_write.",
    ).later().of_training(),
    key(
        "compression.per_layer",
        Kind::Flag,
        Toml("false"),
        "Whether every block, the embedding and the unembedding have a W of their own.",
    ).later().of_training(),
    key(
        "compression.init_matrices",
        Kind::Choice(words::<InitMatrices>),
        Toml(r#""equal""#),
        "Whether several W start as copies of one or are drawn one after the other.",
    ).later().of_training(),
    key(
        "objective.output_positions",
        Kind::Choice(words::<OutputPositions>),
        Toml(r#""all""#),
        "Where the output loss counts: every position, or neither BOS nor PAD.",
    ),
    key(
        "objective.output_weight",
        Kind::Number(NOT_NEGATIVE),
        Toml("1.0"),
        "The weight of L_out.",
    ),
    key(
        "objective.layer_weight",
        Kind::Number(NOT_NEGATIVE),
        Toml("1.0"),
        "The weight of L_layer.",
    ),
    key(
        "objective.categorical_targets",
        Kind::Choice(words::<CategoricalTargets>),
        Toml(r#""hard""#),
        "What classes are compared with: the compiled model's class, or the softmax of its scores.",
    ).later(),
    key(
        "objective.layer_reduction",
        Kind::Choice(words::<LayerReduction>),
        Toml(r#""sum""#),
        "Whether L_layer sums a block's squared errors over the D features, or takes their mean.",
    ).later(),
    key(
        "objective.l1_weight",
        Kind::Number(NOT_NEGATIVE),
        Toml("0.0"),
        "The weight of the penalty sum |W_ij|.",
    ).later(),
    key(
        "objective.gram_weight",
        Kind::Number(NOT_NEGATIVE),
        Toml("0.0"),
        "The weight of the penalty sum |G_ij| over pairs of different features.",
    ).later(),
    key(
        "objective.block_weights",
        Kind::Weights("blocks", "{ \"layer0.attn\" = 2.0 }"),
        Toml("{}"),
        "The weights of single blocks in L_layer; a block that is not named weighs 1.",
    ),
    key(
        "training.engine",
        Kind::Choice(words::<Engine>),
        Toml(r#""fused""#),
        "What computes the loss and its gradient: one hand-derived pass, or Burn's tensors op by op.",
    ),
    key(
        "training.precision",
        Kind::Choice(words::<Precision>),
        Toml(r#""f32""#),
        "The precision of loss and gradient; W, AdamW and evaluation are always f64.",
    ),
    key(
        "training.steps",
        Kind::Integer(1, limits::STEPS),
        Toml("300000"),
        "The number of updates.",
    ),
    key(
        "training.batch_size",
        Kind::Integer(1, limits::BATCH),
        Toml("256"),
        "Inputs per update.",
    ),
    key(
        "training.learning_rate.initial",
        Kind::Number(NOT_NEGATIVE),
        Toml("1e-3"),
        "The learning rate of the first update.",
    ),
    key(
        "training.learning_rate.final",
        Kind::Number(NOT_NEGATIVE),
        Toml("1e-6"),
        "The learning rate from the end of the decay on.",
    ),
    key(
        "training.learning_rate.warmup_fraction",
        Kind::Number(SHARE),
        Toml("0"),
        "The share of the steps over which the rate first rises linearly from 0; the decay follows.",
    ).later(),
    key(
        "training.learning_rate.decay_fraction",
        Kind::Number(SHARE),
        Toml("0.5"),
        "The share of the steps over which the rate falls linearly; 0 keeps the initial rate.",
    ),
    key(
        "training.weight_decay",
        Kind::Number(NOT_NEGATIVE),
        Toml("0.1"),
        "AdamW's decoupled decay, multiplied by the learning rate.",
    ),
    key(
        "training.betas",
        Kind::Numbers(2, BELOW_ONE),
        Toml("[0.9, 0.99]"),
        "AdamW's beta_1 and beta_2.",
    ),
    key(
        "training.epsilon",
        Kind::Number(POSITIVE),
        Toml("1e-8"),
        "AdamW's epsilon, outside the square root.",
    ),
    key(
        "training.seed",
        Kind::Integer(0, i64::MAX),
        Toml("0"),
        "The seed of the initial W and of the batches.",
    ),
    key(
        "training.restarts.count",
        Kind::Integer(1, limits::STARTS),
        Toml("1"),
        "How many starts are tried; the one with the lowest exact loss goes on.",
    ).later(),
    key(
        "training.restarts.steps",
        Kind::Integer(0, limits::STEPS),
        Toml("0"),
        "Updates of each start before one is chosen, if count is above 1: a multiple of log_every.",
    ).later(),
    key(
        "training.threads",
        Kind::Integer(1, limits::THREADS),
        Toml("2"),
        "How many threads may work, where a step is long enough; the results are the same for any number.",
    ),
    key(
        "training.log_every",
        Kind::Integer(1, limits::STEPS),
        Toml("1000"),
        "Steps between rows of metrics.csv.",
    ),
    key(
        "training.diagnostics_every",
        Kind::Integer(0, limits::STEPS),
        Toml("0"),
        "Steps between measurements in diagnostics.csv; 0 makes none.",
    ).later(),
    key(
        "training.checkpoint_every",
        Kind::Integer(1, limits::STEPS),
        Toml("10000"),
        "Steps between checkpoints.",
    ),
    key(
        "output.dir",
        Kind::Path,
        Words("required, here or as --output"),
        "The run directory, made if it is not there.",
    ),
];

/// The keys of `[shrink]` in a run file, which only `compress shrink` reads.
pub const SHRINK_KEYS: &[Key] = &[
    key(
        "shrink.criterion",
        Kind::Choice(words::<Criterion>),
        Toml(r#""both""#),
        "What a W must achieve: right outputs, faithful blocks too, or one after the other.",
    ),
    key(
        "shrink.mae",
        Kind::Number(POSITIVE),
        Toml("0.005"),
        "Numerical outputs are right with a mean absolute error of at most this,",
    ),
    key(
        "shrink.max_error",
        Kind::Number(POSITIVE),
        Toml("0.05"),
        "and an absolute error of at most this at every position.",
    ),
    key(
        "shrink.min_cosine",
        Kind::Number(SHARE),
        Toml("0.99"),
        "A W is faithful if every block's output has at least this cosine with the compiled model's.",
    ),
    key(
        "shrink.min_gap",
        Kind::Number(NOT_NEGATIVE),
        Toml("0.01"),
        "A class is right if its score is above every other one by more than this.",
    ),
    key(
        "shrink.min_dim",
        Kind::Integer(1, i64::MAX),
        Toml("1"),
        "The search ends when it reaches this d, also where a smaller one may work.",
    ),
    key(
        "shrink.descents",
        Kind::Integer(1, 1024),
        Toml("2"),
        "Ways down from the start, each with random numbers of its own; the smallest d of any of them counts.",
    ),
    key(
        "shrink.tries",
        Kind::Integer(1, 1024),
        Toml("12"),
        "Attempts, each dropping another direction, before a d is given up.",
    ),
    key(
        "shrink.starts",
        Kind::Integer(0, 1024),
        Toml("8"),
        "Random starts: the first is tried third, until it has failed once where the last W worked, the others where all tries fail; in a later descent \
         these only below the d at which they failed before.",
    ),
    key(
        "shrink.steps",
        Kind::Integer(10, limits::STEPS),
        Toml("20000"),
        "Updates of a training; one that is nearly right goes on for twice as many.",
    ),
    key(
        "shrink.candidates",
        Kind::Integer(1, 100_000),
        Toml("150"),
        "Directions that are compared before each drop.",
    ),
    key(
        "shrink.max_seconds",
        Kind::Number(POSITIVE),
        Toml("3600.0"),
        "Seconds of a session after which no new training begins; the same command goes on.",
    ),
    key(
        "shrink.seed",
        Kind::Integer(0, i64::MAX),
        Toml("0"),
        "The seed of all that is drawn.",
    ),
];

/// All keys of a study file, in its order.
pub const STUDY_KEYS: &[Key] = &[
    key(
        "name",
        Kind::Name,
        Words("the file's name"),
        "What the study is called; its directory is results/NAME.",
    ),
    key(
        "question",
        Kind::Text,
        Words("none"),
        "What it asks, for its report.",
    ),
    key(
        "base",
        Kind::Path,
        Required,
        "The run file that every run starts from.",
    ),
    key(
        "grid",
        Kind::Table("a table of keys of a run file with their values"),
        Words("required, unless there is an include"),
        "What varies: every combination of these values is a run.",
    ),
    key(
        "include",
        Kind::Tables("tables like grid, each as [[include]]"),
        Words("none"),
        "More combinations, each table for itself.",
    ),
    key(
        "override",
        Kind::Table("a table of keys of a run file, each with one value"),
        Words("none"),
        "What differs from the base in all runs; --set goes before it.",
    ),
    key(
        "recovery",
        Kind::Table("a table of methods, seeds, atoms, site and bos"),
        Words("none"),
        "How dictionaries are looked for in every completed run, and scored.",
    ),
];

/// The most atoms that are looked for: what is computed on the way grows with their square.
pub const MOST_ATOMS: i64 = 1024;
/// The most dictionaries of one method.
pub const MOST_SEEDS: i64 = 10_000;

/// The keys of `[recovery]` in a study file.
pub const RECOVERY_KEYS: &[Key] = &[
    key(
        "recovery.methods",
        Kind::Choices(words::<DictionaryMethod>),
        Required,
        "What looks for dictionaries: see `compress recover`.",
    ),
    key(
        "recovery.seeds",
        Kind::Integer(1, MOST_SEEDS),
        Toml("1"),
        "Dictionaries of each method, with the seeds 0, 1, ...; of pca, which has no seed, one.",
    ),
    key(
        "recovery.atoms",
        Kind::Integer(1, MOST_ATOMS),
        Words("the number of targets of each run"),
        "Atoms of a dictionary.",
    ),
    key(
        "recovery.site",
        Kind::Integer(0, i64::MAX),
        Words("all sites"),
        "The part of the stream: 0 after the embedding, 1 after the first block that writes, ...",
    ),
    key(
        "recovery.bos",
        Kind::Flag,
        Toml("true"),
        "Whether the position of BOS counts.",
    ),
];

/// The keys of a range, which stands for a list of numbers.
pub const RANGE_KEYS: &[Key] = &[
    key("from", Kind::Number(ANY), Required, "The first value."),
    key(
        "count",
        Kind::Integer(1, limits::RUNS as i64),
        Required,
        "How many values.",
    ),
    key(
        "step",
        Kind::Number(ANY),
        Toml("1"),
        "What each adds to the one before.",
    ),
];

/// The names of some keys, for a message.
pub(super) fn names(keys: &[Key]) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    names.join(", ")
}

/// The key of this name among some.
pub(super) fn find_in(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// All keys that a run file may have.
pub fn of_run_files() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(SHRINK_KEYS)
}

/// The key of a run file of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    of_run_files().find(|key| key.name == name)
}

/// What follows a table's name and its dot in a longer name.
fn below<'a>(name: &'a str, table: &str) -> Option<&'a str> {
    name.strip_prefix(table)?.strip_prefix('.')
}

/// Whether a name stands in a table or in one of its tables.
pub(super) fn is_below(name: &str, table: &str) -> bool {
    below(name, table).is_some()
}

/// Whether keys stand below this name, as for `training` or `training.learning_rate`.
pub(super) fn is_table(name: &str) -> bool {
    of_run_files().any(|key| is_below(key.name, name))
}

/// What stands where keys stand below a name, for a message: `a table of keys (training.restarts.count, ...)`.
pub(super) fn table_of(name: &str) -> String {
    let below = of_run_files().filter(|key| is_below(key.name, name));
    let names: Vec<&str> = below.map(|key| key.name).collect();
    format!("a table of keys ({})", names.join(", "))
}

/// The key of the table that a longer name is an entry of, and the entry: `inputs.token_weights` and `x` for
/// `inputs.token_weights.x`.
pub(super) fn entry(name: &str) -> Option<(&'static Key, &str)> {
    KEYS.iter()
        .find_map(|key| Some((key, below(name, key.name)?)))
}

/// Sets a key in the tables of a run file, if it is not there.
pub(super) fn fill(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.entry(name).or_insert(value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Table::new().into());
            if let Value::Table(inner) = inner {
                fill(inner, rest, value);
            }
        }
    }
}

/// Sets every one of some keys that is not there to its default, if that is a value.
pub(super) fn fill_defaults(table: &mut Table, keys: &[Key]) {
    for key in keys {
        if let Some(value) = key.default_value() {
            fill(table, key.name, value);
        }
    }
}

/// The known name most like a misspelt one, if any is like it.
pub fn suggestion(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let misspelt = name.rsplit('.').next().unwrap_or(name);
    of_run_files()
        .map(|key| {
            let whole = strsim::jaro_winkler(key.name, name);
            let word = strsim::jaro_winkler(last(key.name), misspelt);
            (whole.max(word), whole, key.name)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .filter(|(likeness, ..)| *likeness > 0.8)
        .map(|(.., name)| name)
}

impl Method {
    /// Whether a run with this method depends on a key. A baseline is one matrix, whatever reads or writes.
    pub fn depends_on(self, key: &str) -> bool {
        match self {
            Self::Train => true,
            Self::Random if key == "training.seed" => true,
            Self::Pca | Self::Random | Self::Subset => {
                !key.starts_with("training.") && !find(key).is_some_and(|key| key.of_training)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_values_that_their_keys_take() {
        for key in [KEYS, SHRINK_KEYS, STUDY_KEYS, RECOVERY_KEYS, RANGE_KEYS].concat() {
            if let Toml(text) = key.default {
                let value = text.parse().unwrap();
                assert!(key.kind.allows(&value), "{}: {text}", key.name);
            }
        }
    }

    #[test]
    fn choices_are_the_words_of_their_enums() {
        let takes = |name| find(name).unwrap().takes();
        assert_eq!(
            takes("compression.init_matrices"),
            r#""equal" or "independent""#
        );
        assert_eq!(takes("training.precision"), r#""f32" or "f64""#);
    }
}
