"""What each folder holds: a config.json as the hub has it for that family, only smaller, and what to record.

The keys are those of real checkpoints, in the form that they have there (most of the hub was written by
transformers 4: rope_theta, rope_scaling, torch_dtype; gemma3_new, llama_yarn and olmo2 have transformers 5's
rope_parameters). Sizes are off the tile of 32 where the family allows, windows and original contexts are shorter
than the recorded prompt, and there are as many layers as a family's alternation needs.
"""

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
    prompts: dict[str, int] = field(default_factory=lambda: {"golden": PROMPT})  # file: tokens of its prompt
    greedy: int = GREEDY
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


def llama(**keys) -> dict:
    """Llama 3.x; its RoPE variants have two layers, because only the rotation differs."""
    return text_config(
        "LlamaForCausalLM",
        "llama",
        **{"attention_bias": False, "mlp_bias": False, "pretraining_tp": 1, "rope_theta": 500000.0} | keys,
    )


def short_llama(**keys) -> dict:
    """Original context 32: see the prompt's length."""
    small = {
        "num_hidden_layers": 2,
        "hidden_size": 42,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "rope_theta": 10000.0,
    }
    return llama(**small | keys)


GEMMA_KEYS = {
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 0,
    "hidden_act": None,
    "hidden_activation": "gelu_pytorch_tanh",
    "head_dim": 16,
    "attention_bias": False,
    "rms_norm_eps": 1e-06,
    "tie_word_embeddings": None,  # true, and not written: it is the family's default
    "rope_theta": 10000.0,
}

FAMILIES: dict[str, Family] = {
    "llama": Family(llama(), seed=1, gguf=True),
    "llama_llama3": Family(
        short_llama(
            rope_scaling={
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
                "rope_type": "llama3",
            },
            tie_word_embeddings=True,
        ),
        seed=2,
        branch=1.0,
        gguf=True,
    ),
    "llama_linear": Family(short_llama(rope_scaling={"factor": 4.0, "type": "linear"}), seed=3),
    "llama_dynamic": Family(
        # The table depends on the length of the run: the whole pass of 84 + 28 tokens is what is recorded.
        short_llama(rope_scaling={"factor": 2.0, "type": "dynamic"}, max_position_embeddings=32),
        seed=4,
        greedy=0,
        prompts={"golden": PROMPT + GREEDY, "golden_short": 30},
    ),
    "llama_yarn": Family(
        short_llama(
            rope_theta=None,
            rope_parameters={
                "rope_theta": 10000.0,
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 32,
            },
            max_position_embeddings=128,
            torch_dtype=None,
            dtype="bfloat16",
            transformers_version="5.0.0",
        ),
        seed=5,
    ),
    "qwen2": Family(
        text_config(
            "Qwen2ForCausalLM",
            "qwen2",
            hidden_size=56,
            max_window_layers=3,
            rms_norm_eps=1e-06,
            rope_theta=1000000.0,
            sliding_window=256,
            tie_word_embeddings=True,
            use_sliding_window=False,
        ),
        seed=6,
        branch=1.0,
        gguf=True,
    ),
    "qwen3": Family(
        text_config(
            "Qwen3ForCausalLM",
            "qwen3",
            attention_bias=False,
            head_dim=20,
            max_window_layers=3,
            rms_norm_eps=1e-06,
            rope_scaling=None,
            rope_theta=1000000,
            sliding_window=None,
            tie_word_embeddings=True,
            use_sliding_window=False,
        ),
        seed=7,
        branch=1.0,
        gguf=True,
    ),
    "mistral": Family(
        text_config(
            "MistralForCausalLM",
            "mistral",
            hidden_size=60,
            num_attention_heads=6,
            num_key_value_heads=2,
            rope_theta=10000.0,
            sliding_window=40,
        ),
        seed=8,
    ),
    "gemma2": Family(
        # The caps of the real ones are 50 and 30; scores and logits of this size are rarer.
        text_config(
            "Gemma2ForCausalLM",
            "gemma2",
            **GEMMA_KEYS
            | {
                "num_hidden_layers": 4,
                "query_pre_attn_scalar": 24,
                "sliding_window": 40,
                "attn_logit_softcapping": 5.0,
                "final_logit_softcapping": 8.0,
                "cache_implementation": "hybrid",
            },
        ),
        seed=9,
        embedding=0.15,
        branch=3.0,
        norm_mean=0.0,
        post_norms=True,
        gguf=True,
    ),
    "gemma3_text": Family(
        text_config(
            "Gemma3ForCausalLM",
            "gemma3_text",
            **GEMMA_KEYS
            | {
                "_sliding_window_pattern": 3,
                "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
                "num_hidden_layers": 4,
                "num_key_value_heads": 1,
                "query_pre_attn_scalar": 16,
                "attn_logit_softcapping": None,
                "final_logit_softcapping": None,
                "rope_local_base_freq": 10000.0,
                "rope_scaling": None,
                "rope_theta": 1000000.0,
                "sliding_window": 40,
                "use_bidirectional_attention": False,
            },
        ),
        seed=10,
        embedding=0.15,
        branch=3.0,
        norm_mean=0.0,
        post_norms=True,
        gguf=True,
    ),
}
