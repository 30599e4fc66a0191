#!/usr/bin/env python3
"""Training steps per second of this project and of JAX, in turn on one core, and their ratio.

    python scripts/peer_jax.py [--case frac_prevs] [--dims 8] [--repetitions 5] [--json]
    python scripts/peer_jax.py --check       # JAX's training against the reference trajectories

JAX trains what jax_trainer.py says, with the step called from Python (naive) and with `lax.scan`; the
ratio is to the latter. Ours is the bench `engines` (`cargo bench --bench engines`), which is built
first; `--binary` names one that is built already, `--no-ours` leaves it out. The figures are medians.

The process and all that it starts are bound to one core, and XLA is told to use one thread. Needs
scripts/requirements.txt.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


def ours(binary: str, case: str, dim: int, seconds: float, engine: str | None) -> dict[str, float]:
    """Steps per second of each engine, one repetition."""
    command = [binary, "--case", case, "--dims", str(dim), "--json"]
    command += ["--seconds", str(seconds), "--repetitions", "1", "--threads", "1"]
    command += ["--engine", engine] if engine else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {m["engine"]: m["steps_per_second"] for m in json.loads(done.stdout)["measurements"]}


def speed(trainer, seconds: float) -> float:
    """Steps per second of a JAX trainer that has been compiled."""
    start, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        trainer.run()
        steps += trainer.steps
    return steps / elapsed


def measure(name: str, dims: list[int] | None, binary: str | None, arguments) -> list[dict]:
    """All widths of one case."""
    import jax_trainer

    problem = jax_trainer.Problem(jax_trainer.CASES[name])
    results = []
    for dim in dims or problem.case.dims:
        trainers = {
            "jax_naive": jax_trainer.Naive(problem, dim),
            "jax_scan": jax_trainer.Scan(problem, dim),
        }
        for trainer in trainers.values():
            trainer.run()  # compiles
        runs: dict[str, list[float]] = {}
        for _ in range(arguments.repetitions):
            speeds = {key: speed(t, arguments.seconds) for key, t in trainers.items()}
            if binary:
                speeds |= ours(binary, name, dim, arguments.seconds, arguments.engine)
            for key, value in speeds.items():
                runs.setdefault(key, []).append(value)
        medians = {key: statistics.median(values) for key, values in runs.items()}
        fastest = {key: max(values) for key, values in runs.items()}
        result = {
            "case": name,
            "dim": dim,
            "width": problem.width,
            "steps_per_second": medians,
            "fastest": fastest,
            "ratio_to_scan": {
                key: value / medians["jax_scan"]
                for key, value in medians.items()
                if not key.startswith("jax")
            },
        }
        if not arguments.json:
            show(result)
        results.append(result)
    return results


def show(result: dict) -> None:
    """One line a trainer."""
    for key, median in result["steps_per_second"].items():
        ratio = result["ratio_to_scan"].get(key)
        print(
            f"{result['case']:14} {result['dim']:3} {result['width']:3} {key:10} {median:11.1f} "
            f"{result['fastest'][key]:11.1f} {1e6 / median:11.1f} "
            f"{'' if ratio is None else f'{ratio:9.1f}x'}",
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
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--binary", help="the bench `engines`, already built")
    parser.add_argument("--engine", help="only this engine of ours")
    parser.add_argument("--no-ours", action="store_true", help="JAX alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="correctness instead of speed")
    arguments = parser.parse_args()
    # Built before binding: the compiler may have all cores.
    skip = arguments.no_ours or arguments.check
    binary = None if skip else arguments.binary or build()
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
    if not arguments.json:
        print(
            f"{'case':14} {'d':>3} {'D':>3} {'trainer':10} {'steps/s':>11} {'fastest':>11} "
            f"{'µs/step':>11} {'to scan':>10}"
        )
    results = [r for name in names for r in measure(name, arguments.dims, binary, arguments)]
    if arguments.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
