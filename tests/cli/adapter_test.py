"""--adapter: the commands that run a model run the fine-tuned one, and say so."""

import array
import json
import random
import struct
import sys
import unittest
from pathlib import Path

import harness

RANK = 4


def write_adapter(folder: Path, layers: int = 3, **changes) -> Path:
    """A LoRA adapter for v_proj of the tiny model."""
    folder.mkdir(exist_ok=True)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 8, "target_modules": ["v_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    rng = random.Random(3)
    header, data = {}, b""
    for layer in range(layers):
        for name, shape in (("A", [RANK, 64]), ("B", [32, RANK])):
            values = array.array("f", (rng.gauss(0, 0.3) for _ in range(shape[0] * shape[1]))).tobytes()
            header[f"base_model.model.model.layers.{layer}.self_attn.v_proj.lora_{name}.weight"] = {
                "dtype": "F32",
                "shape": shape,
                "data_offsets": [len(data), len(data) + len(values)],
            }
            data += values
    text = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


class Adapter(harness.CommandTest):
    def test_generate(self):
        adapter = write_adapter(self.folder / "lora")
        args = ("generate", self.model, "-p", "Hello", "-n", "12")
        tuned = self.document(*args, "--adapter", adapter)["tokens"]
        self.assertNotEqual(tuned, self.document(*args)["tokens"])
        self.assertEqual(tuned, self.document(*args, "--adapter", adapter)["tokens"])  # from the weight cache
        self.assertEqual(tuned, self.document(*args, "--adapter", adapter, "--mesh", "1x2")["tokens"])

    def test_bringup(self):
        adapter = write_adapter(self.folder / "lora")
        doc = self.document("bringup", self.model, "--adapter", adapter, "--phases", "1,2,3", "--out", self.folder / "out")
        self.assertEqual(doc["config"]["adapter"], str(adapter))
        status = {item["item"]: item["status"] for item in doc["checklist"]}
        self.assertNotIn("fail", status.values(), doc["checklist"])

    def test_bench_and_golden(self):
        adapter = write_adapter(self.folder / "lora")
        sizes = ("--prompt", "8", "--gen", "2", "--batch", "1", "--repeats", "1")
        self.assertEqual(self.document("bench", self.model, "--adapter", adapter, *sizes)["adapter"], str(adapter))
        tokens = ("--forced-tokens", "8", "--greedy-tokens", "2")
        self.succeed("golden", self.model, *tokens, "--out", self.folder / "plain.safetensors")
        self.succeed("golden", self.model, *tokens, "--adapter", adapter, "--out", self.folder / "tuned.safetensors")
        done = self.tessera("compare", self.folder / "plain.safetensors", self.folder / "tuned.safetensors")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_refused(self):
        args = ("generate", self.model, "-p", "Hello", "--adapter")
        self.refuse(*args, self.folder / "nowhere", words="no adapter_config.json")
        self.refuse(*args, write_adapter(self.folder / "dora", use_dora=True), words="'use_dora'")
        self.refuse(*args, write_adapter(self.folder / "deep", layers=4), words="module 'model.layers.3.self_attn.v_proj'")


if __name__ == "__main__":
    sys.exit(unittest.main())
