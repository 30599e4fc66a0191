//! `--site` and `--no-bos`: which part of the compressed stream, and the truth about it.

use std::num::NonZero;

use super::failure::Failure;
use crate::analysis;
use crate::recovery::record::Data;
use crate::recovery::truth::{Part, Truth};
use crate::run::finished::Subject;
use superposition::inputs::EvaluationSet;

/// The options.
#[derive(Clone, Debug, clap::Args)]
pub struct PartArgs {
    /// The part of the stream: all, or a site's number, 0 after the embedding, 1 after the first block that writes, ...
    #[arg(long, value_name = "all|N", default_value = "all", value_parser = site)]
    site: SiteArg,
    /// Leave out the position of BOS
    #[arg(long)]
    no_bos: bool,
}

#[derive(Clone, Copy, Debug)]
struct SiteArg(Option<usize>);

fn site(word: &str) -> Result<SiteArg, &'static str> {
    if word == "all" {
        return Ok(SiteArg(None));
    }
    let number = word
        .parse()
        .map_err(|_| "it is all, or the number of a site")?;
    Ok(SiteArg(Some(number)))
}

impl PartArgs {
    /// The part.
    pub fn part(&self) -> Part {
        Part {
            site: self.site.0,
            bos: !self.no_bos,
        }
    }

    /// Whether it is the whole stream.
    pub fn is_default(&self) -> bool {
        self.site.0.is_none() && !self.no_bos
    }
}

/// The threads of a pass over the inputs.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The truth about a run, and what its data is.
pub fn truth(run: &Subject, part: Part) -> Result<(Truth, Data), Failure> {
    let inputs = run.experiment.evaluation_set();
    let truth = Truth::new(subject(run, &inputs), part, threads()).map_err(Failure::input)?;
    let program = &run.experiment.model.metadata.program;
    let data = Data::new(&truth, program, part);
    Ok((truth, data))
}

/// The compressed model as the analysis takes it.
pub fn subject<'a>(run: &'a Subject, inputs: &'a EvaluationSet) -> analysis::Subject<'a> {
    analysis::Subject {
        model: &run.experiment.model,
        space: &run.experiment.space,
        inputs,
        w: &run.projection.w,
        wiring: &run.projection.wiring,
    }
}
