#!/usr/bin/env python3
"""Writes tests/data/io. Needs gguf, numpy, safetensors and torch; run it again only to add something.

dequant.bin: random GGUF blocks of every type with the values that the `gguf` package reads from them. Each record:
u32 type, u32 bytes, u32 values, the bytes, the values as float32.
tiny.safetensors: a float32, a float16 and a bfloat16 tensor of 2 x 3 (0, 1, .. 5, divided by 4), and metadata.
tiny.refpt, tiny_old.refpt: reference outputs as TT-Transformers saves them, with N and N - 1 rows.
"""
import pathlib
import struct

import gguf
import numpy as np
import safetensors.torch
import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "io"

# Offsets of the half-precision scales in a block: random bytes there would be NaN or infinite too often.
HALVES = {
    "F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def blocks_of(name, rng):
    """uint8 array of random blocks, rows are blocks."""
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    count = 512 // values * 2
    if name == "F32":
        return rng.standard_normal(count).astype(np.float32).view(np.uint8).reshape(count, size)
    if name == "BF16":
        bits = rng.standard_normal(count).astype(np.float32).view(np.uint32) >> 16
        return bits.astype(np.uint16).view(np.uint8).reshape(count, size)
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in HALVES[name]:
        # Magnitudes from 2^-26 to 2^4: half-precision denormals and zero are among them.
        scale = rng.standard_normal(count) * np.exp2(rng.integers(-26, 4, count))
        blocks[:, offset:offset + 2] = scale.astype(np.float16).view(np.uint8).reshape(count, 2)
    return blocks


def write_refpt():
    tokens = torch.arange(100, 108).reshape(1, 8)
    top5 = (torch.arange(40) * 7 % 50).reshape(8, 5)
    torch.save({"top5_tokens": top5, "reference_tokens": tokens}, FOLDER / "tiny.refpt")
    # A slice keeps its base's storage: the reader must honour the offset.
    torch.save({"top5_tokens": top5[1:], "reference_tokens": tokens}, FOLDER / "tiny_old.refpt")


def write_safetensors():
    values = torch.arange(6).reshape(2, 3) / 4
    safetensors.torch.save_file(
        {"single": values, "half": values.half(), "brain": values.bfloat16(), "ids": torch.arange(4, dtype=torch.int32)},
        FOLDER / "tiny.safetensors", metadata={"format": "pt"})


def write_dequant():
    rng = np.random.default_rng(20250101)
    with open(FOLDER / "dequant.bin", "wb") as out:
        for name in ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]:
            kind = gguf.GGMLQuantizationType[name]
            blocks = blocks_of(name, rng)
            if name in ("F32", "F16"):  # the package passes these through
                values = blocks.reshape(-1).view(np.float32 if name == "F32" else np.float16).astype(np.float32)
            else:
                values = gguf.quants.dequantize(blocks, kind).reshape(-1).astype(np.float32)
            assert np.isfinite(values).all()
            out.write(struct.pack("<III", int(kind), blocks.nbytes, values.size))
            out.write(blocks.tobytes())
            out.write(values.astype("<f4").tobytes())


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_dequant()
    write_refpt()
    write_safetensors()


if __name__ == "__main__":
    main()
