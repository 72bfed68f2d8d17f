"""Writes a tiny random Llama as a Hugging Face folder or a GGUF file; standard library only."""

import array
import json
import os
import random
import struct
from pathlib import Path

DATA = Path(os.environ["TESSERA_TEST_DATA"])
VOCAB, HIDDEN, INNER, HEADS, KV_HEADS, HEAD, LAYERS, CONTEXT = 1504, 64, 96, 2, 1, 32, 2, 256
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def shapes() -> dict[str, list[int]]:
    """Every tensor of the model by Hugging Face's name; embeddings are tied."""
    result = {"model.embed_tokens.weight": [VOCAB, HIDDEN], "model.norm.weight": [HIDDEN]}
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        result |= {
            layer + "input_layernorm.weight": [HIDDEN],
            layer + "self_attn.q_proj.weight": [HEADS * HEAD, HIDDEN],
            layer + "self_attn.k_proj.weight": [KV_HEADS * HEAD, HIDDEN],
            layer + "self_attn.v_proj.weight": [KV_HEADS * HEAD, HIDDEN],
            layer + "self_attn.o_proj.weight": [HIDDEN, HEADS * HEAD],
            layer + "post_attention_layernorm.weight": [HIDDEN],
            layer + "mlp.gate_proj.weight": [INNER, HIDDEN],
            layer + "mlp.up_proj.weight": [INNER, HIDDEN],
            layer + "mlp.down_proj.weight": [HIDDEN, INNER],
        }
    return result


def values_of(shape: list[int], rng: random.Random) -> bytes:
    """Float32; norms are ones."""
    if len(shape) == 1:
        return array.array("f", [1.0] * shape[0]).tobytes()
    scale = 1.5 * shape[1] ** -0.5
    return array.array("f", [rng.gauss(0, scale) for _ in range(shape[0] * shape[1])]).tobytes()


def weights(seed: int = 7) -> dict[str, tuple[list[int], bytes]]:
    """Shape and bytes by name."""
    rng = random.Random(seed)
    return {name: (shape, values_of(shape, rng)) for name, shape in shapes().items()}


def config(**changes) -> dict:
    """config.json."""
    base = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "eos_token_id": 2,
    }
    return base | changes


def safetensors(tensors: dict[str, tuple[list[int], bytes]]) -> bytes:
    """A whole file."""
    header, data = {}, b""
    for name, (shape, raw) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def write_hf(folder: Path, tensors=None, chat_template: str = TEMPLATE, tokenizer: bool = True, **changes) -> Path:
    """A folder; `changes` go into config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(**changes)))
    (folder / "model.safetensors").write_bytes(safetensors(weights() if tensors is None else tensors))
    if tokenizer:
        (folder / "tokenizer.json").write_bytes((DATA / "text/byte_bpe.tokenizer.json").read_bytes())
        settings = {"eos_token": "<|im_end|>"} | ({"chat_template": chat_template} if chat_template else {})
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers.": "blk.",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def text(value: str) -> bytes:
    """A GGUF string."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_value(value) -> bytes:
    """Type and value: u32, f32, bool, string, or a list of strings or of i32."""
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(v) for v in value)
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)


def gguf_metadata(architecture: str = "llama") -> dict:
    """Configuration and tokenizer."""
    vocab = json.loads((DATA / "text/byte_bpe.vocab.json").read_text())
    filler = [f"<|unused{i}|>" for i in range(VOCAB - len(vocab["tokens"]))]
    return {
        "general.architecture": architecture,
        f"{architecture}.block_count": LAYERS,
        f"{architecture}.context_length": CONTEXT,
        f"{architecture}.embedding_length": HIDDEN,
        f"{architecture}.feed_forward_length": INNER,
        f"{architecture}.attention.head_count": HEADS,
        f"{architecture}.attention.head_count_kv": KV_HEADS,
        f"{architecture}.rope.freq_base": 10000.0,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": vocab["model"],
        "tokenizer.ggml.pre": vocab["pre"],
        "tokenizer.ggml.tokens": vocab["tokens"] + filler,
        "tokenizer.ggml.token_type": vocab["token_types"] + [3] * len(filler),
        "tokenizer.ggml.merges": vocab["merges"],
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }


def write_gguf(path: Path, metadata: dict | None = None, tensors=None) -> Path:
    """Version 3, float32."""
    metadata = gguf_metadata() if metadata is None else metadata
    tensors = weights() if tensors is None else tensors
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    out += b"".join(text(key) + gguf_value(value) for key, value in metadata.items())
    data = b""
    for name, (shape, raw) in tensors.items():
        for theirs, ours in GGUF_NAMES.items():
            name = name.replace(theirs, ours)
        dims = list(reversed(shape))
        out += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, len(data))
        data += raw + b"\0" * (-len(raw) % 32)
    path.write_bytes(out + b"\0" * (-len(out) % 32) + data)
    return path
