//! What a page of the documentation tells its reader to type.

/// What stands behind the fence of a block for a shell.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// A fenced block: the word behind the fence, the line it begins in, and its text.
pub struct Block {
    pub kind: String,
    pub line: usize,
    pub text: String,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(kind), false) => {
                let kind = kind.trim().to_owned();
                blocks.push(Block {
                    kind,
                    line: number + 2,
                    text: String::new(),
                });
                inside = true;
            }
            (Some(_), true) => inside = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!inside, "a fence that does not end");
    blocks
}

impl Block {
    /// Whether a reader types it into a shell.
    pub fn is_shell(&self) -> bool {
        SHELLS.contains(&self.kind.as_str())
    }

    /// The lines to type, each with its number in the page: without prompts, with what a line goes on with
    /// after a backslash, and with the text of a here-document. A console block shows answers, too.
    pub fn lines(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((offset, line)) = lines.next() {
            let typed = match line.strip_prefix("$ ") {
                Some(typed) => typed,
                None if self.kind == "console" => continue,
                None => line,
            };
            let mut typed = typed.to_owned();
            while typed.ends_with('\\') {
                typed.pop();
                typed.push_str(lines.next().unwrap().1);
            }
            if let Some(end) = here_document(&typed) {
                for (_, line) in lines.by_ref() {
                    typed.push('\n');
                    typed.push_str(line);
                    if line == end {
                        break;
                    }
                }
            }
            found.push((self.line + offset, typed));
        }
        found
    }
}

/// The word that ends a here-document, if the line begins one.
fn here_document(line: &str) -> Option<String> {
    let (_, word) = line.split_once("<<")?;
    let word: String = word
        .trim_start_matches(['-', ' ', '\'', '"'])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// Lines that show a command and stand in no block for a shell, so that nobody would run them.
pub fn strays(page: &str) -> Vec<(usize, String)> {
    let is_command = |line: &str| {
        let line = line.trim_start().trim_start_matches("$ ");
        ["compress ", "cargo ", "scripts/"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut found = Vec::new();
    let mut fence: Option<bool> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), fence) {
            (Some(kind), None) => fence = Some(SHELLS.contains(&kind.trim())),
            (Some(_), Some(_)) => fence = None,
            (None, Some(true)) => {}
            (None, Some(false)) if is_command(line) => found.push((number + 1, line.to_owned())),
            (None, None) if line.starts_with("    ") && is_command(line) => {
                found.push((number + 1, line.to_owned()));
            }
            (None, _) => {}
        }
    }
    found
}

/// The spans of code in the running text, with their lines.
pub fn spans(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let code = line.split('`').skip(1).step_by(2);
            found.extend(code.map(|span| (number + 1, span.to_owned())));
        }
    }
    found
}

#[test]
fn a_block_is_what_is_typed() {
    let page = "a `compress x`\n```sh\ncompress a \\\n  b   # why\n\ncat > f <<'EOF'\nx # y\nEOF\n```\n\
                ```console\n$ compress c\nanswer\n```\n";
    let blocks = blocks(page);
    let lines: Vec<_> = blocks.iter().flat_map(Block::lines).collect();
    let expected = [
        (3, "compress a   b   # why"),
        (5, ""),
        (6, "cat > f <<'EOF'\nx # y\nEOF"),
        (11, "compress c"),
    ];
    assert_eq!(lines, expected.map(|(line, text)| (line, text.to_owned())));
    assert_eq!(spans(page), [(1, "compress x".to_owned())]);
    assert_eq!(strays(page), []);
    let page = "```text\n$ compress a\n```\n\n    cargo run\n    x = 1\ncargo is a tool\n";
    let lines: Vec<usize> = strays(page).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [2, 5]);
}
