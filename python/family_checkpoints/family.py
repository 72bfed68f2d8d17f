"""What a folder is made from, and the keys that most configurations share."""

from dataclasses import dataclass, field

VOCABULARY = 282  # the shared tokenizer's 281, and one row that no text reaches, as real checkpoints have
PROMPT = 84  # tokens: two page boundaries of 32, one of 64, and more than any window or original context
GREEDY = 28  # tokens after it: the next page boundary lies among the decode steps


@dataclass(frozen=True)
class Family:
    """One folder. `scale` of the residual branches against the embedding: see weights.py."""

    config: dict
    seed: int
    embedding: float = 0.2  # deviation of the embedding's values
    branch: float = 0.2  # what attention and MLPs add together, by the same scale
    norm_mean: float = 1.0  # 0 where the family adds one itself
    post_norms: bool = False  # branches are normed before they are added: the norm gives them their size
    # File: tokens of its prompt, and of the greedy text after it.
    goldens: dict[str, tuple[int, int]] = field(default_factory=lambda: {"golden": (PROMPT, GREEDY)})
    router: float = 2.0  # deviation of a router's scores
    buffers: str = ""  # tables that old checkpoints carry: see weights.py
    gguf: bool = False


def text_config(architecture: str, model_type: str, **keys) -> dict:
    """The keys that most families share."""
    common = {
        "architectures": [architecture],
        "model_type": model_type,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "vocab_size": VOCABULARY,
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-05,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.46.3",
        "use_cache": True,
    }
    return {key: value for key, value in (common | keys).items() if value is not None}
