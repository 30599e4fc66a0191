//! The programs of `programs/`: their headers are complete and their examples true.

use tracr::rasp::{interpreter, python};

use crate::support::{load, repository};

#[test]
fn library_programs_say_how_to_compile_them_and_compute_their_examples() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(repository("programs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let program = load(&format!("programs/{name}.rasp"));
        let header = &program.header;
        assert!(header.about.is_some(), "{name}");
        let vocab = header
            .vocab
            .as_ref()
            .unwrap_or_else(|| panic!("{name} has no vocab"));
        let longest = header
            .max_seq_len
            .unwrap_or_else(|| panic!("{name} has no max_seq_len"));
        assert!(!header.examples.is_empty(), "{name}");
        for example in &header.examples {
            assert!(example.input.len() <= longest, "{name}");
            assert!(
                example.input.iter().all(|token| vocab.contains(token)),
                "{name}"
            );
            let run = interpreter::run(&program.graph, program.output, &example.input, false);
            let run = run.unwrap_or_else(|e| panic!("{name}: {e}"));
            let equal = run
                .output()
                .iter()
                .zip(&example.output)
                .all(|(a, b)| python::equal(a, b));
            assert!(
                equal,
                "{name}: {:?}, header {:?}",
                run.output(),
                example.output
            );
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(
        names,
        [
            "count",
            "count_less_freq",
            "detect_pattern",
            "frac_prevs",
            "hist",
            "length",
            "length_numerical",
            "nary_sequencemap",
            "pair_balance",
            "reverse",
            "shift_by",
            "shuffle_dyck2",
            "shuffle_dyck3",
            "sort",
            "sort_freq",
            "sort_unique",
        ]
    );
}
