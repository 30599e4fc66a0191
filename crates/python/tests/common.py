"""What the tests share: a directory for each, small models and runs, the program that came with the package."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tracr_compress as tc

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAM = Path(sys.executable).with_name("compress")
HIST = (REPOSITORY / "programs" / "hist.rasp").read_text()


# A shell that runs this in its background ignores SIGINT, and what is ignored is inherited: the tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


class InDirectory(unittest.TestCase):
    """Each test has the working directory to itself."""

    def setUp(self):
        self.before = Path.cwd()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, self.before)
        self.directory = Path(folder.name)
        os.chdir(self.directory)

    def run_file(self, **changes):
        """A run file for hist that takes a second."""
        keys = {"steps": 400, "log_every": 100, "checkpoint_every": 100} | changes
        lines = ["name = \"hist\"", "[model]", f"program = \"{REPOSITORY / 'programs' / 'hist.rasp'}\""]
        lines += ["[compression]", "dim = 8", "[training]", *(f"{key} = {value}" for key, value in keys.items())]
        path = Path("hist.toml")
        path.write_text("\n".join(lines) + "\n")
        return path

    def refused(self, text, function, *arguments, **keywords):
        """That a call raises CompressError with this in its message; returns the message."""
        with self.assertRaises(tc.CompressError) as caught:
            function(*arguments, **keywords)
        message = str(caught.exception)
        self.assertIn(text, message)
        return message


def compress(*arguments, **keywords):
    """The program, as a user runs it."""
    words = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, **keywords)


def without_speed(path):
    """`metrics.csv` without its column of steps a second."""
    return [line.rsplit(",", 1)[0] for line in Path(path).read_text().splitlines()]


def same_run(test, one, other):
    """That two directories hold the same run: its tables and W, byte for byte."""
    test.assertEqual(without_speed(one / "metrics.csv"), without_speed(other / "metrics.csv"))
    names = sorted(path.name for path in one.glob("*.csv"))
    test.assertEqual(names, sorted(path.name for path in other.glob("*.csv")))
    test.assertIn("gram.csv", names)
    for name in [*names, "projection.safetensors"]:
        if name != "metrics.csv":
            test.assertEqual((one / name).read_bytes(), (other / name).read_bytes(), name)
