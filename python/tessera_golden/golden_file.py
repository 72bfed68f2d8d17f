"""The golden file: a safetensors file with text metadata, version 1.

T forced tokens, K best, S tokens of the hidden part, H hidden size, L layers, P prompt tokens, G generated:

    metadata                format "tessera-golden", version "1", model, source, text (the forced one),
                            prompts (a JSON list of texts), content_hash (not for every checkpoint)
    forced.ids              I32 [T]
    forced.topk_ids         I32 [T, K]   K = 64, or the vocabulary if that is smaller
    forced.topk_logits      F32 [T, K]   descending
    forced.logsumexp        F32 [T]      over the whole vocabulary
    hidden.ids              I32 [S]      the first S forced tokens
    hidden.0                F32 [S, H]   input of the first decoder layer
    hidden.1 .. hidden.L    F32 [S, H]   output of each decoder layer, before the final norm
    hidden.final_norm       F32 [S, H]
    hidden.logits_topk_ids, hidden.logits_topk_logits [S, K], hidden.logits_logsumexp [S]   as forced
    greedy.p.prompt_ids     I32 [P]      p = 0 .. 4
    greedy.p.ids            I32 [G]
    greedy.p.margins        F32 [G]      first minus second logit
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from tessera_golden.errors import GoldenError


def make_metadata(
    model: str, source: str, prompts: list[str], text: str, content_hash: str | None
) -> dict[str, str]:
    """All values are texts, as safetensors wants them."""
    metadata = {
        "format": "tessera-golden",
        "version": "1",
        "model": model,
        "source": source,
        "prompts": json.dumps(prompts, ensure_ascii=False),
        "text": text,
    }
    return metadata | ({"content_hash": content_hash} if content_hash else {})


def write(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Whole or not at all. Throws GoldenError when the place cannot be written."""
    check_writable(path)
    arrays = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    data = in_order(save(arrays, metadata=metadata))
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise GoldenError(f"cannot write {path}: {error.strerror}: choose another --out") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def in_order(data: bytes) -> bytes:
    """The same file with its metadata sorted, since safetensors writes them in another order at every run."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def check_writable(path: Path) -> None:
    """Throws GoldenError; asked before the model runs, so that no run is lost."""
    if path.is_dir():
        raise GoldenError(f"cannot write {path}: it is a folder: give a file name as --out")
    if not path.parent.is_dir():
        raise GoldenError(f"cannot write {path}: no folder {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise GoldenError(f"cannot write {path}: {path.parent} is not writable: choose another --out")
