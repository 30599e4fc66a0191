//! What bars of progress on a terminal have in common: at 80 columns the bar keeps its width.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::table;
use base::escape;
use superposition::Evaluation;

/// Longer names are cut.
const NAME: usize = 24;

/// The style of a template, in which `{rate}` is steps a second and `{remaining}` the time that is left, once it is known.
pub fn style(template: &str) -> Option<ProgressStyle> {
    let style = ProgressStyle::with_template(template).ok()?;
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let _ = out.write_str(&rate(state.per_sec())); // a String takes everything
    };
    let remaining = |state: &ProgressState, out: &mut dyn Write| {
        if state.pos() > 0 {
            let _ = write!(out, "{:#} left", HumanDuration(state.eta()));
        }
    };
    Some(
        style
            .with_key("rate", rate)
            .with_key("remaining", remaining),
    )
}

/// A bar for so many pairs of inputs, on a terminal; hidden elsewhere, or if it is not wanted.
pub fn pairs(count: u64, hidden: bool) -> ProgressBar {
    if hidden || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
    if let Some(style) = style("pairs of inputs {bar:20} {percent:>3} %  {remaining}") {
        bar.set_style(style);
    }
    bar
}

/// A name, cut where it is long.
pub fn name(name: &str) -> String {
    let name = escape::name(name);
    if name.chars().count() <= NAME {
        return name.into_owned();
    }
    let beginning: String = name.chars().take(NAME - 1).collect();
    beginning + "…"
}

/// Steps a second in two or three digits; nothing before it is known.
fn rate(per_second: f64) -> String {
    match per_second {
        x if x >= 99_500.0 => format!("{:.0}k steps/s", x / 1000.0),
        x if x >= 995.0 => format!("{:.1}k steps/s", x / 1000.0),
        x if x >= 9.95 => format!("{x:.0} steps/s"),
        x if x > 0.0 => format!("{x:.1} steps/s"),
        _ => String::new(),
    }
}

/// The metric that matters: the share of right classes, or the mean absolute error of numbers.
pub fn metric(evaluation: &Evaluation) -> String {
    match (evaluation.token_accuracy, evaluation.mae) {
        (Some(accuracy), _) => format!("accuracy {accuracy:.4}"),
        (None, Some(error)) => format!("error {}", table::significant(error)),
        (None, None) => format!("loss {}", table::significant(evaluation.loss)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_or_three_digits_and_names_fit() {
        let shown = [0.0, 0.25, 9.96, 64.2, 994.4, 996.0, 64_875.3, 123_456.0].map(rate);
        assert_eq!(
            shown,
            [
                "",
                "0.2 steps/s",
                "10 steps/s",
                "64 steps/s",
                "994 steps/s",
                "1.0k steps/s",
                "64.9k steps/s",
                "123k steps/s"
            ]
        );
        assert_eq!(name("frac_prevs"), "frac_prevs");
        let long = name("program=count_less_freq.rasp~226d3a7f,dim=7");
        assert_eq!((long.chars().count(), long.ends_with('…')), (NAME, true));
    }
}
