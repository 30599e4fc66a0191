//! `compress plot DIR`: the figures of a run or a study, from its tables.

use std::path::PathBuf;

use super::failure::Failure;
use super::{output, terminal};
use crate::figures::{self, Kind, png, svg};
use base::files::{self, FileError, links};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of a run or a study
    directory: PathBuf,
    /// The directory to write the figures into [default: DIR/figures]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Which files to write
    #[arg(long, value_enum, default_value_t = Format::Both)]
    format: Format,
    /// Pixels per point (1/72 inch) in PNG files; 4 gives 288 dots per inch
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    scale: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Vector graphics, for papers and the web
    Svg,
    /// Bitmaps
    Png,
    /// Both
    Both,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        output::directory(
            path,
            "plot writes its figures (--format svg or png says which)",
        )?;
    }
    let figures = match figures::kind(&args.directory).map_err(Failure::input)? {
        Kind::Run => figures::of_run(&args.directory),
        Kind::Study => figures::of_study(&args.directory),
        Kind::Shrink => figures::of_shrink(&args.directory),
    }
    .map_err(Failure::input)?;
    // All are drawn before the first is written.
    let mut drawn = Vec::new();
    for figure in &figures {
        if args.format != Format::Png {
            let text = svg::document(&figure.scene, &figure.title, &figure.caption);
            drawn.push((format!("{}.svg", figure.name), text.into_bytes()));
        }
        if args.format != Format::Svg {
            let bytes = png::encode(&figure.scene, f64::from(args.scale)).ok_or_else(|| {
                let (w, h) = (figure.scene.width, figure.scene.height);
                Failure::Input(anyhow::anyhow!(
                    "{}.png would be too large: {w:.0} by {h:.0} points at --scale {}; use a smaller scale, or \
                     --format svg",
                    figure.name,
                    args.scale
                ))
            })?;
            drawn.push((format!("{}.png", figure.name), bytes));
        }
    }
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.directory.join("figures"));
    let failed = |e: FileError| Failure::Running(e.into());
    match args.output {
        Some(_) => files::make_directory(&output),
        None => links::make_directory(&output),
    }
    .map_err(failed)?;
    files::remove_leftovers(&output).map_err(failed)?;
    let mut text = String::new();
    for (name, bytes) in drawn {
        let path = output.join(name);
        files::write_atomically(&path, &bytes).map_err(failed)?;
        text += &format!("{}\n", path.display());
    }
    Ok(terminal::print(&text)?)
}
