"""Families with LayerNorm: Falcon, GPT-2, GPT-NeoX."""

from family_checkpoints.family import VOCABULARY, Family


def falcon(**keys) -> dict:
    """Falcon's own keys: what it does not say is in transformers' class."""
    common = {
        "architectures": ["FalconForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "eos_token_id": 2,
        "hidden_dropout": 0.0,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "falcon",
        "num_hidden_layers": 2,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.27.4",
        "use_cache": True,
        "vocab_size": VOCABULARY,
    }
    return common | keys


def neox(**keys) -> dict:
    """As Pythia's; it rotates a quarter of a head."""
    common = {
        "architectures": ["GPTNeoXForCausalLM"],
        "bos_token_id": 2,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_size": 48,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 128,
        "model_type": "gpt_neox",
        "num_attention_heads": 3,
        "num_hidden_layers": 2,
        "rotary_emb_base": 10000,
        "rotary_pct": 0.25,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.24.0",
        "use_cache": True,
        "vocab_size": VOCABULARY,
    }
    return common | keys


LAYER_NORM: dict[str, Family] = {
    "falcon_7b": Family(
        falcon(
            hidden_size=50,
            num_attention_heads=5,
            multi_query=True,
            new_decoder_architecture=False,
            parallel_attn=True,
            apply_residual_connection_post_layernorm=False,
            alibi=False,
            bias=False,
        ),
        seed=19,
        branch=1.0,
        gguf=True,
    ),
    "falcon_40b": Family(
        falcon(
            hidden_size=48,
            num_attention_heads=8,
            num_kv_heads=2,
            new_decoder_architecture=True,
            parallel_attn=True,
            multi_query=True,
            alibi=False,
            bias=False,
        ),
        seed=20,
        branch=1.0,
        gguf=True,
    ),
    "falcon_rw": Family(
        # Six heads: ALiBi's slopes past a power of two. Each slope is one, so that transformers' rounding of
        # the biases to bfloat16 changes nothing at these positions.
        falcon(
            hidden_size=48,
            num_attention_heads=6,
            multi_query=False,
            new_decoder_architecture=False,
            parallel_attn=False,
            apply_residual_connection_post_layernorm=False,
            alibi=True,
            bias=True,
        ),
        seed=21,
        branch=1.0,
    ),
    "gpt2": Family(
        {
            "activation_function": "gelu_new",
            "architectures": ["GPT2LMHeadModel"],
            "attn_pdrop": 0.1,
            "bos_token_id": 2,
            "embd_pdrop": 0.1,
            "eos_token_id": 2,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-05,
            "model_type": "gpt2",
            "n_ctx": 128,
            "n_embd": 48,
            "n_head": 4,
            "n_layer": 2,
            "n_positions": 128,
            "resid_pdrop": 0.1,
            "summary_activation": None,
            "summary_first_dropout": 0.1,
            "summary_proj_to_labels": True,
            "summary_type": "cls_index",
            "summary_use_proj": True,
            "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
            "vocab_size": VOCABULARY,
        },
        seed=22,
        branch=1.0,
        buffers="gpt2",
        gguf=True,
    ),
    "gpt_neox": Family(
        neox(use_parallel_residual=True),
        seed=23,
        buffers="gpt_neox",
        gguf=True,
    ),
    "gpt_neox_serial": Family(
        neox(use_parallel_residual=False, rotary_pct=1.0, hidden_act="gelu_fast"),
        seed=24,
    ),
}
