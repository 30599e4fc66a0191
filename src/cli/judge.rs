//! `compress judge MODEL|RUN CIRCUIT`: anybody's circuit against the true one.

use std::path::PathBuf;

use super::circuit_subject::{CircuitSubject, PairArgs, check_memory, threads};
use super::failure::Failure;
use super::judge_study;
use super::kind;
use super::output;
use super::signals::StopRequest;
use super::table::{aligned, decimals, wrapped};
use super::terminal;
use crate::circuit::candidate::{Candidate, Choice};
use crate::circuit::judge::{Scores, Spread, Verdict, judge};
use crate::circuit::list;
use crate::circuit::names::Names;
use crate::circuit::truth::Truth;
use crate::run::finished::is_run;
use base::escape;
use base::numbers::count;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file, a RASP program, or the directory of a run; or, without a circuit, the directory of a study, all of whose
    /// runs are judged by the scores of the baselines
    #[arg(value_name = "MODEL|RUN|STUDY")]
    subject: PathBuf,
    /// The circuit: edges as CSV (from, to and score or in_graph), or JSON as `compress circuit`, EAP-IG, MIB or ACDC have it
    circuit: Option<PathBuf>,
    /// The circuit is this many of the highest scores [default: the edges with in_graph, or as many as there are true ones]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "threshold",
        requires = "circuit"
    )]
    edges: Option<usize>,
    /// The circuit is all edges with a score of at least this, in magnitude
    #[arg(
        long,
        value_name = "SCORE",
        allow_negative_numbers = true,
        requires = "circuit"
    )]
    threshold: Option<f64>,
    /// Random circuits of as many edges to judge beside it
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    draws: u16,
    #[command(flatten)]
    pairs: PairArgs,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    fn choice(&self) -> Result<Choice, Failure> {
        match (self.edges, self.threshold) {
            (Some(edges), _) => Ok(Choice::Highest(edges)),
            (None, None) => Ok(Choice::Listed),
            // A threshold of 0 would choose every edge there is, listed or not.
            (None, Some(least)) if least.is_finite() && least > 0.0 => Ok(Choice::AtLeast(least)),
            (None, Some(least)) => Err(Failure::Input(anyhow::anyhow!(
                "--threshold is {least}, but it takes a finite number above 0: scores count by their magnitude"
            ))),
        }
    }
}

pub fn main(args: &Args, stop: &StopRequest) -> Result<(), Failure> {
    let choice = args.choice()?;
    let Some(circuit) = &args.circuit else {
        if args.subject.is_dir() && !is_run(&args.subject) {
            return judge_study::main(&args.subject, &args.pairs, args.json, stop);
        }
        kind::expect("judge", &args.subject, &kind::MODELS)?;
        return Err(Failure::Input(anyhow::anyhow!(
            "there is no circuit to judge: give its file, as in `compress judge {0} FILE`; `compress circuit {0} --scores eap` \
             makes one",
            output::argument(&args.subject)
        )));
    };
    kind::expect("judge", &args.subject, &kind::MODELS)?;
    let loaded = CircuitSubject::load(&args.subject)?;
    let entries = list::read(circuit).map_err(Failure::input)?;
    stop.say("stopped: nothing is written; the same command starts over");
    let (compiled, compressed) = (loaded.compiled(), loaded.compressed());
    let subject = loaded.subject();
    let meta = &loaded.model().metadata;
    let names = Names {
        graph: &compiled.graph,
        layers: meta.num_layers,
        heads: meta.num_heads,
    };
    let pairs = args.pairs.of(&loaded);
    let network = compressed.as_ref().unwrap_or(&compiled);
    let exchanges = loaded.exchanges((&compiled, network), &pairs);
    check_memory(&exchanges)?;
    let truth = Truth::new(subject, &compiled, threads());
    let edges: Vec<bool> = (0..compiled.graph.edges.len())
        .map(|edge| truth.is_true(edge))
        .collect();
    let candidate = Candidate::new(&entries, names, &edges, choice).map_err(|problem| {
        Failure::Input(anyhow::anyhow!("{}, {problem}", escape::path(circuit)))
    })?;
    let verdict = judge(
        &exchanges,
        &candidate,
        &truth,
        (args.draws.into(), args.pairs.seed),
    );
    let shown = if args.json {
        output::json(&verdict)?
    } else {
        text(&verdict)
    };
    Ok(terminal::print(&shown)?)
}

