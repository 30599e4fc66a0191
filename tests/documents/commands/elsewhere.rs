//! Commands of the documentation that no test of this crate can run, and where they are run instead.

use std::collections::BTreeMap;

/// A command, by its program and the beginning of its arguments.
pub struct Elsewhere {
    pub program: &'static str,
    pub arguments: &'static str,
    /// Why it is not run here.
    pub why: &'static str,
    /// Where it is: files and what stands in them, the last of which CI runs.
    pub run_by: &'static [(&'static str, &'static str)],
}

pub const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        program: "cargo",
        arguments: "test",
        why: "this is such a test",
        run_by: &[(".ci/run", "\ncargo test --release")],
    },
    Elsewhere {
        program: "cargo",
        arguments: "build --release",
        why: "it compiles the program",
        run_by: &[
            ("scripts/check_install.sh", "cargo build --release"),
            (".ci/run", "\nscripts/check_install.sh"),
        ],
    },
    Elsewhere {
        program: "cargo",
        arguments: "bench --bench engines",
        why: "it compiles a bench, and measures",
        run_by: &[(".ci/run", "\ncargo bench --bench engines")],
    },
    Elsewhere {
        program: "cargo",
        arguments: "install --locked --path .",
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
        program: "python3",
        arguments: "-m venv",
        why: "Python Tracr needs the network",
        run_by: &[
            ("scripts/tracr_python.sh", "-m venv"),
            (".ci/run", "scripts/tracr_python.sh"),
        ],
    },
    Elsewhere {
        program: "venv/bin/pip",
        arguments: "install -r scripts/requirements.txt",
        why: "Python Tracr needs the network",
        run_by: &[
            ("scripts/tracr_python.sh", "/requirements.txt\" >&2"),
            (".ci/run", "scripts/tracr_python.sh"),
        ],
    },
    Elsewhere {
        program: "venv/bin/python",
        arguments: "scripts/export_tracr.py",
        why: "it needs Python Tracr",
        run_by: &[
            ("scripts/check_export.sh", "\"$scripts/export_tracr.py\""),
            (".ci/run", "\nscripts/check_export.sh"),
        ],
    },
    Elsewhere {
        program: "python3",
        arguments: "scripts/check_certificate.py",
        why: "it needs NumPy",
        run_by: &[
            (
                "scripts/check_certificates.sh",
                "scripts/check_certificate.py",
            ),
            (".ci/run", "\nscripts/check_certificates.sh"),
        ],
    },
    Elsewhere {
        program: "python3",
        arguments: "scripts/default_settings.py",
        why: "it trains a hundred runs in full length",
        run_by: &[(".ci/run", "\npython3 scripts/default_settings.py")],
    },
    Elsewhere {
        program: "scripts/reproduce.sh",
        arguments: "",
        why: "it compiles the program, and runs every study",
        run_by: &[(".ci/run", "\n    scripts/reproduce.sh output_positions")],
    },
    Elsewhere {
        program: "scripts/faults.sh",
        arguments: "",
        why: "it takes minutes, root and Linux",
        run_by: &[(".ci/run", "\nscripts/faults.sh")],
    },
    Elsewhere {
        program: "scripts/fuzz.sh",
        arguments: "",
        why: "it compiles the fuzz targets, and may take an hour",
        run_by: &[(".ci/run", "\nSEED=1 JOBS=4 OPT_LEVEL=1 scripts/fuzz.sh")],
    },
    Elsewhere {
        program: "scripts/slurm_sweep.sh",
        arguments: "",
        why: "it needs a Slurm cluster",
        run_by: &[
            ("scripts/test_slurm.sh", "\"$scripts/slurm_sweep.sh\""),
            (".ci/run", "\nscripts/test_slurm.sh"),
        ],
    },
];

/// The programs of the list, and for each what a shell does with the arguments that belong there: nothing.
pub fn stubs() -> BTreeMap<&'static str, String> {
    let mut stubs = BTreeMap::new();
    for entry in ELSEWHERE {
        let stub: &mut String = stubs.entry(entry.program).or_default();
        *stub += &format!("case $* in\n  '{}'*) exit 0 ;;\nesac\n", entry.arguments);
    }
    stubs
}
