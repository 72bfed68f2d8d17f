"""Arguments that cannot be meant: one line, exit 2."""

import unittest

import harness
import tiny_model


class Arguments(harness.CommandTest):
    def test_command_line(self):
        self.refuse(words="subcommand")
        self.refuse("frobnicate", words="--help")
        self.refuse("generate", "--frobnicate", words="see tessera generate --help")
        self.refuse("generate", self.model, words="--prompt is required")

    def test_numbers(self):
        for option in ("-n", "--context", "--top-k", "--temperature", "--top-p"):
            self.refuse("generate", self.model, "-p", "hi", option, "-1")
        for tokens in ("-1", "0", "many"):
            self.refuse("bringup", self.model, "--tokens", tokens, "--out", "out", words=["--tokens", "--help"])
        for phases in ("8", "-1", "1,8", "all"):
            self.refuse("bringup", self.model, "--phases", phases, "--out", "out", words=["--phases", "--help"])
        for threshold, word in (("layers=0.9", "layer"), ("op=2", "-1 to 1"), ("op=0.9,top1=", "0 to 100")):
            self.refuse("bringup", self.model, "--threshold", threshold, "--out", "out", words=["--threshold", word])
        self.refuse("bench", self.model, "--batch", "33", words="--batch")
        self.refuse("bench", self.model, "--prompt", "250", "--gen", "64", words=["250", "64", "256"])
        self.refuse("golden", self.model, "--greedy-tokens", "0", words="--greedy-tokens")
        self.refuse("golden", self.model, "--greedy-tokens", "250", words="256")

    def test_names(self):
        self.refuse("generate", "no-such-model", "-p", "hi", words=["no-such-model", "smollm2-135m"])
        self.refuse("generate", self.model, "-p", "hi", "--engine", "warp", words=["warp", "fast"])
        self.refuse("generate", self.model, "-p", "hi", "--engine", "meta", words="meta")
        self.refuse("generate", self.model, "-p", "hi", "--device", "n9", words=["n9", "n150"])
        self.refuse("generate", self.model, "-p", "hi", "--precision", "best", words="accuracy")
        self.refuse("bringup", self.model, "--precision", "no.json", "--out", "out", words="no.json")
        self.refuse("completion", "tcsh", words="bash")

    def test_prompts(self):
        self.refuse("generate", self.model, "-p", "", words="prompt")
        self.refuse("generate", self.model, "-p", "word " * 400, words=["context", "256"])
        self.refuse("bringup", self.model, "--prompt", "", "--out", "out", words="prompt")

    def test_files_to_compare(self):
        text = self.folder / "text.npy"
        text.write_text("not a tensor at all")
        self.refuse("compare", text, text, words="text.npy")
        self.refuse("compare", "nothing.npy", text, words="nothing.npy")
        self.refuse("bringup", self.model, "--golden", text, "--out", "out", words="text.npy")

    def test_no_chat_template(self):
        plain = tiny_model.write_hf(self.folder / "plain", chat_template=False)
        self.refuse("chat", plain, stdin="hi\n", words=["chat template", "tessera generate"])


if __name__ == "__main__":
    unittest.main()
