#!/usr/bin/env python3
"""How many runs of any program come out right, with the paper's settings and with those that `compress init` writes.

    python3 scripts/default_settings.py [--compress PROGRAM] [--programs 50] [--seeds 1] [--steps 10000] DIRECTORY

The programs are those of the library whose runs take seconds, and random ones of `compress generate`. For each,
`compress init` writes a run file; its settings are compared with the paper's, at the same d and with as many updates. Right is a
run with a token accuracy of 1, or a mean absolute error of at most 0.01. Needs Python 3.11 and no package. Prints a table in
Markdown; runs that are there already are not made again.
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

# The library's, less those whose runs take minutes and the two whose answer is always the same.
ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "detect_pattern frac_prevs hist length length_numerical nary_sequencemap shift_by sort_unique".split()

# Of the random programs.
SEED = 1

# The paper's appendix E, where it says something.
PAPER = {"compression.init": "normal", "compression.init_std": 1.0, "training.weight_decay": 0.1}

RIGHT = {"token_accuracy": lambda accuracy: accuracy == 1.0, "mae": lambda error: error <= 0.01}


def call(words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def generated(compress, directory, count):
    """Random programs, as files."""
    programs = directory / "programs"
    code, _, said = call([compress, "generate", "--count", count, "--seed", SEED, "--output", programs])
    if code != 0:
        sys.exit(said)
    return sorted(programs.glob("g*.rasp"))


def rows_of(compress, path, directory, seeds, steps):
    """The runs of a program, each with its settings: rows of `runs.csv`; an empty list if its answer is always the same."""
    name = path.stem
    code, _, said = call([compress, "init", path, directory])
    if code != 0:
        sys.exit(f"{name}: {said}")
    if "the same answers" in said:
        return []
    run = tomllib.loads((directory / f"{name}.toml").read_text())
    # `init` counts every position of a numerical output alone.
    metric = "mae" if run["objective"]["output_positions"] == "all" else "token_accuracy"
    own = {key: run[key.split(".")[0]][key.split(".")[1]] for key in PAPER}
    study = [f'name = "{name}"', 'question = "Which settings serve this program?"', f'base = "{name}.toml"']
    for settings in (own, PAPER):
        study.append("[[include]]")
        study += [f'"{key}" = [{json.dumps(value)}]' for key, value in settings.items()]
        study.append(f'"training.seed" = {{ from = 0, count = {seeds} }}')
    study += ["[override]", f'"training.steps" = {steps}', f'"training.log_every" = {max(steps // 4, 1)}']
    file = directory / f"{name}_settings.toml"
    file.write_text("\n".join(study) + "\n")
    output = directory / f"{name}_runs"
    code, _, said = call([compress, "sweep", file, "--jobs", "1", "--quiet", "--output", output])
    if code not in (0, 1):  # 1: a run diverged, which is not right
        sys.exit(f"{name}: {said}")
    with open(output / "runs.csv") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        row["settings"] = "the paper's" if float(row["training.weight_decay"]) == 0.1 else "of `init`"
        row["metric"] = metric
    print(name, " ".join(f"{row['settings']}: {row['ending']}" for row in rows), file=sys.stderr, flush=True)
    return rows


def summary(rows):
    """A row of the table for each kind of output and each settings."""
    for metric, kind in (("token_accuracy", "classes"), ("mae", "numbers")):
        for settings in ("the paper's", "of `init`"):
            found = [row for row in rows if row["settings"] == settings and row["metric"] == metric]
            if not found:
                continue
            worst = -math.inf if metric == "token_accuracy" else math.inf  # of a run that diverged
            values = [float(row[metric] or worst) for row in found]
            right = sum(map(RIGHT[metric], values))
            learned = sum(row["ending"] == "learned" for row in found)
            median = statistics.median(1 - value if metric == "token_accuracy" else value for value in values)
            yield f"| {kind} | {settings} | {len(found)} | {right} | {learned} | {median:.4f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compress", default="compress", help="the program [default: compress]")
    parser.add_argument("--programs", type=int, default=50, help="generated programs")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each program and settings")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("directory", type=Path)
    args = parser.parse_args()
    args.directory.mkdir(parents=True, exist_ok=True)
    rows = []
    library = [ROOT / "programs" / f"{name}.rasp" for name in LIBRARY]
    for path in [*library, *generated(args.compress, args.directory, args.programs)]:
        rows += rows_of(args.compress, path, args.directory, args.seeds, args.steps)
    print("| output | settings | runs | right | learned | median error |")
    print("|---|---|---|---|---|---|")
    print("\n".join(summary(rows)))


if __name__ == "__main__":
    main()
