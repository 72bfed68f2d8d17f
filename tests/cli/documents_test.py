"""What the commands print: JSON keys, compare's figures, golden files, help, completion, the manual page."""

import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import harness
import tiny_model

FAMILIES = Path(__file__).resolve().parent.parent / "data" / "families"
COMMANDS = "bringup generate chat inspect plan bench compare golden logits pull models devices completion man".split()


class Documents(harness.CommandTest):
    def test_generate(self):
        args = ("generate", self.model, "-p", "Hello", "-n", "6")
        doc = self.document(*args)
        keys = ["prompt", "text", "tokens", "prompt_tokens", "finish_reason", "timings"]
        self.assertEqual(list(doc), keys)
        self.assertLessEqual(len(doc["tokens"]), 6)
        self.assertEqual(self.succeed(*args), doc["text"] + "\n")
        gguf = tiny_model.write_gguf(self.folder / "same.gguf")
        self.assertEqual(self.document("inspect", gguf)["checkpoint"]["format"], "gguf")
        seeded = ("--temperature", "1.5", "--seed", "5")
        self.assertEqual(self.succeed(*args, *seeded), self.succeed(*args, *seeded))

    def test_inspect(self):
        doc = self.document("inspect", self.model, "--batch", "4", "--prompt", "40")
        self.assertTrue(doc["supported"])
        values = 0
        for shape in tiny_model.shapes(self.model).values():
            values += shape[0] * (shape[1] if len(shape) == 2 else 1)
        self.assertEqual(doc["parameters"], values)
        modules = {m["path"]: m for m in doc["modules"]}
        self.assertEqual(modules["layers.1.self_attn.qkv_proj"]["shape"], [64, 128])
        self.assertEqual(modules["layers.1.mlp.up_proj"]["dtype"], "bfloat8_b")
        for mode, rows in (("decode", 4), ("prefill", 40)):
            calls = [c for c in doc["operators"][mode] if c["path"] == "layers.0.mlp.up_proj"]
            self.assertEqual([c["ttnn"] for c in calls], ["ttnn.linear"])
            self.assertEqual(calls[0]["outputs"][0]["shape"], [1, 1, rows, 128])
        self.assertTrue(doc["checkpoint"]["chat_template"])
        self.assertEqual(doc["checkpoint"]["types"]["F32"]["tensors"], len(tiny_model.shapes(self.model)))
        text = self.succeed("inspect", self.model)
        self.assertIn("layers.0..2", text)
        self.assertIn("ttnn.transformer.paged_scaled_dot_product_attention_decode", text)

    def test_inspect_says_what_a_family_adds(self):
        gemma = self.succeed("inspect", FAMILIES / "gemma2")
        for feature in ("window of 40 in 2 layers", "scores capped at 5", "logits capped at 8", "norms of 1 + w"):
            self.assertIn(feature, gemma)
        mixtral = self.succeed("inspect", FAMILIES / "mixtral")
        self.assertIn("features     2 of 4 experts a token\n", mixtral)
        self.assertIn("mlp.experts.0..3.w1 ", mixtral)  # experts that are alike in one line
        self.assertNotIn("mlp.experts.0.w1 ", mixtral)

    def test_bench(self):
        doc = self.document("bench", self.model, "--prompt", "40", "--gen", "4", "--batch", "1,3", "--repeats", "2")
        for key in ("model", "engine", "precision", "threads", "isa", "ttft_ms", "load_s", "memory"):
            self.assertIn(key, doc)
        rows = [(r["kind"], r["batch"], r["prompt"], r["context"]) for r in doc["results"]]
        expected = [("prefill", 1, 40, 40), ("decode", 1, 40, 44), ("prefill", 3, 40, 40), ("decode", 3, 40, 44)]
        self.assertEqual(rows, expected)
        for row in doc["results"]:
            self.assertTrue(0 < row["tok_s_min"] <= row["tok_s"] <= row["tok_s_max"], row)

    def test_roofline(self):
        sizes = ("--prompt", "20", "--gen", "2", "--batch", "2", "--repeats", "1", "--threads", "1")
        doc = self.document("bench", self.model, *sizes, "--measure", "decode", "--roofline")
        self.assertEqual(([r["kind"] for r in doc["results"]], doc["threads"]), (["decode"], 1))
        self.assertGreater(doc["roofline"]["peaks"]["read_gb_s"], 0)
        (step,) = doc["roofline"]["steps"]
        self.assertEqual((step["kind"], step["batch"], step["context"]), ("decode", 2, 21))
        self.assertIn("linear bfloat8_b", [c["op"] for c in step["classes"]])
        self.assertAlmostEqual(sum(c["ms"] for c in step["classes"]), step["ms"])
        self.assertIn("this machine reads", self.succeed("bench", self.model, *sizes, "--roofline"))
        self.refuse("bench", self.model, "--threads", "0", words="--threads")

    def test_logits(self):
        text = self.folder / "text.txt"
        text.write_text("The quick brown fox jumps over the lazy dog.")
        a, b = self.folder / "a_logits.npy", self.folder / "b_logits.npy"
        doc = self.document("logits", self.model, "--text", text, "--tokens", "6", "--out", a)
        self.assertEqual((len(doc["tokens"]), doc["out"]), (6, str(a)))
        more = ("--text", text, "--tokens", "6", "--out", b)
        self.assertEqual(self.succeed("logits", self.model, *more, "--threads", "1"), f"{b}\n")
        self.assertTrue(self.document("compare", a, b)["equal"])
        self.succeed("logits", self.model, *more, "--engine", "ref", "--precision", "fp32")
        self.assertGreater(self.document("compare", a, b)["pcc"], 0.999)
        self.refuse("logits", self.model, "--text", self.folder / "none.txt", "--out", b, words="none.txt")

    def test_compare_tensors(self):
        a = harness.write_npy(self.folder / "a.npy", [1, 2, 3, 4], (2, 2))
        b = harness.write_npy(self.folder / "b.npy", [1, 2, 3, 4.5], (2, 2))
        flat = harness.write_npy(self.folder / "flat.npy", [1, 2, 3, 4], (4,))
        same = self.document("compare", a, a)
        self.assertEqual((same["equal"], same["pcc"], same["ulp_max"], same["shape"]), (True, 1, 0, [2, 2]))
        other = self.document("compare", a, b, status=1)
        self.assertEqual((other["equal"], other["max_abs"]), (False, 0.5))
        self.assertAlmostEqual(other["rel_l2"], 0.5 / 30**0.5, places=6)
        self.document("compare", a, b, "--threshold", "0.9", status=1)  # the slope is 1.15
        c = harness.write_npy(self.folder / "c.npy", [1, 2, 3.2, 3.9], (2, 2))
        self.document("compare", a, c, status=1)
        self.document("compare", a, c, "--threshold", "0.9")
        self.refuse("compare", a, flat, words=["[2, 2]", "[4]"])

    def test_golden(self):
        sizes = ("--forced-tokens", "20", "--greedy-tokens", "6")
        for name in ("a", "b"):
            self.succeed("golden", self.model, "--out", self.folder / f"{name}.golden.safetensors", *sizes)
        a, b = self.folder / "a.golden.safetensors", self.folder / "b.golden.safetensors"
        doc = self.document("compare", a, b)
        self.assertTrue(doc["equal"])
        self.assertEqual([t["name"] for t in doc["tensors"]][:3], ["hidden.0", "hidden.1", "hidden.2"])
        self.assertEqual([t["tokens"] for t in doc["tokens"]], [16, 20, 6, 6, 6, 6, 6])
        other = tiny_model.write_hf(self.folder / "other", "--seed", "8")
        self.succeed("golden", other, "--out", b, *sizes)
        self.document("compare", a, b, status=1)
        self.refuse("compare", a, harness.write_npy(self.folder / "t.npy", [1], (1,)), words="golden")
        # The baseline of a bring-up takes it and agrees, but what the same engine wrote is no evidence.
        report = self.document("bringup", self.model, "--phases", "0", "--golden", a, "--out", "up")
        self.assertEqual(report["checklist"][0]["status"], "skipped")
        self.assertIn("20 of 20 forced tokens", report["checklist"][0]["evidence"])

    def test_golden_key(self):
        """The exporter and the program find a golden file by the same key."""
        sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
        from tessera_golden.content_hash import file_sha256, folder_sha256

        gguf = tiny_model.write_gguf(self.folder / "key.gguf")
        for model, key in ((self.model, folder_sha256(self.model)), (gguf, file_sha256(gguf))):
            self.assertEqual(self.document("inspect", model)["checkpoint"]["content_hash"], key)

    def test_thresholds(self):
        """Bars that nothing passes, or that anything passes, and the report that says so."""
        bringup = ("bringup", self.model, "--phases", "1", "--out", "bars")
        coarse = self.folder / "coarse.json"
        groups = dict.fromkeys(("FF1_FF3", "FF2", "WQKV", "WO"), "BFP4")
        coarse.write_text(json.dumps({"decoders": {"0": {"precision_cfg": groups}}}))
        strict = self.document(*bringup, "--precision", coarse, status=1)
        self.assertEqual((strict["thresholds"]["op"], strict["thresholds"]["layer"]), (0.999, 0.998))
        bars = ("--threshold", "op=-1,module=-1", "--threshold", "top1=12.5")
        loose = self.document(*bringup, "--precision", coarse, *bars)
        self.assertEqual(loose["thresholds"], strict["thresholds"] | {"op": -1, "module": -1, "top1": 12.5})
        self.assertEqual({op["threshold"] for op in loose["ops"]}, {-1})

    def test_lists(self):
        models = self.document("models")
        self.assertIn("smollm2-135m", [m["name"] for m in models["models"]])
        self.assertIn("LlamaForCausalLM", [a["name"] for a in models["architectures"]])
        self.assertIn("n150", [d["name"] for d in self.document("devices")["devices"]])

    def test_help(self):
        for command in COMMANDS:
            text = self.succeed(command, "--help")
            examples = [line for line in text.splitlines() if "tessera " + command in line]
            self.assertGreaterEqual(len(examples), 2, command)
        self.assertRegex(self.succeed("--version"), r"^\d+\.\d+\.\d+\n$")

    def test_completion(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.succeed("completion", shell)
            for word in COMMANDS + ["temperature", "smollm2-135m", "n150", "performance"]:
                self.assertIn(word, script, shell)
            if shutil.which(shell):
                file = self.folder / f"completion.{shell}"
                file.write_text(script)
                subprocess.run([shell, "-n", file], check=True)
        self.assertEqual(self.complete("tessera", "gen"), ["generate"])
        self.assertEqual(self.complete("tessera", "generate", "--temp"), ["--temperature"])
        self.assertEqual(self.complete("tessera", "generate", "--device", "n1"), ["n150"])
        self.assertEqual(self.complete("tessera", "chat", "smol"), ["smollm2-135m"])

    def complete(self, *words: str) -> list[str]:
        """What bash offers for the last word."""
        quoted = " ".join(f"'{w}'" for w in words)
        script = (
            self.succeed("completion", "bash")
            + f"COMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_tessera\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        )
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=self.folder)
        return done.stdout.split()

    def test_man(self):
        page = self.succeed("man")
        for command in COMMANDS:
            self.assertIn(f".SS tessera {command}", page)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-ww", "-man", "-Tutf8"], input=page, capture_output=True, text=True)
            self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
