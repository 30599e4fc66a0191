//! What a page of the documentation tells its reader to type.

/// A fenced block: the word behind the fence, the line it begins in, and its text.
pub struct Block {
    pub kind: String,
    pub line: usize,
    pub text: String,
}

impl Block {
    /// Its commands, one a line, each with its number in the page.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = (self.line..).zip(self.text.lines());
        lines.filter(|(_, line)| !line.trim().is_empty())
    }
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

/// Lines that show a command and stand in no block of `sh`, so that nobody would run them.
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
            (Some(kind), None) => fence = Some(kind.trim() == "sh"),
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
fn page_is_read_with_its_commands_spans_and_strays() {
    let page =
        "a `compress x`\n```sh\ncompress a   # why\n\ncompress b\n```\n```text\nanswer\n```\n";
    let blocks = blocks(page);
    let commands: Vec<_> = blocks[0].commands().collect();
    assert_eq!(commands, [(3, "compress a   # why"), (5, "compress b")]);
    assert_eq!((blocks[1].kind.as_str(), blocks[1].line), ("text", 8));
    assert_eq!(spans(page), [(1, "compress x".to_owned())]);
    assert_eq!(strays(page), []);
    let page = "```text\n$ compress a\n```\n\n    cargo run\n    x = 1\ncargo is a tool\n";
    let lines: Vec<usize> = strays(page).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [2, 5]);
}
