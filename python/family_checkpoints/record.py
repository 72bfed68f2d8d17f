"""The goldens of a folder: the exporter's parts; the forced text is a prompt with its greedy continuation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import transformers
from tessera_golden import golden_file, reference
from tessera_golden.content_hash import folder_sha256
from tessera_golden.loading import attention_of
from transformers import AutoModelForCausalLM

BEST = 16  # logits kept of a row
HIDDEN_TOKENS = 72  # past the page boundaries 32 and 64; their logits stand in the forced part
CACHE_ERROR = 1e-5  # transformers' cached steps against its whole pass, by the logits' scale
CLEAR_MARGIN = 2e-3  # every row's first logit above its second, by the logits' scale


def write_goldens(folder: Path, family, shared, text: str) -> Iterator[str]:
    """Writes NAME.safetensors for each prompt; yields a line about each."""
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention_of(str(folder)), output_loading_info=True
    )
    model.eval()
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    ids = shared.encode(text).ids
    source = f"transformers {transformers.__version__} / torch {torch.__version__}"
    for name, (length, greedy) in family.goldens.items():
        prompt, parts, margin = clear_prompt(model, ids, length, greedy, family.seed)
        greedy_texts = [shared.decode(prompt)] if greedy else []
        forced = shared.decode([int(i) for i in parts["forced.ids"]])
        metadata = golden_file.make_metadata(folder.name, source, greedy_texts, forced, folder_sha256(folder))
        golden_file.write(folder / f"{name}.safetensors", parts, metadata)
        yield f"{name}: {len(parts['forced.ids'])} tokens, smallest margin {margin:.4f}"


def clear_prompt(model, ids: list[int], length: int, greedy: int, seed: int):
    """The first stretch of the text that leaves no row undecided: equal arithmetic, equal tokens."""
    for start in range(seed * 17, len(ids) - length, 7):
        prompt = ids[start : start + length]
        parts = reference.greedy(model, 0, prompt, greedy) if greedy else {}
        forced = prompt + [int(i) for i in parts.get("greedy.0.ids", [])]
        parts |= reference.forced(model, forced, BEST)
        best = parts["forced.topk_logits"]
        margin = float(((best[:, 0] - best[:, 1]) / np.abs(best).max(axis=1)).min())
        if margin < CLEAR_MARGIN:
            continue
        if greedy:
            check_cache(model, forced, length)
        return prompt, parts | reference.hidden(model, forced[:HIDDEN_TOKENS], 1), margin
    raise SystemExit(
        f"no stretch of the text has clear winners at all of its {length} positions: try another seed"
    )


@torch.inference_mode()
def check_cache(model, ids: list[int], prompt: int) -> None:
    """The forced part is of one pass; this makes it hold for prefill and steps with the cache too."""
    whole = model(torch.tensor([ids]), use_cache=False).logits[0]
    options = reference.with_cache(model)
    rows = [model(torch.tensor([ids[:prompt]]), **options).logits[0]]
    rows += [model(torch.tensor([[token]]), **options).logits[0] for token in ids[prompt:]]
    error = float((torch.cat(rows) - whole).abs().max() / whole.abs().max())
    assert error < CACHE_ERROR, f"cached steps are off by {error}"
