"""Compares the outputs that the notebooks are kept with to those of a fresh execution.

    python scripts/notebook_outputs.py EXECUTED [--write]

EXECUTED has the notebooks of `notebooks/` again, each executed, in any folder. What is kept has to have the same kinds of
outputs and the same words; digits may differ, since the last ones of a forward pass are the processor's. No notebook may be
larger than 64 KiB. With --write the fresh outputs are kept, without the times of their execution.
Needs Python alone; scripts/check_python.sh calls it.
"""

import argparse
import json
import re
import sys
from pathlib import Path

KEPT = Path(__file__).resolve().parent.parent / "notebooks"
LARGEST = 64 * 1024


def text(value):
    return "".join(value) if isinstance(value, list) else value


def seen(output):
    """What of an output has to stay: its kind and, of text, the words."""
    if output["output_type"] == "stream":
        words = {"text": text(output["text"])}
    else:
        words = {kind: text(data) if kind.startswith("text/") else "" for kind, data in output.get("data", {}).items()}
    # NumPy breaks and pads lines by the digits.
    return {kind: re.sub(r"[-+]?[\d.]+(e[-+]?\d+)?|\s+", "", data) for kind, data in words.items()}


def without_times(notebook):
    """A notebook of which another execution on this machine gives the same bytes."""
    notebook["metadata"] = {"kernelspec": notebook["metadata"]["kernelspec"]}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        # Lines that were printed one by one are one text.
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = text(output["text"]).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def joined(outputs):
    """Neighbouring streams as one, however the kernel cut them."""
    result = []
    for output in outputs:
        if result and output["output_type"] == "stream" == result[-1]["output_type"]:
            result[-1]["text"] = text(result[-1]["text"]) + text(output["text"])
        else:
            result.append(dict(output))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("executed", type=Path)
    parser.add_argument("--write", action="store_true", help="keep the fresh outputs")
    arguments = parser.parse_args()
    wrong = []
    for kept in sorted(KEPT.glob("*.ipynb")):
        (path,) = arguments.executed.glob(f"**/{kept.name}")
        fresh = json.loads(path.read_text(encoding="utf-8"))
        for cell in fresh["cells"]:
            if "outputs" in cell:
                cell["outputs"] = joined(cell["outputs"])
        if arguments.write:
            kept.write_text(without_times(fresh), encoding="utf-8")
        size = kept.stat().st_size
        print(f"{kept.name}: {size} bytes")
        if size > LARGEST:
            wrong.append(f"{kept.name} has more than {LARGEST} bytes: draw less, or print less")
        pairs = zip(json.loads(kept.read_text(encoding="utf-8"))["cells"], fresh["cells"], strict=True)
        for number, (old, new) in enumerate(pairs, 1):
            if [seen(output) for output in old.get("outputs", [])] != [seen(output) for output in new.get("outputs", [])]:
                wrong.append(f"{kept.name}, cell {number}: the kept output is not what the cell gives (NOTEBOOKS=write keeps it)")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
