//! `compress report`: one page, without other files, that says what happened.

use std::path::Path;

use crate::common::command::{self, call, text};

/// Writes a directory's page, with no word on stderr.
fn page_of(directory: &Path) -> String {
    let (code, stdout, stderr) = call(&["report", &text(directory)]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("report.html"), "{stdout}");
    std::fs::read_to_string(directory.join("report.html")).unwrap()
}

#[test]
fn report_of_a_run_answers_the_question() {
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
            "of token positions",
        ),
    ] {
        let run = dir.path().join(config);
        command::run(config, 100, &run, &[]);
        let page = page_of(&run);
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
        assert_eq!(page_of(&run), page);
        // A run that has its figures and its page is still a finished run.
        command::run(config, 100, &run, &[]);
    }
    let study = text(dir.path());
    let summary = command::succeed(&["analyze", &study]);
    let analysis = command::succeed(&["analyze", &study, "--json"]);
    let analysis: serde_json::Value = serde_json::from_str(&analysis).unwrap();
    let sentences = analysis["answer"]["sentences"].as_array().unwrap();
    assert!(!sentences.is_empty());
    let unwrapped = summary.replace("\n  ", " ");
    let page = page_of(dir.path());
    assert!(page.contains("Smallest sufficient d") && page.contains("How to run it again"));
    for sentence in sentences {
        let sentence = sentence.as_str().unwrap();
        assert!(
            page.contains(sentence) && unwrapped.contains(sentence),
            "{sentence}"
        );
    }
}

#[test]
fn report_keeps_text_of_files_as_text() {
    let dir = tempfile::tempdir().unwrap();
    command::run("frac_prevs", 50, dir.path(), &[]);
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
    let page = page_of(dir.path());
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert!(!page.contains("<img") && !page.contains("<b>") && !page.contains('\u{0}'));
    assert!(page.contains("&lt;script&gt;alert('1')&lt;/script&gt;"));
}

#[test]
fn report_of_an_unfinished_run_says_so() {
    let dir = tempfile::tempdir().unwrap();
    command::run("frac_prevs", 100, dir.path(), &[]);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !["config.toml", "metrics.csv"].contains(&path.file_name().unwrap().to_str().unwrap()) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let page = page_of(dir.path());
    assert!(page.contains("The run is not finished"), "{page}");
    assert_eq!(page.matches("<svg ").count(), 1);
}

/// `runs.csv` of an unanalysed study, with the columns that a sweep gave it before `ending` was one of them.
fn runs_csv(rows: &[(&str, &str, &str, &str)]) -> String {
    let mut text = "run,training.steps,training.seed,method,stop_reason,steps,eval_loss,eval_loss_output,\
                    eval_loss_layers,mae,max_error,token_accuracy,sequence_accuracy,failure,config_hash,\
                    wall_time_seconds\n"
        .to_owned();
    for (i, (steps, seed, reason, mae)) in rows.iter().enumerate() {
        let loss = if mae.is_empty() { "" } else { "0.5" };
        text += &format!(
            "run{i},{steps},{seed},train,{reason},{steps},{loss},{loss},{loss},{mae},{mae},,,,abc,1.0\n"
        );
    }
    text
}

/// The header of a `summary.csv` over one key.
fn summary_header(key: &str) -> String {
    let statistics = ["mean", "std", "median", "min", "max", "ci_low", "ci_high"];
    let metrics = "eval_loss,eval_loss_output,eval_loss_layers,mae,max_error,token_accuracy,sequence_accuracy";
    let columns: Vec<String> = metrics
        .split(',')
        .flat_map(|m| statistics.map(|f| format!("{m}_{f}")))
        .collect();
    format!("{key},method,n,failed,{}\n", columns.join(","))
}

