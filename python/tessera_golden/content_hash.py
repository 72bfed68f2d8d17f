"""The key by which Tessera finds a checkpoint's golden file; src/io/content_hash.hpp computes the same."""

import hashlib
import json
from pathlib import Path

SETTINGS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)


def file_sha256(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str | None:
    """Hash of the lines "<name> <sha256>", sorted, of the weights and settings; None without safetensors."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    else:
        shards = {"model.safetensors"}
    if not all((folder / shard).is_file() for shard in shards):
        return None
    names = shards | {name for name in SETTINGS if (folder / name).is_file()}
    lines = sorted(f"{name} {file_sha256(folder / name)}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
