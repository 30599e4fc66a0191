#!/usr/bin/env python3
"""How many runs of any program come out right, with the paper's settings and with those that `compress init` writes.

    python3 scripts/default_settings.py [--compress PROGRAM] [--programs 50] [--seeds 1] [--steps 10000] DIRECTORY

The programs are those of the library whose runs take seconds and generated ones: random statements, kept where they compile,
where the compiled model equals the program on every input, and where the answer depends on the input. For each,
`compress init` writes a run file; its settings are compared with the paper's, at the same d and with as many updates. Right is a run
with a token accuracy of 1, or a mean absolute error of at most 0.01. Needs Python 3.11 and no package. Prints a table in
Markdown; runs that are there already are not made again.
"""

import argparse
import csv
import json
import random
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

# The library's, less those whose runs take minutes and the two whose answer is always the same.
ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "detect_pattern frac_prevs hist length length_numerical nary_sequencemap shift_by sort_unique".split()

# The paper's appendix E, where it says something.
PAPER = {"compression.init": "normal", "compression.init_std": 1.0, "training.weight_decay": 0.1}

RIGHT = {"token_accuracy": lambda accuracy: accuracy == 1.0, "mae": lambda error: error <= 0.01}


def program(seed):
    """The text of a random program: two to five statements over s-ops of three kinds, the last of which is the output."""
    rng = random.Random(seed)
    words = ["a", "b", "c", "d"][: rng.randint(2, 4)]
    kinds = {"token": ["tokens"], "int": ["indices"], "bool": []}
    lines = [f"#! vocab: {', '.join(words)}", f"#! max_seq_len: {rng.randint(3, 5)}"]

    def pick(kind):
        names = kinds[kind]
        # Late ones rather than early ones, so that programs are deep.
        return names[-1] if rng.random() < 0.6 else rng.choice(names)

    def add(kind, expression):
        name = f"x{len(lines) - 1}"
        lines.append(f"{name} = {expression};")
        kinds[kind].append(name)

    def boolean():
        choices = [f'tokens == "{rng.choice(words)}"']
        if len(kinds["int"]) > 1:
            choices.append(f"map(x -> x {rng.choice(['<', '==', '>='])} {rng.randint(1, 3)}, {pick('int')})")
        if len(kinds["bool"]) > 1:
            choices.append(f"{pick('bool')} {rng.choice(['and', 'or'])} {rng.choice(kinds['bool'])}")
        return rng.choice(choices)

    def number():
        kind = rng.choice(["token", "int", "bool"])
        if not kinds[kind]:
            kind = "token"
        name = pick(kind)
        compare = "==" if kind != "int" else rng.choice(["==", "<", "<="])
        choices = [f"selector_width(select({name}, {name}, {compare}))"]
        if len(kinds["int"]) > 1:
            choices.append(f"map(x -> {rng.choice(['x % 2', 'x - 1', '3 - x'])}, {pick('int')})")
            choices.append(f"sequence_map((x, y) -> {rng.choice(['x + y', 'x - y', 'x * y'])}, {pick('int')}, indices)")
        return rng.choice(choices)

    def moved(kind):
        shift = rng.randint(1, 2)
        selector = rng.choice([
            f"select(indices, indices, (k, q) -> k == q - {shift})",
            f"select(indices, {pick('int')}, ==)",
        ])
        return f"aggregate({selector}, {pick(kind)})"

    for _ in range(rng.randint(2, 5)):
        step = rng.randrange(5)
        if step == 0:
            add("bool", boolean())
        elif step in (1, 2):
            add("int", number())
        elif step == 3:
            add("token", moved("token"))
        else:
            kind = rng.choice([kind for kind in kinds if kinds[kind]])
            add(kind, moved(kind))
    if rng.random() < 0.35:
        # A numerical output: a share of the positions, or what is left between two.
        lines.append(f"bits = numerical({boolean()});")
        lines.append("share = aggregate(select(indices, indices, <=), bits);")
        if rng.random() < 0.4:
            lines.append(f"others = numerical({boolean()});")
            lines.append("rest = aggregate(select(indices, indices, true), others);")
            lines.append("balance = linear(share, rest, 1, -1);")
    return "\n".join(lines) + "\n"


def call(words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def generated(compress, directory, count):
    """The first `count` generated programs that serve, as files."""
    files = []
    seed = 0
    while len(files) < count:
        path = directory / f"generated_{seed}.rasp"
        path.write_text(program(seed))
        seed += 1
        code, text, _ = call([compress, "compile", path, "--strict"])
        width = re.search(r"D (\d+),", text)
        # Narrow ones have nothing to compress, and wide ones take long.
        if code == 0 and width and 10 <= int(width[1]) <= 40:
            files.append(path)
        else:
            path.unlink()
    return files


def rows_of(compress, path, directory, seeds, steps):
    """The runs of a program, each with its settings: rows of `runs.csv`; none where its answer is always the same."""
    name = path.stem
    code, _, said = call([compress, "init", path, directory])
    if code != 0:
        sys.exit(f"{name}: {said}")
    if "the same answers" in said:
        return []
    run = tomllib.loads((directory / f"{name}.toml").read_text())
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
    if code != 0:
        sys.exit(f"{name}: {said}")
    with open(output / "runs.csv") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        row["settings"] = "the paper's" if float(row["training.weight_decay"]) == 0.1 else "of `init`"
    print(name, " ".join(f"{row['settings']}: {row['ending']}" for row in rows), file=sys.stderr, flush=True)
    return rows


def summary(rows):
    """A row of the table for each kind of output and each settings."""
    for metric, kind in (("token_accuracy", "classes"), ("mae", "numbers")):
        for settings in ("the paper's", "of `init`"):
            found = [row for row in rows if row["settings"] == settings and row[metric]]
            if not found:
                continue
            values = [float(row[metric]) for row in found]
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