#[test]
fn report_of_an_undertrained_study_does_not_say_that_no_d_suffices() {
    let dir = tempfile::tempdir().unwrap();
    let text = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let mut runs = "run,compression.dim,training.seed,method,stop_reason,ending,steps,eval_loss,eval_loss_output,\
                    eval_loss_layers,mae,max_error,token_accuracy,sequence_accuracy,failure,config_hash,\
                    wall_time_seconds\n"
        .to_owned();
    for (d, seed, ending) in [
        (6, 0, "stuck"),
        (6, 1, "stuck"),
        (12, 0, "stuck"),
        (12, 1, "falling"),
        (18, 0, "stuck"),
        (18, 1, "stuck"),
    ] {
        runs += &format!(
            "d{d}s{seed},{d},{seed},train,completed,{ending},3000,9.0,9.0,9.0,{d}.5,{d}.5,,,,abc,1.0\n"
        );
    }
    text("runs.csv", &runs);
    text("study.toml", "name = \"s\"\nquestion = \"How small?\"\n");
    text("summary.csv", &summary_header("compression.dim"));
    let page = page_of(dir.path());
    for part in [
        "<p class=\"answer\">The runs do not tell which d suffices for a mean absolute error of at \
         most 0.005 (median over seeds): at d = 18, the largest tried, none of 2 runs learned (all got stuck).",
        "None of 6 trained runs learned (an error below 5 % of the best constant answer's): 5 got stuck and 1 was still \
         falling.",
        "several times the training.steps",
        "All 6 runs completed.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Of a study that was interrupted, not all is on the page.
    let planned = "[[run]]\ndirectory = \"a\"\n".repeat(16);
    text(
        "study.toml",
        &format!("name = \"s\"\nquestion = \"How small?\"\n{planned}"),
    );
    let unfinished = page_of(dir.path());
    let said = "6 of 16 runs completed; 10 are not over, and nothing on this page is about them.";
    assert!(unfinished.contains(said), "{unfinished}");
    assert!(!page.contains("no d up to"), "{page}");
}

#[test]
fn report_of_a_study_starts_with_what_its_tables_answer() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        ("100", "0", "completed", "0.5"),
        ("100", "1", "completed", "0.6"),
        ("100", "2", "completed", "0.7"),
        ("900", "0", "completed", "0.001"),
        ("900", "1", "completed", "0.002"),
        ("900", "2", "completed", "0.3"),
        ("900", "3", "diverged", ""),
    ];
    let text = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    text("runs.csv", &runs_csv(&rows));
    text(
        "study.toml",
        "name = \"s\"\nquestion = \"How many steps?\"\n",
    );
    for i in 0..rows.len() {
        let run = dir.path().join(format!("run{i}"));
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("config.toml"), "[compression]\ndim = 8\n").unwrap();
    }
    text("summary.csv", &summary_header("training.steps"));
    let page = page_of(dir.path());
    let question = page.find("How many steps?").unwrap();
    let answer = page
        .find(
            "<p class=\"answer\">At d = 8 the mean absolute error (median over seeds) is lowest with steps=900: \
             0.002 (95 % interval over 3 seeds: 0.001 to 0.3); then steps=100: 0.6",
        )
        .unwrap();
    assert!(question < answer && answer < page.find("What was found").unwrap());
    for part in [
        "The tolerance (at most 0.005) is met by 2 of 3 runs with steps=900 and 0 of 3 with steps=100.",
        "Where the median over seeds meets the tolerance, 1 of 3 runs misses it.",
        "1 run has no result and is not counted here: 1 diverged.",
        "Caution: an interval over 3 seeds says little.",
        "The runs have not been analysed together",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn report_refuses_an_ending_that_is_no_page_and_writes_one_of_any_case() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    command::run("frac_prevs", 50, &run, &[]);
    let run = run.display().to_string();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for (name, parts) in [
        ("r.pdf", ["r.html`", "open it in a browser and print it"]),
        (
            "r.PNG",
            [
                "r.html`",
                "`compress plot DIR --format png` draws the figures",
            ],
        ),
        (
            "r.svg",
            [
                "r.html`",
                "`compress plot DIR --format svg` draws the figures",
            ],
        ),
        (
            "r.md",
            ["writes .html (one page for a browser), not .md", "r.html`"],
        ),
        ("r.d8", ["not .d8", "r.d8.html`"]),
    ] {
        let (code, stdout, stderr) = call(&["report", &run, "-o", &at(name)]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
        }
        assert!(!dir.path().join(name).exists());
    }
    for name in ["r.html", "r.HTM", "page"] {
        assert_eq!(call(&["report", &run, "-o", &at(name)]).0, 0, "{name}");
        let page = std::fs::read_to_string(at(name)).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>"), "{name}");
    }
}
