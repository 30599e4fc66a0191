#!/usr/bin/env python3
"""Mutation testing: changes one operator, value or match arm of a file at a time and asks the tests whether they notice.

    scripts/mutants.py                                          every file of UNITS: half an hour on two cores
    scripts/mutants.py src/results/ending.rs src/analysis/fit.rs    some of them
    scripts/mutants.py --list                                   how many mutants each file has

What is changed, and into what, cargo-mutants says (`cargo install --locked cargo-mutants`, version 27). It would
build the file's crate again for each of them, which takes a minute. Here a mutant is a copy of the file's module, and
forty copies with their unit tests are one test binary, linked with that crate as it is and those below it. Each copy is
judged by its own unit tests alone; what does not compile is unviable.

cargo-mutants leaves functions called `new` alone, and `Ending::new` decides what a run is called: in the copies they
are `r#new`, which is the same name. And it leaves numbers alone: here every number but 0, 1 and a whole 2 is made a
tenth larger and a tenth smaller, too.

Prints every mutant that survived and a table of files, and fails if one survived that EQUIVALENT does not name. Not
part of CI.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "mutants"
COPIES = int(os.environ.get("COPIES", "40"))  # a binary
SECONDS = 60  # of processor time that the tests of one copy may take: a mutant may loop without end

# The crates that have files here, by their sources.
PACKAGES = {
    "src": "tracr-compress",
    "crates/tracr/src": "compress-tracr",
    "crates/superposition/src": "compress-superposition",
}

# A file: its crate's sources, a module of that crate, and the modules in it that each copy has of its own; all others are
# the crate's. Modules that use private items of each other go together.
UNITS = {
    "src/results/critical.rs": ("src", "results", ["critical", "statistics"]),
    "src/study/tables.rs": ("src", "study", ["study_lock", "tables"]),
}
for name in "mod reason staircase".split():
    UNITS[f"crates/tracr/src/program/limits/{name}.rs"] = ("crates/tracr/src", "program", ["limits"])
for name in "adamw constant evaluation objective schedule".split():
    UNITS[f"crates/superposition/src/{name}.rs"] = ("crates/superposition/src", "", [name])
for name in "ending group statistics subject trainings".split():
    UNITS[f"src/results/{name}.rs"] = ("src", "results", [name])
for name in "activity fit geometry moments positions redundancy settings structure sweep verdict worst".split():
    UNITS[f"src/analysis/{name}.rs"] = ("src", "analysis", [name])
for name in "mod faithfulness interchange".split():
    UNITS[f"src/analysis/{name}.rs"] = ("src", "analysis", ["faithfulness", "interchange", "positions", "subject"])
for name in "mod evidence settings training widths".split():
    UNITS[f"src/analysis/answer/{name}.rs"] = ("src", "analysis", ["answer"])

# Mutants that change nothing a test could see: file, what is replaced, and the line. docs/reliability.md has the reasons.
EQUIVALENT = {
    line.strip() for line in """
