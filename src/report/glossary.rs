//! What the words on a page mean, in one place: those that a page uses stand at its end.

use maud::{Markup, html};

/// A term: the words by which it is recognised on a page, the first of which names it, and what it means.
struct Term {
    words: &'static [&'static str],
    meaning: &'static str,
}

const fn term(words: &'static [&'static str], meaning: &'static str) -> Term {
    Term { words, meaning }
}

/// From what everything is built of to what is measured.
const TERMS: &[Term] = &[
    term(
        &["residual stream", "stream"],
        "the vector at each position of an input that every block reads and adds its output to.",
    ),
    term(
        &["feature", "features"],
        "a dimension of the compiled model's residual stream. It is named after the program: tokens:a is 1 where the token \
         is a, and one that is called like an s-op holds that s-op's number.",
    ),
    term(
        &["variable", "variables"],
        "all features of one s-op of the program: those that begin with tokens: together are tokens.",
    ),
    term(
        &["D"],
        "the width of the compiled model's residual stream, which is the number of features.",
    ),
    term(&["d"], "the width of the compressed residual stream."),
    term(
        &["W"],
        "the matrix that is trained, with d rows and D columns. The features s become z = W·s when they are written to the \
         compressed stream, and every block reads Wᵀ·z from it; all other weights stay as they were compiled.",
    ),
    term(
        &["direction", "directions"],
        "of a feature: its column of W, a vector of the compressed stream. Its length is the feature's norm.",
    ),
    term(
        &["G"],
        "WᵀW, D × D: the inner products of the features' directions. The compressed model depends on W through G alone.",
    ),
    term(
        &["superposed", "superposition"],
        "said of features whose directions overlap with those of features that are active on other inputs: more features than \
         dimensions share the stream.",
    ),
    term(
        &["dedicated"],
        "a feature with a direction of its own: its dimensionality is near 1.",
    ),
    term(
        &["shared"],
        "a feature whose direction overlaps most with features that are active together with it, or carry the same information.",
    ),
    term(
        &["dropped"],
        "said of a feature whose direction is short; of a step of a search, how many dimensions it took away.",
    ),
    term(
        &["unused"],
        "a feature that kept a direction although it is never active, or nothing reads it.",
    ),
    term(
        &["interference", "interferes"],
        "what a reader of one feature gets from another one, because their directions are not orthogonal.",
    ),
    term(
        &["block", "blocks"],
        "an attention or MLP layer: layer0.attn, layer0.mlp, and so on.",
    ),
    term(
        &["token position", "token positions"],
        "an input together with a position in it where a token stands, neither BOS nor PAD.",
    ),
    term(
        &["BOS"],
        "the token at the beginning of every input, at position 0.",
    ),
    term(
        &["PAD", "padding"],
        "the token that fills up an input that is shorter than the longest.",
    ),
    term(
        &["visited states", "visits"],
        "all values of the compiled model's residual stream, after the embedding and after each block, over \
         all inputs.",
    ),
    term(
        &["rank"],
        "the number of linearly independent vectors among the given ones, or rows of a matrix.",
    ),
    term(
        &["cosine"],
        "of two vectors: their inner product divided by their lengths. 1 means the same direction, 0 orthogonal.",
    ),
    term(
        &["variance explained", "R²", "r2"],
        "1 minus the mean squared error divided by the variance: 1 is exact, 0 no better than a constant.",
    ),
    term(
        &["mean absolute error", "mae"],
        "of a numerical output: the mean distance of the compressed model's number from the compiled model's.",
    ),
    term(
        &["token accuracy", "token_accuracy"],
        "of a categorical output: the share of token positions at which both models give the same class.",
    ),
    term(
        &["sequence accuracy", "sequence_accuracy"],
        "the share of inputs for which both models give the same class at every token position.",
    ),
    term(
        &["loss", "eval_loss"],
        "what training minimises: the error of the output plus the squared errors of what the blocks (layers) write. Answers can be \
         all right while blocks are not, and the loss then stays large.",
    ),
    term(
        &["updates", "steps"],
        "the changes of W that training made, one for each batch of inputs.",
    ),
    term(
        &["seed", "seeds"],
        "the number that decides which random numbers a run draws: its batches and, where that is random, its initial W.",
    ),
    term(
        &["median"],
        "the middle value when all are sorted: at least half are no smaller, and at least half no larger.",
    ),
    term(
        &["95 %", "interval", "bootstrap"],
        "a 95 % interval over seeds is a bootstrap interval: the middle 95 % of what comes out when the seeds are drawn again with \
         replacement. The middle 95 % of random draws lies between their 2.5 % and 97.5 % quantiles.",
    ),
    term(
        &["best constant answer"],
        "of all answers that are the same for every input, the one with the smallest error.",
    ),
    term(
        &["learned"],
        "said of a training whose error is below 5 % of the best constant answer's.",
    ),
    term(
        &["stuck"],
        "said of a training that has not learned, and whose lowest loss in the second half of the updates is more than half of the \
         lowest in the first.",
    ),
    term(
        &["pca", "PCA"],
        "the baseline whose W has the principal directions of the visited states as rows; nothing is trained.",
    ),
    term(
        &["subset"],
        "the baseline whose W keeps d of the features exactly and drops the others.",
    ),
    term(
        &["smallest sufficient d", "critical_d"],
        "the smallest d tried from which on the median over seeds is within the tolerance.",
    ),
    term(
        &["exchange", "exchanged", "Interventions"],
        "an intervention: a variable's value is replaced, in both models, by its value on another input, to see whether both outputs \
         change alike.",
    ),
    term(
        &["interchange accuracy"],
        "among the token positions at which exchanging a variable changes the compiled model's output, the share at which the \
         compressed model then says the same as the compiled one.",
    ),
    term(
        &["lead", "gap"],
        "of a class: by how much its score is above that of every other class. A negative one means that another class wins.",
    ),
    term(
        &["Certificate", "certificate"],
        "a statement about every input that is proved with a bound on the rounding of each number.",
    ),
    term(
        &["edge", "edges"],
        "of a circuit: what one block, or the embedding, writes and another one reads. It is true if the program needs it.",
    ),
    term(
        &["dictionary"],
        "a set of directions that a method, such as a sparse autoencoder, proposes as the features'.",
    ),
];

