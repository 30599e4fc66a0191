//! `certificate.json` on a page: what is claimed of a `W`, and what is proved.

use std::path::Path;

use maud::{Markup, html};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::template::list;
use crate::results::ReadError;
use crate::results::documents::json;
use crate::results::layout::{CERTIFICATE, PROJECTION};
use base::files::{self, hex};
use base::limits;
use base::numbers::four_digits;

const CERTIFY: &str = "`compress certify` of this directory writes it again";

/// What the certificate in a directory says; nothing if it has none.
///
/// # Errors
/// If it cannot be read.
pub fn of(directory: &Path) -> Result<Markup, ReadError> {
    let Some(certificate): Option<Json> = json(directory, CERTIFICATE, CERTIFY)? else {
        return Ok(Markup::default());
    };
    let bytes = files::read_bounded(&directory.join(PROJECTION), limits::PROJECTION_BYTES);
    let is_of_this = bytes.is_ok_and(|bytes| {
        certificate["projection"]["sha256"].as_str() == Some(&hex(&Sha256::digest(&bytes)))
    });
    if !is_of_this {
        return Ok(list(&[format!(
            "{CERTIFICATE} is about another W than {PROJECTION}: {CERTIFY}."
        )]));
    }
    Ok(html! {
        (list(&sentences(&certificate)))
        p.note {
            "Computed in float64, or in twice that where float64 does not decide, with a bound on the rounding of every \
             number; an answer is right if that holds whatever the rounding was. scripts/check_certificate.py proves it \
             again with NumPy alone."
        }
    })
}

/// The same, one sentence a line.
fn sentences(certificate: &Json) -> Vec<String> {
    let word = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let claim = word(&certificate["claim"]);
    let verdict = match certificate["verdict"].as_str() {
        Some("proved") => "Proved",
        Some("wrong") => "This claim is proved to be false",
        Some("sampled") => "Not proved, as the inputs were sampled",
        _ => "Not proved",
    };
    let answers = &certificate["answers"];
    let count = |key: &str| answers[key].as_u64().unwrap_or(0);
    let mut said = vec![
        format!("{verdict}: {claim}."),
        format!(
            "{} of {} answers are proved right, {} proved wrong; {} that the compiled model does not decide do not count.",
            count("right"),
            count("counted"),
            count("wrong"),
            count("tied")
        ),
    ];
    let bound = |key: &str, of: &str| Some(four_digits(certificate[key][of].as_f64()?));
    if let (Some(gap), Some(proved)) = (bound("gap", "value"), bound("gap", "at_least")) {
        said.push(format!(
            "The smallest lead of a right class over another one is {gap}, and proved to be at least {proved}."
        ));
    }
    if let (Some(mean), Some(largest)) = (
        bound("mean_error", "at_most"),
        bound("max_error", "at_most"),
    ) {
        said.push(format!(
            "The mean absolute error is proved to be at most {mean}, the largest at most {largest}."
        ));
    }
    if let (Some(block), Some(cosine)) = (
        certificate["smallest_cosine"]["block"].as_str(),
        bound("smallest_cosine", "cosine"),
    ) {
        said.push(format!(
            "The block least like the compiled model's is {block}, with a cosine of {cosine}."
        ));
    }
    if let Some(share) = certificate["wrong_share"]["at_most"].as_f64() {
        let confidence = certificate["wrong_share"]["confidence"].as_f64();
        said.push(format!(
            "With {} % confidence at most {} of all inputs have a wrong answer.",
            100.0 * confidence.unwrap_or(0.0),
            four_digits(share)
        ));
    }
    let bounds = &certificate["lower_bounds"];
    if let Some(outputs) = bounds["outputs"].as_u64().filter(|d| *d > 1) {
        said.push(format!("No W with d below {outputs} has right outputs."));
    }
    if let Some(reads) = bounds["reads"].as_u64() {
        said.push(format!(
            "A W for which everything that is read is exact needs d of at least {reads}."
        ));
    }
    said
}
