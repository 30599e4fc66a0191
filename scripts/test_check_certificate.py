"""Plants faults into certificates and runs: scripts/check_certificate.py must accept what is true and find each fault.

    python test_check_certificate.py RUN...
    python test_check_certificate.py --hide-gap RUN       # gives RUN a W that float64 is not enough for

Each RUN has a certificate.json that is proved, and compiled.safetensors, the model that `compress certify --write-model`
wrote. Ends with "N passed, N failed".
"""

import copy
import hashlib
import json
import pathlib
import shutil
import struct
import sys
import tempfile

import numpy as np

import check_certificate

PROJECTION = "projection.safetensors"
MODEL = "compiled.safetensors"
LIMITS = {"mean_error": 0.005, "max_error": 0.05}


def scale(path, name, factor):
    """Multiplies the entries of a tensor."""
    data = bytearray(path.read_bytes())
    size = 8 + int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:size])[name]
    start, end = (size + offset for offset in entry["data_offsets"])
    kind, width = ("<f", 4) if entry["dtype"] == "F32" else ("<d", 8)
    for at in range(start, end, width):
        struct.pack_into(kind, data, at, struct.unpack_from(kind, data, at)[0] * factor)
    path.write_bytes(data)


def matrix(certificate):
    return certificate["projection"]["matrices"][0]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def restate(certificate, run):
    """Makes the sentence agree with the other fields."""
    certificate["claim"] = check_certificate.claim(certificate, check_certificate.Model(run / MODEL))


def hide_gap(run):
    """Gives a run of sort_unique a W whose gaps are below the rounding of float64, but for their sign exact: all is read as
    it is, but the unembedding reads 1e-18 of a class's score, and 1 more for every class at every token."""
    model = check_certificate.Model(run / MODEL)
    labels = model.meta["residual_labels"]
    read = np.any(model.tensors["unembed"], axis=1)
    identity = np.eye(len(labels))
    last = np.outer([label.startswith("indices:") for label in labels], read) + 1e-18 * np.diag(read)
    blocks = [check_certificate.block_name(b) for b in range(2 * model.layers) if model.writes(b)]
    matrices = {"W_write.embed": identity, "W_read.unembed": last}
    matrices |= {f"{kind}.{block}": identity for block in blocks for kind in ("W_read", "W_write")}
    header, data = {"__metadata__": {"residual_labels": json.dumps(labels)}}, b""
    for name, matrix in matrices.items():
        offsets = [len(data), len(data) + 8 * matrix.size]
        header[name] = {"dtype": "F64", "shape": list(matrix.shape), "data_offsets": offsets}
        data += matrix.astype("<f8").tobytes()
    text = json.dumps(header).encode()
    (run / PROJECTION).write_bytes(len(text).to_bytes(8, "little") + text + data)


# Each fault changes the certificate or the files of a run; False: it does not apply to this run.


def another_w(certificate, run):
    scale(run / PROJECTION, matrix(certificate), 1 + 1e-9)


def another_w_with_its_hash(certificate, run):
    scale(run / PROJECTION, matrix(certificate), 0.99)
    certificate["projection"]["sha256"] = sha256(run / PROJECTION)


def another_model(certificate, run):
    scale(run / MODEL, "unembed", 2.0)


def another_model_with_its_hash(certificate, run):
    scale(run / MODEL, "unembed", 2.0)
    certificate["model"]["sha256"] = sha256(run / MODEL)


def wrong_hash_of_the_model(certificate, run):
    certificate["model"]["sha256"] = "0" * 64


def wrong_hash_of_w(certificate, run):
    certificate["projection"]["sha256"] = certificate["model"]["sha256"]


def more_inputs(certificate, run):
    certificate["space"]["inputs"] += 1
    restate(certificate, run)


def more_right_answers(certificate, run):
    certificate["answers"]["counted"] += 1
    certificate["answers"]["right"] += 1


def fewer_right_inputs(certificate, run):
    certificate["right_inputs"] -= 1


def more_different_answers(certificate, run):
    certificate["answers"]["different"] += 1


def ties_hidden(certificate, run):
    answers = certificate["answers"]
    if not answers["tied"]:
        return False
    answers["counted"] += answers["tied"]
    answers["right"] += answers["tied"]
    answers["tied"] = 0
    certificate["largest_tied_gap"] = None


def overstated(certificate, run):
    """A gap that is larger than it is, an error that is smaller."""
    if "gap" in certificate:
        certificate["gap"]["value"] *= 1.001
        certificate["gap"]["at_least"] *= 1.001
    else:
        certificate["max_error"]["value"] = 0.0
        certificate["max_error"]["at_least"] = 0.0
        certificate["max_error"]["at_most"] = 0.0
        certificate["worst"]["error"] = 0.0


def overstated_bound(certificate, run):
    """What is proved alone."""
    if "gap" in certificate:
        certificate["gap"]["at_least"] *= 1.001
    else:
        certificate["max_error"]["at_most"] = 0.0


def understated_mean(certificate, run):
    if "mean_error" not in certificate:
        return False
    certificate["mean_error"]["at_most"] = 0.0


