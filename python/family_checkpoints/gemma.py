"""Gemma 2 and 3."""

from family_checkpoints.family import Family, text_config

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

GEMMA: dict[str, Family] = {
    "gemma2": Family(
        # The caps of the real ones are 50 and 30; scores and logits of this size are rarer.
        text_config(
            "Gemma2ForCausalLM",
            "gemma2",
            **GEMMA_KEYS
            | {
                "num_hidden_layers": 4,
                "query_pre_attn_scalar": 16,
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
                "_sliding_window_pattern": 6,
                "hidden_size": 42,
                "intermediate_size": 60,
                "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
                "num_attention_heads": 3,
                "num_hidden_layers": 6,
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
    "gemma3_new": Family(
        # Transformers 5's keys, the 4B's linear scaling of the global layers, the 27B's scale of scores.
        text_config(
            "Gemma3ForCausalLM",
            "gemma3_text",
            **GEMMA_KEYS
            | {
                "layer_types": ["sliding_attention", "full_attention"],
                "num_hidden_layers": 2,
                "query_pre_attn_scalar": 21,
                "rope_theta": None,
                "rope_parameters": {
                    "full_attention": {"factor": 8.0, "rope_theta": 1000000.0, "rope_type": "linear"},
                    "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
                },
                "sliding_window": 36,
                "tie_word_embeddings": True,
                "use_bidirectional_attention": False,
                "torch_dtype": None,
                "dtype": "bfloat16",
                "transformers_version": "5.0.0",
            },
        ),
        seed=11,
        embedding=0.15,
        branch=3.0,
        norm_mean=0.0,
        post_norms=True,
    ),
}
