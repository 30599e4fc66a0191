//! `compress run MODEL TOKEN...`: what a model ([`super::run_model`]) or a program
//! ([`super::run_program`]) computes on an input, or on many ([`super::run_many`]).

use serde_json::Value as Json;

use super::failure::Failure;
pub use super::run_input::Args;
use super::run_input::{Answer, Subject, model_of, program};
use super::run_model::OfModel;
use super::run_program::OfProgram;
use super::{kind, output, run_many, table, terminal};
use crate::config::ConfigSource;
use crate::examples::widths;
use crate::results::layout::CONFIG;
use base::escape;

/// The plan for a model file, or for what a program compiles to.
fn plan(args: &Args) -> Result<(), Failure> {
    let model = model_of(&args.model, &args.settings)?;
    let space = widths::space(&model, &[model.metadata.max_seq_len]).map_err(Failure::input)?;
    super::plan::print(&model, &space, 256)
}

/// The directory of a run has a `W`, and a model elsewhere: says how both are given.
fn refuse_run(args: &Args) -> Result<(), Failure> {
    let path = &args.model;
    if !path.join(CONFIG).is_file() {
        return Ok(());
    }
    let config = ConfigSource::read(&path.join(CONFIG), &[]).map_err(Failure::input)?;
    let model = config
        .model()
        .map_or_else(|| "MODEL".to_owned(), |path| output::argument(&path));
    Err(Failure::Input(anyhow::anyhow!(
        "{} is the directory of a run: `compress run {model} --projection {} TOKENS` runs its compressed model",
        escape::path(path),
        output::argument(path)
    )))
}

pub fn main(args: &Args) -> Result<(), Failure> {
    refuse_run(args)?;
    kind::expect("run", &args.model, &kind::MODELS[..3])?;
    if args.plan {
        return plan(args);
    }
    if args.is_many() && !args.json && (args.trace || args.selectors) {
        return Err(Failure::Input(anyhow::anyhow!(
            "--trace and --selectors draw one input at a time: give its tokens, or --json for many"
        )));
    }
    let subject: Box<dyn Subject> = match program(&args.model) {
        Some(source) => Box::new(OfProgram::new(args, &source)?),
        None => Box::new(OfModel::new(args)?),
    };
    if args.is_many() {
        return run_many::main(args, subject.as_ref());
    }
    let tokens = subject.read(&args.tokens)?;
    let answer = subject.answer(&tokens)?;
    if args.json {
        terminal::print(&format!("{}\n", Json::Object(answer.json)))?;
        return Ok(());
    }
    terminal::print(&text(&answer))?;
    for note in &answer.notes {
        terminal::message(note);
    }
    Ok(())
}

/// A table, a row for each token.
fn text(answer: &Answer) -> String {
    let mut rows = vec![vec!["position".to_owned(), "token".into()]];
    rows[0].extend(answer.columns.iter().map(|column| column.whose.to_owned()));
    for (t, token) in answer.tokens.iter().enumerate() {
        let mut row = vec![(t + 1).to_string(), token.word()];
        let columns = answer.columns.iter();
        row.extend(columns.map(|column| table::value(&column.values[t])));
        if answer.differs.contains(&(t + 1)) {
            row.push("<- differs".into());
        }
        rows.push(row);
    }
    table::aligned(&rows, 0) + &answer.more
}
