//! Symbolic links below an output directory: none is written through.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;

use super::bench::{Bench, config, model, snapshot};

fn bench() -> Bench {
    Bench::new(|directory| {
        model(&directory.join("m"), &[], &[]);
        std::fs::write(directory.join("run.toml"), config("x", "path = \"m\"")).unwrap();
        let study = "name = \"study\"\nbase = \"run.toml\"\n[grid]\n\"training.seed\" = [0, 1]\n\
                     \"compression.dim\" = [3, 5]\n";
        std::fs::write(directory.join("study.toml"), study).unwrap();
    })
}

/// The files of a directory, not of those below it.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|e| e.unwrap());
    let files = entries.filter(|e| e.file_type().unwrap().is_file());
    files
        .map(|e| e.file_name().into_string().unwrap())
        .collect()
}

/// Puts a link in the place of each file, to a copy of it in `to`; and one where nothing is.
fn plant(directory: &Path, to: &Path, but: &[&str]) -> Vec<String> {
    std::fs::create_dir_all(to).unwrap();
    let mut planted = files(directory);
    planted.retain(|name| !but.contains(&name.as_str()));
    for name in &planted {
        std::fs::rename(directory.join(name), to.join(name)).unwrap();
        symlink(to.join(name), directory.join(name)).unwrap();
    }
    symlink(to.join("new"), directory.join(".writing-planted")).unwrap();
    planted
}

#[test]
fn links_in_a_run_are_replaced_and_what_they_point_to_is_left() {
    let bench = bench();
    let (config, run) = (bench.text("in/run.toml"), bench.text("out/run"));
    let arguments = ["--config", &config, "--output", &run];
    bench.ok(&arguments);
    bench.ok(&["plot", &run, "--scale", "1"]);
    bench.ok(&["report", &run]);
    let fresh = snapshot(&bench.path("out/run"), Path::new(""));
    // A run that goes on from its checkpoint, one that is deleted and made again, and what is drawn of it.
    for more in [&[][..], &["--force"]] {
        let target = bench.path("out/target");
        let planted = plant(&bench.path("out/run"), &target, &[".lock"]);
        assert!(planted.len() >= 16, "{planted:?}");
        let kept = snapshot(&target, Path::new(""));
        for over in ["summary.json", "analysis.json", "projection.safetensors"] {
            std::fs::remove_file(bench.path("out/run").join(over)).unwrap();
        }
        bench.ok(&[&arguments[..], more].concat());
        bench.ok(&["analyze", &run]);
        bench.ok(&["report", &run]);
        assert!(
            snapshot(&target, Path::new("")) == kept,
            "a link was followed"
        );
        let mut again = files(&bench.path("out/run"));
        // What was not rewritten is a link still, and was only read.
        again.extend(["config.toml".into(), "checkpoint.safetensors".into()]);
        for name in &planted {
            assert!(again.contains(name), "{name}");
        }
        std::fs::remove_dir_all(bench.path("out/run")).unwrap();
        bench.ok(&arguments);
        bench.ok(&["plot", &run, "--scale", "1"]);
        bench.ok(&["report", &run]);
        assert_eq!(
            names(&snapshot(&bench.path("out/run"), Path::new(""))),
            names(&fresh)
        );
        std::fs::remove_dir_all(target).unwrap();
    }
}

fn names(files: &[(std::path::PathBuf, Vec<u8>)]) -> Vec<&Path> {
    files.iter().map(|(path, _)| path.as_path()).collect()
}

