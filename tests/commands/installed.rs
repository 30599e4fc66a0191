//! The program as it is installed: a binary in a directory of its own, and no repository in sight.

use std::path::Path;

use crate::common::command::{self, metrics_without_timing, root};
use crate::elsewhere::{Elsewhere, SHORT};

/// The names of a listing's section, or of the whole: first words of indented lines.
fn names(listing: &str, section: &str) -> Vec<String> {
    listing
        .split(section)
        .nth(1)
        .unwrap()
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn subcommands(elsewhere: &Elsewhere) -> Vec<String> {
    let names = names(&elsewhere.works("--help"), "Commands:");
    assert!(names.len() >= 12, "{names:?}");
    names
}

#[test]
fn version_names_the_commit() {
    let expected = match option_env!("COMPRESS_GIT_COMMIT") {
        Some(commit) => format!(
            "compress {} ({})\n",
            env!("CARGO_PKG_VERSION"),
            &commit[..7]
        ),
        None => format!("compress {}\n", env!("CARGO_PKG_VERSION")),
    };
    assert_eq!(Elsewhere::new().works("--version"), expected);
}

#[test]
fn library_runs_and_compiles_by_name() {
    let elsewhere = Elsewhere::new();
    let output = elsewhere.works("run hist a b a");
    assert!(
        output.ends_with("1      a       2\n       2      b       1\n       3      a       2\n")
    );
    let compared = elsewhere.works("run frac_prevs x a c x --compare");
    assert!(compared.contains("compiled"), "{compared}");
    assert!(elsewhere.works("run hist --plan").contains("layer0.attn"));
    for name in ["frac_prevs", "sort_unique"] {
        elsewhere.works(&format!("compile {name} -o {name}.safetensors"));
        let shipped = root().join(format!("models/{name}.safetensors"));
        assert_eq!(
            std::fs::read(elsewhere.path(&format!("{name}.safetensors"))).unwrap(),
            std::fs::read(shipped).unwrap()
        );
    }
    let sorted = elsewhere.works("run sort_unique.safetensors 3 1 2 --json");
    assert!(sorted.contains("\"output\":[1,2,3]"), "{sorted}");
}

#[test]
fn programs_lists_each_with_what_it_computes() {
    let elsewhere = Elsewhere::new();
    let list = elsewhere.works("programs");
    for entry in std::fs::read_dir(root().join("programs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let about = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("#! about: ")
            .unwrap();
        let line = list
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap();
        assert!(line.contains(about), "{line}");
        assert_eq!(elsewhere.works(&format!("programs {name}")), text);
    }
    let message = elsewhere.is_refused("programs hits");
    assert!(message.contains("did you mean `hist`?"), "{message}");
}

#[test]
fn library_gives_way_to_a_file() {
    let elsewhere = Elsewhere::new();
    let own = "#! vocab: a, b\n#! max_seq_len: 3\nout = reverse(tokens);\n";
    std::fs::write(elsewhere.path("hist.rasp"), own).unwrap();
    let output = elsewhere.works("run hist.rasp a b --json");
    assert!(output.contains("\"output\":[\"b\",\"a\"]"), "{output}");
    // A directory of that name is no file.
    std::fs::create_dir(elsewhere.path("hist")).unwrap();
    let output = elsewhere.works("run hist a b --json");
    assert!(output.contains("\"output\":[1,1]"), "{output}");
    let of_the_library = elsewhere.works("compile sort");
    let compiled = "#! vocab: a\n#! max_seq_len: 2\nout = tokens + \"x\";\n";
    std::fs::write(elsewhere.path("sort"), compiled).unwrap();
    assert!(
        elsewhere
            .works("compile sort_freq")
            .starts_with("sort_freq: ")
    );
    assert_ne!(elsewhere.works("compile sort"), of_the_library);
}

#[test]
fn init_writes_runs_that_are_the_repositorys() {
    let elsewhere = Elsewhere::new();
    for name in ["frac_prevs", "sort_unique"] {
        let said = elsewhere.works(&format!("init {name}"));
        assert_eq!(
            said,
            format!("{name}.toml\n{name}.rasp\nnext: compress train {name}.toml\n")
        );
        elsewhere.works(&format!("--config {name}.toml {SHORT}"));
        let run = elsewhere.path(&format!("results/{name}"));
        assert!(run.join("summary.json").exists());

        let in_repository = elsewhere.path(&format!("{name}_there"));
        command::run(name, 200, &in_repository, &["training.log_every=100"]);
        assert_eq!(
            metrics_without_timing(&run),
            metrics_without_timing(&in_repository)
        );
        let w = |directory: &Path| std::fs::read(directory.join("projection.safetensors")).unwrap();
        assert_eq!(w(&run), w(&in_repository));

        let again = elsewhere.works(&format!("--config {name}.toml {SHORT}"));
        assert!(again.contains("is complete already"), "{again}");
    }
}

#[test]
fn init_writes_examples_that_are_ready_to_run() {
    let elsewhere = Elsewhere::new();
    let listing = elsewhere.works("init --list");
    let (configs, studies) = (names(&listing, "run files"), names(&listing, "studies"));
    let programs = names(&listing, "programs (with");
    let count = |folder: &str| std::fs::read_dir(root().join(folder)).unwrap().count();
    assert_eq!(configs.len(), count("configs"));
    assert_eq!(studies.len(), count("experiments"));
    assert_eq!(configs.len() + programs.len(), count("programs"));
    for name in configs.iter().chain(&programs) {
        elsewhere.works(&format!("init {name} runs"));
        let plan = elsewhere.works(&format!("--config runs/{name}.toml --plan"));
        assert!(plan.contains("step"), "{name}: {plan}");
    }
    for name in &studies {
        let said = elsewhere.works(&format!("init {name} {name}"));
        let next = format!("next: compress sweep {name}/{name}.toml\n");
        assert!(said.ends_with(&next), "{said}");
        let list = elsewhere.works(&format!("sweep {name}/{name}.toml --dry-run"));
        assert!(
            list.contains(&format!("runs done in results/{name}")),
            "{list}"
        );
    }
}

#[test]
fn init_makes_a_run_of_a_program() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("init detect_pattern");
    assert_eq!(
        elsewhere.files(),
        [
            "detect_pattern.rasp",
            "detect_pattern.toml",
            "detect_pattern_study.toml"
        ]
    );
    let said = elsewhere.works(&format!("--config detect_pattern.toml {SHORT}"));
    assert!(said.contains("200 steps, d = 10, seed 0"), "{said}");
    assert!(
        said.ends_with("results in results/detect_pattern\n"),
        "{said}"
    );
    assert!(
        elsewhere
            .path("results/detect_pattern/summary.json")
            .exists()
    );
}

#[test]
fn train_is_config_and_a_file_alone_and_takes_a_study_to_the_sweep() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("init frac_prevs");
    let mut all = Vec::new();
    for (i, begins) in ["--config ", "-c ", "train ", ""].iter().enumerate() {
        elsewhere.works(&format!("{begins}frac_prevs.toml {SHORT} --output run{i}"));
        let run = elsewhere.path(&format!("run{i}"));
        all.push((
            metrics_without_timing(&run),
            std::fs::read(run.join("projection.safetensors")).unwrap(),
        ));
    }
    assert!(all.iter().all(|run| *run == all[0]));
    let study =
        "name = \"two\"\nbase = \"frac_prevs.toml\"\n[grid]\n\"compression.dim\" = [3, 4]\n";
    std::fs::write(elsewhere.path("two.toml"), study).unwrap();
    for (i, begins) in ["--config ", "train ", "sweep "].iter().enumerate() {
        let said = elsewhere.works(&format!("{begins}two.toml {SHORT} --output study{i}"));
        assert!(said.contains("2 of 2 runs complete"), "{said}");
    }
    for option in ["--plan", "--json", "--force"] {
        let message = elsewhere.is_refused(&format!("train two.toml {option}"));
        assert!(message.contains("two.toml is a study, and"), "{message}");
        assert!(message.contains(option), "{message}");
    }
    // The advice works.
    elsewhere.works("sweep two.toml --dry-run");
    // A misspelt command is none of these.
    let message = elsewhere.is_refused("swep two.toml");
    assert!(message.contains("'sweep'"), "{message}");
}

