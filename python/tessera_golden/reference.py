"""Runs the model: forced text, hidden states, greedy continuations. All results are numpy arrays."""

import inspect
from collections.abc import Iterator

import numpy as np
import torch
from transformers import DynamicCache

TOP_K = 64


def ids_array(ids) -> np.ndarray:
    """I32, as golden files hold token ids."""
    return np.asarray(ids, dtype=np.int32)


def summarize(
    logits: torch.Tensor, top_k: int, ids_name: str, logits_name: str, sum_name: str
) -> dict[str, np.ndarray]:
    """The best top_k logits of each row [rows, vocabulary], descending, and the logsumexp of a whole row."""
    best = torch.topk(logits, min(top_k, logits.shape[-1]), dim=-1, sorted=True)
    return {
        ids_name: ids_array(best.indices),
        logits_name: best.values.numpy(),
        # Float64: a sum of 50,000 float32 terms would lose two digits that the comparison needs.
        sum_name: torch.logsumexp(logits.double(), dim=-1).float().numpy(),
    }


@torch.inference_mode()
def forced(model, ids: list[int], top_k: int = TOP_K) -> dict[str, np.ndarray]:
    """All tokens in one pass; row t is what the model expects after token t."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    names = ("forced.topk_ids", "forced.topk_logits", "forced.logsumexp")
    return {"forced.ids": ids_array(ids), **summarize(logits, top_k, *names)}


def decoder_parts(decoder) -> tuple[torch.nn.ModuleList, torch.nn.Module]:
    """The decoder layers and the norm behind them, which families name differently."""
    layers = decoder.h if hasattr(decoder, "h") else decoder.layers
    norms = (getattr(decoder, name, None) for name in ("norm", "ln_f", "final_layer_norm"))
    return layers, next(norm for norm in norms if norm is not None)


@torch.inference_mode()
def hidden(model, ids: list[int], top_k: int = TOP_K) -> dict[str, np.ndarray]:
    """What flows between the layers, caught by hooks.

    transformers' own `hidden_states` will not do: the last one is behind the final norm, so that the output
    of the last layer is lost.
    """
    caught: dict[str, np.ndarray] = {}

    def keep(name: str, value) -> None:
        value = value[0] if isinstance(value, tuple) else value
        caught[name] = value[0].float().numpy().copy()

    layers, norm = decoder_parts(model.base_model)
    # The input of the first layer, and not what the embedding gives: some models scale in between.
    handles = [
        layers[0].register_forward_pre_hook(
            lambda _, args, kwargs: keep("hidden.0", args[0] if args else kwargs["hidden_states"]),
            with_kwargs=True,
        ),
        norm.register_forward_hook(lambda _, args, out: keep("hidden.final_norm", out)),
    ]
    for i, layer in enumerate(layers, start=1):
        handles.append(layer.register_forward_hook(lambda _, args, out, i=i: keep(f"hidden.{i}", out)))
    try:
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    names = ("hidden.logits_topk_ids", "hidden.logits_topk_logits", "hidden.logits_logsumexp")
    return {"hidden.ids": ids_array(ids), **caught, **summarize(logits, top_k, *names)}


def with_cache(model) -> dict:
    """Arguments of a model's steps: an empty KV cache that they fill."""
    # The argument has two names: transformers 5 renamed it.
    name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    return {name: DynamicCache(config=model.config), "use_cache": True}


@torch.inference_mode()
def greedy_steps(model, prompt: list[int]) -> Iterator[tuple[int, float]]:
    """The best next token and how far its logit is above the second, for ever, through the KV cache."""
    options = with_cache(model)
    inputs = torch.tensor([prompt])
    while True:
        best = torch.topk(model(inputs, **options).logits[0, -1], 2)
        token = int(best.indices[0])
        yield token, float(best.values[0] - best.values[1])
        inputs = torch.tensor([[token]])


def greedy(model, index: int, prompt: list[int], tokens: int) -> dict[str, np.ndarray]:
    """`tokens` tokens after the prompt, going on behind an end token."""
    steps = [step for step, _ in zip(greedy_steps(model, prompt), range(tokens), strict=False)]
    return {
        f"greedy.{index}.prompt_ids": ids_array(prompt),
        f"greedy.{index}.ids": ids_array([token for token, _ in steps]),
        f"greedy.{index}.margins": np.asarray([margin for _, margin in steps], dtype=np.float32),
    }
