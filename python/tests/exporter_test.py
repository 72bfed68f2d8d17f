"""What of the exporter runs without torch: the checkpoint's key, the prompts, arguments and errors."""

import contextlib
import hashlib
import io
import json
import tempfile
import unittest
from pathlib import Path

from tessera_golden import prompts
from tessera_golden.__main__ import main, parse_arguments, read_text
from tessera_golden.content_hash import file_sha256, folder_sha256
from tessera_golden.errors import GoldenError, first_line


class Tokenizer:
    """As much of a Hugging Face tokenizer as the prompts need: characters are ids, 1 is the token at the start."""

    bos_token = "<s>"

    def __init__(self, chat_template=None):
        self.chat_template = chat_template

    def __call__(self, text, add_special_tokens):
        self.input_ids = [1] * add_special_tokens + [ord(c) for c in text]
        return self

    def apply_chat_template(self, conversation, tokenize, add_generation_prompt):
        assert not tokenize and add_generation_prompt
        return "".join(f"<{m['role']}>{m['content']}" for m in conversation) + "<assistant>"


class ContentHash(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return f"{name} {hashlib.sha256(text.encode()).hexdigest()}\n"

    def test_file(self):
        self.write("x", "abc")  # FIPS 180-2
        known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        self.assertEqual(file_sha256(self.folder / "x"), known)

    def test_folder(self):
        """Weights and settings by name; other files are no part of the key."""
        lines = self.write("config.json", "{}") + self.write("model.safetensors", "weights")
        self.write("README.md", "changes nothing")
        key = hashlib.sha256(lines.encode()).hexdigest()
        self.assertEqual(folder_sha256(self.folder), key)
        self.write("tokenizer.json", "{}")
        self.assertNotEqual(folder_sha256(self.folder), key)

    def test_shards(self):
        shards = ("a.safetensors", "b.safetensors")
        weight_map = {f"w{i}": shards[i % 2] for i in range(5)}
        self.write("model.safetensors.index.json", json.dumps({"weight_map": weight_map}))
        lines = self.write(shards[0], "one")
        self.assertIsNone(folder_sha256(self.folder))  # one is missing
        lines += self.write(shards[1], "two")
        self.assertEqual(folder_sha256(self.folder), hashlib.sha256(lines.encode()).hexdigest())


class Prompts(unittest.TestCase):
    def test_the_second_is_a_conversation(self):
        plain, chat = prompts.make_prompts(Tokenizer()), prompts.make_prompts(Tokenizer("template"))
        self.assertEqual(len(plain), 5)
        self.assertEqual(plain[1], prompts.CHAT)
        self.assertEqual(chat[1], f"<user>{prompts.CHAT}<assistant>")
        self.assertEqual(plain[:1] + plain[2:], chat[:1] + chat[2:])

    def test_one_token_at_the_start(self):
        """A text that begins with it, as a template's does, gets no second one."""
        self.assertEqual(prompts.encode(Tokenizer(), "ab"), [1, 97, 98])
        self.assertEqual(prompts.encode(Tokenizer(), "<s>a"), [ord(c) for c in "<s>a"])

    def test_forced_text(self):
        self.assertGreater(len(prompts.default_text().split()), 300)


class Arguments(unittest.TestCase):
    def test_defaults(self):
        options = parse_arguments(["MODEL"])
        counts = (options.forced_tokens, options.hidden_tokens, options.greedy_tokens)
        self.assertEqual((counts, options.out), ((400, 16, 64), None))

    def test_numbers(self):
        for value in ("0", "-3", "many"):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as said:
                parse_arguments(["MODEL", "--forced-tokens", value])
            self.assertIn("--forced-tokens", said.getvalue())

    def test_text_that_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            latin = Path(folder) / "latin.txt"
            latin.write_bytes(b"caf\xe9")
            for path, words in ((latin, "UTF-8"), (Path(folder) / "none.txt", "--text")):
                with self.assertRaisesRegex(GoldenError, words):
                    read_text(path)

    def test_errors_are_one_line(self):
        """Whatever is missing on this machine, the package or the model."""
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(main(["./no-such-model"]), 2)
        self.assertEqual(said.getvalue().splitlines()[-1].split(":")[0], "tessera_golden")
        self.assertEqual(first_line(ValueError("\n  It is wrong.\nAnd more.")), "It is wrong")
        self.assertEqual(first_line(ValueError()), "ValueError")


if __name__ == "__main__":
    unittest.main()
