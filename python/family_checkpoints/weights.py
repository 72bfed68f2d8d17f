"""Random weights that behave like trained ones.

Attention looks somewhere, norms and biases do something, the residual stream grows, logits have winners.
"""

import math
import re

import torch

NORM = re.compile(r"(norm|layernorm|ln_\w+)\.(weight|bias)$")
POST_NORM = re.compile(r"(post_attention|post_feedforward)_layernorm\.weight$")
TABLE = re.compile(r"(embed_tokens|wte|word_embeddings|embed_in)\.weight$")
HEAD = re.compile(r"(lm_head|embed_out)\.weight$")
QUERY_KEY = re.compile(r"(q_proj|k_proj|qkv_proj|query_key_value|c_attn)\.")
OUTPUT = re.compile(r"(o_proj|down_proj|dense|c_proj|dense_4h_to_h|w2)\.")
ROUTER = re.compile(r"(mlp|block_sparse_moe)\.gate\.")
# GPT-2's matrices are [in, out].
TURNED = re.compile(r"(c_attn|c_proj|c_fc)\.weight$")
# Averages of values, and silu(gate) * up, come out at about this size.
AVERAGE = 0.6


def fill(family, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Values for every name and shape of `state`, as bfloat16, in the order of the names."""
    generator = torch.Generator().manual_seed(family.seed)
    result = {}
    for name in sorted(state):
        mean, deviation = moments(family, name, list(state[name].shape))
        noise = torch.randn(state[name].shape, generator=generator)
        result[name] = (mean + deviation * noise).to(torch.bfloat16)
    return result


def moments(family, name: str, shape: list[int]) -> tuple[float, float]:
    """The mean and the deviation of a tensor's values; unit inputs of a matrix are assumed."""
    layers = family.config.get("num_hidden_layers") or family.config["n_layer"]
    branch = family.branch / math.sqrt(2 * layers)
    if NORM.search(name):
        if name.endswith("bias"):
            return 0.0, 0.1
        if re.search(r"\.(q|k)_norm\.", name):
            return family.norm_mean + 0.5, 0.2
        if family.post_norms and POST_NORM.search(name):
            return family.norm_mean - 1 + branch, 0.2 * branch
        return family.norm_mean, 0.2
    if TABLE.search(name):
        return 0.0, family.embedding
    if name.endswith("wpe.weight"):
        return 0.0, 0.5 * family.embedding
    gain = 1.0  # of the deviation of what comes out
    if HEAD.search(name):
        gain = 2.5
    elif QUERY_KEY.search(name):
        gain = 1.5  # scores have a deviation of about 2
    elif ROUTER.search(name):
        gain = family.router
    elif OUTPUT.search(name):
        gain = (1.0 if family.post_norms else branch) / AVERAGE
    if name.endswith("bias"):
        return 0.0, 0.3 * gain
    inputs = shape[0] if TURNED.search(name) else shape[-1]
    return 0.0, gain / math.sqrt(inputs)


def buffers(family, names: list[str]) -> dict[str, torch.Tensor]:
    """Tables that the first checkpoints of GPT-2 and GPT-NeoX carry, and that no one reads."""
    result = {}
    for name in names:
        if family.buffers == "gpt2" and (at := re.fullmatch(r"(h\.\d+\.attn)\.c_attn\.weight", name)):
            size = family.config["n_ctx"]
            result[at[1] + ".bias"] = torch.ones(1, 1, size, size, dtype=torch.bfloat16).tril()
        if family.buffers == "gpt_neox" and (at := re.fullmatch(r"(.*\.attention)\.dense\.weight", name)):
            size = family.config["max_position_embeddings"]
            head = family.config["hidden_size"] // family.config["num_attention_heads"]
            rotated = int(head * family.config["rotary_pct"])
            result[at[1] + ".bias"] = torch.ones(1, 1, size, size, dtype=torch.bool).tril()
            result[at[1] + ".masked_bias"] = torch.tensor(-1e9)
            steps = torch.arange(0, rotated, 2) / rotated
            result[at[1] + ".rotary_emb.inv_freq"] = 1.0 / family.config["rotary_emb_base"] ** steps
    return result
