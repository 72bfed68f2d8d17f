#!/usr/bin/env python3
"""A Llama of random weights as a BF16 GGUF file: speed at real sizes without a download.

    synthetic_llama.py SHAPE FILE.gguf      SHAPE: one of SHAPES

The vocabulary is byte-level BPE: 256 bytes, one merge, fillers. Needs numpy and nothing else.
"""
import struct
import sys
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple

import numpy as np


class Shape(NamedTuple):
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    rope_base: float


SHAPES = {
    "llama-1.24b": Shape(2048, 16, 32, 8, 64, 8192, 128256, 5e5),  # Llama 3.2 1B, head tied
    "tiny": Shape(256, 2, 8, 4, 32, 512, 512, 1e4),
}
CONTEXT, EPSILON = 8192, 1e-5
F32, BF16 = 0, 30  # GGML's tensor types
ALIGN = 32


def tensors(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """GGUF names and numpy shapes, in the order of the file."""
    q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    yield "token_embd.weight", (shape.vocab, shape.hidden)
    for i in range(shape.layers):
        block = f"blk.{i}."
        yield block + "attn_norm.weight", (shape.hidden,)
        yield block + "attn_q.weight", (q, shape.hidden)
        yield block + "attn_k.weight", (kv, shape.hidden)
        yield block + "attn_v.weight", (kv, shape.hidden)
        yield block + "attn_output.weight", (shape.hidden, q)
        yield block + "ffn_norm.weight", (shape.hidden,)
        yield block + "ffn_gate.weight", (shape.ffn, shape.hidden)
        yield block + "ffn_up.weight", (shape.ffn, shape.hidden)
        yield block + "ffn_down.weight", (shape.hidden, shape.ffn)
    yield "output_norm.weight", (shape.hidden,)


def values(index: int, dims: tuple[int, ...]) -> np.ndarray:
    """The weights of the index-th tensor, float32: norms near 1, matrices N(0, 0.02), rounded to bfloat16."""
    rng = np.random.default_rng([1, index])
    x = rng.standard_normal(dims, dtype=np.float32)
    if len(dims) == 1:
        return 1 + np.float32(0.05) * x
    return (bfloat16(x * np.float32(0.02)).astype(np.uint32) << 16).view(np.float32)


def bfloat16(x: np.ndarray) -> np.ndarray:
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def vocabulary(size: int) -> tuple[list[str], list[str]]:
    """Tokens and merges. Bytes have GPT-2's printable stand-ins."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    tokens = [chr(b) if b in plain else chr(next(others)) for b in range(256)]
    merges = [f"{tokens[32]} t"]
    tokens.append(merges[0].replace(" ", ""))
    tokens += [f"<|filler_{i}|>" for i in range(len(tokens), size - 2)] + ["<|begin|>", "<|end|>"]
    return tokens, merges


# GGUF's metadata: type numbers 4 u32, 5 i32, 6 f32, 7 bool, 8 string, 9 array.
def text(s: str) -> bytes:
    data = s.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, data: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + data


def u32(key: str, value: int) -> bytes:
    return entry(key, 4, struct.pack("<I", value))


def f32(key: str, value: float) -> bytes:
    return entry(key, 6, struct.pack("<f", value))


def array(key: str, kind: int, items: list[bytes]) -> bytes:
    return entry(key, 9, struct.pack("<IQ", kind, len(items)) + b"".join(items))


def metadata(name: str, shape: Shape) -> list[bytes]:
    tokens, merges = vocabulary(shape.vocab)
    normal, control = 1, 3
    kinds = [normal] * (shape.vocab - 2) + [control] * 2
    return [
        entry("general.architecture", 8, text("llama")),
        entry("general.name", 8, text(name)),
        u32("general.file_type", 32),
        u32("llama.context_length", CONTEXT),
        u32("llama.embedding_length", shape.hidden),
        u32("llama.block_count", shape.layers),
        u32("llama.feed_forward_length", shape.ffn),
        u32("llama.attention.head_count", shape.heads),
        u32("llama.attention.head_count_kv", shape.kv_heads),
        f32("llama.attention.layer_norm_rms_epsilon", EPSILON),
        u32("llama.rope.dimension_count", shape.head_dim),
        f32("llama.rope.freq_base", shape.rope_base),
        u32("llama.vocab_size", shape.vocab),
        entry("tokenizer.ggml.model", 8, text("gpt2")),
        entry("tokenizer.ggml.pre", 8, text("llama-bpe")),
        array("tokenizer.ggml.tokens", 8, [text(t) for t in tokens]),
        array("tokenizer.ggml.merges", 8, [text(m) for m in merges]),
        array("tokenizer.ggml.token_type", 5, [struct.pack("<i", k) for k in kinds]),
        u32("tokenizer.ggml.bos_token_id", shape.vocab - 2),
        u32("tokenizer.ggml.eos_token_id", shape.vocab - 1),
        entry("tokenizer.ggml.add_bos_token", 7, b"\0"),
    ]


def write(file: BinaryIO, name: str, shape: Shape) -> None:
    entries = metadata(name, shape)
    listed = list(tensors(shape))
    file.write(b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries)) + b"".join(entries))
    offset = 0
    for tensor, dims in listed:
        kind = F32 if len(dims) == 1 else BF16
        file.write(text(tensor) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *reversed(dims), kind, offset))
        offset += -(-int(np.prod(dims)) * (4 if kind == F32 else 2) // ALIGN) * ALIGN
    for i, (_, dims) in enumerate(listed):
        file.write(b"\0" * (-file.tell() % ALIGN))
        x = values(i, dims)
        file.write(x.tobytes() if len(dims) == 1 else bfloat16(x).tobytes())


def make(name: str, path: Path) -> None:
    """The file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        write(file, f"synthetic-{name}", SHAPES[name])
    part.rename(path)


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(f"usage: synthetic_llama.py {'|'.join(SHAPES)} FILE.gguf")
    make(sys.argv[1], Path(sys.argv[2]))


if __name__ == "__main__":
    main()
