//! A line of a shell taken apart, as far as is needed to see what it runs.

/// What runs as a whole: a pipeline.
#[derive(Debug, PartialEq)]
pub struct Command {
    /// As written.
    pub text: String,
    /// The words of each part of the pipeline, without assignments in front and quotes around.
    pub parts: Vec<Vec<String>>,
}

/// The commands of a line, which `&&` and `;` separate, without comments. A here-document belongs to the
/// command that reads it.
pub fn commands(line: &str) -> Vec<Command> {
    let (first, document) = match line.split_once('\n') {
        Some((first, document)) => (first, Some(document)),
        None => (line, None),
    };
    let mut commands = Vec::new();
    let mut reader = Reader::default();
    let mut quote = None;
    let mut before = ' ';
    let mut characters = first.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => reader.word.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                reader.quoted = true;
            }
            (None, '#') if before == ' ' => break,
            (None, ';') => commands.extend(reader.end_command()),
            (None, '&') if characters.peek() == Some(&'&') => {
                characters.next();
                commands.extend(reader.end_command());
                before = ' ';
                continue;
            }
            (None, '|') => reader.end_part(),
            (None, ' ') => reader.end_word(),
            (None, _) => reader.word.push(c),
        }
        if !(quote.is_none() && c == ';') {
            reader.text.push(c);
        }
        before = c;
    }
    commands.extend(reader.end_command());
    if let (Some(document), Some(last)) = (document, commands.last_mut()) {
        last.text.push('\n');
        last.text.push_str(document);
    }
    commands
}

#[derive(Default)]
struct Reader {
    text: String,
    word: String,
    quoted: bool,
    words: Vec<String>,
    parts: Vec<Vec<String>>,
}

impl Reader {
    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        let is_quoted = std::mem::take(&mut self.quoted);
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        });
        if (is_quoted || !word.is_empty()) && !(self.words.is_empty() && is_assignment) {
            self.words.push(word);
        }
    }

    fn end_part(&mut self) {
        self.end_word();
        self.parts
            .extend(Some(std::mem::take(&mut self.words)).filter(|words| !words.is_empty()));
    }

    fn end_command(&mut self) -> Option<Command> {
        self.end_part();
        let text = std::mem::take(&mut self.text).trim().to_owned();
        let parts = std::mem::take(&mut self.parts);
        (!parts.is_empty()).then_some(Command { text, parts })
    }
}

#[test]
fn a_line_is_split_where_a_shell_splits_it() {
    let words = |line: &str| -> Vec<(String, Vec<Vec<String>>)> {
        commands(line)
            .into_iter()
            .map(|c| (c.text, c.parts))
            .collect()
    };
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        words("A=1 x 'a && b' c#d && y | z; w > f  # && v"),
        [
            (
                "A=1 x 'a && b' c#d".to_owned(),
                vec![own(&["x", "a && b", "c#d"])]
            ),
            ("y | z".into(), vec![own(&["y"]), own(&["z"])]),
            ("w > f".into(), vec![own(&["w", ">", "f"])]),
        ]
    );
    assert_eq!(words("  # nothing"), []);
    let document = words("cat > f <<'EOF'\na; b\nEOF");
    assert_eq!(document[0].0, "cat > f <<'EOF'\na; b\nEOF");
    assert_eq!(document.len(), 1);
}
