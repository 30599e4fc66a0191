"""What the fuzz targets begin with, and damage to it, through Python: refused with a message, or used; never a crash."""

import random
import unittest
from pathlib import Path

import tracr_compress as tc
from common import REPOSITORY, InDirectory

SEEDS = REPOSITORY / "fuzz" / "seeds"


def damaged(data, rng):
    """A few changes, of the kinds that a fuzzer makes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 2:
            data[at:at] = data[rng.randrange(len(data)) :][: rng.randint(1, 16)]
        else:
            data[at:at] = rng.choice([b"\x00", b"\xff\xfe", b"9" * 30, b"nan", b"(" * 40, b"\xf0\x9f\x92\xa5"])
    return bytes(data)


class Seeds(InDirectory):
    def each(self, target, rounds=6):
        """The seeds of a target and damaged ones, with a generator for further choices."""
        rng = random.Random(target)
        for path in sorted(path for path in (SEEDS / target).rglob("*") if path.is_file()):
            data = path.read_bytes()
            yield data, rng
            for _ in range(rounds):
                yield damaged(data, rng), rng

    def attempt(self, function, *arguments, **keywords):
        """What it returns; nothing if it was refused. Any other exception, a panic for one, fails the test."""
        try:
            result = function(*arguments, **keywords)
        except tc.CompressError as refused:
            self.assertTrue(str(refused).strip())
            return None
        self.done += 1
        return result

    def setUp(self):
        super().setUp()
        self.done = 0

    def test_programs(self):
        for data, rng in self.each("rasp"):
            text = data.decode(errors="replace") + "\n"
            program = self.attempt(tc.Program, text)
            if program is not None:
                tokens = [rng.choice(["a", "b", 1, 2, True, None, 0.5, ("a", 1)]) for _ in range(rng.randint(1, 5))]
                self.attempt(program.run, tokens)
                self.attempt(program.selectors, tokens)
            # Compiling what is large takes its time: the interpreter alone sees all of it.
            if rng.randrange(3) == 0:
                self.attempt(tc.compile, text, check=False)
        self.assertGreater(self.done, 100)

    def test_model_files(self):
        tc.compile("hist").save("good.safetensors")
        good = Path("good.safetensors").read_bytes()
        rng = random.Random(1)
        files = [data for data, _ in self.each("model_file")] + [damaged(good, rng) for _ in range(200)]
        for data in files:
            Path("model.safetensors").write_bytes(data)
            model = self.attempt(tc.load, "model.safetensors")
            if model is not None:
                self.attempt(model.forward, [[0, 1]])
                repr(model)
        self.assertGreater(self.done, 0)

    def test_projections(self):
        run = tc.train(self.run_file(steps=10, log_every=10), output="run", progress=False)
        data = (run.directory / "projection.safetensors").read_bytes()
        rng = random.Random(2)
        for bad in [*(seed for seed, _ in self.each("projection")), *(damaged(data, rng) for _ in range(100))]:
            (run.directory / "projection.safetensors").write_bytes(bad)
            found = self.attempt(tc.Run.load, "run")
            if found is not None:
                found.forward(found.inputs()[:2])

    def test_run_files_and_keys(self):
        for data, _ in self.each("run_config"):
            Path("run.toml").write_bytes(data)
            # A d that no model has: everything is read and checked, and nothing trains.
            self.attempt(tc.train, "run.toml", 10**9, output="run", progress=False)
        model = tc.compile("hist")
        for data, _ in self.each("set_overrides", rounds=2):
            key, _, value = data.decode(errors="replace").partition("=")
            self.attempt(tc.train, model, set={"compression.dim": 10**9} | {key: value}, output="run", progress=False)
        self.assertFalse(Path("run").exists())

    def test_tables(self):
        for data, _ in self.each("tables", rounds=3):
            Path("table.csv").write_bytes(data)
            table = self.attempt(tc.Table.read, "table.csv")
            if table is not None:
                table._repr_html_()

    def test_tokens(self):
        model, program = tc.compile("hist"), tc.Program("hist")
        deep = "a"
        for _ in range(10_000):
            deep = (deep,)
        for bad in [None, True, 2**70, float("inf"), b"a", deep, "\ud800", "a\0", [], {}, object(), "a" * 10_000_000]:
            self.attempt(model, [bad])
            self.attempt(program.run, [bad])
            self.attempt(tc.compile, "out = tokens;", vocab=[bad], max_seq_len=2)
        self.attempt(tc.compile, "out = tokens;", vocab=["a"], max_seq_len=2**62)
        self.attempt(tc.compile, "out = tokens;", vocab=["a"] * 3, max_seq_len=2)
        self.attempt(tc.compile, "out = tokens;", vocab=[], max_seq_len=2)
        self.attempt(tc.compile, "out = tokens > 1;", vocab=[1, 2], max_seq_len=2, mlp_exactness=float("nan"))


if __name__ == "__main__":
    unittest.main()
