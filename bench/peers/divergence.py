"""How far both programs' distributions are from the float32 reference's, over the same tokens.

Arithmetic alone: each against float32 with the very weights that it has. Whole: against float32 with the weights
of the source. The reference is Tessera's `ref` engine, which stands against Hugging Face in a bring-up.
"""

import json
import subprocess
from pathlib import Path

import numpy as np

import models
import programs

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "python/tessera_golden/forced_text.txt"
# The reference engine takes plain loops: a large model is asked for less.
TOKENS = {"smollm2-135m": 256, "llama-1.24b": 64, "qwen2.5-coder-1.5b": 64, "tiny": 64}


def divergence(reference: np.ndarray, other: np.ndarray) -> float:
    """KL(reference || other) in nats, mean over the rows."""
    sums = 0.0
    for row, found in zip(reference.astype(np.float64), other.astype(np.float64)):
        p, q = (x - x.max() - np.log(np.exp(x - x.max()).sum()) for x in (row, found))
        sums += float((np.exp(p) * (p - q)).sum())
    return sums / len(reference)


class Logits:
    """Of one text, by either program."""

    def __init__(self, folder: Path, tokens: int, tessera: Path, peer: Path, threads: int):
        self.folder, self.tokens, self.tessera, self.peer, self.threads = folder, tokens, tessera, peer, threads
        self.ids: list[int] = []

    def ours(self, model: Path, engine: str, precision: str) -> np.ndarray:
        out = self.folder / "logits.npy"
        work = ("--text", TEXT, "--tokens", str(self.tokens), "--out", out, "--json")
        choice = ("--engine", engine, "--precision", precision, "--threads", str(self.threads))
        self.ids = json.loads(programs.output([self.tessera, "logits", model, *choice, *work]))["tokens"]
        return np.load(out)

    def setting(self, base: str, **groups: str) -> str:
        """A precision file: a preset with other types for all layers."""
        path = self.folder / "precision.json"
        path.write_text(json.dumps({"base": base, "decoders": {"0": {"precision_cfg": groups}}}))
        return str(path)

    def theirs(self, model: Path) -> np.ndarray:
        """Of the tokens that ours() was asked about last."""
        program = self.folder / "llamacpp_logits"
        build_logits(program, self.peer)
        ids = " ".join(map(str, self.ids)).encode()
        done = subprocess.run([program, model, str(self.threads)], input=ids, capture_output=True, check=True)
        return np.frombuffer(done.stdout, dtype=np.float32).reshape(len(self.ids), -1)


def build_logits(program: Path, peer: Path) -> None:
    if program.exists():
        return
    cache = (peer / "CMakeCache.txt").read_text().splitlines()
    source = Path(next(line for line in cache if line.startswith("CMAKE_HOME_DIRECTORY")).split("=", 1)[1])
    headers = [f"-I{source / part}" for part in ("include", "ggml/include")]
    libraries = [peer / lib for lib in ("src/libllama.a", "ggml/src/libggml.a", "ggml/src/libggml-cpu.a")]
    libraries.append(peer / "ggml/src/libggml-base.a")
    code = Path(__file__).with_name("llamacpp_logits.cpp")
    link = ["-fopenmp", "-pthread", "-ldl", "-lm"]
    subprocess.run(["c++", "-std=c++20", "-O2", *headers, code, *libraries, *link, "-o", program], check=True)


def measure(name: str, bits: int, quantised: Path, folder: Path, tessera: Path, peer: Path, threads: int) -> dict:
    """KL of both, and of Tessera with activations rounded to bfloat16 after every op."""
    precision = models.BITS[bits][1]
    source = models.source(name, folder / "models", tessera)
    logits = Logits(folder, TOKENS[name], tessera, peer, threads)
    mine = logits.ours(source, "fast", precision)
    whole = logits.ours(source, "ref", "fp32")
    same = logits.ours(source, "ref", logits.setting(precision, KV_CACHE="float32"))
    rounded = logits.ours(source, "fast", logits.setting(precision, ACTIVATION="BF16"))
    result = {
        "tokens": len(logits.ids),
        "tessera": divergence(same, mine),
        "bfloat16": divergence(same, rounded),
        "tessera_whole": divergence(whole, mine),
    }
    theirs = logits.theirs(quantised)
    result["llama.cpp"] = divergence(logits.ours(quantised, "ref", "fp32"), theirs)
    result["llama.cpp_whole"] = divergence(whole, theirs)
    return result
