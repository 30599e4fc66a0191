//! `compress report`: one page, without other files, that says what happened.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/command.rs"]
mod command;

use command::{call, short_run};

#[test]
fn the_page_of_a_run_answers_the_question() {
    let dir = tempfile::tempdir().unwrap();
    for (config, program, figure) in [
        (
            "frac_prevs",
            "Does frac_prevs still work",
            "mean absolute error",
        ),
        (
            "sort_unique",
            "Does sort_unique still work",
            "of tokens right",
        ),
    ] {
        let run = dir.path().join(config);
        let (code, _, stderr) = call(&short_run(config, 100, &run));
        assert_eq!(code, 0, "{stderr}");
        let path = run.display().to_string();
        let (code, stdout, stderr) = call(&["report", &path]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains("report.html"));
        let page = std::fs::read_to_string(run.join("report.html")).unwrap();
        for part in [
            program,
            figure,
            "What was found",
            "Worst inputs",
            "batch_size = 256",
            "compress --config",
            "prefers-color-scheme: dark",
            "@media print",
            "superposed",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg ").count(), 4);
        // Nothing is loaded from elsewhere.
        for loader in ["src=", "@import", "url(", "href=\"http", "fetch("] {
            assert!(!page.contains(loader), "{loader}");
        }
        assert_eq!(call(&["report", &path]).0, 0);
        assert_eq!(
            std::fs::read_to_string(run.join("report.html")).unwrap(),
            page
        );
        // A run that has its figures and its page is still a finished run.
        assert_eq!(call(&short_run(config, 100, &run)).0, 0);
    }
    let study = dir.path().display().to_string();
    assert_eq!(call(&["analyze", &study]).0, 0);
    let (code, _, stderr) = call(&["report", &study]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains("good enough") && page.contains("How to run it again"));
}

#[test]
fn text_of_files_stays_text() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = call(&short_run("frac_prevs", 50, dir.path()));
    assert_eq!(code, 0, "{stderr}");
    let evil = "<script>alert('1')</script>\\u0000\\\"";
    let replace = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(dir.path().join(file)).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(dir.path().join(file), text.replace(from, to)).unwrap();
    };
    replace("analysis.json", "is_x", evil);
    replace(
        "summary.json",
        "\"name\": \"frac_prevs\"",
        &format!("\"name\": \"{evil}\""),
    );
    replace(
        "config.toml",
        "# Resolved",
        "# </code><script>alert(2)</script> Resolved",
    );
    for file in ["features.csv", "gram.csv", "variables.csv"] {
        replace(file, "is_x", "\"<img onerror=\"\"alert(3)\"\">\"");
    }
    replace("worst_inputs.csv", ",a,", ",<b>,");
    let path = dir.path().display().to_string();
    let (code, _, stderr) = call(&["report", &path]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert!(!page.contains("<img") && !page.contains("<b>") && !page.contains('\u{0}'));
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
}

#[test]
fn a_run_without_a_result_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = call(&short_run("frac_prevs", 100, dir.path()));
    assert_eq!(code, 0, "{stderr}");
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !["config.toml", "metrics.csv"].contains(&path.file_name().unwrap().to_str().unwrap()) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let path = dir.path().display().to_string();
    let (code, _, stderr) = call(&["report", &path]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains("The run is not finished"), "{page}");
    assert_eq!(page.matches("<svg ").count(), 1);
}
