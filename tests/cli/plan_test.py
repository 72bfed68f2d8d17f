"""tessera plan from outside: keys, a configuration without weights, the page, the table, errors."""

import json
import os
import unittest
from pathlib import Path

import harness

CONFIGS = Path(os.environ["TESSERA_TEST_DATA"]) / "plan" / "configs"
MODEL = CONFIGS / "Llama-3.1-8B-Instruct"


class Plan(harness.CommandTest):
    def test_keys_that_scripts_rely_on(self):
        doc = self.document("plan", MODEL, "--precision", "tt-performance", "--batch", "8", "--context", "2048")
        for key in ("fits", "devices", "weights_bytes", "kv_bytes_per_token", "kv_bytes", "trace_bytes"):
            self.assertIn(key, doc)
        for key in ("activation_bytes", "free_bytes", "max_context", "roofline", "expected", "layouts", "advice"):
            self.assertIn(key, doc)
        self.assertTrue(doc["fits"])
        self.assertEqual(doc["devices"], 1)
        self.assertEqual(doc["kv_bytes_per_token"], 69632)
        self.assertEqual(doc["free_bytes"], doc["capacity_bytes"] - doc["needed_bytes"])
        parts = ("weights_bytes", "tables_bytes", "kv_bytes", "trace_bytes", "activation_bytes")
        self.assertEqual(sum(doc[part] for part in parts), doc["peak_bytes"])
        limits = {entry["batch"]: entry["context"] for entry in doc["max_context_by_batch"]}
        self.assertEqual(limits[8], doc["max_context"])
        self.assertGreater(limits[1], limits[32])
        self.assertEqual(doc["roofline"]["bound"], "dram")
        self.assertGreater(doc["roofline"]["decode_tok_s_user"], doc["expected"]["decode_tok_s_user"])
        self.assertLess(doc["roofline"]["ttft_ms"], doc["expected"]["ttft_ms"])
        self.assertEqual(doc["expected"]["precision"], "tt-performance")

    def test_a_checkpoint_and_its_config_are_planned_alike(self):
        alone = self.folder / "alone"
        alone.mkdir()
        (alone / "config.json").write_bytes((Path(self.model) / "config.json").read_bytes())
        with_weights, without = self.document("plan", self.model), self.document("plan", alone)
        with_weights.pop("model")
        without.pop("model")
        self.assertEqual(with_weights, without)
        self.assertTrue(without["runs"])

    def test_text(self):
        text = self.succeed("plan", CONFIGS / "falcon-40b-instruct", "--device", "loudbox")
        for part in ("FITS", "Longest context that fits", "Ways to use the 8 chips"):
            self.assertIn(part, text)
        self.assertIn("DOES NOT FIT", self.succeed("plan", CONFIGS / "falcon-40b-instruct"))

    def test_page(self):
        page = self.folder / "plan.html"
        self.succeed("plan", MODEL, "--html", page)
        self.assertTrue(page.read_text().startswith("<!DOCTYPE html>"))

    def test_table(self):
        text = self.succeed("plan", "--table")
        for part in ("n150", "~12B", "12.1B", "loudbox", "Llama-3.1-70B"):
            self.assertIn(part, text)
        rows = {row["device"]: row for row in self.document("plan", "--table")["devices"]}
        self.assertLess(rows["n150"]["parameters_32_users_2048"], rows["n150"]["parameters_1_user_8192"])

    def test_errors_are_one_line(self):
        bad = self.folder / "bad"
        bad.mkdir()
        (bad / "config.json").write_text(json.dumps({"architectures": ["BertModel"], "model_type": "bert"}))
        cases = {
            (): "no MODEL",
            ("no-such-folder/x",): "no-such-folder/x",
            (bad,): "cannot be planned",
            (MODEL, "--device", "n15"): "unknown device",
            (MODEL, "--batch", "64"): "1 to 32 users",
            (MODEL, "--context", "1000000"): "131072",
            (MODEL, "--precision", "int4"): "unknown precision",
            (MODEL, "--tp", "3"): "tensor parallel over 3 chips",
            (MODEL, "--prefill-chunk", "100"): "multiple of 32",
            (MODEL, "--html", self.folder / "absent" / "x.html"): "absent",
        }
        for arguments, part in cases.items():
            with self.subTest(part):
                done = self.tessera("plan", *arguments)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
