//! The folder that SAELens reads and writes: `cfg.json` and `sae_weights.safetensors`.
//!
//! What each field means is that of SAELens 6 (`sae_lens/saes/sae.py`, `standard_sae.py`, `topk_sae.py`,
//! `jumprelu_sae.py`), and of its older files as `handle_pre_6_0_config` there reads them. Whatever would change the codes and is not
//! computed here is refused by its name.

use std::path::Path;

use ndarray::{Array1, Array2, Ix1, Ix2};
use serde_json::{Map, Value, json};

use super::encoder::{Activation, Encoder, Linear};
use super::error::{DictionaryError, Problem};
use super::layout::{CONFIG, WEIGHTS};
use super::matrix::{check_count, check_entries, checked_atoms, tensor};
use super::model::Dictionary;
use base::escape;
use base::files;
use base::limits;
use base::tensors::{TensorError, TensorFile, TensorWriter};

/// The version of SAELens whose layout is written. Without one, SAELens takes a file for older than its version 6.
const VERSION: &str = "6.0.0";

/// What `cfg.json` says of how the weights are used.
#[derive(Debug)]
struct Config {
    width: usize,
    atoms: usize,
    subtracts_offset: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Standard,
    TopK { k: usize, by_length: bool },
    JumpRelu,
}

/// Reads such a folder for a stream of this width.
pub fn load(folder: &Path, width: usize) -> Result<Dictionary, DictionaryError> {
    let path = folder.join(CONFIG);
    let text = files::read_text(&path, limits::CONFIG_BYTES)?;
    let config = read_config(&text, width).map_err(DictionaryError::of(&path))?;
    let path = folder.join(WEIGHTS);
    let bytes = files::read_bounded(&path, limits::PROJECTION_BYTES)?;
    let wrong = DictionaryError::of::<Problem>(&path);
    if bytes.is_empty() {
        return Err(wrong(Problem::Empty));
    }
    read_weights(&bytes, config).map_err(wrong)
}

/// Fields of a JSON object.
struct Fields(Map<String, Value>);

impl Fields {
    /// A field that is there and not null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn wrong<T>(key: &'static str, problem: impl Into<String>) -> Result<T, Problem> {
        Err(Problem::Key {
            key,
            problem: problem.into(),
        })
    }

    fn count(&self, key: &'static str) -> Result<usize, Problem> {
        let Some(value) = self.get(key) else {
            return Self::wrong(key, "is missing");
        };
        match value.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(n) => Ok(n),
            None => Self::wrong(
                key,
                format!("is {}, but it takes a whole number", shown(value)),
            ),
        }
    }

    fn flag(&self, key: &'static str, default: bool) -> Result<bool, Problem> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => Self::wrong(
                key,
                format!("is {}, but it takes true or false", shown(value)),
            ),
        }
    }

    fn word(&self, key: &'static str) -> Result<Option<&str>, Problem> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(word)) => Ok(Some(word)),
            Some(value) => Self::wrong(key, format!("is {}, but it takes a word", shown(value))),
        }
    }
}

/// A value for a message.
fn shown(value: &Value) -> String {
    escape::name(&value.to_string()).into_owned()
}

fn read_config(text: &str, width: usize) -> Result<Config, Problem> {
    let fields = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Fields(fields),
        Ok(_) => return Err(Problem::Json("it is another kind of value".into())),
        Err(e) => return Err(Problem::Json(e.to_string())),
    };
    let kind = kind(&fields)?;
    match fields.get("normalize_activations") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::String(word)) if word == "none" => {}
        Some(value) => {
            return Fields::wrong(
                "normalize_activations",
                format!(
                    "is {}, and only `none` is read: train with `none`, or fold the normalization into the weights \
                     where SAELens can",
                    shown(value)
                ),
            );
        }
    }
    if let Some(word) = fields.word("reshape_activations")?
        && word != "none"
    {
        let word = escape::name(word);
        return Fields::wrong(
            "reshape_activations",
            format!("is `{word}`, but the stream has no heads: `none` is read"),
        );
    }
    if fields.flag("finetuning_scaling_factor", false)? {
        return Fields::wrong(
            "finetuning_scaling_factor",
            "is true, and such a factor is not read",
        );
    }
    let (found, atoms) = (fields.count("d_in")?, fields.count("d_sae")?);
    check_count(atoms)?;
    if found != width {
        return Err(Problem::Width {
            found,
            expected: width,
        });
    }
    if let Kind::TopK { k, .. } = kind
        && !(1..=atoms).contains(&k)
    {
        return Fields::wrong(
            "k",
            format!("is {k}, but d_sae is {atoms}: it is from 1 to that"),
        );
    }
    Ok(Config {
        width,
        atoms,
        subtracts_offset: fields.flag("apply_b_dec_to_input", true)?,
        kind,
    })
}

