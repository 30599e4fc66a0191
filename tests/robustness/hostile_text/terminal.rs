//! On a terminal there are progress bars, which steer it themselves: what the names hold is not part of it.
#![cfg(target_os = "linux")] // util-linux's script

use std::process::Command;

use super::bench::{Bench, config, model};

/// What names must not do to a terminal: bells, titles, colours, and turned or hidden text.
const EVIL: &str = "\u{1b}]0;evil\u{7}\u{1b}[35;5m\u{9b}35m\u{202e}\u{200b}{prefix}\nline";

/// The command's output on a terminal.
fn on_a_terminal(bench: &Bench, command: &str) -> String {
    let output = Command::new("script")
        .args(["-qec", command, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/bash")
        .env("COLUMNS", "200")
        .current_dir(bench.path("cwd"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn progress_bars_show_names_harmlessly() {
    let bench = Bench::new(|directory| {
        model(&directory.join("m"), &[EVIL.into()], &[EVIL.into()]);
        let text = config(EVIL, "path = \"m\"").replace("steps = 8", "steps = 1500");
        std::fs::write(directory.join("run.toml"), text).unwrap();
        let study = "name = \"study\"\nquestion = \"\\u001b]0;evil\\u0007\"\nbase = \"run.toml\"\n[grid]\n\
                     \"inputs.token_weights\" = [{}, {\"a\\u001b]0;evil\\u0007\" = 2}, {b = 2}]\n";
        std::fs::write(directory.join("study.toml"), study).unwrap();
    });
    let program = env!("CARGO_BIN_EXE_compress");
    let (run, study) = (bench.text("in/run.toml"), bench.text("in/study.toml"));
    let (out, many) = (bench.text("out/run"), bench.text("out/study"));
    for (command, parts) in [
        (
            format!("'{program}' --config '{run}' --output '{out}'"),
            ["\\u001b]0;evil\\u0007", "1500"],
        ),
        // One of the runs names a token that is not there, and says so while the bars are up.
        (
            format!("'{program}' sweep '{study}' --output '{many}' || true"),
            ["runs", "there is no token"],
        ),
        (
            format!("'{program}' analyze '{out}'"),
            ["\\u001b]0;evil\\u0007", "Features"],
        ),
        (
            format!(
                "'{program}' run '{}' $'\\e]0;evil\\a' || true",
                bench.text("in/m")
            ),
            ["unknown token", "\\u001b]0;evil"],
        ),
        (
            format!("'{program}' $'\\e]0;evil\\a' || true"),
            ["unrecognized subcommand", "Usage"],
        ),
    ] {
        let text = on_a_terminal(&bench, &command);
        for part in parts {
            assert!(text.contains(part), "`{part}` is not in {text:?}");
        }
        for evil in [
            "\u{1b}]", "\u{7}", "\u{9b}", "[35;5m", "\u{202e}", "\u{200b}",
        ] {
            let escaped = text.replace("\\u001b[35;5m", "");
            assert!(!escaped.contains(evil), "{evil:?} is in {text:?}");
        }
    }
}
