//! `reproduce paper`: the published studies beside what the paper reports.

use std::path::PathBuf;

use base::files;
use reproduce::paper;
use tracr_compress::cli::failure::Failure;
use tracr_compress::cli::{output, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory with the published studies
    #[arg(default_value = "results")]
    directory: PathBuf,
    /// Where to write REPORT.md and REPORT.csv [default: DIRECTORY]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        output::directory(path, "paper writes REPORT.md and REPORT.csv")?;
    }
    if !args.directory.is_dir() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} is no directory: give the one with the published studies, or make it with \
             scripts/reproduce.sh",
            args.directory.display()
        )));
    }
    let document = paper::compare(&args.directory).map_err(Failure::input)?;
    let output = args.output.as_ref().unwrap_or(&args.directory);
    let mut text = String::new();
    for (name, bytes) in document.files() {
        let path = output.join(name);
        files::write_atomically(&path, bytes).map_err(|e| Failure::Running(e.into()))?;
        text += &format!("{}\n", path.display());
    }
    Ok(terminal::print(&text)?)
}
