//! A study of which hostile names are the settings, from its file to what is published of it.

use super::bench::{Bench, column, config, literal, model};
use super::markup;
use super::names::names;

#[test]
fn names_may_be_settings_of_a_study() {
    let tokens: Vec<String> = names()[..4].to_vec();
    let output = |name: &str| format!("{{{} = 0.5}}", literal(name));
    let bench = Bench::new(|directory| {
        model(&directory.join("m"), &tokens, &names()[..14]);
        // One model under many names, and one that is nowhere.
        std::fs::create_dir_all(directory.join("deep")).unwrap();
        std::fs::write(directory.join("run.toml"), config("x", "path = \"m\"")).unwrap();
        let weights: Vec<String> = names().iter().map(|name| output(name)).collect();
        let study = format!(
            "question = {}\nbase = \"run.toml\"\n[grid]\n\"inputs.token_weights\" = [{}]\n\
             \"compression.dim\" = [3, 5]\n",
            literal(&names().concat()),
            weights.join(", ")
        );
        std::fs::write(directory.join("study.toml"), study).unwrap();
    });
    let (file, study) = (bench.text("in/study.toml"), bench.text("out/study"));
    bench.ok(&["sweep", &file, "--output", &study, "--dry-run"]);
    let said = bench.refused(
        &["sweep", &file, "--output", &study],
        &["there is no token"],
    );
    let known = 2 * tokens.len();
    assert!(
        said.stdout
            .contains(&format!("{known} of {} runs complete", 2 * names().len())),
        "{}",
        said.stdout
    );
    bench.ok(&["sweep", &file, "--output", &study, "--dry-run"]);
    bench.ok(&["sweep", "--collect", &study]);
    let path = |name: &str| bench.path(&format!("out/study/{name}"));

    // Every directory is below the study's, in letters that every file system has.
    let runs = column(&path("runs.csv"), "run");
    assert_eq!(runs.len(), 2 * names().len());
    let mut different = runs.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), runs.len());
    for run in &runs {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,=+~".contains(c);
        assert!(
            run.chars().all(plain) && !run.starts_with('.') && run.len() <= 200,
            "{run}"
        );
    }
    // The values say what was written, each for itself.
    let mut settings = column(&path("runs.csv"), "inputs.token_weights");
    settings.dedup();
    let read: Vec<String> = settings
        .iter()
        .map(|text| {
            let table: toml::Table = format!("x = {text}").parse().unwrap();
            table["x"]
                .as_table()
                .unwrap()
                .keys()
                .next()
                .unwrap()
                .clone()
        })
        .collect();
    assert_eq!(read, names());

    bench.ok(&["analyze", &study]);
    bench.ok(&["plot", &study, "--scale", "1"]);
    markup::figures(&path("figures"));
    bench.ok(&["report", &study]);
    markup::page(&path("report.html"), &settings);
    bench.ok(&["publish", &study, "--output", &bench.text("out/published")]);
    markup::page(&bench.path("out/published/report.html"), &settings);
    for feature in column(&bench.path("out/published/study_features.csv"), "feature") {
        assert!(names().contains(&feature), "{feature:?}");
    }
    markup::figures(&bench.path("out/published/figures"));
}

#[test]
fn study_record_that_names_directories_elsewhere_is_refused() {
    let bench = Bench::new(|_| {});
    for name in names() {
        let text = format!(
            "name = {0}\nquestion = {0}\nset = []\nkeys = []\n[[run]]\ndirectory = {0}\nmethod = \"train\"\nvalues = []\n",
            literal(name)
        );
        std::fs::create_dir_all(bench.path("out/study")).unwrap();
        std::fs::write(bench.path("out/study/study.toml"), text).unwrap();
        let study = bench.text("out/study");
        let outside = name.is_empty()
            || name.starts_with('.')
            || name.contains(['/', '\\', ':'])
            || name.chars().any(base::escape::is_hidden);
        if outside {
            bench.refused(
                &["sweep", "--collect", &study],
                &["is no directory of a run"],
            );
        } else {
            let said = bench.ok(&["sweep", "--collect", &study]);
            assert!(
                said.stderr.contains("1 of the 1 runs are not over"),
                "{}",
                said.stderr
            );
        }
        std::fs::remove_dir_all(bench.path("out/study")).unwrap();
    }
}
