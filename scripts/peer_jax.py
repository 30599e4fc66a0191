#!/usr/bin/env python3
"""Training steps per second of this project and of JAX, in turn on the same cores, and their ratio.

    python scripts/peer_jax.py [--case frac_prevs] [--dims 8] [--repetitions 5] [--json]
    python scripts/peer_jax.py --vmap 16     # and many runs at once: run-steps per second
    python scripts/peer_jax.py --check       # JAX's training against the reference trajectories

JAX trains what jax_trainer.py says, with the step called from Python (naive) and with `lax.scan`; the
ratio is to the latter. `--vmap R` adds R runs at once of that program (vmap), and the same objective in feature
space, as our engine has it (jax_folded.py), of one run (folded) and of R at once (folded_vmap); ours is then also beside the
best of these. Ours is the bench
`engines` (`cargo bench --bench engines`), which is built first, with each instruction set of `--simd`;
`--binary` names one that is built already, `--no-ours` leaves it out. The figures are medians.

The process and all that it starts are bound to one core, and XLA is told to use one thread; `--cores 0,1` does
that once on each core, at the same time, and adds the speeds up. Needs scripts/requirements.txt.
"""

import needs

needs.check((3, 11), ("jax", "haiku", "optax", "safetensors", "tracr"), "pip install -r scripts/requirements.txt")

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parent.parent
TRAJECTORIES = ROOT / "tests/fixtures/trajectories"
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def bind(core: int) -> None:
    """One core, one thread; before JAX is imported, which reads both."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    elif sys.platform != "linux":
        print("cannot bind to a core here; XLA still gets one thread", file=sys.stderr)
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()


def build() -> str:
    """Builds the bench and returns its path."""
    command = ["cargo", "bench", "--bench", "engines", "--no-run", "--message-format", "json"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    (binary,) = (
        message["executable"]
        for message in messages
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "engines"
    )
    return binary


def ours(binary: str, case: str, dim: int, arguments) -> dict[str, float]:
    """Steps per second of each engine and instruction set, one repetition."""
    speeds = {}
    for simd in arguments.simd or [None]:
        command = [binary, "--case", case, "--dims", str(dim), "--json"]
        command += ["--seconds", str(arguments.seconds), "--repetitions", "1", "--threads", "1"]
        command += ["--engine", arguments.engine] if arguments.engine else []
        command += ["--simd", simd] if simd else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        for measured in json.loads(done.stdout)["measurements"]:
            name = f"{measured['engine']}, {simd}" if simd else measured["engine"]
            speeds[name] = measured["steps_per_second"]
    return speeds


def speed(trainer, seconds: float) -> float:
    """Steps per second, of all its runs together, of a JAX trainer that has been compiled."""
    start, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        trainer.run()
        steps += trainer.steps * trainer.runs
    return steps / elapsed


def measure(name: str, arguments) -> Iterator[dict]:
    """The speeds of all widths of one case, each repetition by itself."""
    import jax_trainer
    from jax_folded import Folded

    problem = jax_trainer.Problem(jax_trainer.CASES[name])
    for dim in arguments.dims or problem.case.dims:
        trainers = {
            "jax_naive": jax_trainer.Naive(problem, dim),
            "jax_scan": jax_trainer.Scan(problem, dim),
        }
        if runs := arguments.vmap:
            trainers["jax_vmap"] = jax_trainer.Scan(problem, dim, runs=runs)
            trainers["jax_folded"] = jax_trainer.Scan(problem, dim, Folded(problem))
            trainers["jax_folded_vmap"] = jax_trainer.Scan(problem, dim, Folded(problem), runs)
        for trainer in trainers.values():
            trainer.run()  # compiles
        speeds: dict[str, list[float]] = {}
        for _ in range(arguments.repetitions):
            repetition = {key: speed(t, arguments.seconds) for key, t in trainers.items()}
            if arguments.binary:
                repetition |= ours(arguments.binary, name, dim, arguments)
            for key, value in repetition.items():
                speeds.setdefault(key, []).append(value)
        yield {"case": name, "dim": dim, "width": problem.width, "speeds": speeds}


def summary(result: dict) -> dict:
    """Medians, and what ours are to JAX's."""
    medians = {key: statistics.median(values) for key, values in result["speeds"].items()}
    of_jax = {key: value for key, value in medians.items() if key.startswith("jax")}
    best = max((of_jax[key] for key in of_jax if key not in ("jax_naive", "jax_scan")), default=None)
    engines = {key: value for key, value in medians.items() if key not in of_jax}
    return {
        "case": result["case"],
        "dim": result["dim"],
        "width": result["width"],
        "steps_per_second": medians,
        "fastest": {key: max(values) for key, values in result["speeds"].items()},
        "ratio_to_scan": {key: value / of_jax["jax_scan"] for key, value in engines.items()},
        "ratio_to_best": {key: value / best for key, value in engines.items()} if best else {},
    }


