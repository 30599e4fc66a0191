"""The commands that run in a process of their own: what they return is what the command line prints."""

import functools
import json
import unittest
from pathlib import Path

import numpy as np
import tracr_compress as tc
from common import REPOSITORY, InDirectory, compress

# Seconds: one W that is right on every input, and the rest around it.
STEPS = 4000


class Commands(InDirectory):
    def trained(self):
        file = self.run_file(steps=STEPS, log_every=STEPS, checkpoint_every=STEPS)
        return tc.train(file, 10, output="run", progress=False)

    def printed(self, *arguments):
        ended = compress(*arguments)
        self.assertIn(ended.returncode, (0, 1), ended.stderr)
        return json.loads(ended.stdout)

    def test_certify(self):
        run = self.trained()
        certificate = tc.certify(run, output="ours.json", progress=False)
        self.assertEqual(certificate, self.printed("certify", "run", "--json", "-o", "theirs.json"))
        self.assertEqual(certificate, json.loads(Path("ours.json").read_text()))
        self.refused("leave them out", tc.certify, run, mae=0.1)
        self.refused("not there", tc.certify, "nowhere")
        self.refused("takes a Run", tc.certify, 3)

    def test_recover_and_score(self):
        run = self.trained()
        found = tc.recover(run, "pca", "pca", progress=False)
        self.assertEqual(len(found), 1)
        scores = tc.score(run, found[0]["path"], progress=False)
        self.assertEqual(scores, json.loads((Path(found[0]["path"]) / "recovery.json").read_text()))
        truth = run.activations()
        self.assertEqual(truth["features"].shape, (len(truth["z"]), len(run.labels)))
        np.testing.assert_allclose(truth["features"] @ run.W.T, truth["z"], atol=1e-9)
        own = tc.score(run, run.W.T, progress=False)
        self.assertGreater(own["scores"]["mcc"], 0.9)
        codes = tc.score(run, run.W.T, codes=truth["features"], progress=False)
        self.assertAlmostEqual(codes["scores"]["explained_variance"], 1, places=9)

        class Sae:
            W_dec = run.W.T

        self.assertEqual(tc.score(run, Sae(), progress=False)["scores"], own["scores"])
        self.refused("methods are", tc.recover, run, "magic", "there")
        self.refused("dtype", tc.score, run, np.array(["a"]))
        self.refused("shape [3]", tc.score, run, np.zeros(3))
        self.refused("", tc.score, run, np.zeros((3, 999)))
        self.refused("", tc.score, run, run.W.T, codes=np.zeros((1, 1)))
        self.refused("", tc.score, run, np.full(run.W.T.shape, np.nan))

    def test_circuit_and_judge(self):
        model = tc.compile("hist")
        circuit = tc.circuit(model, pairs=64, progress=False)
        true = [(edge["from"], edge["to"]) for edge in circuit["edges"] if edge["true"]]
        verdict = tc.judge(model, true, pairs=64, draws=2, progress=False)
        self.assertEqual(verdict["circuit"]["f1"], 1.0)
        scores = tc.circuit(model, scores="eap", pairs=64, progress=False)
        self.assertEqual(list(scores), ["from", "to", "score"])
        Path("scores.csv").write_text("from,to,score\n" + "".join(f"{a},{b},{float(s)!r}\n" for a, b, s in zip(*scores.values())))
        model.save("hist.safetensors")
        theirs = self.printed("judge", "hist.safetensors", "scores.csv", "--pairs", "64", "--draws", "2", "--json")
        self.assertEqual(tc.judge(model, scores, pairs=64, draws=2, progress=False), theirs)
        by_edge = {(a, b): s for a, b, s in zip(*scores.values())}
        self.assertEqual(tc.judge("hist", by_edge, pairs=64, draws=2, progress=False)["circuit"], theirs["circuit"])
        self.refused("", tc.judge, model, [("nothing", "nowhere")])
        self.refused("patching, eap or eap_ig", tc.circuit, model, scores="magic")

    def test_shrink(self):
        keys = {"compression.dim": 10, "training.steps": 100, "shrink.min_dim": 14}
        model = tc.compile("hist")
        found = tc.shrink(model, criterion="outputs", set=keys, output="small", progress=False)
        # Where nothing is lost it begins, and it was asked to go no further.
        accepted = found["runs"]["outputs"]
        self.assertEqual((accepted.W.shape[0], accepted.W.shape[0]), (found["rank"], found["found"][0]["d"]))
        self.assertEqual(accepted.evaluate()["token_accuracy"], 1.0)
        self.assertEqual(found["path"]["d"].tolist(), [found["rank"]])
        again = tc.shrink(model, criterion="outputs", set=keys, output="small", progress=False)
        self.assertEqual(again["found"], found["found"])
        more = tc.shrink(accepted, criterion="outputs", set={"shrink.min_dim": found["rank"]}, output="more", progress=False)
        self.assertEqual(more["runs"]["outputs"].directory, Path("more/outputs") / f"d={found['rank']}")
        self.refused("output=DIR", tc.shrink, "hist.toml")
        self.refused("outputs, faithful or both", tc.shrink, "small", criterion="magic")

    def test_sweep(self):
        file = self.run_file(steps=100, log_every=100)
        Path("study.toml").write_text(f'name = "s"\nquestion = "Which?"\nbase = "{file}"\n[grid]\n"compression.dim" = [7, 8]\n')
        study = tc.sweep("study.toml", progress=False)
        self.assertEqual(study.directory, Path("results/s"))
        self.assertEqual(study.runs["compression.dim"].tolist(), [7, 8])
        self.assertEqual(len(study.names), 2)
        self.assertEqual(sorted(study.run(name).W.shape[0] for name in study.names), [7, 8])
        self.assertEqual(tc.Study.load("results/s").points["compression.dim"].tolist(), [7, 8])
        self.refused("study", tc.train, "study.toml")
        self.refused("no study.toml", tc.Study.load, "results")
        self.refused("", tc.sweep, file)

    def test_zoo(self):
        file = self.run_file(steps=50, log_every=50)
        Path("study.toml").write_text(
            f'name = "s"\nquestion = "Which?"\nbase = "{file}"\n[grid]\n"compression.dim" = [7, 11]\n'
        )
        tc.sweep("study.toml", progress=False)
        ended = compress("export", "results/s", "--zoo", "zoo")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        models = tc.zoo("zoo")
        self.assertEqual(sorted(model["d"] for model in models), [7, 11])
        self.assertEqual([model["d"] for model in tc.zoo("zoo", d=11, source=["library", "other"])], [11])
        self.assertEqual(tc.zoo("zoo", d=lambda d: d > 11), [])
        self.refused("no column width", tc.zoo, "zoo", width=3)
        self.refused("cannot read", tc.zoo, "nowhere")
        for model in models:
            self.assertEqual(model.W.shape, (model["d"], model["D"]))
            self.assertEqual(sum(edge["true"] for edge in model.edges), model["true_edges"])
            self.assertEqual(model.certificate["verdict"], model["verdict"])
            self.assertEqual(model.features["z"].shape[1], model["d"])
            self.assertEqual(model.model.weights["token_embed"].shape[1], model["d"])

    def test_published_studies_are_read(self):
        study = tc.Study.load(REPOSITORY / "results" / "frac_prevs_dims")
        self.assertIn("mae_median", study.points)
        self.assertEqual(study.points["mae_median"].dtype, np.float64)
        self.assertIn("<table>", study._repr_html_())


