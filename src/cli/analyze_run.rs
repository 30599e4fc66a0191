//! The analysis of a run, for reading.

use std::fmt::Write;
use std::path::Path;

use super::table::{aligned, number, significant, wrapped};
use crate::analysis::faithfulness::Kind;
use crate::analysis::redundancy;
use crate::analysis::verdict::Verdict;
use crate::analysis::worst::WorstInput;
use crate::run::analyzed::Analyzed;
use crate::run::reference::Agreement;
use base::escape;
use tracr::model::visited;

/// Inputs shown token by token; `worst_inputs.csv` has more.
const SHOWN_INPUTS: usize = 3;

/// All sections.
pub fn text(analyzed: &Analyzed, agreement: Option<Agreement>, directory: &Path) -> String {
    let analysis = &analyzed.analysis;
    let of = if analysis.inputs_are_all {
        format!("all {} inputs", analysis.inputs)
    } else {
        format!("{} held-out inputs", analysis.inputs)
    };
    let mut text = format!(
        "{} ({}): d = {} of D = {}, seed {}, over {of}\n{}",
        escape::name(&analyzed.name),
        escape::name(&analyzed.program),
        analyzed.dim,
        analysis.features.len(),
        analyzed.seed,
        wrapped(&format!(
            "G has rank {}. {}",
            analysis.gram_rank,
            visited::sentence(analysis.read_rank, analysis.activation_rank)
        )),
    );
    for (title, section) in [
        ("Features", features(analyzed)),
        ("What the compression consists of", budget(analyzed)),
        ("Blocks", blocks(analyzed)),
        ("Variables", variables(analyzed)),
        ("Output by position", positions(analyzed)),
        ("Worst inputs", worst(analyzed)),
    ] {
        if !section.is_empty() {
            let _ = write!(text, "\n{title}\n{section}"); // a String takes everything
        }
    }
    if let Some(agreement) = agreement {
        let _ = write!(
            text,
            "\nCorrelation of G's upper triangle with the reference: {} (without the diagonal {})\n",
            optional(agreement.correlation),
            optional(agreement.correlation_off_diagonal),
        );
    }
    let _ = write!(text, "\nfiles in {}\n", directory.display());
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Three decimals, for columns that are compared by eye; what rounds to 0 has no sign, and what is out of
/// proportion no decimals.
fn fixed(x: f64) -> String {
    match x.abs() {
        size if size < 0.0005 => "0.000".into(),
        size if size >= 1e4 => format!("{x:.1e}"),
        _ => format!("{x:.3}"),
    }
}

/// What rounding made a little less than 0 is 0.
fn no_negative_zero(x: f64) -> f64 {
    if x.abs() < 0.005 { 0.0 } else { x }
}

fn optional(x: Option<f64>) -> String {
    x.map_or_else(|| "-".into(), fixed)
}

fn features(analyzed: &Analyzed) -> String {
    let mut rows = vec![row([
        "  feature",
        "verdict",
        "interferes most with",
        "norm",
        "D_i",
        "response",
        "active",
        "strength",
        "margin",
    ])];
    for f in &analyzed.analysis.features {
        rows.push(vec![
            format!("  {}{}", f.feature, if f.read { "" } else { " *" }),
            f.verdict.name().into(),
            f.partner.clone().unwrap_or_else(|| "-".into()),
            fixed(f.geometry.norm),
            fixed(f.geometry.dimensionality),
            optional(f.geometry.strongest.map(|(_, x)| x)),
            format!("{:.1} %", 100.0 * f.active_share),
            optional(f.mean_active),
            fixed(f.margin),
        ]);
    }
    let settings = &analyzed.settings;
    let unread = analyzed.analysis.features.iter().any(|f| !f.read);
    format!(
        "{}  {}dropped: norm below {}; unused: never active or never read; dedicated: D_i of at least {}\n  \
         shared or superposed: by whether most interference comes from features that occur together (the rarer of\n  \
         two is accompanied by the other in at least a share of {}) or are correlated by at least {}\n",
        aligned(&rows, 3),
        if unread {
            "* nothing on the way to the output reads it\n  "
        } else {
            ""
        },
        number(settings.dropped_below),
        number(settings.dedicated_from),
        number(settings.together_from),
        number(settings.redundant_from),
    )
}

fn budget(analyzed: &Analyzed) -> String {
    let budget = &analyzed.analysis.budget;
    let total = budget.total();
    let verdicts = analyzed.verdicts();
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .map(|v| format!("{} {}", verdicts.get(v).map_or(0, Vec::len), v.name()))
        .collect();

    let mut rows = Vec::new();
    for (name, dimensions) in budget.parts() {
        let share = if total > 0.0 {
            100.0 * dimensions / total
        } else {
            0.0
        };
        rows.push(vec![
            format!("  {}", name.replace('_', " ")),
            format!("{:.2}", no_negative_zero(dimensions)),
            format!("{:.0} %", no_negative_zero(share)),
        ]);
    }
    format!(
        "  {}\n  {:.2} of {} dimensions given up; {}\n{}",
        budget.sentence(),
        no_negative_zero(total),
        analyzed.analysis.features.len(),
        counts.join(", "),
        aligned(&rows, 1)
    )
}

fn blocks(analyzed: &Analyzed) -> String {
    let mut rows = vec![row(["  block", "mse", "cosine", "variance explained"])];
    for block in analyzed.blocks() {
        rows.push(vec![
            format!("  {}", block.block),
            significant(block.mse),
            optional(block.cosine),
            optional(block.variance_explained),
        ]);
    }
    aligned(&rows, 1)
}

fn variables(analyzed: &Analyzed) -> String {
    let mut rows = vec![row([
        "  variable",
        "written by",
        "features",
        "R2",
        "R2 mapped",
        "agreement",
        "agreement if affected",
        "positions affected",
    ])];
    let fits = &analyzed.analysis.faithfulness.variables;
    for exchange in &analyzed.analysis.interchange {
        let fit = fits.iter().find(|f| {
            f.variable == exchange.variable && f.site == exchange.site && f.positions == "all"
        });
        rows.push(vec![
            format!("  {}", exchange.variable),
            exchange.site.clone(),
            fit.map_or(0, |f| f.features).to_string(),
            optional(fit.and_then(|f| f.r2)),
            optional(fit.and_then(|f| f.r2_mapped)),
            optional(exchange.accuracy),
            optional(exchange.accuracy_affected),
            exchange.affected.to_string(),
        ]);
    }
    let pairs = analyzed.analysis.interchange.first();
    let pairs = pairs.map_or_else(String::new, |i| {
        if i.all_pairs {
            format!("all {} pairs of inputs", i.pairs)
        } else {
            format!("{} sampled pairs of inputs", i.pairs)
        }
    });
    format!(
        "{}  R2: of its own features as written; below 0, a constant explains more\n  \
         R2 mapped: after the best linear map from the compressed variable to the compiled one\n  \
         agreement: share of positions at which both models say the same after the variable's value was replaced by \
         that on another input, over {pairs}\n  \
         affected: positions at which that changes the compiled model's output\n{}",
        aligned(&rows, 2),
        carried(analyzed)
    )
}

/// What else carries a variable whose exchange shows little.
fn carried(analyzed: &Analyzed) -> String {
    let low = analyzed.analysis.interchange.iter();
    let low: Vec<(&str, &str)> = low
        .filter(|exchange| exchange.shows_little())
        .map(|exchange| (exchange.variable.as_str(), exchange.site.as_str()))
        .collect();
    redundancy::sentences(&low, &analyzed.analysis.carried)
        .iter()
        .map(|text| format!("  {}", wrapped(text)))
        .collect()
}

fn positions(analyzed: &Analyzed) -> String {
    let mut rows = vec![row([
        "  position",
        "inputs",
        "accuracy",
        "mean error",
        "largest error",
    ])];
    for p in &analyzed.analysis.faithfulness.positions {
        let what = match p.kind {
            Kind::Token => p.position.to_string(),
            Kind::Bos => format!("{} BOS, in no metric", p.position),
            Kind::Pad => format!("{} PAD, in no metric", p.position),
        };
        let optional = |x: Option<f64>| x.map_or_else(|| "-".into(), significant);
        rows.push(vec![
            format!("  {what}"),
            p.inputs.to_string(),
            fixed(p.accuracy),
            optional(p.mae),
            optional(p.max_error),
        ]);
    }
    aligned(&rows, 1)
}

fn worst(analyzed: &Analyzed) -> String {
    let mut text = String::new();
    let shown = analyzed.analysis.faithfulness.worst.iter();
    for input in shown.take(SHOWN_INPUTS) {
        let mut rows = vec![row(["  token"]), row(["  compiled"]), row(["  compressed"])];
        for t in &input.tokens {
            let plain = |value: &tracr::model::Value| match value {
                tracr::model::Value::Float(x) => number(*x),
                other => other.to_string(),
            };
            rows[0].push(t.token.to_string());
            rows[1].push(plain(&t.expected));
            let mark = if t.right { "" } else { " !" };
            rows[2].push(plain(&t.found) + mark);
        }
        let _ = writeln!(
            text,
            "  {} of {} wrong, {}",
            input.wrong,
            input.tokens.len(),
            largest_error(input)
        );
        text.push_str(&aligned(&rows, 1));
    }
    text
}

/// The error of a number; of classes, whose scores have no unit, how far the best wrong one is ahead or behind.
fn largest_error(input: &WorstInput) -> String {
    let size = significant(input.error.abs());
    let is_number = |value: &tracr::model::Value| matches!(value, tracr::model::Value::Float(_));
    if input.tokens.iter().any(|t| is_number(&t.found)) {
        format!("largest error {size}")
    } else if input.error > 0.0 {
        format!("a wrong class ahead by up to {size}")
    } else {
        format!("every wrong class behind by at least {size}")
    }
}
