//! `compress compile PROGRAM`: from a RASP source to a model file.

use std::path::{Path, PathBuf};
use std::thread;

use super::failure::Failure;
use super::kind::{self, Kind};
use super::output::{self, FileKind};
use super::{table, terminal};
use crate::examples::widths::Inputs;
use base::{escape, limits};
use tracr::compiler::Options;
use tracr::model::file::Problem;
use tracr::model::{CompiledModel, Value, value};
use tracr::program::mask::Masked;
use tracr::program::verify::{Difference, Silence, Verdict, verify};
use tracr::program::{Compiled, Settings, Source, cause, remedy};
use tracr::rasp::Valid;
use tracr::rasp::syntax::header;
use tracr::rasp::unselected::Unselected;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The RASP source: a file, or the name of a program of the library (see `compress programs`)
    program: PathBuf,
    #[command(flatten)]
    settings: SettingArgs,
    /// The model file to write, .safetensors; without it, only the sizes are shown
    #[arg(short, long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Do not run the program's interpreter against the compiled model, nor look for the d to try
    #[arg(long)]
    no_check: bool,
    /// Refuse a model that differs from its program for some input (exit code 2, nothing written)
    #[arg(long, conflicts_with = "no_check")]
    strict: bool,
}

/// What a program's header says, said on the command line.
#[derive(Debug, Default, clap::Args)]
pub struct SettingArgs {
    #[command(flatten)]
    compile: CompileArgs,
    /// The variable (s-op) that is the program's output
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
}

/// The same without the output, for commands whose --output is a directory.
#[derive(Debug, Default, clap::Args)]
pub struct CompileArgs {
    /// The tokens, separated by commas: 1 is an integer, "1" a string
    #[arg(long, value_name = "TOKENS")]
    vocab: Option<String>,
    /// The number of tokens of the longest input, without BOS
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = length)]
    max_seq_len: Option<usize>,
    /// Causal attention: no position attends to later ones
    #[arg(long)]
    causal: bool,
    /// How steep the MLPs' steps at thresholds on numbers are (Tracr's mlp_exactness)
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = exactness)]
    mlp_exactness: Option<f64>,
}

fn length(text: &str) -> Result<usize, String> {
    let is_number = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(length) => Ok(length),
        Err(_) if is_number => Err("no input can be so long".into()),
        Err(_) => Err("give a whole number from 1, such as 5".into()),
    }
}

fn exactness(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| "give a number above 0, such as 100".into())
}

impl SettingArgs {
    /// As settings.
    pub fn resolve(&self) -> Result<Settings, Failure> {
        let settings = self.compile.resolve()?;
        Ok(Settings {
            output: self.output.clone(),
            ..settings
        })
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.compile.is_empty() && self.output.is_none()
    }
}

impl CompileArgs {
    /// As settings, with the header's output.
    pub fn resolve(&self) -> Result<Settings, Failure> {
        let vocab = self
            .vocab
            .as_deref()
            .map(|text| header::words(text, true))
            .transpose();
        Ok(Settings {
            output: None,
            vocab: vocab.map_err(|e| Failure::Input(anyhow::anyhow!("--vocab: {e}")))?,
            max_seq_len: self.max_seq_len,
            causal: self.causal.then_some(true),
            mlp_exactness: self.mlp_exactness,
        })
    }

    /// As they are written on a command line, each behind a blank.
    fn shown(&self) -> String {
        let Self {
            vocab,
            max_seq_len,
            causal,
            mlp_exactness,
        } = self;
        let mut shown = String::new();
        if let Some(vocab) = vocab {
            shown += &format!(" --vocab {}", output::argument(Path::new(vocab)));
        }
        if let Some(length) = max_seq_len {
            shown += &format!(" --max-seq-len {length}");
        }
        if *causal {
            shown += " --causal";
        }
        if let Some(exactness) = mlp_exactness {
            shown += &format!(" --mlp-exactness {exactness}");
        }
        shown
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        let Self {
            vocab,
            max_seq_len,
            causal,
            mlp_exactness,
        } = self;
        vocab.is_none() && max_seq_len.is_none() && !causal && mlp_exactness.is_none()
    }
}

