"""The commands of `compress` in a process of their own: a Ctrl-C can end any of them at any moment, and leaves whole files."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from ._native import CompressError, FailedError

# The child's first argument is where this package is, the others are the command's.
_CHILD = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tracr_compress._process import child; child()"


def child():
    """What the child does: the command, as long as its parent lives."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from .__main__ import main

    main()


def _end_with_parent():
    os.read(0, 1)  # the parent writes nothing: this is the end of the pipe
    os.kill(os.getpid(), signal.SIGTERM)


def command(*arguments, options=None, flags=(), progress=True, accept=(0,)):
    """Runs a command and returns what it prints; `options` that are None are left out.

    Raises CompressError, FailedError or KeyboardInterrupt with the command's message.
    """
    words = [str(arguments[0])]
    for name, value in (options or {}).items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                words.append(f"--{name}={os.fspath(one) if isinstance(one, os.PathLike) else one}")
    words += [f"--{flag}" for flag in flags]
    words += ["--", *(os.fspath(argument) for argument in arguments[1:])]
    if any("\0" in word for word in words):
        raise CompressError("a path or a value holds a NUL character, which no command can be given")
    if not sys.executable:
        raise CompressError("this Python does not say where its executable is, so that no command can be started")
    package = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, package, *words],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C comes here alone, and is passed on once
        )
        said = []
        try:
            try:
                _listen(process, said, progress)
            except BaseException:
                process.send_signal(signal.SIGINT)
                _listen(process, said, False)
                raise
        except KeyboardInterrupt:
            process.wait()
            raise KeyboardInterrupt(_message(said)) from None
        finally:
            if process.poll() is None:
                process.kill()
            process.stdin.close()
            process.stderr.close()
            process.wait()
        printed.seek(0)
        text = printed.read().decode(errors="replace")
    code = process.returncode
    if code in accept:
        return text
    if code == 130:
        raise KeyboardInterrupt(_message(said))
    if code == 2:
        raise CompressError(_message(said))
    if code == 1:
        raise FailedError(_message(said))
    raise FailedError(f"compress {arguments[0]} ended with code {code}: {_message(said)}")


def _listen(process, said, progress):
    for line in process.stderr:
        line = line.decode(errors="replace").rstrip("\n")
        said.append(line)
        if progress and not any(earlier.startswith("error: ") for earlier in said):
            print(line, file=sys.stderr)
    process.wait()


def _message(said):
    """The error, which comes last; else the last line."""
    first = next((i for i, line in enumerate(said) if line.startswith("error: ")), max(len(said) - 1, 0))
    text = "\n".join(said[first:]).removeprefix("error: ")
    return text.split("\n\nUsage:")[0].split("\n\nFor more information")[0].strip()


def settings(keys):
    """Keys of a run file with their values as `KEY=VALUE`, the values in TOML."""
    words = []
    for key, value in keys.items():
        if not isinstance(key, str) or "=" in key:
            raise CompressError(f"{key!r} is no key of a run file: `compress keys` lists them")
        words.append(f"{key}={_toml(key, value)}")
    return words


def _toml(key, value):
    if hasattr(value, "tolist"):  # of NumPy
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(key, item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(str(k))} = {_toml(key, v)}" for k, v in value.items()) + " }"
    raise CompressError(f"`{key}` is {value!r}, which no run file can hold ({type(value).__name__})")
