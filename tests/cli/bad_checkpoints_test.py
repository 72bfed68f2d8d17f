"""Damaged, incomplete and foreign checkpoints: one line, exit 2; `inspect` shows what it can."""

import json
import random
import struct
import unittest
from pathlib import Path

import harness
import tiny_model


class BadCheckpoints(harness.CommandTest):
    def generate(self, model, words=()) -> None:
        self.refuse("generate", model, "-p", "hi", "-n", "2", words=words)

    def test_truncated(self):
        whole = tiny_model.write_gguf(self.folder / "whole.gguf").read_bytes()
        self.succeed("generate", self.folder / "whole.gguf", "-p", "hi", "-n", "2")
        for part in (0, 3, 20, len(whole) // 100, len(whole) // 2, len(whole) - 1):
            cut = self.folder / "cut.gguf"
            cut.write_bytes(whole[:part])
            self.generate(cut, "cut.gguf")
        weights = (self.model / "model.safetensors").read_bytes()
        for part in (0, 7, 100, len(weights) // 2, len(weights) - 1):
            folder = tiny_model.write_hf(self.folder / "cut")
            (folder / "model.safetensors").write_bytes(weights[:part])
            self.generate(folder, "model.safetensors")

    def test_bit_flips(self):
        """A flip may hit a weight, and then nobody can tell; any other is one line."""
        rng = random.Random(1)
        whole = tiny_model.write_gguf(self.folder / "flip.gguf").read_bytes()
        metadata = whole.index(b"token_embd")
        for _ in range(24):
            at = rng.randrange(metadata)
            self.flip(self.folder / "flip.gguf", whole, at, rng.randrange(8))
        weights = (self.model / "model.safetensors").read_bytes()
        folder = tiny_model.write_hf(self.folder / "flip")
        header = 8 + struct.unpack("<Q", weights[:8])[0]
        for _ in range(16):
            self.flip(folder / "model.safetensors", weights, rng.randrange(header), rng.randrange(8), folder)

    def flip(self, file: Path, whole: bytes, at: int, bit: int, model: Path | None = None) -> None:
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        done = self.tessera("generate", model or file, "-p", "hi", "-n", "2")
        with self.subTest(file=file.name, byte=at, bit=bit):
            if done.returncode != 0:
                self.assert_one_line(done)

    def test_absurd_configurations(self):
        huge = 2**31 - 1
        for changes in (
            {"vocab_size": huge},
            {"hidden_size": huge},
            {"intermediate_size": huge},
            {"num_hidden_layers": huge},
            {"num_attention_heads": huge, "num_key_value_heads": huge},
            {"head_dim": huge - 1},
            {"max_position_embeddings": -1},
            {"num_hidden_layers": 0},
            {"hidden_size": -64},
            {"head_dim": 31},
            {"num_key_value_heads": 3},
            {"vocab_size": "many"},
            {"rope_scaling": {"rope_type": "warped", "factor": 4.0}},
        ):
            self.generate(tiny_model.write_hf(self.folder / "absurd", **changes))
        (self.model / "config.json").replace(self.folder / "config.json")
        self.generate(self.model, "config.json")
        (self.folder / "config.json").replace(self.model / "config.json")

    def test_missing_parts(self):
        name = "model.layers.1.mlp.up_proj.weight"
        self.generate(tiny_model.write_hf(self.folder / "gap", "--without", name), name)
        self.generate(tiny_model.write_gguf(self.folder / "gap.gguf", "--without", name), "up_proj")
        bare = tiny_model.write_hf(self.folder / "bare", tokenizer=False)
        self.generate(bare, "tokenizer.json")
        self.refuse("bringup", bare, "--out", "out", words="tokenizer.json")
        facts = self.document("inspect", bare)
        self.assertFalse(facts["supported"])
        self.assertFalse(facts["checkpoint"]["has_tokenizer"])
        self.assertEqual(self.document("inspect", self.folder / "gap")["supported"], False)
        self.generate(self.folder / "empty")

    def test_damaged_tokenizer(self):
        folder = tiny_model.write_hf(self.folder / "tokenizer")
        for text in ("", "{", "[]", json.dumps({"model": {"type": "BPE"}})):
            (folder / "tokenizer.json").write_text(text)
            self.generate(folder)

    def test_unknown_architecture(self):
        other = tiny_model.write_hf(self.folder / "other", architectures=["OtherForCausalLM"], model_type="other")
        self.generate(other, ["OtherForCausalLM", "LlamaForCausalLM"])
        self.refuse("bringup", other, "--out", "out", words="OtherForCausalLM")
        facts = self.document("inspect", other)
        self.assertFalse(facts["supported"])
        self.assertIn("OtherForCausalLM", facts["unsupported"][0])
        self.assertIn("LlamaForCausalLM", facts["known_architectures"])
        self.assertEqual(facts["config"]["hidden_size"], tiny_model.HIDDEN)
        self.assertEqual(len(facts["tensors"]), len(tiny_model.shapes(other)))
        text = self.succeed("inspect", other)
        self.assertRegex(text, r"supported +no")
        self.assertRegex(text, r"layers\.0\.\.2\n(.*\n)*    mlp\.up_proj\.weight +F32 \[128, 64\]")
        keys = {"a\nkey": 1, "\x1b[31mred": 2}  # of others: a line break and what a terminal would obey
        text = self.succeed("inspect", tiny_model.write_hf(self.folder / "keys", hidden_act="\x1b[0m", **keys))
        self.assertIn("a key", text)
        self.assertNotIn("\x1b", text)
        gguf = tiny_model.write_gguf(self.folder / "other.gguf", architecture=b"other")
        self.generate(gguf, "other")
        self.assertRegex(self.succeed("inspect", gguf), r"supported +no")


if __name__ == "__main__":
    unittest.main()
