//! The first program of one's own: `init` for it, which `d` to try, and what is said where something else was meant.

use crate::elsewhere::{Elsewhere, SHORT};

const OWN: &str = "#! vocab: a, b\n#! max_seq_len: 3\nfirst = aggregate(select(indices, indices, (k, q) -> k == 0), tokens);\n";

#[test]
fn init_writes_a_run_file_and_a_study_for_any_program() {
    let elsewhere = Elsewhere::new();
    std::fs::create_dir(elsewhere.path("mine")).unwrap();
    std::fs::write(elsewhere.path("mine/it's \"first\".rasp"), OWN).unwrap();
    std::fs::write(elsewhere.path("mine/first.rasp"), OWN).unwrap();
    // Wherever the files are written, they lead to the program.
    for (line, place) in [
        ("init mine/first.rasp", ""),
        ("init mine/first.rasp new/there", "new/there/"),
        ("init mine/first.rasp --output mine", "mine/"),
    ] {
        let said = elsewhere.works(line);
        let expected = format!(
            "{place}first.toml\n{place}first_study.toml\nnext: compress train {place}first.toml (or compress sweep \
             {place}first_study.toml)\n"
        );
        assert_eq!(said, expected);
        let said = elsewhere.works(&format!("train {place}first.toml {SHORT}"));
        assert!(
            said.ends_with(&format!("results in {place}results/first\n")),
            "{said}"
        );
        let list = elsewhere.works(&format!("sweep {place}first_study.toml --dry-run"));
        assert!(list.contains("runs done in results/first_study"), "{list}");
        assert_eq!(
            elsewhere.works(line),
            format!(
                "next: compress train {place}first.toml (or compress sweep {place}first_study.toml)\n"
            )
        );
    }
    let (code, _, stderr) = elsewhere.call_words(&["init", "mine/it's \"first\".rasp", "odd"]);
    assert_eq!(code, 0, "{stderr}");
    let file = "odd/it's \"first\".toml";
    let (code, stdout, stderr) = elsewhere.call_words(&["train", file, "--plan"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("step"), "{stdout}");
}

#[test]
fn init_takes_what_a_header_does_not_say_and_asks_for_what_is_missing() {
    let elsewhere = Elsewhere::new();
    let without_header = OWN.lines().last().unwrap();
    std::fs::write(elsewhere.path("first.rasp"), without_header).unwrap();
    let message = elsewhere.is_refused("init first.rasp");
    assert!(message.contains("give --vocab a,b,c"), "{message}");
    elsewhere.works("init first.rasp --vocab 1,\"1\",x --max-seq-len 2 --causal");
    let text = std::fs::read_to_string(elsewhere.path("first.toml")).unwrap();
    for line in [
        "vocab = [1, \"1\", \"x\"]",
        "max_seq_len = 2",
        "causal = true",
    ] {
        assert!(text.contains(line), "{text}");
    }
    elsewhere.works(&format!("train first.toml {SHORT}"));
    // A program of the library with other settings is that program.
    elsewhere.works("init count --max-seq-len 4");
    let text = std::fs::read_to_string(elsewhere.path("count.toml")).unwrap();
    assert!(text.contains("max_seq_len = 4"), "{text}");
    let message = elsewhere.is_refused("init untied --causal");
    assert!(message.contains("untied is a study"), "{message}");
    // An s-op that is the same on every input.
    std::fs::write(elsewhere.path("one.rasp"), "one = map(x -> 1, tokens);").unwrap();
    let (code, _, stderr) = elsewhere.call("init one.rasp --vocab a,b --max-seq-len 3");
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("every input has the same answers"),
        "{stderr}"
    );
}