crates/tracr/src/program/limits/mod.rs: replace > with >= in Limits<'a>::of: _ => (lost(x) > ERROR).then_some(Reason::Float32),
crates/superposition/src/constant.rs: replace 256 with 281: const CHUNK: usize = 256;
crates/superposition/src/constant.rs: replace 256 with 231: const CHUNK: usize = 256;
src/analysis/faithfulness.rs: replace += with -= in Sums::add_moments: values += written;
src/analysis/moments.rs: replace += with -= in Moments::add: self.sum += &weighted.sum_axis(Axis(0));
src/analysis/answer/settings.rs: replace < with <= in rough: x if x < 10.0 => four_digits((x * 100.0).round() / 100.0),
src/analysis/answer/settings.rs: replace < with <= in rough: x if x < 100.0 => four_digits((x * 10.0).round() / 10.0),
""".splitlines() if line.strip()
}


def listed(files):
    """What cargo-mutants would do to these files, from a copy of the repository where constructors are `r#new`."""
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True,
                           capture_output=True).stdout.split("\n")
    for name in names:
        if name and not name.startswith(("results/", "docs/")) and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for file in files:
        path = tree / file
        path.write_text(re.sub(r"\bfn new\(", "fn r#new(", path.read_text()))
    command = ["cargo", "mutants", "--list", "--json", "--no-config", "--workspace"]
    for file in files:
        command += ["--file", file]
    found = subprocess.run(command, cwd=tree, check=True, text=True, capture_output=True).stdout
    mutants = {file: [] for file in files}
    for mutant in json.loads(found):
        mutants[mutant["file"]].append(mutant)
    for file in files:
        mutants[file] += constants(file, (tree / file).read_text())
    return tree, mutants


NUMBER = re.compile(r"(?<![\w.])(\d[\d_]*\.\d+(?:e-?\d+)?|\d[\d_]*e-?\d+|\d[\d_]*)(?![\w.]|\.\d)")


def constants(file, text):
    """The numbers of a file's code, tests aside: a tenth larger and a tenth smaller, whole ones by 1 at least."""
    mutants = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#[cfg(test)]"):
            break
        code = line.split("//")[0]
        for match in NUMBER.finditer(code):
            value = float(match[1].replace("_", ""))
            if code.lstrip().startswith("#[") or code[:match.start()].count('"') % 2 or value in (0, 1):
                continue
            if re.search("[.e]", match[1]):
                others = [f"{value * factor:.12g}" for factor in (1.1, 0.9)]
                others = [other if re.search("[.e]", other) else other + ".0" for other in others]
            elif value < 3:
                continue
            else:
                step = max(1, int(value) // 10)
                others = [str(int(value) + step), str(int(value) - step)]
            column = match.start() + 1
            span = {"start": {"line": number, "column": column}, "end": {"line": number, "column": match.end() + 1}}
            mutants += [{"name": f"{file}:{number}:{column}: replace {match[1]} with {other}", "span": span,
                         "replacement": other} for other in others]
    return mutants


def dependencies():
    """Builds the crates; for each what rustc needs to link a test with it, under two names, and with what it uses."""
    command = ["cargo", "test", "--locked", "--no-run", "--test", "analysis", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    rlibs = {}
    for line in built.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and "custom-build" not in message["target"]["kind"]:
            for file in message["filenames"]:
                if file.endswith((".rlib", ".so")):
                    rlibs[message["package_id"]] = file
    metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], cwd=ROOT,
                                         check=True, text=True, capture_output=True).stdout)
    externs = {}
    for sources, name in PACKAGES.items():
        package = next(p for p in metadata["packages"] if p["name"] == name)
        node = next(n for n in metadata["resolve"]["nodes"] if n["id"] == package["id"])
        library = next(t["name"] for t in package["targets"] if t["kind"] == ["lib"])
        used = {"whole": package["id"], library: package["id"]} | {d["name"]: d["pkg"] for d in node["deps"]}
        externs[sources] = [f"-Ldependency={Path(rlibs[package['id']]).parent}"]
        externs[sources] += [f"--extern={name}={rlibs[id]}" for name, id in used.items() if id in rlibs]
    return externs


