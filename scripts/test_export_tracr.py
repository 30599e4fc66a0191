#!/usr/bin/env python3
"""Tests of the exporter: python scripts/test_export_tracr.py. Ends with "N passed, N failed"."""

import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import export_tracr  # first: it settles on which device JAX computes
import jax
import jax.numpy as jnp
import numpy as np
from tracr.compiler import compiling, lib
from tracr.craft import bases
from tracr.rasp import rasp

import tracr_model_file
from tracr_labels import freshly_numbered, readable_labels
from tracr_model_file import ExportRefused
from tracr_programs import PROGRAMS, CompilationFailed, compile_program, interpret


def all_named_out() -> rasp.SOp:
    """Two tokens "a" in a row: three features, the output among them, all called `out`."""
    is_a = (rasp.tokens == "a").named("out")
    was_a = lib.shift_by(1, is_a).named("out")
    return rasp.SequenceMap(lambda now, before: now and before, is_a, was_a).named("out")


class ExportTest(unittest.TestCase):
    """A directory of its own for every test."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.path = self.directory / "model.safetensors"

    def export(self, program, vocabulary, max_seq_len=3, causal=False, **settings):
        """Compiles, exports and reads back; with the expected output if there is a test input."""
        model, program = compile_program(program, vocabulary, max_seq_len, causal=causal)
        if "test_input" in settings:
            settings["expected_output"] = interpret(program, settings["test_input"], causal)
        export_tracr.export_model(model, self.path, program=program, **settings)
        return tracr_model_file.read(self.path)


class Labels(ExportTest):
    def test_a_number_in_the_programmers_own_name_survives(self):
        program = rasp.Map(lambda token: token == "a_3", rasp.tokens).named("foo_2")
        _, metadata = self.export(program, ["a_3", "b"], test_input=["a_3", "b"])
        own = ["foo_2:False", "foo_2:True"]
        self.assertEqual(metadata["residual_labels"][:2], own)
        self.assertIn("tokens:a_3", metadata["residual_labels"])

    def test_without_the_program_the_same_labels_are_recognised(self):
        for program in (PROGRAMS["sort_unique"].build(3), lib.make_length().named("n_7")):
            model, program = compile_program(program, [1, 2], 3)
            known = tracr_model_file.residual_labels(model, program)
            self.assertEqual(tracr_model_file.residual_labels(model, None), known)

    def test_equal_names_are_numbered_and_the_output_is_still_the_right_one(self):
        tensors, metadata = self.export(
            all_named_out(), "ab", max_seq_len=5, test_input=list("aabaa")
        )
        labels = [x for x in metadata["residual_labels"] if x.startswith("out")]
        names = ("out_1", "out_2", "out_3")
        self.assertEqual(labels, [f"{name}:{value}" for name in names for value in (False, True)])
        columns = tensors["unembed"].argmax(axis=0)
        written = [metadata["residual_labels"][i] for i in columns]
        self.assertEqual(written, ["out_1:False", "out_1:True"])  # the output is numbered first
        self.assertEqual(metadata["expected_output"], [None, True, False, False, True])

    def test_the_numbering_skips_names_in_use_and_leaves_primitives_alone(self):
        is_a = rasp.Map(lambda token: token == "a", rasp.tokens).named("tokens")
        is_b = rasp.Map(lambda token: token == "b", rasp.tokens).named("x")
        both = rasp.SequenceMap(lambda p, q: p or q, is_a, is_b).named("x")
        program = rasp.SequenceMap(lambda p, q: p == q, both, is_b).named("x_1")
        _, metadata = self.export(program, "ab")
        names = {label.rsplit(":", 1)[0] for label in metadata["residual_labels"]}
        self.assertEqual(names, {"indices", "one", "tokens", "tokens_1", "x_1", "x_2", "x_3"})

    def test_tokens_of_equal_text_are_told_apart(self):
        directions = [bases.BasisDirection("tokens", token) for token in (1, "1", "2")]
        self.assertEqual(readable_labels(directions), ["tokens:1_1", "tokens:1_2", "tokens:2"])

    def test_another_program_is_refused(self):
        model, _ = compile_program(lib.make_hist(), "ab", 3)
        with self.assertRaisesRegex(ExportRefused, "hist_1:?.*another program"):
            export_tracr.export_model(model, self.path, program=lib.make_length())


class Metadata(ExportTest):
    def test_values_keep_their_types(self):
        for value, expected in (
            (None, "null"),
            (True, "true"),
            (1, "1"),
            (1.0, "1.0"),
            (np.int64(2), "2"),
            (np.bool_(False), "false"),
            ((1, ("é", 0.5)), '[1, ["é", 0.5]]'),
        ):
            text = json.dumps(tracr_model_file.to_json("x", value), ensure_ascii=False)
            self.assertEqual(text, expected)

    def test_values_the_file_cannot_hold_are_refused(self):
        for value in (float("nan"), float("-inf"), 2**63, 1j, b"a", "\ud800", {1}, (1, object())):
            with self.subTest(value=value), self.assertRaisesRegex(ExportRefused, "cannot hold"):
                tracr_model_file.to_json("the vocabulary", value)

    def test_a_vocabulary_of_tuples_becomes_arrays(self):
        _, metadata = self.export(lib.make_hist(), [(1, 2), (3, 4)], test_input=[(3, 4), (1, 2)])
        self.assertEqual(metadata["input_vocab"], [[1, 2], [3, 4], "BOS", "compiler_pad"])
        self.assertEqual(metadata["test_input"], [[3, 4], [1, 2]])

    def test_a_causal_model_says_so_and_a_numerical_one_has_no_encoding(self):
        program = rasp.numerical(lib.make_length())
        _, metadata = self.export(program, "ab", causal=True, test_input=["a", "b", "a"])
        self.assertTrue(metadata["causal"])
        self.assertEqual(metadata["output_kind"], "numerical")
        self.assertIsNone(metadata["output_encoding"])
        self.assertEqual(json.dumps(metadata["expected_output"]), "[1.0, 2.0, 3.0]")

    def test_settings_only_the_caller_knows_are_kept(self):
        program = PROGRAMS["sort_unique"].build(3)
        _, metadata = self.export(program, [1, 2], unique_tokens=True, mlp_exactness=100)
        self.assertIs(metadata["unique_tokens"], True)
        self.assertEqual((metadata["mlp_exactness"], metadata["program"]), (100, "sort"))
        self.assertNotIn("test_input", metadata)

    def test_a_model_compiled_in_the_plain_way_is_exported(self):
        program = lib.make_hist()
        model = compiling.compile_rasp_to_model(program, {"a", "b"}, 3, compiler_bos="<s>")
        export_tracr.export_model(model, self.path, program=program, test_input=["a"])
        _, metadata = tracr_model_file.read(self.path)
        self.assertEqual(metadata["bos_token"], metadata["input_vocab"][metadata["bos_id"]])
        self.assertIn("tokens:<s>", metadata["residual_labels"])


class SameBytes(ExportTest):
    def test_other_compilations_do_not_show(self):
        program = PROGRAMS["reverse"].build(3)  # holds an expression shared by the whole library
        self.export(program, "ab")
        first = self.path.read_bytes()
        for _ in range(12):
            lib.make_length().label  # moves Tracr's counter on, past a power of ten
        compiling.compile_rasp_to_model(program, {"a", "b"}, 3)
        self.export(program, "ab")
        self.assertEqual(self.path.read_bytes(), first)

    def test_the_program_given_is_not_renumbered(self):
        program = lib.make_hist()
        before = program.label
        self.assertEqual(freshly_numbered(program).label, "hist_1")
        self.assertEqual(program.label, before)

    def test_features_that_tracr_sorts_in_a_circle_are_refused(self):
        for vocabulary in ([9, 10, "5"], [1, "1"]):
            with self.assertRaisesRegex(CompilationFailed, "no definite order"):
                compile_program(lib.make_hist(), vocabulary, 2)

    def test_the_command_gives_the_same_bytes_under_any_hash_seed(self):
        command = [sys.executable, export_tracr.__file__, "detect_pattern", "--vocab", "9,10,a,b"]
        for seed in ("1", "2", "3"):
            path = self.directory / seed
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            options = ["--max-seq-len", "2", "-o", str(path)]
            subprocess.run([*command, *options], env=environment, check=True, capture_output=True)
        self.assertEqual(len({path.read_bytes() for path in self.directory.iterdir()}), 1)


class Refusals(ExportTest):
    """What must not be exported is not, and the destination stays as it was."""

    @classmethod
    def setUpClass(cls):
        cls.model, cls.program = compile_program(lib.make_hist(), "ab", 3)

    def assert_refused(self, reason, model=None, **settings):
        for before in (None, b"precious"):
            self.path.unlink(missing_ok=True)
            if before is not None:
                self.path.write_bytes(before)
            with self.assertRaisesRegex(ExportRefused, reason):
                export_tracr.export_model(model or self.model, self.path, **settings)
            self.assertEqual(self.path.read_bytes() if self.path.exists() else None, before)
            self.assertEqual(list(self.directory.iterdir()), [] if before is None else [self.path])

    def with_config(self, **changes):
        config = dataclasses.replace(self.model.model_config, **changes)
        return dataclasses.replace(self.model, model_config=config)

    def with_params(self, place, **changes):
        params = {key: dict(value) for key, value in self.model.params.items()}
        params[place] = {**params.get(place, {}), **changes}
        return dataclasses.replace(self.model, params=params)

    def test_a_wrong_tensor_whichever(self):
        right = tracr_model_file.collect_tensors(self.model)
        for name, tensor in right.items():
            wrong = {**right, name: tensor + np.float32(0.5)}
            with self.subTest(name=name):
                with mock.patch.object(tracr_model_file, "collect_tensors", return_value=wrong):
                    self.assert_refused("the file differs from Tracr's model")

    def test_a_slightly_wrong_unembedding(self):
        matrix = tracr_model_file.unembedding_matrix(self.model).copy()
        matrix[matrix.argmax(axis=0)[1], 1] += 0.001
        with mock.patch.object(tracr_model_file, "unembedding_matrix", return_value=matrix):
            self.assert_refused("differs from Tracr's model in the unembedded output")

    def test_query_and_key_in_each_others_place(self):
        swapped = {"attn/query": "attn.key", "attn/key": "attn.query"}
        with mock.patch.dict(tracr_model_file.LAYER_PARAMETERS, swapped):
            self.assert_refused("layer 0's attention|after layer 0")

    def test_wrong_metadata(self):
        right = tracr_model_file.collect_metadata
        for key, wrong in (
            ("input_vocab", ["BOS", "b", "a", "compiler_pad"]),
            ("output_encoding", [0, 2, 1, 3]),
            ("causal", True),
        ):
            with self.subTest(key=key):

                def collect(*arguments, **settings):
                    return {**right(*arguments, **settings), key: wrong}

                with mock.patch.object(tracr_model_file, "collect_metadata", collect):
                    self.assert_refused("on the input .*Tracr's model")

    def test_layer_norm(self):
        self.assert_refused("layer norm", self.with_config(layer_norm=True))

    def test_another_activation_unless_it_is_relu_by_another_name(self):
        self.assert_refused("not ReLU", self.with_config(activation_function=jax.nn.gelu))
        same = self.with_config(activation_function=lambda x: jnp.maximum(x, 0))
        export_tracr.export_model(same, self.path)

    def test_parameters_without_a_place(self):
        scale = self.with_params("transformer/layer_norm", scale=np.ones(3))
        self.assert_refused("no place for parameters", scale)
        self.assert_refused("has parameters", self.with_params("token_embed", scale=np.ones(3)))

    def test_wrong_shapes(self):
        short = self.with_params("transformer/layer_0/mlp/linear_1", b=np.zeros(1))
        self.assert_refused("layers.0.mlp.fc1.bias has shape", short)

    def test_entries_that_are_not_finite(self):
        name = "transformer/layer_0/attn/query"
        broken = self.with_params(name, b=self.model.params[name]["b"] * np.nan)
        self.assert_refused("not finite", broken)

    def test_a_token_the_file_cannot_hold(self):
        model, _ = compile_program(lib.make_hist(), [b"a", b"b"], 3)
        self.assert_refused("cannot hold", model)

    def test_an_expected_output_that_the_model_contradicts(self):
        case = {"test_input": ["a", "b"], "expected_output": [2, 1]}
        self.assert_refused(r"says \[1, 1\], but \[2, 1\] was expected", **case)
        self.assert_refused("without a test input", expected_output=[1])

    def test_a_test_input_that_the_model_rejects(self):
        self.assert_refused("rejects the test input", test_input=["z"])
        self.assert_refused("rejects the test input", test_input=["a"] * 4)

    def test_a_directory_that_does_not_exist(self):
        with self.assertRaisesRegex(ExportRefused, "cannot write to"):
            export_tracr.export_model(self.model, self.directory / "missing" / "file")

    def test_a_program_that_tracr_does_not_compile(self):
        with self.assertRaisesRegex(CompilationFailed, "TypeError"):
            compile_program(PROGRAMS["sort"].build(3), ["a", "b"], 3)


class Command(ExportTest):
    def test_bad_usage_is_exit_status_2(self):
        output = ["-o", str(self.path)]
        for arguments, message in (
            ([], "exactly one of"),
            (["nonsense", *output], "no program 'nonsense'"),
            (["hist"], "-o FILE"),
            (["hist", "--list"], "exactly one of"),
            (["--list", "--causal"], "go with a PROGRAM"),
            (["hist", "-o", str(self.directory)], "is a directory"),
            (["hist", "-o", str(self.directory / "missing" / "file")], "no directory"),
            (["hist", *output, "--vocab", "a,,b"], "empty token"),
            (["hist", *output, "--vocab", "a,b,a"], "a token twice"),
            (["hist", *output, "--vocab", "1,nan"], "not finite"),
            (["hist", *output, "--vocab", "a,BOS"], "which Tracr adds"),
            (["hist", *output, "--max-seq-len", "0"], "at least 1"),
            (["hist", *output, "--mlp-exactness", "0"], "positive"),
            (["sort", *output, "--vocab", "a,b"], "cannot compile sort"),
        ):
            errors = io.StringIO()
            with self.subTest(arguments=arguments), contextlib.redirect_stderr(errors):
                with self.assertRaises(SystemExit) as end:
                    export_tracr.main(arguments)
                self.assertEqual(end.exception.code, 2)
                self.assertIn(message, errors.getvalue())
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_settings_reach_the_file(self):
        arguments = ["sort_unique", "--vocab", "3,0.5,7", "--causal"]
        settings = ["--max-seq-len", "2", "--mlp-exactness", "50", "-o", str(self.path)]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            export_tracr.main([*arguments, *settings])
        self.assertRegex(output.getvalue(), "^sort_unique +D=.*largest difference")
        _, metadata = tracr_model_file.read(self.path)
        self.assertEqual(metadata["input_vocab"], [0.5, 3, 7, "BOS", "compiler_pad"])
        keys = ("causal", "max_seq_len", "mlp_exactness", "program", "unique_tokens")
        self.assertEqual([metadata[key] for key in keys], [True, 2, 50, "sort_unique", True])


def main() -> None:
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    broken = [case for case, _ in [*result.failures, *result.errors]]
    failed = len({getattr(case, "test_case", case).id() for case in broken})  # subtests as one
    print(f"{result.testsRun - failed} passed, {failed} failed")
    raise SystemExit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