pub fn main(args: &Args) -> Result<(), Failure> {
    kind::expect(
        "compile",
        &args.program,
        &[Kind::Program, Kind::LibraryProgram],
    )?;
    if let Some(path) = &args.output_file {
        let command = format!("compress compile {} -o", output::argument(&args.program));
        output::format_of(&command, path, &[FileKind::Model])?;
    }
    let settings = args.settings.resolve()?;
    let wanted = match (args.no_check, args.strict) {
        (true, _) => Check::None,
        (_, true) => Check::Strict,
        _ => Check::Warn,
    };
    let compiled = compiled(&args.program, &settings)?;
    let model = &compiled.model;
    // Of each other they know nothing, and of a large model each takes a while.
    let (agreement, beside) = thread::scope(|scope| {
        let beside = scope.spawn(|| Beside {
            bytes: args.output_file.as_ref().map(|_| model.to_bytes()),
            widths: (!args.no_check).then(|| widths(model)),
        });
        let agreement = checked(&args.program, &compiled, wanted);
        (agreement, beside.join().unwrap_or_default())
    });
    let agreement = agreement?;
    let report = &compiled.report;
    let name = escape::name(&model.metadata.program);
    let mut text = format!("{name}: {report}\n");
    for share in &report.added {
        text.push_str(&format!("  of which {share}\n"));
    }
    if let Some(agreement) = agreement {
        let program = args.settings.is_empty().then_some(args.program.as_path());
        text.push_str(&format!("  {}\n", agreement.describe(program)));
    }
    text.push_str(&beside.widths.unwrap_or_default());
    if let Some(path) = &args.output_file {
        let bytes = beside.bytes.unwrap_or_else(|| model.to_bytes());
        CompiledModel::save_bytes(bytes, path).map_err(Failure::input)?;
        text.push_str(&format!("written to {}\n", path.display()));
    }
    terminal::print(&text)?;
    terminal::message(&next(args));
    Ok(())
}

/// What to do next with the same settings; for a program of the library `init` has settings of its own.
fn next(args: &Args) -> String {
    let next = output::next("init", &args.program);
    match args.program.is_file() {
        true => next + &args.settings.compile.shown(),
        false => next,
    }
}

/// What is made of a model while it is compared with its program.
#[derive(Default)]
struct Beside {
    bytes: Option<Result<Vec<u8>, Problem>>,
    widths: Option<String>,
}

/// What to do where a model differs from its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not to look.
    None,
    /// To say so; to refuse what differs on nearly every input.
    Warn,
    /// To refuse it.
    Strict,
}

/// A program compiled, with its notes said.
pub fn compiled(path: &Path, settings: &Settings) -> Result<Compiled, Failure> {
    let compiled = Source::find(path)
        .compile(settings)
        .map_err(Failure::input)?;
    for note in &compiled.notes {
        terminal::message(&format!("note: {note}"));
    }
    if let [token] = &compiled.options.vocab[..]
        && token.to_string().contains(char::is_whitespace)
    {
        terminal::message(&format!(
            "note: the vocabulary is one token, {}: commas separate tokens",
            token.shown()
        ));
    }
    Ok(compiled)
}

/// Says where a model differs from its program; where there is nothing, how that is known.
///
/// # Errors
/// If it cannot be what was meant, and with [`Check::Strict`] if it differs at all.
pub fn checked(
    path: &Path,
    compiled: &Compiled,
    wanted: Check,
) -> Result<Option<Agreement>, Failure> {
    if wanted == Check::None {
        return Ok(None);
    }
    let checked = check(compiled)?;
    if let Some(text) = &checked.difference {
        if wanted == Check::Strict || checked.is_hopeless {
            return Err(Failure::Input(anyhow::anyhow!(
                "{}: {text}",
                path.display()
            )));
        }
        terminal::message(&format!("warning: {text}"));
    }
    for text in &checked.warnings {
        terminal::message(&format!("warning: {text}"));
    }
    for text in &checked.notes {
        terminal::message(&format!("note: {text}"));
    }
    Ok(checked.agreement)
}

/// Of wider models the rank takes minutes.
const WIDEST: usize = 256;

/// What is known of the `d` to compress to.
fn widths(model: &CompiledModel) -> String {
    if model.width() > WIDEST {
        return format!("  no rank and no d to try: D is above {WIDEST}\n");
    }
    match Inputs::quickly(model) {
        Ok(Inputs { widths, .. }) => format!(
            "  {widths}\n  d to try: {} to {}; from {} on a linear W loses nothing that is read\n",
            widths.least(),
            widths.most(),
            widths.most(),
        ),
        // What is wrong with the inputs is for a run to say: the model is fine.
        Err(_) => String::new(),
    }
}

/// On how many inputs model and program were found to agree.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    inputs: u64,
    complete: bool,
    all: Option<u64>,
}

impl Agreement {
    /// In words; with the command that compares on the others, for a program that is compiled as its header says.
    fn describe(self, program: Option<&Path>) -> String {
        let inputs = self.inputs;
        if self.complete {
            return format!("the model agrees with the program on all {inputs} inputs");
        }
        let others = match (self.all, program) {
            (Some(all), Some(program)) if all <= limits::ENUMERATION => format!(
                "; on all of them: `compress run {} --all --compare`",
                output::argument(program)
            ),
            _ => String::new(),
        };
        format!("the model agrees with the program on {inputs} inputs that were drawn{others}")
    }
}

/// What running a program's interpreter against its model has shown, in words.
#[derive(Debug, Default)]
pub struct Checked {
    /// Where they differ; nothing if nowhere.
    pub difference: Option<String>,
    /// Where they do not differ, how that is known.
    pub agreement: Option<Agreement>,
    /// Whether the model cannot be what was meant.
    pub is_hopeless: bool,
    /// What makes the comparison worth less.
    pub warnings: Vec<String>,
    /// What else the author should know.
    pub notes: Vec<String>,
}