/// A measure's name, its value for a circuit, and that over random circuits.
type Measure = (&'static str, fn(&Scores) -> Option<f64>, Option<Spread>);

/// The verdict, for reading.
fn text(verdict: &Verdict) -> String {
    let mut text = wrapped(&format!(
        "The circuit: {}. {} of the {} that are judged are true; on {} of these what travels is the same on all inputs, so \
         that no exchange of inputs can find them (\"varying\" leaves them out).",
        verdict.chosen, verdict.true_edges, verdict.edges, verdict.constant_edges
    ));
    if verdict.embeddings_are_one {
        text += &wrapped(
            "The list has one embedding: the edges of token_embed and pos_embed to one receiver are judged as one.",
        );
    }
    for (edges, why) in [
        (
            verdict.left_out_dead,
            "from or to heads and MLPs that write nothing: left out",
        ),
        (verdict.left_out_inside, "inside a node: left out"),
        (verdict.unlisted, "not in the list: their score counts as 0"),
    ] {
        if edges > 0 {
            text += &wrapped(&format!("{} {why}.", count(edges, "edge")));
        }
    }
    let random = &verdict.random;
    let measures: [Measure; 11] = [
        ("AUROC", |s| s.ranking.auroc, random.auroc),
        (
            "AUROC, varying",
            |s| s.ranking.auroc_varying,
            random.auroc_varying,
        ),
        (
            "average precision",
            |s| s.ranking.average_precision,
            random.average_precision,
        ),
        (
            "average precision, varying",
            |s| s.ranking.average_precision_varying,
            random.average_precision_varying,
        ),
        ("precision", |s| s.hits.precision, random.precision),
        ("recall", |s| s.hits.recall, random.recall),
        ("F1", |s| s.hits.f1, random.f1),
        (
            "faithfulness",
            |s| s.behaviour.faithfulness,
            random.faithfulness,
        ),
        (
            "completeness",
            |s| s.behaviour.completeness,
            random.completeness,
        ),
        (
            "interchange accuracy",
            |s| s.behaviour.accuracy,
            random.accuracy,
        ),
        (
            "interchange accuracy, affected",
            |s| s.behaviour.accuracy_affected,
            random.accuracy_affected,
        ),
    ];
    let shown = |x: Option<f64>| x.map_or("-".to_owned(), |x| decimals(x, 4));
    let mut rows = vec![vec![
        String::new(),
        "circuit".into(),
        "true circuit".into(),
        format!("random circuit ({})", count(random.draws, "draw")),
    ]];
    rows.push(vec![
        "edges".into(),
        verdict.circuit.hits.edges.to_string(),
        verdict.truth.hits.edges.to_string(),
        verdict.circuit.hits.edges.to_string(),
    ]);
    for (name, of, random) in measures {
        let random = random.map_or("-".to_owned(), |spread| {
            let [mean, low, high] = [spread.mean, spread.low, spread.high].map(|x| decimals(x, 4));
            format!("{mean} ({low} to {high})")
        });
        rows.push(vec![
            name.into(),
            shown(of(&verdict.circuit)),
            shown(of(&verdict.truth)),
            random,
        ]);
    }
    text += &aligned(&rows, 1);
    let which = if verdict.pairs_are_all {
        "all"
    } else {
        "a sample of"
    };
    text += &wrapped(&format!(
        "The last four are over {which} {} pairs of inputs. Random circuits: the mean, and where the middle 95 % of the draws \
         lie.",
        verdict.pairs
    ));
    text
}
