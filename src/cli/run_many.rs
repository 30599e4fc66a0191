//! `compress run MODEL -` and `--all`: many inputs, a line of output for each.

use std::io::Read;

use serde_json::Value as Json;

use super::failure::Failure;
use super::run_input::{Answer, Args, Subject, words};
use super::{table, terminal};
use base::content::Content;
use base::limits;
use base::numbers::four_digits;
use superposition::inputs::space::ENUMERATION_LIMIT;
use tracr::model::Value;

/// Text is printed in pieces of about this many bytes.
const PIECE: usize = 1 << 16;

pub fn main(args: &Args, subject: &dyn Subject) -> Result<(), Failure> {
    if args.all {
        every_input(args, subject)
    } else {
        lines(args, subject)
    }
}

/// Each line of standard input. All are read before the first is run, so that a bad one leaves nothing
/// half done.
fn lines(args: &Args, subject: &dyn Subject) -> Result<(), Failure> {
    let text = standard_input()?;
    let mut inputs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = words(line);
        if !words.is_empty() {
            let tokens = subject.read(&words).map_err(|e| in_line(number, e))?;
            inputs.push((number, tokens));
        }
    }
    if inputs.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "there is no input on standard input: give a line for each, its tokens with blanks between"
        )));
    }
    let mut printer = Printer::new(args);
    for (number, tokens) in inputs {
        let answer = match subject.answer(&tokens) {
            Ok(answer) => answer,
            Err(e) => {
                printer.flush()?;
                return Err(in_line(number, e));
            }
        };
        for note in &answer.notes {
            terminal::message(&format!("line {number}: {note}"));
        }
        printer.print(answer)?;
    }
    printer.finish()
}

/// Every member of the space of inputs.
fn every_input(args: &Args, subject: &dyn Subject) -> Result<(), Failure> {
    let (space, vocabulary) = subject.all()?;
    let Some(size) = space.size() else {
        let inputs = four_digits(space.estimated_size());
        return Err(Failure::Input(anyhow::anyhow!(
            "--all goes through at most {ENUMERATION_LIMIT} inputs, but there are {inputs}: give those you \
             want on standard input, a line each (`compress run MODEL - < FILE`)"
        )));
    };
    let mut printer = Printer::new(args);
    let mut ids = vec![0; space.positions()];
    // One stands for all: each says on which input.
    let mut has_noted = false;
    for member in 0..size {
        space.write_member(member, &mut ids);
        let words = ids.iter().filter(|id| space.is_word(**id));
        let tokens: Vec<Value> = words.map(|id| vocabulary[*id].clone()).collect();
        match subject.answer(&tokens) {
            Ok(answer) => {
                if let Some(note) = answer.notes.iter().find(|_| !has_noted) {
                    has_noted = true;
                    terminal::message(note);
                }
                printer.print(answer)?;
            }
            Err(e) => {
                printer.flush()?;
                return Err(e);
            }
        }
    }
    printer.finish()
}

fn standard_input() -> Result<String, Failure> {
    let limit = limits::LINES_BYTES;
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failure::Running(anyhow::anyhow!("cannot read standard input: {e}")))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::Input(anyhow::anyhow!(
            "standard input has more than {}: give it in parts",
            limits::readable(limit.into())
        )));
    }
    if let Some(content) = Content::of(&bytes).filter(|content| !content.is_text()) {
        return Err(Failure::Input(anyhow::anyhow!(
            "standard input is {content}, not lines of tokens"
        )));
    }
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..valid]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        Failure::Input(anyhow::anyhow!(
            "line {line} of standard input is not UTF-8 text"
        ))
    })
}

fn in_line(number: usize, failure: Failure) -> Failure {
    match failure {
        Failure::Input(e) => {
            Failure::Input(anyhow::anyhow!("line {number} of standard input: {e}"))
        }
        other => other,
    }
}

/// Prints answers, in pieces, and what is to be said of all of them.
struct Printer {
    json: bool,
    text: String,
    inputs: usize,
    compared: bool,
    different: usize,
}

impl Printer {
    fn new(args: &Args) -> Self {
        Self {
            json: args.json,
            text: String::new(),
            inputs: 0,
            compared: false,
            different: 0,
        }
    }

    fn print(&mut self, answer: Answer) -> Result<(), Failure> {
        self.inputs += 1;
        self.compared |= answer.columns.len() > 1;
        self.different += usize::from(!answer.differs.is_empty());
        self.text += &match self.json {
            true => Json::Object(answer.json).to_string(),
            false => line(&answer),
        };
        self.text.push('\n');
        if self.text.len() >= PIECE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        terminal::print(&self.text)?;
        self.text.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        if self.compared && !self.json {
            terminal::message(&format!(
                "{} of {} input{} differ{}",
                self.different,
                self.inputs,
                if self.inputs == 1 { "" } else { "s" },
                if self.different == 1 { "s" } else { "" },
            ));
        }
        Ok(())
    }
}

/// `3 1 2 -> 1 2 3`; where several are compared, each with its name.
fn line(answer: &Answer) -> String {
    let joined = |values: &[Value]| {
        let values: Vec<String> = values.iter().map(table::value).collect();
        values.join(" ")
    };
    let mut text = format!("{} ->", joined(&answer.tokens));
    for (i, column) in answer.columns.iter().enumerate() {
        if answer.columns.len() > 1 {
            text += if i > 0 { "; " } else { " " };
            text += column.whose;
        }
        text += &format!(" {}", joined(&column.values));
    }
    if let Some(first) = answer.differs.first() {
        text += &format!("  <- differs from position {first} on");
    }
    text
}
