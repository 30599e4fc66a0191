//! The files of a directory of random programs: their texts, a table, a run file, and a study that compresses each one.

use std::fmt::Write;

use super::examine::LEAST_RANK;
use super::generate::{Found, Wanted};
use tracr::model::OutputKind;

/// A row for each program.
pub const PROGRAMS: &str = "programs.csv";
/// A run of the first program, and the base of the study.
pub const RUN: &str = "run.toml";
/// The study of all.
pub const STUDY: &str = "zoo.toml";

const COLUMNS: [&str; 9] = [
    "program",
    "operators",
    "D",
    "layers",
    "heads",
    "inputs",
    "answers",
    "output",
    "rank",
];

/// By name, the text of each file.
pub fn files(programs: &[Found], wanted: &Wanted) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = programs
        .iter()
        .map(|program| (format!("{}.rasp", program.name), program.text.clone()))
        .collect();
    files.push((PROGRAMS.into(), table(programs)));
    files.extend(
        programs
            .first()
            .map(|program| (RUN.into(), run_file(program))),
    );
    files.push((STUDY.into(), study_file(programs, wanted)));
    files
}

fn output(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Numerical => "numerical",
        OutputKind::Categorical => "categorical",
    }
}

fn table(programs: &[Found]) -> String {
    let mut text = COLUMNS.join(",") + "\n";
    for Found { name, facts, .. } in programs {
        let numbers = [
            facts.operators,
            facts.width,
            facts.layers,
            facts.heads,
            facts.inputs,
            facts.answers,
        ];
        let numbers = numbers.map(|n| n.to_string()).join(",");
        let kind = output(facts.output);
        let _ = writeln!(text, "{name},{numbers},{kind},{}", facts.rank); // a String takes everything
    }
    text
}

/// Three widths: the rank, at which a `W` can be exact, and about two thirds and two fifths of it.
pub fn widths(rank: usize) -> [usize; 3] {
    let rank = rank.max(LEAST_RANK);
    let middle = (2 * rank).div_ceil(3).min(rank - 1);
    let small = (2 * rank).div_ceil(5).min(middle - 1);
    [small, middle, rank]
}

fn run_file(program: &Found) -> String {
    let Found { name, facts, .. } = program;
    let [_, middle, _] = widths(facts.rank);
    format!(
        "# A run of the first of these programs, and the base of {STUDY}. Short: what a zoo needs is many models.\n\
         \n\
         [model]\n\
         program = \"{name}.rasp\"\n\
         \n\
         [compression]\n\
         dim = {middle} # of D = {}\n\
         init_std = 0.5 # deep programs do not train from 1.0 in so few steps\n\
         \n\
         [training]\n\
         steps = 3_000\n\
         batch_size = 64\n\
         learning_rate = {{ initial = 3e-3 }}\n\
         log_every = 1_000\n\
         \n\
         [output]\n\
         dir = \"results/{name}\"\n",
        facts.width
    )
}

fn study_file(programs: &[Found], wanted: &Wanted) -> String {
    let mut text = format!(
        "# {} random programs (seed {}), each at three widths: two models from random starts, and one from the principal\n\
         # directions of the live features, which lose nothing at the largest width.\n\
         \n\
         name = \"zoo\"\n\
         question = \"What does compression keep of random programs?\"\n\
         base = \"{RUN}\"\n",
        programs.len(),
        wanted.seed
    );
    for Found { name, facts, .. } in programs {
        let kind = output(facts.output);
        let program = format!("\"model.program\" = [\"{name}.rasp\"]\n");
        let [small, middle, large] = widths(facts.rank);
        let _ = write!(
            text,
            "\n[[include]] # {kind}, D = {}, rank {}\n{program}\
             \"compression.dim\" = [{small}, {middle}, {large}]\n\
             \"training.seed\" = [0, 1]\n",
            facts.width, facts.rank
        ); // a String takes everything
        // An exact W is stationary under soft targets and without decay alone, and larger steps would turn the rounding of
        // its vanishing gradient into an error.
        let soft = match facts.output {
            OutputKind::Numerical => "",
            OutputKind::Categorical => "\"objective.categorical_targets\" = [\"soft\"]\n",
        };
        for (widths, rate) in [
            (format!("{small}, {middle}"), "1e-3"),
            (large.to_string(), "1e-4"),
        ] {
            let _ = write!(
                text,
                "\n[[include]]\n{program}\
                 \"compression.dim\" = [{widths}]\n\
                 \"training.seed\" = [2]\n\
                 \"compression.init\" = [\"rank\"]\n\
                 \"compression.init_std\" = [1.0]\n\
                 \"training.learning_rate.initial\" = [{rate}]\n\
                 \"training.weight_decay\" = [0.0]\n{soft}"
            ); // a String takes everything
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_widths_differ_and_end_at_the_rank() {
        for rank in LEAST_RANK..70 {
            let [small, middle, large] = widths(rank);
            assert!(0 < small && small < middle && middle < large && large == rank);
        }
        assert_eq!(widths(15), [6, 10, 15]);
    }
}
