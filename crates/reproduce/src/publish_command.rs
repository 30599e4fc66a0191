//! `reproduce publish DIR`: the files of a finished study that the repository keeps.

use std::path::PathBuf;

use reproduce::publication::{self, PublishError, Request};
use tracr_compress::cli::failure::Failure;
use tracr_compress::cli::signals::{StopRequest, stopped_at};
use tracr_compress::cli::{output, terminal};
use tracr_compress::study::collection::CollectionError;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A study's directory, whose runs are all over
    directory: PathBuf,
    /// Copy the published files there, too
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Compare every run's G with this table of feature_a, feature_b, value
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Leave a feature out of a second comparison; may be repeated
    #[arg(long, value_name = "LABEL", requires = "reference")]
    exclude: Vec<String>,
    /// Only the tables of the sweep and of its metrics: no figures, no page, nothing of single features
    #[arg(long)]
    tables: bool,
    /// No progress on stderr
    #[arg(long)]
    quiet: bool,
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        output::directory(path, "publish copies its files")?;
    }
    let request = Request {
        directory: &args.directory,
        copy: args.output.as_deref(),
        reference: args
            .reference
            .as_deref()
            .map(|path| (path, args.exclude.as_slice())),
        tables_only: args.tables,
    };
    let published = publication::publish(&request, &mut |run, runs, path| {
        stop.say(stopped_at(run, runs, path));
        if !args.quiet {
            terminal::message(&format!("analysing {run} of {runs}: {}", path.display()));
        }
    })
    .map_err(|e| match e {
        PublishError::File(_) | PublishError::Collection(CollectionError::Output(_)) => {
            Failure::Running(e.into())
        }
        e => Failure::input(e),
    })?;
    for reason in &published.left_out {
        terminal::message(&format!("left out: {reason}"));
    }
    Ok(terminal::print(&format!(
        "{} files, {} kB, in {}\n",
        published.files.len(),
        published.bytes.div_ceil(1000),
        published.directory.display()
    ))?)
}
