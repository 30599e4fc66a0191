#!/usr/bin/env python3
"""How long `compress compile` and Python Tracr take for the same programs, as whole processes.

    python scripts/peer_compile.py [--compress target/release/compress] [--runs 3]

Runs the two in turn and prints the median of each and their ratio. Both compile from source to
weights; `compress` also writes the model file and checks it against the program's interpreter, Tracr
only compiles. Needs scripts/requirements.txt.
"""

import argparse
import statistics
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LETTERS = string.ascii_letters + "_"


def tracr(name: str) -> None:
    """Compiles one program with Tracr, and nothing else."""
    from tracr.compiler import compiling, lib
    from tracr.rasp import rasp

    program, vocabulary, max_seq_len = {
        "hist": lambda: (lib.make_hist(), set("abcd"), 5),
        "sort": lambda: (
            lib.make_sort(rasp.tokens, rasp.tokens, max_seq_len=5, min_key=1),
            {1, 2, 3, 4},
            5,
        ),
        "shuffle_dyck3": lambda: (lib.make_shuffle_dyck(["()", "{}", "[]"]), set("(){}[]"), 5),
        "frac_prevs 53x60": lambda: (lib.make_frac_prevs(rasp.tokens == "x"), set(LETTERS), 60),
    }[name]()
    compiling.compile_rasp_to_model(program, vocabulary, max_seq_len, compiler_bos="BOS")


def ours(name: str, compress: str, directory: str) -> list[str]:
    """The command that compiles the same program."""
    source = ROOT / "programs" / f"{name.split()[0]}.rasp"
    command = [compress, "compile", str(source), "-o", f"{directory}/model.safetensors"]
    if name.startswith("frac_prevs"):
        command += ["--vocab", ",".join(LETTERS), "--max-seq-len", "60"]
    return command


def seconds(command: list[str]) -> float:
    """Wall time of a process that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compress", default=str(ROOT / "target/release/compress"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tracr", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.tracr:
        tracr(arguments.tracr)
        return
    print(f"{'program':18} {'Tracr':>9} {'compress':>9} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as directory:
        for name in ("hist", "sort", "shuffle_dyck3", "frac_prevs 53x60"):
            pairs = [
                (
                    seconds([sys.executable, __file__, "--tracr", name]),
                    seconds(ours(name, arguments.compress, directory)),
                )
                for _ in range(arguments.runs)
            ]
            theirs, mine = (statistics.median(times) for times in zip(*pairs))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"{name:18} {theirs:8.2f}s {1000 * mine:7.1f}ms {ratio:7.0f}", flush=True)


if __name__ == "__main__":
    main()
