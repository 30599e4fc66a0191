"""Programs and compiled models."""

import gc
import json
import unittest
from pathlib import Path

import numpy as np
import tracr_compress as tc
from common import HIST, REPOSITORY, InDirectory, compress


class Models(InDirectory):
    def test_a_program_is_given_as_text_path_or_name(self):
        path = REPOSITORY / "programs" / "hist.rasp"
        models = [tc.compile(HIST, name="hist"), tc.compile(path), tc.compile(str(path)), tc.compile("hist")]
        for model in models[1:]:
            self.assertEqual(model.labels, models[0].labels)
            for name, array in model.weights.items():
                np.testing.assert_array_equal(array, models[0].weights[name])
        self.assertIn("hist", tc.library())

    def test_the_settings_replace_the_header(self):
        model = tc.compile(HIST, vocab="abc", max_seq_len=5)
        self.assertEqual(sorted(model.vocab), ["BOS", "a", "b", "c", "compiler_pad"])
        self.assertEqual(model.inputs().shape[1], 6)
        self.assertEqual(len(model.inputs()), 3 + 9 + 27 + 81 + 243)
        self.assertTrue(tc.compile(HIST, vocab="a,b", max_seq_len=3, causal=True).metadata["causal"])
        numbers = tc.compile("out = map(x -> x, tokens);", vocab="1,2", max_seq_len=2)
        self.assertTrue({1, 2} <= set(numbers.vocab) and "1" not in numbers.vocab)

    def test_model_program_and_command_line_give_the_same_outputs(self):
        for name, tokens in (("hist", ["a", "b", "a"]), ("sort_unique", [3, 1, 2]), ("frac_prevs", ["x", "a", "x"])):
            model, program = tc.compile(name), tc.Program(name)
            word = [str(token) for token in tokens]
            shown = compress("run", name, *word, "--json").stdout
            expected = json.loads(shown)["output"]
            np.testing.assert_allclose(np.array(program.run(tokens), float), np.array(expected, float), atol=1e-12)
            np.testing.assert_allclose(np.array(model(tokens), float), np.array(expected, float), atol=1e-6)

    def test_a_trace_names_stream_writes_and_patterns(self):
        model = tc.compile("sort_unique")
        trace = model.trace([3, 1, 2])
        width = len(model.labels)
        self.assertEqual(trace["embedding"].shape, (4, width))
        for block in model.blocks:
            self.assertEqual(trace[block].shape, (4, width))
        heads = model.metadata["num_heads"]
        self.assertEqual(trace["layer0.attn.pattern"].shape, (heads, 4, 4))
        np.testing.assert_allclose(trace["layer0.attn.pattern"].sum(-1), 1)
        total = trace["embedding"] + sum(trace[f"{block}.write"] for block in model.blocks)
        np.testing.assert_allclose(total, trace[model.blocks[-1]], atol=1e-9)
        self.assertEqual(model.decode(trace["output"])[1:], [1, 2, 3])

    def test_a_program_shows_selectors_and_named_values(self):
        program = tc.Program("smaller = select(tokens, tokens, <); rank = selector_width(smaller);")
        self.assertEqual(program.run([30, 10, 20]), [2, 0, 1])
        self.assertEqual(program.trace([30, 10, 20])["rank"], [2, 0, 1])
        name, matrix = program.selectors([30, 10, 20])[0]
        self.assertIn("`smaller`", name)
        # 10 is the smallest: no key is below it.
        self.assertEqual((matrix.dtype, matrix.tolist()[1]), (np.bool_, [False, False, False]))
        self.assertEqual(matrix.sum(1).tolist(), [2, 0, 1])

    def test_saved_and_loaded_again(self):
        model = tc.compile("frac_prevs")
        model.save("model.safetensors")
        again = tc.load("model.safetensors")
        self.assertEqual(again.metadata, model.metadata)
        self.assertEqual(again(["x", "a"]), model(["x", "a"]))
        self.assertEqual(compress("compile", "frac_prevs", "-o", "other.safetensors").returncode, 0)
        self.assertEqual(Path("model.safetensors").read_bytes(), Path("other.safetensors").read_bytes())

    def test_weights_are_read_only_and_named_as_in_the_file(self):
        weights = tc.compile("hist").weights
        self.assertIn("layers.0.attn.query.weight", weights)
        with self.assertRaises(ValueError):
            weights["token_embed"][0, 0] = 1
        with self.assertRaises(ValueError):
            weights["token_embed"].flags.writeable = True

    def test_weights_are_views_that_keep_their_model_alive(self):
        model = tc.compile("hist")
        weights = model.weights
        expected = {name: array.copy() for name, array in weights.items()}
        self.assertFalse(any(array.flags.owndata for array in weights.values()))
        del model
        gc.collect()
        for _ in range(20):
            tc.compile("sort_unique")
        for name, array in weights.items():
            np.testing.assert_array_equal(array, expected[name])

    def test_a_model_that_differs_from_its_program_is_a_warning(self):
        with self.assertWarnsRegex(UserWarning, "differs from the program"):
            tc.compile("out = numerical(map(x -> x - 2, tokens));", vocab=[1, 2, 3], max_seq_len=3)

    def test_pages_are_escaped(self):
        model = tc.compile("out = map(x -> x, tokens);", vocab=["a", "<b>"], max_seq_len=2)
        self.assertIn("&lt;b&gt;", model._repr_html_())
        self.assertNotIn("<b>", model._repr_html_())


class Refused(InDirectory):
    def test_programs(self):
        self.refused("cannot be", tc.compile, "out = nothing_of_that_name;", vocab="ab", max_seq_len=2)
        self.refused("vocabulary", tc.compile, "out = map(x -> x, tokens);")
        self.refused("max_seq_len is -1", tc.compile, HIST, max_seq_len=-1)
        self.refused("nowhere.rasp", tc.compile, "nowhere.rasp")
        self.refused("a text or a path", tc.compile, 3)
        self.refused("a number is finite", tc.compile, HIST, vocab=[float("nan")])
        self.refused("a token is", tc.compile, HIST, vocab=[b"a"])
        self.refused("a token is", tc.compile, HIST, vocab=[2**80])

    def test_inputs(self):
        model = tc.compile("hist")
        self.refused("unknown token", model, ["z"])
        self.refused("list of tokens", model, "abc")
        self.refused("empty", model, [])
        self.refused("at most", model, ["a"] * 100)
        self.refused("placed by the model", model, [model.metadata["bos_token"]])
        self.refused("dtype float64", model.forward, [[0.5]])
        self.refused("[B, T]", model.forward, np.zeros((1, 1, 1), int))
        self.refused("no token id", model.forward, [[99]])
        self.refused("no token id", model.forward, [[-1]])
        self.refused("shape [0, 3]", model.forward, np.zeros((0, 3), int))
        self.refused("shape [1, 99]", model.forward, np.zeros((1, 99), int))
        self.refused("limit is", model.forward, np.zeros((2**24, 2), np.int64))
        self.refused("columns", model.decode, [[1.0] * 99])
        self.refused("is a matrix", model.decode, [1.0])
        self.refused("unknown token", tc.Program("hist").run, ["z"])

    def test_model_files(self):
        Path("bad.safetensors").write_bytes(b"\xff" * 64)
        self.refused("bad.safetensors", tc.load, "bad.safetensors")
        self.refused("none.safetensors", tc.load, "none.safetensors")
        self.refused("", tc.load, ".")
        self.refused("", tc.load, "a\0b")


if __name__ == "__main__":
    unittest.main()