def changed(text, mutant):
    """The file's text with the mutant's span replaced; columns count from 1."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    start, end = (starts[p["line"] - 1] + p["column"] - 1 for p in (mutant["span"]["start"], mutant["span"]["end"]))
    return text[:start] + mutant["replacement"] + text[end:]


class Batch:
    """Copies of a file's module in one test binary: `base` as it is, and a mutant each."""

    def __init__(self, tree, file, mutants, externs):
        self.file, self.mutants = file, mutants
        sources, self.parent, self.names = UNITS[file]
        self.sources, self.externs = tree / sources, externs[sources]
        self.mutated = tree / file
        self.directory = WORK / "batch"
        shutil.rmtree(self.directory, ignore_errors=True)
        self.live = ["base", *mutants]
        for copy in self.live:
            self.write(copy)

    def write(self, copy):
        for name in self.names:
            source = self.sources / self.parent / name
            for path in sorted(source.rglob("*.rs")) if source.is_dir() else [source.with_suffix(".rs")]:
                self.write_module(copy, path, self.source(copy, path))
        if self.of_parent():
            shared = lambda m: m[0] if m[1] in self.names else f"pub use whole::{self.parent}::{m[1]};"
            text = re.sub(r"^(?:pub )?mod (\w+);", shared, self.source(copy, self.mutated), flags=re.M)
            self.write_module(copy, self.mutated, text)

    def of_parent(self):
        """Whether the file is that of the module that holds the copies' own ones."""
        return self.mutated == self.sources / self.parent / "mod.rs"

    def source(self, copy, path):
        text = path.read_text()
        if path == self.mutated and copy != "base":
            text = changed(text, self.mutants[copy])
        return re.sub(r"(?<!\$)\bcrate::", f"crate::{copy}::", text)

    def write_module(self, copy, path, text):
        target = self.directory / copy / path.relative_to(self.sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def crate(self):
        """The root: a module a copy, which looks like the crate from within."""
        text = f'#![allow(warnings)]\n#[path = "{ROOT}/crates/tracr/src/model/test_models.rs"]\npub mod test_models;\n'
        own = "".join(f"pub mod {name}; " for name in self.names)
        if self.of_parent():
            own = f"pub mod {self.parent};"
        elif self.parent:
            own = f"pub mod {self.parent} {{ pub use whole::{self.parent}::*; {own}}}"
        for copy in self.live:
            text += f"pub mod {copy} {{ pub use whole::*; pub use crate::test_models; {own} }}\n"
        return text

    def compile(self):
        """Drops what does not compile; the names of these copies."""
        root, unviable = self.directory / "lib.rs", []
        options = ["--edition=2024", "--test", "--cap-lints=allow", "--error-format=json", "-Cdebuginfo=0"]
        command = ["rustc", "--crate-name", "mutants", root, "-o", self.directory / "tests", *options, *self.externs]
        environment = os.environ | {"CARGO_MANIFEST_DIR": str(ROOT), "CARGO_PKG_VERSION": "0"}
        while True:
            root.write_text(self.crate())
            done = subprocess.run(command, text=True, capture_output=True, env=environment)
            if done.returncode == 0:
                return unviable
            errors = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
            errors = [error for error in errors if error["level"] == "error"]
            places = (Path(span["file_name"]) for error in errors for span in error["spans"])
            bad = {p.relative_to(self.directory).parts[0] for p in places if p.is_relative_to(self.directory)}
            bad.discard("lib.rs")
            if not bad or "base" in bad:
                sys.exit("".join(error["rendered"] for error in errors[:20]))
            unviable += bad
            self.live = [copy for copy in self.live if copy not in bad]

    def run(self, arguments, seconds=SECONDS):
        """Runs tests for so many seconds of processor time: other work on the machine is no mutant's fault."""
        return subprocess.run([self.directory / "tests", *arguments, "--test-threads=2"], text=True, cwd=ROOT,
                              capture_output=True, env=os.environ | {"RUST_BACKTRACE": "0", "INSTA_UPDATE": "no"},
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)))

    def judge(self):
        """What became of each mutant."""
        results = {copy: "unviable" for copy in self.compile()}
        names = self.run(["--list"]).stdout
        tests = {copy: re.findall(rf"^({copy}::.*): test$", names, re.M) for copy in self.live}
        together = self.run([], SECONDS + 10 * len(self.live)).stdout
        ends = dict(re.findall(r"^test (\S+) \.\.\. (ok|FAILED)$", together, re.M))
        for copy in self.live:
            if all(test in ends for test in tests[copy]):
                passed = all(ends[test] == "ok" for test in tests[copy])
            else:  # A mutant hangs or ends the process: each alone.
                passed = self.run(["--exact", *tests[copy]]).returncode == 0
            results[copy] = "survived" if passed else "caught"
        if not tests["base"] or results.pop("base") != "survived":
            sys.exit(f"{self.file}: tests fail, or there are none, without any change")
        return results


def main():
    arguments = sys.argv[1:]
    files = [a for a in arguments if a != "--list"] or list(UNITS)
    for file in files:
        if file not in UNITS:
            sys.exit(f"{file} is none of: {', '.join(UNITS)}")
    tree, mutants = listed(files)
    if "--list" in arguments:
        for file in files:
            print(f"{len(mutants[file]):5} {file}")
        return
    externs = dependencies()
    rows, unknown = [], 0
    for file in files:
        start, counts = time.time(), Counter()
        named = {f"m{i}": mutant for i, mutant in enumerate(mutants[file])}
        source = (ROOT / file).read_text().split("\n")
        for first in range(0, len(named), COPIES):
            part = dict(list(named.items())[first:first + COPIES])
            for copy, result in Batch(tree, file, part, externs).judge().items():
                if result == "survived":
                    description = re.sub(r"^([^:]*):\d+:\d+: ", r"\1: ", named[copy]["name"]).replace("r#new", "new")
                    line = source[named[copy]["span"]["start"]["line"] - 1].strip()
                    result = "equivalent" if f"{description}: {line}" in EQUIVALENT else "survived"
                    unknown += result == "survived"
                    print(f"{result}: {named[copy]['name']}: {line}", flush=True)
                counts[result] += 1
        counts["tried"] = counts.total() - counts["unviable"]
        rows.append([file, *(counts[key] for key in ("tried", "caught", "equivalent", "survived", "unviable"))])
        print(f"{file}: {counts['tried']} tried, {counts['caught']} caught, {time.time() - start:.0f} s", flush=True)
    rows.append(["all", *map(sum, zip(*(row[1:] for row in rows)))])
    print("\n| file | tried | caught | equivalent | survived | unviable |\n|---|---|---|---|---|---|")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|")
    sys.exit(1 if unknown else 0)


main()