def overstated_compiled_gap(certificate, run):
    if "gap" not in certificate:
        return False
    certificate["compiled_gap"]["at_least"] += 1e-3


def another_space(certificate, run):
    certificate["space"]["lengths"] = [1, 2]


def another_space_in_the_configuration_too(certificate, run):
    certificate["space"]["lengths"] = [1, 2]
    path = run / "config.toml"
    text = path.read_text().split("\n")
    text = ["lengths = [1, 2]" if line.startswith("lengths") else line for line in text]
    path.write_text("\n".join(text))
    restate(certificate, run)


def repeated_tokens(certificate, run):
    certificate["space"]["unique_tokens"] = not certificate["space"]["unique_tokens"]


def half_of_the_space(certificate, run):
    """It says that it ran all inputs, and ran half."""
    for counts, names in [
        (certificate["space"], ["inputs"]),
        (certificate["answers"], ["counted", "right", "tied"]),
        (certificate, ["right_inputs"]),
    ]:
        for name in names:
            counts[name] //= 2
    restate(certificate, run)


def a_sample(certificate, run):
    certificate["space"]["enumerated"] = False


def wrong_worst_input(certificate, run):
    certificate["worst"]["input"] = certificate["worst"]["input"][::-1] + certificate["worst"]["input"][:1]


def wrong_worst_answer(certificate, run):
    worst = certificate["worst"]
    worst["expected"] = worst["expected"] + 1 if isinstance(worst["expected"], (int, float)) else "another"


def wrong_gap_of_the_worst(certificate, run):
    worst = certificate["worst"]
    worst["gap" if "gap" in worst else "error"] += 1e-3


def loosened_rule(certificate, run):
    if "gap" in certificate:
        certificate["rule"]["tie_below"] = 0.5
    else:
        certificate["rule"]["mean_error"] = 0.5
        restate(certificate, run)


def overstated_cosine(certificate, run):
    block, entry = next((b, e) for b, e in certificate["cosines"].items() if e)
    entry["value"] -= 1e-3
    certificate["smallest_cosine"] = {"block": block, "cosine": entry["value"]}


def another_claim(certificate, run):
    d = certificate["projection"]["d"]
    certificate["claim"] = certificate["claim"].replace(f"d = {d},", f"d = {d - 1},")


def another_d(certificate, run):
    certificate["projection"]["d"] -= 1


def another_program(certificate, run):
    certificate["program"] = "another"


def no_bound(certificate, run):
    certificate["rounding"] = None


def overstated_lower_bound(certificate, run):
    if certificate["lower_bounds"]["reads"] is None:
        return False
    certificate["lower_bounds"]["reads"] += 1


def overstated_lower_bound_of_a_head(certificate, run):
    if not certificate["lower_bounds"]["attention"]:
        return False
    certificate["lower_bounds"]["attention"]["d"] += 4


def a_missing_field(certificate, run):
    del certificate["worst"]


def another_verdict(certificate, run):
    certificate["verdict"] = "sampled"


FAULTS = [
    another_w, another_w_with_its_hash, another_model, another_model_with_its_hash, wrong_hash_of_the_model,
    wrong_hash_of_w, more_inputs, more_right_answers, fewer_right_inputs, more_different_answers, ties_hidden,
    overstated, overstated_bound, understated_mean, overstated_compiled_gap, another_space,
    another_space_in_the_configuration_too, repeated_tokens, half_of_the_space, a_sample, wrong_worst_input,
    wrong_worst_answer, wrong_gap_of_the_worst, loosened_rule, overstated_cosine, another_claim, another_d,
    another_program, no_bound, overstated_lower_bound, overstated_lower_bound_of_a_head, a_missing_field, another_verdict,
]  # fmt: skip


def wrong(certificate, run):
    """What the checker says of a certificate, after it went through a file."""
    certificate = json.loads(json.dumps(certificate))
    return check_certificate.checked(certificate, run, run / MODEL, LIMITS)


def main(runs):
    passed = failed = 0
    applied = set()

    def count(is_so, text):
        nonlocal passed, failed
        passed, failed = passed + is_so, failed + (not is_so)
        if not is_so:
            print(f"FAILED: {text}")

    for run in map(pathlib.Path, runs):
        true = json.loads((run / "certificate.json").read_text())
        lines = wrong(true, run)
        count(not lines, f"{run.name}: the true certificate is refused: {lines}")
        for fault in FAULTS:
            with tempfile.TemporaryDirectory() as directory:
                planted = pathlib.Path(directory) / run.name
                shutil.copytree(run, planted)
                certificate = copy.deepcopy(true)
                if fault(certificate, planted) is False:
                    continue
                applied.add(fault)
                lines = wrong(certificate, planted)
                count(bool(lines), f"{run.name}: {fault.__name__} is not found")
                print(f"{run.name}: {fault.__name__}: {lines[0] if lines else '-'}")
    for fault in FAULTS:
        count(fault in applied, f"{fault.__name__} applies to no run")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "--hide-gap":
        hide_gap(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
