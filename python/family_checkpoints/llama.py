"""Llama and the forms of its RoPE."""

from family_checkpoints.family import Family, text_config


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


LLAMA: dict[str, Family] = {
    "llama": Family(llama(), seed=1),
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
        # The table depends on the length of the run: one whole pass of 32 * 4 tokens, all that the stretched
        # context holds, is what is recorded, and what the ladder runs.
        short_llama(rope_scaling={"factor": 4.0, "type": "dynamic"}, max_position_embeddings=32),
        seed=4,
        goldens={"golden": (128, 0), "golden_short": (30, 0)},
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
}
