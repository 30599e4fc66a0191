"""Runs: trained from Python and from the command line, stopped, and gone on with on the other side."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import numpy as np
import tracr_compress as tc
from common import HIST, InDirectory, compress, same_run, without_speed

LONG = {"steps": 200_000, "log_every": 20_000, "checkpoint_every": 1000}
TRAINS = "import sys, tracr_compress as tc; tc.train(sys.argv[1], output=sys.argv[2], progress=False)"


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not Path(path).exists():
        if time.monotonic() > end:
            raise AssertionError(f"{path} did not appear within {seconds} seconds")
        time.sleep(0.02)


class Runs(InDirectory):
    def test_the_first_lines_take_less_than_ten_seconds(self):
        begun = time.monotonic()
        model = tc.compile(HIST, vocab="abc", max_seq_len=5)
        compiled = time.monotonic()
        run = tc.train(model, dim=8, steps=20_000)
        print(f"compiled in {compiled - begun:.3f} s, trained in {time.monotonic() - compiled:.2f} s", file=sys.stderr)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual((run.W.shape[0], run.summary["steps"]), (8, 20_000))

    def test_a_run_file_gives_the_same_bytes_from_both(self):
        file = self.run_file()
        tc.train(file, output="ours")
        self.assertEqual(compress(file, "--output", "theirs").returncode, 0)
        same_run(self, Path("ours"), Path("theirs"))
        self.assertEqual(Path("ours/config.toml").read_text(), Path("theirs/config.toml").read_text())

    def test_a_model_in_memory_gives_the_same_bytes_and_the_command_line_knows_it(self):
        model = tc.compile("hist")
        keys = {"training.log_every": 100, "training.checkpoint_every": 100}
        run = tc.train(model, dim=8, steps=400, set=keys, output="ours/run")
        self.assertEqual(compress(self.run_file(), "--output", "theirs").returncode, 0)
        same_run(self, run.directory, Path("theirs"))
        again = compress("ours/run/config.toml")
        self.assertIn("complete already", again.stdout, again.stderr)

    def test_keys_are_those_of_the_run_file(self):
        model = tc.compile("hist")
        run = tc.train(model, 6, steps=50, seed=3, output="a", set={"training.batch_size": np.int64(32)}, **{"inputs.lengths": [2, 3]})
        self.assertEqual(run.config["training"]["batch_size"], 32)
        self.assertEqual(run.config["training"]["seed"], 3)
        self.assertEqual(run.config["inputs"]["lengths"], [2, 3])
        self.assertEqual(run.matrices["W"].shape, (6, len(run.labels)))

    def test_what_a_run_holds(self):
        run = tc.train(self.run_file(), output="run")
        np.testing.assert_allclose(run.W.T @ run.W, run.G, atol=1e-12)
        table = run.tables["gram"]
        values = table["value"].reshape(run.G.shape)
        np.testing.assert_array_equal(values, run.G)
        self.assertEqual(table["feature_a"][0], run.labels[0])
        metrics = run.tables["metrics"]
        self.assertEqual((metrics["step"].dtype, metrics["step"].tolist()), (np.int64, [100, 200, 300, 400]))
        self.assertTrue(np.isnan(metrics["max_error"]).all() or np.isfinite(metrics["max_error"]).all())
        own = run.evaluate()
        self.assertAlmostEqual(own["loss"], run.summary["final"]["eval_loss"], places=12)
        self.assertEqual(run.evaluate(np.eye(len(run.labels)))["token_accuracy"], 1.0)
        self.assertIn("hist", run._repr_html_())
        with self.assertRaises(KeyError):
            run.tables["nothing"]

    def test_the_folded_model_computes_the_same(self):
        run = tc.train(self.run_file(), output="run")
        ids = run.inputs()[:50]
        folded = run.folded()
        np.testing.assert_allclose(folded.forward(ids)["output"], run.forward(ids)["output"], atol=1e-8)
        self.assertEqual(folded.forward(ids)["residual"].shape[-1], 8)
        run.save("ours.safetensors")
        self.assertEqual(compress("export", "run", "-o", "theirs.safetensors", "--precision", "f64").returncode, 0)
        theirs = tc.load("theirs.safetensors")
        for name, array in tc.load("ours.safetensors").weights.items():
            np.testing.assert_array_equal(array, theirs.weights[name])

    def test_progress_is_reported(self):
        seen = []
        tc.train(self.run_file(**LONG | {"steps": 5000}), output="run", progress=lambda *what: seen.append(what))
        self.assertTrue(seen)
        step, steps, loss, metrics = seen[-1]
        self.assertTrue(0 < step <= steps == 5000 and loss >= 0)

    def test_an_exception_of_the_observer_stops_the_run_at_a_checkpoint(self):
        def fails(step, steps, loss, metrics):
            raise RuntimeError("enough")

        file = self.run_file(**LONG)
        with self.assertRaisesRegex(RuntimeError, "enough"):
            tc.train(file, output="run", progress=fails)
        self.assertTrue(Path("run/checkpoint.safetensors").exists())
        self.assertFalse(Path("run/summary.json").exists())

    def test_two_runs_in_two_threads(self):
        file, runs = self.run_file(), {}

        def train(name):
            runs[name] = tc.train(file, output=name, progress=False)

        threads = [threading.Thread(target=train, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        same_run(self, runs["one"].directory, runs["two"].directory)

    def test_the_interpreter_goes_on_while_a_run_trains(self):
        done = threading.Event()
        file = self.run_file(**LONG)
        counted = 0

        def train():
            tc.train(file, steps=5000, output="run", progress=False)
            done.set()

        thread = threading.Thread(target=train)
        thread.start()
        while not done.wait(0.001) and thread.is_alive():
            counted += 1
        thread.join()
        self.assertGreater(counted, 50)


class Stopped(InDirectory):
    def begin(self, file, output):
        child = subprocess.Popen([sys.executable, "-c", TRAINS, str(file), output], stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.stderr.close)
        wait_for(Path(output) / "checkpoint.safetensors")
        return child

    def test_killed_in_python_and_resumed_by_the_command_line(self):
        file = self.run_file(**LONG | {"steps": 60_000})
        child = self.begin(file, "ours")
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.assertFalse(Path("ours/summary.json").exists())
        resumed = compress(file, "--output", "ours")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        tc.train(file, output="whole", progress=False)
        same_run(self, Path("ours"), Path("whole"))

    def test_interrupted_on_the_command_line_and_resumed_in_python(self):
        file = self.run_file(**LONG | {"steps": 60_000})
        from common import PROGRAM

        child = subprocess.Popen([PROGRAM, file, "--output", "ours", "--quiet"], stderr=subprocess.PIPE, text=True)
        wait_for("ours/checkpoint.safetensors")
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=20)[1]
        self.assertEqual(child.returncode, 130, said)
        tc.train(file, output="ours", progress=False)
        tc.train(file, output="whole", progress=False)
        same_run(self, Path("ours"), Path("whole"))

    def test_ctrl_c_writes_a_checkpoint_and_raises_keyboard_interrupt(self):
        file = self.run_file(**LONG | {"steps": 10_000_000, "checkpoint_every": 1000})
        child = self.begin(file, "ours")
        time.sleep(0.3)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=20)[1]
        self.assertLess(time.monotonic() - sent, 5)
        self.assertIn("KeyboardInterrupt: hist: stopped after step", said)
        step = int(said.split("stopped after step ")[1].split()[0])
        self.assertGreater(step, 1000)
        self.assertFalse(Path("ours/summary.json").exists())

    def test_ctrl_c_ends_a_command_that_runs_in_a_process_of_its_own(self):
        file = self.run_file(**LONG | {"steps": 10_000_000})
        Path("study.toml").write_text(f'name = "s"\nquestion = "?"\nbase = "{file}"\n[grid]\n"compression.dim" = [7, 8]\n')
        code = "import tracr_compress as tc; tc.sweep('study.toml', output='s', jobs=1, progress=False)"
        child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not list(Path("s").glob("*/checkpoint.safetensors")) and time.monotonic() < end and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=20)[1]
        self.assertIn("KeyboardInterrupt: s: stopped, 0 of 2 runs complete", said)

    def test_a_command_ends_with_the_process_that_started_it(self):
        file = self.run_file(**LONG | {"steps": 10_000_000})
        Path("study.toml").write_text(f'name = "s"\nquestion = "?"\nbase = "{file}"\n[grid]\n"compression.dim" = [7, 8]\n')
        code = "import tracr_compress as tc; tc.sweep('study.toml', output='s', jobs=1, progress=False)"
        child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not list(Path("s").glob("*/checkpoint.safetensors")) and time.monotonic() < end and child.poll() is None:
            time.sleep(0.05)
        child.kill()
        child.wait()
        time.sleep(2)
        run = next(Path("s").glob("*/checkpoint.safetensors")).parent
        before = (run / "checkpoint.safetensors").stat().st_mtime_ns
        time.sleep(1.5)
        self.assertEqual((run / "checkpoint.safetensors").stat().st_mtime_ns, before)


class Misused(InDirectory):
    def test_keys(self):
        model = tc.compile("hist")
        keys = {"training.stepz": 3}
        self.refused("did you mean `training.steps`", tc.train, model, 8, set=keys)
        self.refused("there is no key `batch_size`", tc.train, model, 8, batch_size=3)
        self.refused("integer of at least 1", tc.train, model, 0)
        self.refused("`compression.dim` is missing", tc.train, model)
        self.refused("no run file can hold", tc.train, model, 8, set={"training.steps": object()})
        self.refused("no key of a run file", tc.train, model, 8, set={"a=b": 1})
        self.refused("no key of a run file", tc.train, model, 8, set={3: 1})
        self.refused("model's width D", tc.train, model, 10_000)
        self.refused("`training.steps`", tc.train, model, 8, steps="many")
        self.refused("takes a model or the path", tc.train, 3)
        self.refused("nowhere.toml", tc.train, "nowhere.toml")
        self.assertEqual(list(Path(".").iterdir()), [], "what is refused leaves nothing")

    def test_directories(self):
        file = self.run_file()
        run = tc.train(file, output="run", progress=False)
        self.refused("another configuration", tc.train, file, 7, output="run")
        self.assertEqual(tc.train(file, 7, output="run", force=True, progress=False).W.shape[0], 7)
        self.refused("not there", tc.Run.load, "nowhere")
        self.refused("no config.toml", tc.Run.load, ".")
        self.refused("give run.model", tc.train, run, 8)
        Path("other").mkdir()
        Path("other/notes.txt").write_text("mine")
        self.refused("not a run directory", tc.train, file, output="other")
        self.assertEqual([path.name for path in Path("other").iterdir()], ["notes.txt"])

    def test_a_run_that_is_being_written(self):
        file = self.run_file(**LONG | {"steps": 10_000_000})
        child = subprocess.Popen([sys.executable, "-c", TRAINS, str(file), "run"], stderr=subprocess.DEVNULL)
        try:
            wait_for("run/checkpoint.safetensors")
            self.refused("not finished", tc.Run.load, "run")
            self.refused("in use by another process", tc.train, file, output="run", progress=False)
        finally:
            child.kill()
            child.wait()
        self.refused("not finished", tc.Run.load, "run")

    def test_a_training_that_diverges(self):
        file = self.run_file()
        keys = {"compression.init_std": 1e30}
        with self.assertRaisesRegex(tc.FailedError, "diverged"):
            tc.train(file, output="run", set=keys, progress=False)
        with self.assertRaisesRegex(tc.FailedError, "diverged in an earlier session"):
            tc.train(file, output="run", set=keys, progress=False)
        self.refused("diverged", tc.Run.load, "run")

    def test_matrices(self):
        run = tc.train(self.run_file(), output="run", progress=False)
        width = len(run.labels)
        self.refused("[d, D] needs", run.evaluate, np.zeros((3, width + 1)))
        self.refused("[d, D] needs", run.evaluate, np.zeros((width + 1, width)))
        self.refused("[d, D] needs", run.evaluate, np.zeros((0, width)))
        self.refused("finite", run.evaluate, np.full((3, width), np.nan))
        self.refused("dtype", run.evaluate, np.zeros((3, width), complex))
        self.refused("dtype", run.evaluate, np.array([["a"]]))
        self.refused("shape [3]", run.evaluate, np.zeros(3))
        self.assertEqual(run.evaluate(np.asfortranarray(run.W, np.float64)), run.evaluate())
        self.assertGreaterEqual(run.evaluate(np.zeros((3, width), np.float32))["loss"], 0)

    def test_damaged_files(self):
        run = tc.train(self.run_file(), output="run", progress=False)
        data = (run.directory / "projection.safetensors").read_bytes()
        for bad in (b"", data[:20], b"\xff" * len(data), data[:-8]):
            (run.directory / "projection.safetensors").write_bytes(bad)
            self.refused("projection.safetensors", tc.Run.load, "run")
        Path("run/config.toml").write_text("a = [")
        self.refused("config.toml", tc.Run.load, "run")


class TheProgram(InDirectory):
    def test_it_came_along(self):
        shown = compress("--version")
        self.assertEqual((shown.returncode, shown.stdout.split()[:2]), (0, ["compress", tc.__version__.split()[0]]))
        self.assertEqual(compress("nothing").returncode, 2)
        self.assertEqual(compress("run", "hist", "zzz").returncode, 2)
        module = subprocess.run([sys.executable, "-m", "tracr_compress", "programs"], capture_output=True, text=True)
        self.assertIn("frac_prevs", module.stdout)
        summary = json.loads(compress(self.run_file(), "--output", "run", "--json").stdout)
        self.assertEqual(summary["steps"], 400)

    def test_nothing_but_numpy_is_imported(self):
        code = "import sys, tracr_compress as tc; tc.compile('hist').weights; print(*sorted({n.split('.')[0] for n in sys.modules}))"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)).stdout.split()
        self.assertIn("numpy", loaded)
        self.assertFalse({"jax", "torch", "pandas", "polars", "scipy"} & set(loaded))


if __name__ == "__main__":
    unittest.main()