#[test]
fn what_is_given_to_the_wrong_command_is_named_with_the_right_one() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("init init_scale");
    elsewhere.works(&format!("train frac_prevs.toml {SHORT} --output run"));
    for (line, is, advice) in [
        (
            "sweep frac_prevs.toml",
            "a run file",
            "compress train frac_prevs.toml",
        ),
        (
            "sweep frac_prevs.rasp",
            "a RASP program",
            "compress init frac_prevs.rasp",
        ),
        (
            "shrink init_scale.toml",
            "a study",
            "compress sweep init_scale.toml",
        ),
        (
            "certify frac_prevs.toml",
            "a run file",
            "compress train frac_prevs.toml",
        ),
        (
            "export init_scale.toml -o x.npz",
            "a study",
            "compress sweep init_scale.toml",
        ),
        (
            "report frac_prevs.toml",
            "a run file",
            "compress train frac_prevs.toml",
        ),
        (
            "train frac_prevs.rasp",
            "a RASP program",
            "compress init frac_prevs.rasp",
        ),
        (
            "frac_prevs.rasp",
            "a RASP program",
            "compress init frac_prevs.rasp",
        ),
        ("hist", "a program of the library", "compress init hist"),
    ] {
        let message = elsewhere.is_refused(line);
        assert!(
            message.contains(&format!(" is {is}, and `compress ")),
            "{line}: {message}"
        );
        assert!(message.contains(&format!("`{advice}")), "{line}: {message}");
    }
    let message = elsewhere.is_refused("./run");
    assert!(
        message.contains("./run is the directory of a run"),
        "{message}"
    );
    elsewhere.works("report ./run");
}

#[test]
fn a_file_in_a_directory_that_is_not_there_is_refused_before_anything_is_computed() {
    let elsewhere = Elsewhere::new();
    elsewhere.works("init frac_prevs");
    elsewhere.works(&format!("train frac_prevs.toml {SHORT} --output it"));
    for line in [
        "export it -o nodir/x.npz",
        "export it -o nodir/x",
        "certify it -o nodir/x.json",
        "circuit it -o nodir/x.json",
        "report it -o nodir/x.html",
        "compile hist -o nodir/x.safetensors",
    ] {
        let message = elsewhere.is_refused(line);
        assert!(
            message.contains("the directory nodir does not exist: `mkdir -p nodir` makes it"),
            "{line}: {message}"
        );
        assert!(!message.contains(".writing-"), "{message}");
        let message = elsewhere.is_refused(&line.replace("nodir", "frac_prevs.toml"));
        assert!(message.contains("is not a directory"), "{line}: {message}");
    }
    for line in ["init frac_prevs frac_prevs.rasp/x", "man frac_prevs.rasp/x"] {
        elsewhere.is_refused(line);
    }
    // What looks at a model says what a run file is; and of a run, how its model is run.
    for line in [
        "run frac_prevs.toml a",
        "circuit frac_prevs.toml",
        "judge frac_prevs.toml",
    ] {
        let message = elsewhere.is_refused(line);
        let command = line.split(' ').next().unwrap();
        let said = format!("is a run file, and `compress {command}` takes a model file");
        assert!(message.contains(&said), "{message}");
    }
    let message = elsewhere.is_refused("compile frac_prevs.toml");
    assert!(
        message.contains("is a run file, and `compress compile` takes a RASP program"),
        "{message}"
    );
    let message = elsewhere.is_refused("run it x a");
    let advice =
        "it is the directory of a run: `compress run it/../frac_prevs.rasp --projection it TOKENS`";
    assert!(message.contains(advice), "{message}");
    elsewhere.works("run it/../frac_prevs.rasp --projection it x a");
    // Longer training in the same directory is another run, and the message says how to go on from its W.
    let message = elsewhere.is_refused(
        "train frac_prevs.toml --output it --quiet --set training.log_every=100 --set training.steps=400",
    );
    assert!(
        message.contains("training.steps: 200 there, 400 here"),
        "{message}"
    );
    elsewhere.works(
        "train frac_prevs.toml --set training.log_every=100 --set training.steps=400 --quiet \
         --set compression.init.from=it --output longer",
    );
}

#[test]
fn compile_says_which_d_to_try() {
    let said = Elsewhere::new().works("compile frac_prevs");
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    assert_eq!(
        lines[1..],
        [
            "the model agrees with the program on 604 inputs that were drawn; on all of them: `compress run frac_prevs --all --compare`",
            "the visited states have rank 9 in 10 live features",
            "d to try: 2 to 9; from 9 on a linear W loses nothing that is read"
        ]
    );
}
