"""What a script needs, said in one sentence where it is not there.

    import needs

    needs.check((3, 11), ("numpy", "jax"), "pip install -r scripts/requirements.txt")

stands before the imports of these. Runs on any Python 3.
"""

import importlib.util
import os
import sys


def check(python, packages, remedy):
    """Ends the script with exit code 2 where Python is older than `python` or one of `packages` is not installed."""
    script = os.path.basename(sys.argv[0])
    if sys.version_info < python:
        wanted, found = (".".join(map(str, version)) for version in (python, sys.version_info[:2]))
        _end("%s needs Python %s or newer, and this is %s" % (script, wanted, found))
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        _end("%s needs %s, which this Python does not have: %s" % (script, " and ".join(missing), remedy))


def _end(sentence):
    sys.stderr.write("error: %s\n" % sentence)
    sys.exit(2)
