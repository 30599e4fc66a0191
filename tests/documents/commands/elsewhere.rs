//! Commands of the documentation that no test of this crate can run, and where they are run instead.

/// A command, by its first words.
pub struct Elsewhere {
    pub words: &'static [&'static str],
    /// Why it is not run here.
    pub why: &'static str,
    /// Where it is: files and what stands in them, the last of which CI runs.
    pub run_by: &'static [(&'static str, &'static str)],
}

pub const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        words: &["cargo", "test"],
        why: "this is such a test",
        run_by: &[(".ci/run", "\ncargo test --release")],
    },
    Elsewhere {
        words: &["cargo", "build", "--release"],
        why: "it compiles the program",
        run_by: &[
            ("scripts/check_install.sh", "cargo build --release"),
            (".ci/run", "\nscripts/check_install.sh"),
        ],
    },
    Elsewhere {
        words: &["cargo", "bench", "--bench", "engines"],
        why: "it compiles a bench, and measures",
        run_by: &[(".ci/run", "\ncargo bench --bench engines")],
    },
    Elsewhere {
        words: &["cargo", "install", "--locked", "--path", "."],
        why: "it compiles the whole program once more",
        run_by: &[
            (
                "scripts/check_install.sh",
                "cargo install --locked --path .",
            ),
            (".ci/run", "\nscripts/check_install.sh"),
        ],
    },
    Elsewhere {
        words: &["python3", "-m", "venv"],
        why: "Python Tracr needs the network",
        run_by: &[
            ("scripts/check_export.sh", "-m venv"),
            (".ci/run", "\nscripts/check_export.sh"),
        ],
    },
    Elsewhere {
        words: &["venv/bin/pip", "install", "-r", "scripts/requirements.txt"],
        why: "Python Tracr needs the network",
        run_by: &[
            (
                "scripts/check_export.sh",
                "-r \"$scripts/requirements.txt\"",
            ),
            (".ci/run", "\nscripts/check_export.sh"),
        ],
    },
    Elsewhere {
        words: &["venv/bin/python", "scripts/export_tracr.py"],
        why: "it needs Python Tracr",
        run_by: &[
            ("scripts/check_export.sh", "\"$scripts/export_tracr.py\""),
            (".ci/run", "\nscripts/check_export.sh"),
        ],
    },
    Elsewhere {
        words: &["scripts/reproduce.sh"],
        why: "it compiles the program, and runs every study",
        run_by: &[(".ci/run", "\n    scripts/reproduce.sh output_positions")],
    },
    Elsewhere {
        words: &["scripts/faults.sh"],
        why: "it takes minutes, root and Linux",
        run_by: &[(".ci/run", "\nscripts/faults.sh")],
    },
    Elsewhere {
        words: &["scripts/fuzz.sh"],
        why: "it compiles the fuzz targets",
        run_by: &[(".ci/run", "\nSEED=1 JOBS=4 scripts/fuzz.sh")],
    },
    Elsewhere {
        words: &["RUNS=10000000", "scripts/fuzz.sh"],
        why: "it compiles the fuzz targets, and takes an hour",
        run_by: &[(".ci/run", "\nSEED=1 JOBS=4 scripts/fuzz.sh")],
    },
    Elsewhere {
        words: &["scripts/slurm_sweep.sh"],
        why: "it needs a Slurm cluster",
        run_by: &[
            ("scripts/test_slurm.sh", "\"$scripts/slurm_sweep.sh\""),
            (".ci/run", "\nscripts/test_slurm.sh"),
        ],
    },
];

/// The entry of a command, if it is one of these.
pub fn find(words: &[String]) -> Option<&'static Elsewhere> {
    ELSEWHERE.iter().find(|entry| {
        words.len() >= entry.words.len() && entry.words.iter().zip(words).all(|(a, b)| a == b)
    })
}