#[test]
fn a_missing_file_is_looked_for_beside_it() {
    let elsewhere = Elsewhere::new();
    for name in ["report.toml", "study_of_mine.toml", "counter.rasp"] {
        std::fs::write(elsewhere.path(name), "").unwrap();
    }
    for (line, meant) in [
        ("repport.toml", "report.toml"),
        ("--config reprot.toml", "report.toml"),
        ("sweep study_of_min.toml", "study_of_mine.toml"),
        ("run countre.rasp a", "counter.rasp"),
        ("compile conter.rasp", "counter.rasp"),
    ] {
        let message = elsewhere.is_refused(line);
        assert!(
            message.contains(&format!("did you mean `{meant}`?")),
            "{message}"
        );
    }
    let message = elsewhere.is_refused("run nosuch a");
    assert!(
        message.contains("`compress programs` lists them"),
        "{message}"
    );
}

#[test]
fn init_replaces_nothing_that_differs() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("init frac_prevs");
    // What is there already, with the same content, is left as it is.
    let said = elsewhere.works("init init_scale");
    assert_eq!(
        said,
        "init_scale.toml\nnext: compress sweep init_scale.toml\n"
    );
    let path = elsewhere.path("frac_prevs.toml");
    let mine = std::fs::read_to_string(&path)
        .unwrap()
        .replace("dim = 8", "dim = 7");
    std::fs::write(&path, &mine).unwrap();
    for name in ["frac_prevs", "untied"] {
        let message = elsewhere.is_refused(&format!("init {name}"));
        assert!(message.starts_with("error: frac_prevs.toml exists with different content"));
    }
    elsewhere.works("init untied --force");
    assert!(std::fs::read_to_string(&path).unwrap().contains("dim = 8"));
    assert!(elsewhere.path("untied.toml").exists());
}