/// Runs a program's interpreter against its model.
///
/// # Errors
/// If no input is valid.
pub fn check(compiled: &Compiled) -> Result<Checked, Failure> {
    let Compiled {
        program,
        options,
        model,
        ..
    } = compiled;
    let verdict = verify(&program.graph, program.output, model);
    let mut checked = Checked::default();
    checked.warnings.extend(check_valid(options, &verdict)?);
    let limit = cause::of_difference(program, options, model, &verdict);
    let has_repeats = verdict
        .example
        .as_ref()
        .is_some_and(Difference::has_repeats);
    let without_repeats = (has_repeats && limit.is_none())
        .then(|| cause::agree_without_repeats(program, options))
        .flatten();
    if let Some(mut text) = differences(&verdict, limit.as_deref(), without_repeats) {
        if let Some(help) = remedy::of_difference(program, options, &verdict) {
            text += &format!("\n  help: {help}");
        }
        checked.difference = Some(text);
        checked.is_hopeless = verdict.is_hopeless();
    }
    if checked.difference.is_none() && verdict.inputs > 0 {
        checked.agreement = Some(Agreement {
            inputs: verdict.inputs,
            complete: verdict.complete,
            all: verdict.all,
        });
    }
    checked
        .notes
        .extend(verdict.masked.as_ref().map(mask_changes));
    checked
        .notes
        .extend(verdict.silence.as_ref().map(undefined));
    let unselected = verdict.unselected.as_ref();
    checked.notes.extend(unselected.map(Unselected::describe));
    Ok(checked)
}

/// Refuses a header whose condition no input meets; says where none of a sample does.
fn check_valid(options: &Options, verdict: &Verdict) -> Result<Option<String>, Failure> {
    let (0, Some(valid)) = (verdict.inputs, &options.valid) else {
        return Ok(None);
    };
    // One that is neither true nor false is so on most inputs.
    let input = vec![options.vocab[0].clone(); options.max_seq_len];
    let parsed = Valid::parse(valid, options.max_seq_len).ok();
    let valid = escape::name(valid);
    if let Some(Err(problem)) = parsed.map(|parsed| parsed.violation(&input)) {
        return Err(Failure::Input(anyhow::anyhow!(
            "no input is valid: `{valid}`, of the header, is no condition: on input {} {problem}",
            value::list(&input)
        )));
    }
    if verdict.complete {
        return Err(Failure::Input(anyhow::anyhow!(
            "no input is valid: `{valid}`, of the header, is true at every position of none of up to {} tokens",
            options.max_seq_len
        )));
    }
    Ok(Some(format!(
        "none of the inputs drawn is valid by `{valid}`, so that program and model were not compared"
    )))
}

/// An undefined position where the model looks defined, in words.
fn undefined(silence: &Silence) -> String {
    format!(
        "on input {} the program is undefined at position {} ({}), the model gives {} there",
        value::list(&silence.input),
        silence.position + 1,
        silence.doubt,
        cell(&silence.model),
    )
}

/// What the causal mask changes, in words.
pub fn mask_changes(masked: &Masked) -> String {
    format!(
        "the causal mask changes what the program computes: on input {} it gives {}, without the mask {}",
        value::list(&masked.input),
        row(&masked.masked),
        row(&masked.unmasked),
    )
}

/// Values side by side.
fn row(values: &[Value]) -> String {
    values.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// A value in a few words.
fn cell(value: &Value) -> String {
    match value {
        Value::Float(x) => table::number(*x),
        other => other.shown(),
    }
}

/// Where program and model differ, or the program has no value, in words; nothing if nowhere. `limit` is the
/// cause of the first difference, where the interpreter has no doubt; `without_repeats` on how many inputs without
/// repeated tokens they agree, if they do.
fn differences(
    verdict: &Verdict,
    limit: Option<&str>,
    without_repeats: Option<u64>,
) -> Option<String> {
    let Some(Difference {
        input,
        program,
        model,
        positions,
        doubt,
    }) = &verdict.example
    else {
        let (input, reason) = verdict.failure.as_ref()?;
        return Some(format!(
            "the program has no value for {} of {} inputs; the first is {}: {reason}",
            verdict.failed,
            verdict.inputs,
            value::list(input),
        ));
    };
    let of = if verdict.complete {
        "all"
    } else {
        "a sample of"
    };
    let places: Vec<String> = positions.iter().map(|t| (t + 1).to_string()).collect();
    let why = doubt
        .as_deref()
        .or(limit)
        .unwrap_or("neither the interpreter nor a known limit of the construction says why");
    let hint = without_repeats.map_or_else(String::new, |inputs| {
        format!(
            "\n  if the program is only meant for inputs without repeated tokens, say `#! unique_tokens: true`: the model agrees \
             on the {inputs} of them that were tried"
        )
    });
    Some(format!(
        "the compiled model differs from the program for {} of {of} {} inputs; the first is {}\n  \
         the program gives {}\n  the model gives   {}\n  they differ at position{} {}: {why}{hint}",
        verdict.different,
        verdict.inputs,
        value::list(input),
        row(program),
        row(model),
        if places.len() == 1 { "" } else { "s" },
        places.join(", "),
    ))
}