def measure_on_cores(name: str, arguments) -> Iterator[dict]:
    """The same on several cores at the same time, each bound to its own; their speeds added up."""
    command = [sys.executable, __file__, "--speeds", "--case", name]
    for option in ("repetitions", "seconds", "engine", "vmap", "binary"):
        if (value := getattr(arguments, option)) is not None:
            command += [f"--{option}", str(value)]
    for option in ("dims", "simd"):
        if values := getattr(arguments, option):
            command += [f"--{option}", ",".join(map(str, values))]
    command += [] if arguments.binary else ["--no-ours"]
    started = [
        subprocess.Popen([*command, "--core", str(core)], stdout=subprocess.PIPE, text=True)
        for core in arguments.cores
    ]
    answers = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit("error: the measurement failed on one of the cores")
    for parts in zip(*map(json.loads, answers)):
        speeds = {
            key: [sum(values) for values in zip(*(part["speeds"][key] for part in parts))]
            for key in parts[0]["speeds"]
        }
        yield {**parts[0], "speeds": speeds}


def show(result: dict) -> None:
    """One line a trainer."""
    for key, median in result["steps_per_second"].items():
        ratios = [result[name].get(key) for name in ("ratio_to_scan", "ratio_to_best")]
        print(
            f"{result['case']:14} {result['dim']:3} {result['width']:3} {key:14} {median:11.1f} "
            f"{result['fastest'][key]:11.1f} {1e6 / median:11.1f} "
            + " ".join(" " * 10 if ratio is None else f"{ratio:9.1f}x" for ratio in ratios),
            flush=True,
        )


def check() -> None:
    """Follows every reference trajectory in float64, and its first gradient in float32."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax_check

    worst = [jax_check.compare(path) for path in sorted(TRAJECTORIES.glob("*.safetensors"))]
    failed = sum(not good for good in worst)
    print(f"{len(worst) - failed} passed, {failed} failed")
    if failed or not worst:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", help="only this case (may be repeated)")
    parser.add_argument("--dims", type=lambda text: [int(d) for d in text.split(",")])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="least length of a repetition")
    parser.add_argument("--vmap", type=int, metavar="R", help="R runs of JAX at once, too")
    parser.add_argument(
        "--simd", type=lambda text: text.split(","), help="our instruction sets, as in avx2,avx512"
    )
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument(
        "--cores", type=lambda text: [int(core) for core in text.split(",")], help="these, added up"
    )
    parser.add_argument("--speeds", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--binary", help="the bench `engines`, already built")
    parser.add_argument("--engine", help="only this engine of ours")
    parser.add_argument("--no-ours", action="store_true", help="JAX alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="correctness instead of speed")
    arguments = parser.parse_args()
    # Built before binding: the compiler may have all cores.
    skip = arguments.no_ours or arguments.check
    arguments.binary = None if skip else arguments.binary or build()
    if arguments.cores is None:
        bind(arguments.core)
    if arguments.check:
        check()
        return
    import jax_trainer

    names = arguments.case or list(jax_trainer.CASES)
    if unknown := set(names) - set(jax_trainer.CASES):
        parser.error(
            f"no such case: {', '.join(unknown)}; there are {', '.join(jax_trainer.CASES)}"
        )
    table = not (arguments.json or arguments.speeds)
    if table:
        print(
            f"{'case':14} {'d':>3} {'D':>3} {'trainer':14} {'steps/s':>11} {'fastest':>11} "
            f"{'µs/step':>11} {'to scan':>10} {'to vmap':>10}"
        )
    results = []
    for name in names:
        one = measure_on_cores if arguments.cores else measure
        for result in one(name, arguments):
            results.append(result)
            if table:
                show(summary(result))
    if arguments.speeds:
        print(json.dumps(results))
    elif arguments.json:
        print(json.dumps([summary(result) for result in results], indent=2))


if __name__ == "__main__":
    main()
