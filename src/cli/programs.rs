//! `compress programs [NAME]`: the library of RASP programs.

use super::failure::Failure;
use super::{table, terminal};
use crate::library::{self, File, Folder};
use tracr::model::value;
use tracr::rasp::Header;
use tracr::rasp::syntax::header;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the source of this program instead of the list
    name: Option<String>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        return Ok(terminal::print(&list())?);
    };
    let Some(file) = Folder::Programs.find(name) else {
        let names = Folder::Programs.files().map(File::name);
        let hint = library::nearest(name, names)
            .map_or_else(String::new, |known| format!(", did you mean `{known}`?"));
        return Err(Failure::Input(anyhow::anyhow!(
            "the library has no program `{name}`{hint}: `compress programs` lists all"
        )));
    };
    Ok(terminal::print(file.text)?)
}

fn list() -> String {
    let mut rows = vec![vec![
        "program".to_owned(),
        "what it computes".into(),
        "tokens".into(),
        "longest input".into(),
    ]];
    for file in Folder::Programs.files() {
        let header = header_of(file);
        rows.push(vec![
            file.name().to_owned(),
            about(file),
            header.vocab.as_ref().map_or_else(String::new, value::list),
            header
                .max_seq_len
                .map_or_else(String::new, |n| n.to_string()),
        ]);
    }
    table::aligned(&rows, 3)
}

/// What a program computes, in its own words.
pub fn about(file: &File) -> String {
    header_of(file).about.unwrap_or_default()
}

/// Tests compile every program of the library: a header with problems is not among them.
fn header_of(file: &File) -> Header {
    header::header(0, file.text, &mut Vec::new())
}
