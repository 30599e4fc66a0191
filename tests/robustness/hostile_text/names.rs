//! The names.

use std::sync::OnceLock;

const SHORT: [&str; 66] = [
    // Tables: separators, quotes, line breaks, formulas, what a reader might trim or drop.
    "a,b",
    "semi;colon",
    "say \"it\"",
    "\"",
    "\"\"",
    "it's",
    "line\nbreak",
    "\n",
    "carriage\rreturn",
    "both\r\nof them",
    "tab\tstop",
    "=1+1",
    "=HYPERLINK(\"http://x\";\"y\")",
    "@SUM(A1)",
    "+1",
    "-1+1",
    "#comment",
    "\u{feff}mark",
    " blanks ",
    " ",
    "",
    // Terminals: controls, escape sequences, reading direction, what is not seen.
    "\0",
    "nul\0inside",
    "back\u{8}\u{8}\u{8}space",
    "bell\u{7}",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[2J\u{1b}[H",
    "\u{9b}31m",
    "\u{7f}",
    "\u{85}",
    "\u{202e}exe.txt",
    "\u{2066}isolated\u{2069}",
    "\u{200e}\u{200f}\u{61c}",
    "zero\u{200b}width\u{2060}",
    "soft\u{ad}hyphen",
    "\u{2028}\u{2029}",
    "\u{e0041}\u{e007f}",
    "error: all is lost\nerror: twice",
    "{prefix} {wide_bar} {pos}",
    "%s%n %d",
    // Markup.
    "<script>alert(1)</script>",
    "</text></svg><img src=x onerror=alert(1)>",
    "\"><b onmouseover='alert(1)'>",
    "&lt;&#0;&unknown;",
    "]]><!--",
    "<?xml?>",
    "\u{fffe}\u{ffff}\u{fdd0}\u{1ffff}",
    // Files.
    "../../outside",
    "..",
    ".",
    "/tmp/outside",
    "C:\\outside\\..",
    "a/b\\c",
    "~/outside",
    ".hidden",
    // Shells.
    "$(touch outside)",
    "`touch outside`; rm -rf '",
    "--force",
    "*",
    // Letters that combine, are wide, or have no single form.
    "e\u{301}\u{323}",
    "\u{301}",
    "\u{338}",
    "中文",
    "👩\u{200d}💻\u{fe0f}",
    "עברית العربية",
];

/// All names, different from each other: the short ones, a very long one and one under a heap of marks.
pub fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names: Vec<String> = SHORT.map(str::to_owned).into();
        names.push("long ".repeat(400));
        names.push(format!("Z{}", "\u{300}\u{334}".repeat(50)));
        let mut different = names.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), names.len());
        names
    })
}

/// A name as RASP, its headers and JSON write it.
pub fn literal(name: &str) -> String {
    let json = serde_json::to_string(name).unwrap();
    // What JSON has and RASP has not.
    json.replace("\\b", "\\u0008").replace("\\f", "\\u000c")
}
