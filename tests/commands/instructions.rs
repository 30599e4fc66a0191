//! `--simd`: other vector instructions than the widest, with the same results.

use std::fs;
use std::path::Path;

use superposition::engines::fused::InstructionSet;

use crate::common::command::{call, short_run, succeed};

fn available() -> Vec<&'static str> {
    let sets = InstructionSet::ALL.into_iter();
    sets.filter(|set| set.is_available())
        .map(InstructionSet::name)
        .collect()
}

fn w(run: &Path) -> Vec<u8> {
    fs::read(run.join("projection.safetensors")).unwrap()
}

#[test]
fn instructions_change_no_byte_of_w_alone_or_in_a_sweep() {
    let dir = tempfile::tempdir().unwrap();
    for program in ["frac_prevs", "sort_unique", "hist"] {
        let study = dir.path().join(format!("{program}.toml"));
        let base = std::env::current_dir().unwrap();
        let base = base.join(format!("configs/{program}.toml"));
        fs::write(
            &study,
            format!(
                "name = \"{program}\"\nbase = {:?}\n[grid]\ntraining.seed = [0, 1]\n[override]\ntraining.steps = 60\n\
                 training.checkpoint_every = 70\ntraining.log_every = 50\n",
                base.to_str().unwrap()
            ),
        )
        .unwrap();
        let mut found = Vec::new();
        for set in available() {
            let alone = dir.path().join(format!("{program}-{set}"));
            let mut arguments = short_run(program, 60, &alone, &[]);
            arguments.extend(["--simd".into(), set.into()]);
            succeed(&arguments);
            found.push((set, "alone", w(&alone)));
            let swept = dir.path().join(format!("{program}-{set}-sweep"));
            let paths = [study.to_str().unwrap(), swept.to_str().unwrap()];
            succeed(&[
                "sweep", paths[0], "--output", paths[1], "--simd", set, "--quiet",
            ]);
            found.push((set, "in a sweep", w(&swept.join("seed=0"))));
        }
        for (set, how, bytes) in &found {
            assert!(*bytes == found[0].2, "{program}, {set}, {how}");
        }
    }
}

#[test]
fn instructions_in_use_are_in_the_plan() {
    let plan = |set: &str| succeed(&["--config", "configs/hist.toml", "--plan", "--simd", set]);
    for set in available() {
        let line = format!("\ninstructions: {set}");
        assert!(plan(set).contains(&line), "{}", plan(set));
    }
    let widest = available().pop().unwrap();
    let unasked = succeed(&["--config", "configs/hist.toml", "--plan"]);
    assert!(
        unasked.contains(&format!(
            "instructions: {widest}, the widest of this processor\n"
        )),
        "{unasked}"
    );
}

#[test]
fn instructions_that_the_processor_lacks_are_refused_with_those_that_it_has() {
    for command in [
        ["--config", "configs/hist.toml"],
        ["sweep", "experiments/targets.toml"],
    ] {
        for name in ["sse9", "AVX2", ""] {
            let (code, _, stderr) = call(&[command[0], command[1], "--simd", name]);
            assert_eq!(code, 2, "{stderr}");
            assert!(stderr.contains("this processor computes with"), "{stderr}");
            assert!(stderr.contains(available().pop().unwrap()), "{stderr}");
        }
    }
}