#[test]
fn library_is_named_where_a_file_is_missing() {
    let elsewhere = Elsewhere::new();
    for (line, part) in [
        ("run hist.safetensors a", "`compress compile hist -o FILE`"),
        ("run hits.rasp a", "the library has a program `hist`"),
        (
            "compile my/sort_unique.rasp",
            "the library has a program `sort_unique`",
        ),
        (
            "--config frac_prevs.toml",
            "`compress init frac_prevs` writes",
        ),
        (
            "sweep stuck_seed.toml",
            "`compress init stuck_seeds` writes",
        ),
        ("init frac_prev", "did you mean `frac_prevs`?"),
        ("init zebra", "`compress init --list` shows all"),
        ("init", "<PROGRAM|NAME>"),
        ("keys training.sed", "did you mean `training.seed`?"),
        ("completions tcsh", "invalid value 'tcsh'"),
    ] {
        let message = elsewhere.is_refused(line);
        assert!(message.contains(part), "compress {line}: {message}");
    }
    let run_file = "[model]\npath = \"models/hist.safetensors\"\n[compression]\ndim = 4\n[output]\ndir = \"o\"\n";
    std::fs::write(elsewhere.path("mine.toml"), run_file).unwrap();
    let message = elsewhere.is_refused("--config mine.toml");
    assert!(
        message.contains("`compress compile hist -o FILE`"),
        "{message}"
    );
    // A file that cannot be written is not missing.
    let message = elsewhere.is_refused("compile hist -o no/hist.safetensors");
    assert!(message.starts_with("error: no/hist.safetensors cannot be written: "));
    assert!(!message.contains("compress compile"), "{message}");
    let message = elsewhere.is_refused("run zebra.rasp a");
    assert!(message.ends_with("(os error 2)\n"), "{message}");
}

#[test]
fn completions_know_every_command_and_option() {
    let elsewhere = Elsewhere::new();
    let commands = subcommands(&elsewhere);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = elsewhere.works(&format!("completions {shell}"));
        for word in &commands {
            assert!(script.contains(word.as_str()), "{shell}: {word}");
        }
        for word in ["shard", "dropped-below", "force"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // What an option takes is completed by these three.
        let takes_values = ["bash", "zsh", "fish"].contains(&shell);
        assert!(
            !takes_values || script.contains("training.engine=autodiff"),
            "{shell}"
        );
    }
}

#[test]
fn man_has_a_page_of_every_command_with_its_options() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("man pages");
    let page = |name: &str| {
        let path = elsewhere.path(&format!("pages/{name}.1"));
        std::fs::read_to_string(path).unwrap().replace("\\-", "-")
    };
    let main = page("compress");
    assert_eq!(main, elsewhere.works("man").replace("\\-", "-"));
    let commands = subcommands(&elsewhere);
    for name in commands.iter().filter(|name| *name != "help") {
        assert!(main.contains(&format!("compress-{name}(1)")), "{name}");
        let own = page(&format!("compress-{name}"));
        let help = elsewhere.works(&format!("{name} --help"));
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"));
        let mut found = 0;
        for option in options.map(|word| word.trim_end_matches([',', ';', ')'])) {
            assert!(own.contains(option), "compress-{name}(1): {option}");
            found += 1;
        }
        assert!(found > 0, "compress {name} --help");
    }
    let pages = std::fs::read_dir(elsewhere.path("pages")).unwrap().count();
    assert_eq!(pages, commands.len()); // one each, but for help, and compress(1)
}
