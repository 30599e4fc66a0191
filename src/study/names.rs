//! The directory name of a run in a study: `dim=8,seed=3`.
//!
//! It depends on the keys that the study varies and on this run's values alone, so that runs keep
//! their directories when values are added.

use sha2::{Digest, Sha256};

use crate::results::group::last_part;
use base::files::hex;

/// Longer values are cut, and told apart by a checksum.
const LONGEST_VALUE: usize = 40;
/// File systems take 255 bytes.
const LONGEST_NAME: usize = 200;

/// What a key is called in directory names: its last part, or all of it where two keys of the study
/// end alike.
pub fn label<'a>(key: &'a str, keys: &[String]) -> &'a str {
    let short = last_part(key);
    let alike = keys.iter().filter(|other| last_part(other) == short);
    if alike.count() < 2 { short } else { key }
}

/// The directory of a run with these labels and values.
pub fn directory<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let parts: Vec<String> = parts
        .map(|(label, value)| format!("{label}={}", safe(value)))
        .collect();
    let name = parts.join(",");
    if name.len() <= LONGEST_NAME {
        return name;
    }
    format!("{}~{}", &name[..LONGEST_NAME - 20], checksum(&name))
}

/// A value in the letters that every file system takes. What has others gets a checksum, so that
/// different values stay different.
fn safe(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let within = |open, close| {
        let inner = value.strip_prefix(open)?.strip_suffix(close)?;
        (inner.len() <= LONGEST_VALUE).then_some(inner)
    };
    let word = |word: &str| !word.is_empty() && word.chars().all(plain);
    let number = |c: char| c.is_ascii_digit() || ".-e".contains(c);
    if let Some(list) = within('[', ']')
        && list
            .split(", ")
            .all(|item| word(item) && item.chars().all(number))
    {
        return list.replace(", ", "+");
    }
    if let Some(table) = within('{', '}')
        && table.split(", ").all(|item| {
            item.split_once(" = ")
                .is_some_and(|(a, b)| word(a) && word(b))
        })
    {
        return table.replace(" = ", "=").replace(", ", "+");
    }
    if word(value) && value.len() <= LONGEST_VALUE {
        return value.to_owned();
    }
    // Of a path, its end says most.
    let end = value
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(value);
    let letters: String = end
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(LONGEST_VALUE)
        .collect();
    format!("{letters}~{}", checksum(value))
}

fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_safe() {
        let name = |parts: &[(&str, &str)]| directory(parts.iter().copied());
        assert_eq!(name(&[("dim", "8"), ("seed", "3")]), "dim=8,seed=3");
        assert_eq!(name(&[("initial", "1e-5")]), "initial=1e-5");
        assert_eq!(name(&[("lengths", "[1, 2, 5]")]), "lengths=1+2+5");
        assert_eq!(
            name(&[("token_weights", "{1 = 2, x = 0.05}")]),
            "token_weights=1=2+x=0.05"
        );
        // Whatever else looks like a list or a table, found by fuzzing.
        for odd in [
            "{a = b = 0.05}",
            "{ from =}",
            "{a= b }",
            "[1 2]",
            "[1,,2]",
            "[]",
            "{}",
        ] {
            let odd = name(&[("output", odd)]);
            let safe = |c: char| c.is_ascii_alphanumeric() || "._-=~".contains(c);
            assert!(odd.contains('~') && odd.chars().all(safe), "{odd}");
        }
        let path = name(&[("path", "../models/sort_unique.safetensors")]);
        assert!(path.starts_with("path=sort_unique.safetensors~"), "{path}");
        assert!(!path.contains('/'));
        assert_ne!(path, name(&[("path", "../other/sort_unique.safetensors")]));
        assert_ne!(name(&[("output", "a b")]), name(&[("output", "a_b")]));
        assert_ne!(name(&[("output", "")]), name(&[("output", ".")]));
        let long: Vec<(&str, &str)> = vec![("compression.init_std", "0.123456789"); 12];
        assert!(name(&long).len() <= LONGEST_NAME);
    }

    #[test]
    fn keys_that_end_alike_are_written_in_full() {
        let keys = ["model.output", "compression.dim", "x.output"].map(String::from);
        assert_eq!(label("compression.dim", &keys), "dim");
        assert_eq!(label("model.output", &keys), "model.output");
        assert_eq!(label("name", &keys), "name");
    }
}
