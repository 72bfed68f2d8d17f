"""What each folder holds: a config.json as the hub has it for that family, only smaller, and what to record.

The keys are those of real checkpoints, in the form that they have there (most of the hub was written by
transformers 4: rope_theta, rope_scaling, torch_dtype; gemma3_new and llama_yarn have transformers 5's
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
    # File: tokens of its prompt, and of the greedy text after it.
    goldens: dict[str, tuple[int, int]] = field(default_factory=lambda: {"golden": (PROMPT, GREEDY)})
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
        "num_hidden_layers": 3,
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
        "num_hidden_layers": 3,
        "rotary_emb_base": 10000,
        "rotary_pct": 0.25,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.24.0",
        "use_cache": True,
        "vocab_size": VOCABULARY,
    }
    return common | keys


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
        goldens={"golden": (PROMPT + GREEDY, 0), "golden_short": (30, 0)},
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
    "gemma3_new": Family(
        # Transformers 5's keys, and the linear scaling of the global layers that the 4B and larger ones have.
        text_config(
            "Gemma3ForCausalLM",
            "gemma3_text",
            **GEMMA_KEYS
            | {
                "layer_types": ["sliding_attention", "full_attention"],
                "num_hidden_layers": 2,
                "query_pre_attn_scalar": 16,
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
    "qwen2_yarn": Family(
        text_config(
            "Qwen2ForCausalLM",
            "qwen2",
            hidden_size=40,
            num_hidden_layers=2,
            max_position_embeddings=32,
            max_window_layers=2,
            rms_norm_eps=1e-06,
            rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32, "type": "yarn"},
            rope_theta=1000000.0,
            sliding_window=32,
            use_sliding_window=False,
        ),
        seed=12,
    ),
    "smollm3": Family(
        text_config(
            "SmolLM3ForCausalLM",
            "smollm3",
            attention_bias=False,
            layer_types=["full_attention"] * 4,
            max_window_layers=4,
            mlp_bias=False,
            no_rope_layer_interval=4,
            no_rope_layers=[1, 1, 1, 0],
            num_hidden_layers=4,
            pad_token_id=2,
            rms_norm_eps=1e-06,
            rope_theta=5000000.0,
            tie_word_embeddings=None,
            use_sliding_window=False,
        ),
        seed=13,
        branch=1.0,
    ),
    "phi3": Family(
        text_config(
            "Phi3ForCausalLM",
            "phi3",
            attention_bias=False,
            embd_pdrop=0.0,
            hidden_size=64,
            intermediate_size=72,
            num_key_value_heads=4,
            original_max_position_embeddings=32,
            pad_token_id=2,
            resid_pdrop=0.0,
            rope_scaling={
                "long_factor": [1.08, 1.25, 1.6, 2.3, 3.7, 5.2, 6.9, 8.0],
                "short_factor": [1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.5, 1.8],
                "type": "longrope",
            },
            rope_theta=10000.0,
            sliding_window=512,
        ),
        seed=14,
        goldens={"golden": (PROMPT, GREEDY), "golden_short": (24, 8)},
        gguf=True,
    ),
    "phi3_window": Family(
        text_config(
            "Phi3ForCausalLM",
            "phi3",
            attention_bias=False,
            embd_pdrop=0.0,
            num_hidden_layers=2,
            num_key_value_heads=4,
            original_max_position_embeddings=256,
            pad_token_id=2,
            resid_pdrop=0.0,
            rope_scaling=None,
            rope_theta=10000.0,
            sliding_window=39,
        ),
        seed=15,
    ),
    "phi4_mini": Family(
        text_config(
            "Phi3ForCausalLM",
            "phi3",
            attention_bias=False,
            embd_pdrop=0.0,
            full_attn_mod=1,
            hidden_size=64,
            intermediate_size=72,
            interpolate_factor=1,
            lm_head_bias=False,
            mlp_bias=False,
            num_hidden_layers=2,
            original_max_position_embeddings=32,
            pad_token_id=2,
            partial_rotary_factor=0.75,
            resid_pdrop=0.0,
            rope_scaling={
                "long_factor": [1, 1.2, 1.9, 3.1, 5.4, 8.0],
                "short_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
                "type": "longrope",
            },
            rope_theta=10000.0,
            sliding_window=256,
            tie_word_embeddings=True,
        ),
        seed=16,
        branch=1.0,
        goldens={"golden": (PROMPT, GREEDY), "golden_short": (24, 8)},
    ),
    "olmo2": Family(
        text_config(
            "Olmo2ForCausalLM",
            "olmo2",
            attention_bias=False,
            num_key_value_heads=4,
            pad_token_id=0,
            rms_norm_eps=1e-06,
            rope_scaling=None,
            rope_theta=500000,
        ),
        seed=17,
        branch=1.0,
        post_norms=True,
    ),
    "granite": Family(
        text_config(
            "GraniteForCausalLM",
            "granite",
            attention_bias=False,
            attention_multiplier=0.25,
            embedding_multiplier=12.0,
            logits_scaling=8.0,
            mlp_bias=False,
            pad_token_id=0,
            residual_multiplier=0.22,
            rope_scaling=None,
            rope_theta=10000.0,
            tie_word_embeddings=True,
        ),
        seed=18,
        embedding=0.1,
        branch=5.0 / 0.22,
    ),
    "falcon_7b": Family(
        falcon(hidden_size=50, num_attention_heads=5, multi_query=True, new_decoder_architecture=False,
               parallel_attn=True, apply_residual_connection_post_layernorm=False, alibi=False, bias=False),
        seed=19,
        branch=1.0,
        gguf=True,
    ),
    "falcon_40b": Family(
        falcon(hidden_size=48, num_attention_heads=8, num_kv_heads=2, new_decoder_architecture=True,
               parallel_attn=True, multi_query=True, alibi=False, bias=False),
        seed=20,
        branch=1.0,
        gguf=True,
    ),
    "falcon_rw": Family(
        # Six heads: ALiBi's slopes beyond a power of two. All are powers of two, so that transformers' rounding of
        # the biases to bfloat16 changes nothing at these positions.
        falcon(hidden_size=48, num_attention_heads=6, multi_query=False, new_decoder_architecture=False,
               parallel_attn=False, apply_residual_connection_post_layernorm=False, alibi=True, bias=True),
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
            "n_layer": 3,
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
        neox(use_parallel_residual=False, num_hidden_layers=2, rotary_pct=1.0),
        seed=24,
    ),
    "mixtral": Family(
        text_config(
            "MixtralForCausalLM",
            "mixtral",
            intermediate_size=40,
            num_experts_per_tok=2,
            num_local_experts=4,
            output_router_logits=False,
            rope_theta=1000000.0,
            router_aux_loss_coef=0.02,
            sliding_window=None,
        ),
        seed=25,
        gguf=True,
    ),
    "qwen2_moe": Family(
        text_config(
            "Qwen2MoeForCausalLM",
            "qwen2_moe",
            decoder_sparse_step=1,
            max_window_layers=3,
            moe_intermediate_size=20,
            norm_topk_prob=False,
            num_experts=6,
            num_experts_per_tok=2,
            num_key_value_heads=4,
            output_router_logits=False,
            rms_norm_eps=1e-06,
            rope_theta=1000000.0,
            router_aux_loss_coef=0.001,
            shared_expert_intermediate_size=44,
            sliding_window=256,
            use_sliding_window=False,
        ),
        seed=26,
        gguf=True,
    ),
    "qwen3_moe": Family(
        # The middle layer is dense, by the key that the larger ones leave empty.
        text_config(
            "Qwen3MoeForCausalLM",
            "qwen3_moe",
            attention_bias=False,
            decoder_sparse_step=1,
            head_dim=16,
            max_window_layers=3,
            mlp_only_layers=[1],
            moe_intermediate_size=20,
            norm_topk_prob=True,
            num_experts=8,
            num_experts_per_tok=3,
            output_router_logits=False,
            rms_norm_eps=1e-06,
            rope_scaling=None,
            rope_theta=1000000.0,
            router_aux_loss_coef=0.001,
            sliding_window=None,
            use_sliding_window=False,
        ),
        seed=27,
    ),
}