/// The terms that a page's content uses, in a list.
pub fn of(content: &Markup) -> Markup {
    let text = without_tags(&content.0);
    let is_used = |term: &&Term| term.words.iter().any(|word| has_word(&text, word));
    let used: Vec<&Term> = TERMS.iter().filter(is_used).collect();
    html! {
        @if !used.is_empty() {
            dl {
                @for term in used {
                    dt { (term.words[0]) } dd { (term.meaning) } "\n"
                }
            }
        }
    }
}

/// What a heading of a table means, if it is a term.
pub fn meaning(heading: &str) -> Option<&'static str> {
    let found = TERMS.iter().find(|term| term.words.contains(&heading));
    found.map(|term| term.meaning)
}

/// The text between the tags.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// Whether `word` stands in `text` as a word of its own.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || "_.:".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let next = after.next();
        // A full stop ends a sentence, or goes on with a name.
        let ends = match next {
            Some('.' | ':') => !after.next().is_some_and(char::is_alphanumeric),
            Some(c) => !is_letter(c),
            None => true,
        };
        ends && !before.is_some_and(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::PreEscaped;

    #[test]
    fn words_are_found_as_words_outside_of_tags() {
        for (text, word, expected) in [
            ("at d = 8", "d", true),
            ("and", "d", false),
            ("training.seed", "seed", false),
            ("over the seed.", "seed", true),
            ("seed: 3", "seed", true),
            ("seed:3", "seed", false),
            ("W", "W", true),
        ] {
            assert_eq!(has_word(text, word), expected, "{word} in {text}");
        }
        let page = PreEscaped("<p title=\"rank\">G has one.</p>".to_owned());
        let terms = of(&page).0;
        assert!(terms.contains("<dt>G</dt>"), "{terms}");
        assert!(!terms.contains("<dt>rank</dt>"), "{terms}");
    }

    #[test]
    fn no_word_names_two_terms_and_every_meaning_is_a_sentence() {
        let mut words: Vec<&str> = TERMS.iter().flat_map(|term| term.words).copied().collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        for term in TERMS {
            assert!(term.meaning.ends_with('.'), "{}", term.meaning);
        }
        assert_eq!(meaning("mae"), meaning("mean absolute error"));
        assert_eq!(meaning("zebra"), None);
    }

    #[test]
    fn a_page_without_terms_has_no_list_of_them() {
        assert_eq!(of(&PreEscaped("<p>Hello.</p>".to_owned())).0, "");
    }
}