fn kind(fields: &Fields) -> Result<Kind, Problem> {
    // Before SAELens 6 the activation function was a field of its own, and topk one of its values.
    let function = match fields.word("activation_fn_str")? {
        None => fields.word("activation_fn")?,
        word => word,
    };
    let architecture = fields.word("architecture")?.unwrap_or("standard");
    match (architecture, function) {
        ("topk", _) | ("standard", Some("topk")) => {
            let inner = fields
                .get("activation_fn_kwargs")
                .and_then(Value::as_object);
            let old = inner.filter(|inner| inner.contains_key("k"));
            let k = match old {
                Some(inner) if fields.get("k").is_none() => Fields(inner.clone()).count("k")?,
                _ => fields.count("k")?,
            };
            Ok(Kind::TopK {
                k,
                by_length: fields.flag("rescale_acts_by_decoder_norm", false)?,
            })
        }
        ("standard", None | Some("relu")) => Ok(Kind::Standard),
        ("jumprelu", None | Some("relu")) => Ok(Kind::JumpRelu),
        ("standard" | "jumprelu", Some(other)) => Fields::wrong(
            "activation_fn_str",
            format!("is `{}`: `relu` and `topk` are read", escape::name(other)),
        ),
        (other, _) => Err(Problem::Architecture(other.to_owned())),
    }
}

fn read_weights(bytes: &[u8], config: Config) -> Result<Dictionary, Problem> {
    let file = TensorFile::parse(bytes)?;
    let (d, m) = (config.width, config.atoms);
    let is_jump = matches!(config.kind, Kind::JumpRelu);
    let known = ["W_enc", "W_dec", "b_enc", "b_dec"];
    for name in file.names() {
        let ones = || tensor(&file, name).is_ok_and(|all| all.iter().all(|x| *x == 1.0));
        let belongs = known.contains(&name)
            || is_jump && name == "threshold"
            || name == "scaling_factor" && ones(); // older files have it without a use
        if !belongs {
            return Err(TensorError::Unexpected(name.to_owned()).into());
        }
    }
    let matrix = |name: &str, shape: [usize; 2]| -> Result<Array2<f64>, Problem> {
        let array = shaped(&file, name, &shape)?;
        Ok(array.into_dimensionality::<Ix2>().unwrap_or_default())
    };
    let vector = |name: &str, length: usize| -> Result<Array1<f64>, Problem> {
        let array = shaped(&file, name, &[length])?;
        Ok(array.into_dimensionality::<Ix1>().unwrap_or_default())
    };
    let atoms = checked_atoms(matrix("W_dec", [m, d])?, d)?;
    let weights = matrix("W_enc", [d, m])?;
    let (bias, offset) = (vector("b_enc", m)?, vector("b_dec", d)?);
    let activation = match config.kind {
        Kind::Standard => Activation::Relu,
        Kind::TopK { k, by_length } => Activation::TopK { k, by_length },
        Kind::JumpRelu => Activation::JumpRelu(vector("threshold", m)?),
    };
    Ok(Dictionary {
        atoms,
        bias: offset,
        encoder: Encoder::Linear(Box::new(Linear {
            weights,
            bias,
            subtracts_offset: config.subtracts_offset,
            activation,
        })),
    })
}

/// A tensor of this shape with entries that can be worked with.
fn shaped(
    file: &TensorFile<'_>,
    name: &str,
    shape: &[usize],
) -> Result<ndarray::ArrayD<f64>, Problem> {
    let array = tensor(file, name)?;
    if array.shape() != shape {
        return Err(TensorError::WrongShape {
            name: name.to_owned(),
            found: array.shape().to_vec(),
            expected: shape.to_vec(),
        }
        .into());
    }
    check_entries(name, array.view())?;
    Ok(array)
}

/// The weights as SAELens writes them, in float32.
pub fn weights(dictionary: &Dictionary, linear: &Linear) -> Result<Vec<u8>, TensorError> {
    let (m, d) = dictionary.atoms.dim();
    let mut writer = TensorWriter::default();
    let single = |x: &f64| *x as f32;
    writer
        .add("W_enc", &[d, m], linear.weights.iter().map(single))
        .add("W_dec", &[m, d], dictionary.atoms.iter().map(single))
        .add("b_enc", &[m], linear.bias.iter().map(single))
        .add("b_dec", &[d], dictionary.bias.iter().map(single));
    if let Activation::JumpRelu(threshold) = &linear.activation {
        writer.add("threshold", &[m], threshold.iter().map(single));
    }
    writer.finish("format", "pt".into())
}

/// The text of the configuration.
pub fn config(dictionary: &Dictionary, linear: &Linear, known: &Value) -> String {
    let (m, d) = dictionary.atoms.dim();
    let architecture = match linear.activation {
        Activation::Relu => "standard",
        Activation::TopK { .. } => "topk",
        Activation::JumpRelu(_) => "jumprelu",
    };
    let mut fields = json!({
        "architecture": architecture,
        "d_in": d,
        "d_sae": m,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": linear.subtracts_offset,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": VERSION, "compress": known},
    });
    if let Activation::TopK { k, by_length } = linear.activation {
        fields["k"] = json!(k);
        fields["rescale_acts_by_decoder_norm"] = json!(by_length);
    }
    format!("{fields:#}\n")
}