#[test]
fn links_where_a_file_stays_open_or_a_directory_belongs_are_refused() {
    let bench = bench();
    let (config, run) = (bench.text("in/run.toml"), bench.text("out/run"));
    let elsewhere = bench.path("elsewhere");
    let output = bench.path("out/run");
    for target in ["kept", "new"] {
        std::fs::create_dir(&output).unwrap();
        symlink(elsewhere.join(target), output.join(".lock")).unwrap();
        bench.refused(
            &["--config", &config, "--output", &run],
            &[".lock", "it is a symbolic link", "delete the link"],
        );
        std::fs::remove_dir_all(&output).unwrap();
    }
    bench.ok(&["--config", &config, "--output", &run]);
    symlink(&elsewhere, output.join("figures")).unwrap();
    bench.refused(&["plot", &run], &["figures", "it is a symbolic link"]);
    // The user may say so, though.
    let chosen = bench.path("out/chosen");
    std::fs::create_dir(&chosen).unwrap();
    symlink(&chosen, bench.path("out/link")).unwrap();
    bench.ok(&[
        "plot",
        &run,
        "--scale",
        "1",
        "--output",
        &bench.text("out/link"),
    ]);
    assert!(chosen.join("gram.svg").is_file() || std::fs::read_dir(&chosen).unwrap().count() > 3);
    // A whole output directory that is a link is its user's choice, too.
    std::fs::create_dir(bench.path("out/far")).unwrap();
    symlink(bench.path("out/far"), bench.path("out/near")).unwrap();
    bench.ok(&["--config", &config, "--output", &bench.text("out/near")]);
    assert!(bench.path("out/far/summary.json").is_file());
    bench.ok(&["plot", &bench.text("out/near"), "--scale", "1"]);
}

#[test]
fn links_in_a_study_lead_nowhere() {
    let bench = bench();
    let (file, study) = (bench.text("in/study.toml"), bench.text("out/study"));
    let elsewhere = bench.path("elsewhere");
    let place = |name: &str| bench.path(&format!("out/study/{name}"));
    std::fs::create_dir(bench.path("out/study")).unwrap();
    std::fs::write(place("study.toml"), "").unwrap();
    std::fs::remove_file(place("study.toml")).unwrap();
    let sweep = ["sweep", &file, "--output", &study];
    bench.ok(&sweep);
    // A run's directory.
    let (real, run) = (bench.path("out/real"), place("seed=0,dim=3"));
    assert!(run.is_dir());
    std::fs::rename(&run, &real).unwrap();
    symlink(&elsewhere, &run).unwrap();
    bench.refused(&sweep, &["seed=0,dim=3", "it is a symbolic link"]);
    let said = bench.ok(&["analyze", &study]);
    assert!(
        said.stderr.contains("seed=0,dim=3 is a symbolic link"),
        "{}",
        said.stderr
    );
    std::fs::remove_file(&run).unwrap();
    symlink(elsewhere.join("new"), &run).unwrap();
    bench.refused(&sweep, &["seed=0,dim=3", "it is a symbolic link"]);
    std::fs::remove_file(&run).unwrap();
    std::fs::rename(&real, &run).unwrap();
    // The study's own lock, tables, and what is published.
    bench.ok(&["publish", &study]);
    let locks = files(&place(""));
    let lock = locks
        .iter()
        .find(|name| name.starts_with('.') && name.contains("lock"))
        .unwrap();
    std::fs::remove_file(place(lock)).unwrap();
    symlink(elsewhere.join("new"), place(lock)).unwrap();
    bench.refused(
        &["sweep", "--collect", &study],
        &[lock, "it is a symbolic link"],
    );
    std::fs::remove_file(place(lock)).unwrap();
    let target = bench.path("out/target");
    plant(&place(""), &target, &[lock, "study.toml"]);
    let kept = snapshot(&target, Path::new(""));
    bench.ok(&["sweep", "--collect", &study]);
    bench.ok(&["analyze", &study]);
    bench.ok(&["report", &study]);
    std::fs::remove_dir_all(place("median")).unwrap();
    symlink(&elsewhere, place("median")).unwrap();
    bench.ok(&["publish", &study]);
    assert!(!place("median").is_symlink() && place("median").is_dir());
    assert!(
        snapshot(&target, Path::new("")) == kept,
        "a link was followed"
    );
    std::fs::remove_dir_all(place("figures")).unwrap();
    symlink(&elsewhere, place("figures")).unwrap();
    bench.refused(&["publish", &study], &["figures", "it is a symbolic link"]);
    std::fs::remove_file(place("figures")).unwrap();
    for name in ["figures", "median"] {
        let copy = bench.path(&format!("out/copy of {name}"));
        std::fs::create_dir(&copy).unwrap();
        symlink(&elsewhere, copy.join(name)).unwrap();
        let copy = copy.display().to_string();
        bench.refused(
            &["publish", &study, "--output", &copy],
            &[name, "it is a symbolic link"],
        );
    }
}
