//! `certificate.json`: what is claimed of a model that is compressed by `W`, and what is proved of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use superposition::Projection;
use tracr::model::{CompiledModel, OutputKind, block_name};

use super::binomial;
use super::findings::{Findings, Worst};
use super::lower_bounds::LowerBounds;
use super::rule::Rule;

/// The version of the file's format.
pub const FORMAT_VERSION: u32 = 1;

/// What is known of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds on every input.
    Proved,
    /// It is false: an answer is proved wrong, or an error too large.
    Wrong,
    /// Neither: rounding may be more than what decides.
    NotProved,
    /// The space was sampled: there is a bound and no proof.
    Sampled,
}

impl Verdict {
    /// For a space that was run as a whole.
    pub fn of(rule: &Rule, findings: &Findings) -> Self {
        let (mean, rounding) = findings.mean();
        let (is_wrong, is_right) = match rule {
            Rule::Classes { .. } => (false, true),
            Rule::Numbers(limits) => (
                mean - rounding > limits.mean_error,
                mean + rounding <= limits.mean_error,
            ),
        };
        if findings.wrong > 0 || is_wrong {
            Self::Wrong
        } else if is_right && findings.right == findings.counted {
            Self::Proved
        } else {
            Self::NotProved
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Wrong => "wrong",
            Self::NotProved => "not proved",
            Self::Sampled => "sampled",
        }
    }
}

/// The inputs that a certificate speaks of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Space {
    /// The numbers of tokens of an input.
    pub lengths: Vec<usize>,
    /// Whether no token occurs twice.
    pub unique_tokens: bool,
    /// A condition in RASP that is true at every position of the inputs; none where all count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
    /// How many inputs there are; none where they are too many to enumerate.
    pub inputs: Option<u64>,
    /// Whether all of them were run.
    pub enumerated: bool,
    /// Otherwise, how many were drawn independently, and from which seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
}

/// Inputs that were drawn from a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// How many draws.
    pub draws: u64,
    /// The seed of the draws.
    pub seed: u64,
}

/// What a certificate says of files and program, which the proof does not need.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// SHA-256 of the model file.
    pub model_sha256: String,
    /// SHA-256 of the projection file.
    pub projection_sha256: String,
    /// The inputs.
    pub space: Space,
}

/// A certificate: the findings with what they are about.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    /// The files and inputs.
    pub subject: Subject<'a>,
    /// The model.
    pub model: &'a CompiledModel,
    /// `W`.
    pub projection: &'a Projection,
    /// What counts as right.
    pub rule: Rule,
    /// What was found.
    pub findings: Findings,
    /// What follows.
    pub verdict: Verdict,
    /// How small `d` can be; none of a sample.
    pub lower_bounds: Option<LowerBounds>,
}

