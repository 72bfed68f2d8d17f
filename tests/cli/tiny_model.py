"""The tiny model of tests/support as files to damage: made by make_tiny_checkpoint, changed byte by byte."""

import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path

HIDDEN = 64


def make(folder: Path, *arguments: str) -> None:
    """Runs make_tiny_checkpoint."""
    subprocess.run([os.environ["TESSERA_TINY"], folder, *arguments], check=True)


def write_hf(folder: Path, *arguments: str, chat_template: bool = True, tokenizer: bool = True, **changes) -> Path:
    """A Hugging Face folder; `changes` go into config.json."""
    make(folder, *arguments)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    if not chat_template:
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        del settings["chat_template"]
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if not tokenizer:
        (folder / "tokenizer.json").unlink()
    return folder


def write_gguf(path: Path, *arguments: str, architecture: bytes = b"llama") -> Path:
    """A GGUF file; the architecture's name has five letters."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), "--gguf", *arguments)
        whole = (Path(folder) / "tiny.gguf").read_bytes()
    settings = whole.index(b"tokenizer.ggml.model")
    path.write_bytes(whole[:settings].replace(b"llama", architecture) + whole[settings:])
    return path


def shapes(folder: Path) -> dict[str, list[int]]:
    """Every tensor of the folder, from the safetensors header."""
    raw = (folder / "model.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    return {name: tensor["shape"] for name, tensor in header.items() if name != "__metadata__"}
