"""The program `compress`: its commands are Rust, and so are its signals and exit codes."""

import os
import signal
import sys

from ._native import main as _main


def main():
    # Python's own handler would only note a Ctrl-C for later; the commands have theirs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = _main(["compress", *sys.argv[1:]])
    sys.stdout.flush()
    os._exit(code)  # nothing of Python is left to do, and a signal that came late is not its to raise


if __name__ == "__main__":
    main()
