#!/usr/bin/env python3
"""What tells stuck seeds from good ones, from the diagnostics of a study's runs.

    python3 scripts/stuck_seeds.py results/stuck_seeds [-o DIR]

A run is stuck if its final mean absolute error is above 0.01 (--stuck). For every setting of the study
that has diagnostics, all of one d, this writes and prints

- diagnosis.csv: each reading's median over the stuck and over the good seeds, at some steps;
- prediction.csv: how well "attention elsewhere > 1/3" (--threshold) at a step says which seeds will be
  stuck: true and false alarms, precision, recall, and the area under the ROC curve (the chance that a
  stuck seed has the larger value), also of the loss.

Needs nothing but Python.
"""

import argparse
import csv
import statistics
from pathlib import Path

STEPS = [0, 5000, 10000, 15000, 20000, 30000, 40000, 50000, 100000, 300000]


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def settings(study):
    """Setting -> [(run directory, final mean absolute error)]."""
    groups = {}
    for row in read(study / "runs.csv"):
        if row["stop_reason"] != "completed":
            continue
        keys = [k for k in row if "." in k and k != "training.seed" and row[k]]
        name = ", ".join(f"{k}={row[k]}" for k in keys)
        groups.setdefault(name, []).append((study / row["run"], float(row["mae"])))
    return groups


def readings(run):
    """(subject, quantity) -> {step: value}."""
    found = {}
    for row in read(run / "diagnostics.csv"):
        if row["value"]:
            series = found.setdefault((row["subject"], row["quantity"]), {})
            series[int(row["step"])] = float(row["value"])
    return found


def auc(stuck, good):
    wins = sum((a > b) + 0.5 * (a == b) for a in stuck for b in good)
    return wins / (len(stuck) * len(good))


def number(value):
    return "" if value is None else f"{value:.4g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="where to write [default: the study's directory]")
    parser.add_argument("--stuck", type=float, default=0.01)
    parser.add_argument("--threshold", type=float, default=1 / 3)
    arguments = parser.parse_args()
    output = arguments.output or arguments.study
    diagnosis, prediction = [], []
    for setting, runs in settings(arguments.study).items():
        runs = [(readings(run), mae) for run, mae in runs if (run / "diagnostics.csv").exists()]
        stuck = [found for found, mae in runs if mae > arguments.stuck]
        good = [found for found, mae in runs if mae <= arguments.stuck]
        print(f"{setting}: {len(stuck)} of {len(stuck) + len(good)} stuck")
        if not stuck or not good:
            continue
        for key in good[0]:
            for step in STEPS:
                values = [[f[key][step] for f in group if step in f[key]] for group in (stuck, good)]
                if not all(values):
                    continue
                medians = [statistics.median(v) for v in values]
                diagnosis.append([setting, *key, step, *map(number, medians), number(auc(*values))])
                if key[1] != "distance" and key != ("total", "loss"):
                    continue
                true = false = precision = recall = None
                if key[1] == "distance":
                    true, false = (sum(v > arguments.threshold for v in group) for group in values)
                    precision = true / (true + false) if true + false else None
                    recall = true / len(stuck)
                prediction.append([setting, *key, step, len(stuck), len(good), true, false]
                                  + [number(x) for x in (precision, recall, auc(*values))])
    tables = [
        ("diagnosis.csv", ["setting", "subject", "quantity", "step", "median_stuck", "median_good", "auc"], diagnosis),
        ("prediction.csv", ["setting", "subject", "quantity", "step", "stuck", "good", "true_alarms",
                            "false_alarms", "precision", "recall", "auc"], prediction),
    ]
    output.mkdir(parents=True, exist_ok=True)
    for name, header, rows in tables:
        with open(output / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
    for row in prediction:
        print(", ".join("" if cell is None else str(cell) for cell in row))


if __name__ == "__main__":
    main()
