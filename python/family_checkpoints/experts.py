"""Mixtures of experts."""

from family_checkpoints.family import Family, text_config

EXPERTS: dict[str, Family] = {
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
        # Of four random experts two tie now and then, and a rounded row takes the other one. With scores this
        # far apart the first one has nearly all of the row, and which one is second changes little.
        router=8.0,
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
    "qwen3_moe_sparse": Family(
        # As the 30B-A3B: experts in every layer, which is all that llama.cpp can write.
        text_config(
            "Qwen3MoeForCausalLM",
            "qwen3_moe",
            attention_bias=False,
            decoder_sparse_step=1,
            head_dim=16,
            max_window_layers=2,
            mlp_only_layers=[],
            moe_intermediate_size=20,
            norm_topk_prob=True,
            num_experts=8,
            num_experts_per_tok=3,
            num_hidden_layers=2,
            output_router_logits=False,
            rms_norm_eps=1e-06,
            rope_theta=1000000.0,
            router_aux_loss_coef=0.001,
            use_sliding_window=False,
        ),
        seed=29,
        gguf=True,
    ),
}