impl Certificate<'_> {
    /// The content of `certificate.json`.
    pub fn json(&self) -> Json {
        let (findings, meta) = (&self.findings, &self.model.metadata);
        let mut answers = json!({
            "counted": findings.counted,
            "right": findings.right,
            "wrong": findings.wrong,
            "tied": findings.tied,
            "different": findings.different(),
        });
        if self.verdict == Verdict::Sampled
            && let Some(answers) = answers.as_object_mut()
        {
            // Of a sample, the number of different answers is that of the sample.
            answers.insert("of".into(), json!("sample"));
        }
        let mut map = Map::new();
        let mut add = |key: &str, value: Json| {
            map.insert(key.into(), value);
        };
        add("format_version", json!(FORMAT_VERSION));
        add("verdict", json!(self.verdict));
        add("claim", json!(self.claim()));
        add("program", json!(meta.program));
        add(
            "model",
            json!({ "sha256": self.subject.model_sha256, "D": self.model.width() }),
        );
        add(
            "projection",
            json!({
                "sha256": self.subject.projection_sha256,
                "d": self.projection.width(),
                "matrices": self.projection.wiring.names(),
            }),
        );
        add("space", json!(self.subject.space));
        add("output", json!(meta.output_kind));
        add("rule", json!(self.rule));
        add("right_inputs", json!(findings.right_inputs));
        add("answers", answers);
        match meta.output_kind {
            OutputKind::Categorical => {
                let pair = |pair: Option<(f64, f64)>| {
                    pair.map(|(value, proved)| json!({ "value": value, "at_least": proved }))
                };
                add("gap", json!(pair(findings.extreme)));
                add("compiled_gap", json!(pair(findings.compiled_gap)));
                add("largest_tied_gap", json!(findings.largest_tied_gap));
            }
            OutputKind::Numerical => {
                let (mean, rounding) = findings.mean();
                let largest = findings.extreme;
                add(
                    "mean_error",
                    json!({ "value": mean, "at_most": mean + rounding }),
                );
                add(
                    "max_error",
                    json!(largest.map(|(value, proved)| json!({
                        "value": value, "at_least": findings.error_at_least, "at_most": proved,
                    }))),
                );
            }
        }
        add("rounding", json!(findings.rounding));
        add(
            "worst",
            json!(findings.worst.as_ref().map(|worst| self.worst(worst))),
        );
        add("cosines", self.cosines());
        let smallest = findings.smallest_cosine();
        add(
            "smallest_cosine",
            json!(smallest.map(|(block, cosine)| json!({ "block": block, "cosine": cosine }))),
        );
        add("double_double_inputs", json!(findings.again));
        if let Some(bounds) = &self.lower_bounds {
            add("lower_bounds", json!(bounds));
        }
        if let Some(sample) = self.subject.space.sample {
            let wrong = sample.draws - findings.right_inputs;
            add(
                "wrong_share",
                json!({
                    "wrong_inputs": wrong,
                    "confidence": binomial::CONFIDENCE,
                    "at_most": binomial::upper_bound(wrong, sample.draws, binomial::CONFIDENCE),
                }),
            );
        }
        add("version", json!(self.subject.version));
        Json::Object(map)
    }

    fn cosines(&self) -> Json {
        let cosines = self
            .findings
            .likeness
            .iter()
            .enumerate()
            .map(|(i, likeness)| {
                let cosine = likeness.as_ref().and_then(|likeness| likeness.cosine());
                let cosine =
                    cosine.map(|(value, bound)| json!({ "value": value, "rounding": bound }));
                (block_name(i), json!(cosine))
            });
        Json::Object(cosines.collect())
    }

    fn worst(&self, worst: &Worst) -> Json {
        let meta = &self.model.metadata;
        let answer = worst.answer;
        let shown = |x: f64| match &meta.output_encoding {
            Some(classes) => classes[x as usize].to_json(),
            None => json!(x),
        };
        let mut json = json!({
            "input": self.words(&worst.tokens),
            "position": worst.position,
            "expected": shown(answer.expected),
            "found": shown(answer.found),
        });
        if let Some(json) = json.as_object_mut() {
            let name = match meta.output_kind {
                OutputKind::Categorical => "gap",
                OutputKind::Numerical => "error",
            };
            json.insert(name.into(), json!(answer.decisive.value));
        }
        json
    }

    /// The tokens of an input without BOS and padding.
    fn words(&self, tokens: &[usize]) -> Vec<Json> {
        let meta = &self.model.metadata;
        let words = tokens[1..].iter().filter(|id| **id != meta.pad_id);
        words.map(|id| meta.input_vocab[*id].to_json()).collect()
    }

    /// The claim as a sentence.
    pub fn claim(&self) -> String {
        let space = &self.subject.space;
        let (d, width) = (self.projection.width(), self.model.width());
        let lengths: Vec<String> = space.lengths.iter().map(usize::to_string).collect();
        let lengths = match lengths.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => lengths.concat(),
        };
        let inputs = match space.inputs {
            Some(inputs) => format!("all {inputs} inputs"),
            None => "all inputs".into(),
        };
        let tokens = if space.lengths == [1] {
            "token"
        } else {
            "tokens"
        };
        let unique = if space.unique_tokens {
            ", none of them twice"
        } else {
            ""
        };
        let valid = space.valid.as_ref();
        let valid = valid.map_or_else(String::new, |text| format!(", of which `{text}` is true"));
        let answers = match self.rule {
            Rule::Classes { .. } => "gives the compiled model's class at every token".to_owned(),
            Rule::Numbers(limits) => format!(
                "gives the compiled model's number at every token, with a mean absolute error of at most {} and a largest \
                 one of at most {}",
                limits.mean_error, limits.max_error
            ),
        };
        format!(
            "{} of width D = {width}, compressed to d = {d}, {answers}, on {inputs} of {lengths} {tokens}{unique}{valid}",
            self.model.metadata.program
        )
    }
}
