//! Numbers for people.

/// Four significant digits.
pub fn four_digits(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    if x == 0.0 || (x.fract() == 0.0 && x.abs() < 1e9) {
        return format!("{x:.0}").replace("-0", "0");
    }
    let digits = x.abs().log10().floor();
    if !(-3.0..6.0).contains(&digits) {
        return format!("{x:.2e}");
    }
    let decimals = (3.0 - digits).clamp(0.0, 6.0) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `1 run`, `2 runs`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `1 run is`, `2 runs are`.
pub fn are(n: usize, what: &str) -> String {
    format!("{} {}", count(n, what), if n == 1 { "is" } else { "are" })
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// With its first letter large.
pub fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let texts = [0.0, 12.0, 0.000_234_56, 0.012_345_6, 1234.56, -0.5, 1e-17].map(four_digits);
        assert_eq!(
            texts,
            ["0", "12", "2.35e-4", "0.01235", "1235", "-0.5", "1.00e-17"]
        );
    }

    #[test]
    fn lists_end_in_and() {
        let words = ["a", "b", "c"].map(String::from);
        let texts = [0, 1, 2, 3].map(|n| listed(&words[..n]));
        assert_eq!(texts, ["", "a", "a and b", "a, b and c"]);
    }

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(capitalised("stuck: it"), "Stuck: it");
        assert_eq!(capitalised(""), "");
    }
}
