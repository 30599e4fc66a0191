//! Text from elsewhere where it is shown: names of features and tokens, paths, arguments, reasons.
//!
//! What has no shape of its own is written as an escape of JSON and RASP (`\u001b`, `\n`): controls, the
//! characters that turn the reading direction, and those that are not seen at all. So text moves no
//! cursor, forges no line, and two names that differ look different. One function for each kind of
//! place: a name or a cell, also of a page, whose templates escape the rest ([`visible`], [`name`]), whole output
//! ([`lines`]), SVG ([`markup`]), a command to be copied ([`shell`]). Files keep every text as it is.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// Longer names are cut in the middle where people read them.
const LONGEST_NAME: usize = 200;

/// Whether a character has no shape of its own, or does something instead of showing one: controls,
/// breaks of lines and paragraphs, Unicode's "default ignorable" characters (the marks of reading
/// direction and the byte order mark among them), the marks of annotations, and what is no character.
pub fn is_hidden(c: char) -> bool {
    let ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    let no_character = (0xfdd0..=0xfdef).contains(&u32::from(c)) || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control()
        || ignorable
        || no_character
        || matches!(c, '\u{2028}'..='\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// One line on which every character is seen.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// Whole output: as [`visible`], but lines and tabs stay. JSON stays the same JSON, as it holds such
/// characters in strings alone.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// A name for people: [`visible`], and a very long one cut in the middle.
pub fn name(text: &str) -> Cow<'_, str> {
    let seen = visible(text);
    let count = seen.chars().count();
    if count <= LONGEST_NAME {
        return seen;
    }
    let head: String = seen.chars().take(LONGEST_NAME / 2).collect();
    let tail: String = seen.chars().skip(count - LONGEST_NAME / 4).collect();
    let length = text.chars().count();
    format!("{head}… ({length} characters) …{tail}").into()
}

/// A path for people.
pub fn path(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

/// Text between tags or in quotes of XML.
pub fn markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// One argument of a shell's command line, which means this text whatever it holds.
pub fn shell(text: &str) -> String {
    if !text.chars().any(is_hidden) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // The one notation that takes escapes (bash, zsh, ksh).
    let literal = text.replace('\\', r"\\").replace('\'', r"\'");
    let mut quoted = String::from("$'");
    for c in literal.chars() {
        match c {
            '\n' | '\t' | '\r' => push_escape(&mut quoted, c),
            // Writing to a string cannot fail.
            c if is_hidden(c) => drop(write!(quoted, "\\U{:08x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "'"
}

/// What the escape behind a backslash stands for, and how many bytes it has: those of [`visible`], and a
/// backslash or a quote itself. None if there is no such escape.
pub fn read(text: &str) -> Option<(char, usize)> {
    let simple = match text.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        c @ ('\\' | '"' | '\'') => c,
        'u' => {
            let first = half(text)?;
            let second = text
                .get(5..)
                .and_then(|rest| half(rest.strip_prefix('\\')?));
            let one = char::from_u32(u32::from(first)).map(|c| (c, 5));
            let pair = || char::decode_utf16([first, second?]).next()?.ok();
            return one.or_else(|| Some((pair()?, 11)));
        }
        _ => return None,
    };
    Some((simple, 1))
}

/// The number of `u001b`.
fn half(text: &str) -> Option<u16> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    let are_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| are_hex)
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return text.into();
    }
    let mut seen = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            push_escape(&mut seen, c);
        } else {
            seen.push(c);
        }
    }
    seen.into()
}

/// As JSON writes it: a character beyond `\uffff` as its two halves.
fn push_escape(seen: &mut String, c: char) {
    match c {
        '\n' => seen.push_str("\\n"),
        '\r' => seen.push_str("\\r"),
        '\t' => seen.push_str("\\t"),
        c => {
            for half in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(seen, "\\u{half:04x}"); // a String takes everything
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_written_as_json_escapes() {
        for (text, seen) in [
            ("plain ü 中 e\u{301}", "plain ü 中 e\u{301}"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            (
                "\u{1b}[31m\u{7f}\u{9b}\0",
                "\\u001b[31m\\u007f\\u009b\\u0000",
            ),
            (
                "\u{202e}\u{2066}\u{feff}\u{2028}",
                "\\u202e\\u2066\\ufeff\\u2028",
            ),
            (
                "\u{e0041}\u{1ffff}\u{fffe}",
                "\\udb40\\udc41\\ud83f\\udfff\\ufffe",
            ),
        ] {
            assert_eq!(visible(text), seen);
            assert_eq!(visible(&visible(text)), seen);
            let json = serde_json::from_str::<String>(&format!("\"{seen}\"")).unwrap();
            assert_eq!(json, text);
            let mut rest: &str = seen;
            let mut found = String::new();
            while let Some(c) = rest.chars().next() {
                let (c, length) = if c == '\\' {
                    let (c, length) = read(&rest[1..]).unwrap();
                    (c, length + 1)
                } else {
                    (c, c.len_utf8())
                };
                found.push(c);
                rest = &rest[length..];
            }
            assert_eq!(found, text);
        }
        for wrong in ["", "u12", "u+123", "ud83d", "ud83d\\u0041", "x41", "u00é0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(lines("a\n\tb\u{1b}"), "a\n\tb\\u001b");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a\u{202e}\n": ["\u{9b}", "\u{e0001}", "\\u202e"] });
        for text in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let shown = lines(&text);
            assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{shown}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
                value
            );
        }
    }

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(
            markup("<script>alert('1')</script> & \"\u{0}\u{8}"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;\\u0000\\u0008"
        );
    }

    #[test]
    fn long_names_keep_both_ends_and_say_how_long_they_are() {
        let long = format!("start{}end", "x".repeat(100_000));
        let short = name(&long);
        assert!(
            short.starts_with("startxx") && short.ends_with("xxend"),
            "{short}"
        );
        assert!(short.contains("(100008 characters)") && short.chars().count() < 200);
        assert_eq!(name("tokens:a"), "tokens:a");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in [
            "a b",
            "it's",
            "'; echo hacked; '",
            "$(x)`y`\\\"",
            "a\nb\t'\\\r",
            "\u{1b}[0m\u{202e}é",
        ] {
            let script = format!("printf %s {}", shell(text));
            let output = std::process::Command::new("bash")
                .env("LC_ALL", "C.UTF-8")
                .args(["-c", &script])
                .output();
            let stdout = String::from_utf8(output.unwrap().stdout).unwrap();
            assert_eq!(stdout, text, "{script}");
            assert!(!script.chars().any(is_hidden));
        }
    }
}
