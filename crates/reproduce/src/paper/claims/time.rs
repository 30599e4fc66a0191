//! How long a run takes.

use super::words::line;
use crate::paper::estimate::{Criterion, Estimate};
use crate::paper::study::{Source, of_method};
use crate::paper::writer::{Writer, duration};
use base::numbers::four_digits;
use tracr_compress::config::Method;
use tracr_compress::results::ReadError;
use tracr_compress::results::runs::{SECONDS, STEPS};

/// The fewest seconds that a paper's run takes.
const PAPER_SECONDS: f64 = 3600.0;

/// The statement.
pub(super) fn write(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "a run of 300 000 steps takes 1 to 4 hours on two processor cores (the criterion here: less than an hour).";
    writer.heading("6. How long a run takes");
    let mut lines = Vec::new();
    let mut remarks = Vec::new();
    for name in ["frac_prevs_dims", "sort_unique_dims"] {
        if let Some(study) = writer.study(name)? {
            let full = [of_method(Method::Train), (STEPS, "300000")];
            let seconds = study.values(&full, &Source::of_run(SECONDS))?;
            let found = Estimate::new(&seconds);
            let minimum = format!(
                "{} to {}",
                four_digits(PAPER_SECONDS),
                four_digits(4.0 * PAPER_SECONDS)
            );
            let figure = format!("seconds of a training run of `{name}`, one core");
            lines.push(line(
                &figure,
                &minimum,
                found,
                Criterion::Below(PAPER_SECONDS),
            ));
            if let Some(found) = found.filter(|f| f.median > 0.0) {
                let factor = Estimate::single(PAPER_SECONDS / found.median, found.runs);
                writer.file(name, "", "an hour over the median time", Some(factor));
                remarks.push(format!(
                    "A training run of `{name}` took {} in the median: an hour is {} times as long.",
                    duration(found.median),
                    four_digits(factor.median.round())
                ));
            }
        }
    }
    if lines.is_empty() {
        writer.unknown(paper);
    } else {
        writer.judge("", paper, &lines);
        writer.paragraph(&remarks.join(" "));
        writer.paragraph(
            "The times are those of the machine that made these tables, with a run on each of two cores.",
        );
    }
    Ok(())
}