class Interface(unittest.TestCase):
    def test_the_stubs_are_those_of_the_package(self):
        import ast
        import inspect

        text = Path(tc.__file__).with_name("__init__.pyi").read_text()
        tree = ast.parse(text)

        def arguments(node):
            a = node.args
            return [x.arg for x in [*a.posonlyargs, *a.args, *a.kwonlyargs]] + ([a.kwarg.arg] if a.kwarg else [])

        def real(function):
            return list(inspect.signature(function).parameters)

        stubbed = set()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                stubbed.add(node.name)
                self.assertEqual(arguments(node), real(getattr(tc, node.name)), node.name)
            elif isinstance(node, ast.ClassDef):
                stubbed.add(node.name)
                for method in node.body:
                    if not isinstance(method, ast.FunctionDef) or node.name == "Tables":
                        continue
                    member = inspect.getattr_static(getattr(tc, node.name), method.name)
                    if isinstance(member, (property, functools.cached_property)):
                        self.assertEqual(ast.unparse(method.decorator_list[0]), "property", method.name)
                        continue
                    member = member.__func__ if isinstance(member, classmethod) else member
                    self.assertEqual(arguments(method), real(member), f"{node.name}.{method.name}")
        stubbed |= {"CompressError", "FailedError", "library"}
        self.assertEqual(stubbed, set(tc.__all__))

    def test_everything_has_a_docstring(self):
        for name in tc.__all__:
            member = getattr(tc, name)
            self.assertTrue(member.__doc__, name)
            if isinstance(member, type):
                for method in vars(member).values():
                    if callable(method) and not method.__name__.startswith("_"):
                        self.assertTrue(method.__doc__, f"{name}.{method.__name__}")


if __name__ == "__main__":
    unittest.main()
