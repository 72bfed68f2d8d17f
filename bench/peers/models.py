"""The models of the comparison, for both programs the same file: quantised by llama.cpp, read by both."""

import subprocess
import sys
from pathlib import Path

import programs
import synthetic_llama

# Bits a weight: llama.cpp's type, and the precision of Tessera that keeps as many.
BITS = {8: ("Q8_0", "accuracy"), 4: ("Q4_0", "bfp4")}
LLAMAS = ("smollm2-135m", "llama-1.24b", "tiny")
MODELS = (*LLAMAS, "qwen2.5-coder-1.5b")


def source(name: str, folder: Path, tessera: Path) -> Path:
    """What is quantised: a catalogue model, or a synthetic one in bfloat16."""
    if name not in synthetic_llama.SHAPES:
        return Path(programs.output([tessera, "pull", name]).strip())
    path = folder / f"{name}-bf16.gguf"
    if not path.exists():
        print(f"making {path}", file=sys.stderr)
        # In a process of its own: Linux counts what this one has held as a child's peak.
        subprocess.run([sys.executable, synthetic_llama.__file__, name, path], check=True)
    return path


def quantised(name: str, bits: int, folder: Path, tessera: Path, peer: Path) -> Path:
    """The model with every matrix in the type for so many bits, the head too."""
    kind = BITS[bits][0]
    path = folder / f"{name}-{kind.lower()}.gguf"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    # The catalogue's file is quantised already: for speed that is no matter, and both read the same result.
    command = [peer / "bin/llama-quantize", "--allow-requantize", "--pure", source(name, folder, tessera), part, kind]
    subprocess.run(command, check=True, capture_output=True)
    part.rename(path)
    return path
