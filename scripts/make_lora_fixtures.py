#!/usr/bin/env python3
"""Writes tests/data/io/lora: tiny models with LoRA adapters as PEFT saves them, and the weights that PEFT merges.

Needs peft, torch, transformers. Each folder: config.json and model.safetensors of the base, adapter_config.json and
adapter_model.safetensors of the adapter, merged.safetensors with the weights that the adapter changes.
llama: rank and alpha of their own for a module, rank-stabilised scale. gpt2: matrices held as [in, out].
"""
import pathlib

import safetensors.torch
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "io" / "lora"


def write(name, model, config):
    folder = FOLDER / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, config)
    for key, value in tuned.named_parameters():
        if "lora_" in key:  # B begins as zero
            value.data.normal_(0, 0.3)
    tuned.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    merged = tuned.merge_and_unload().state_dict()
    changed = {key: value.contiguous() for key, value in merged.items() if not torch.equal(value, before[key])}
    safetensors.torch.save_file(changed, folder / "merged.safetensors")


def main():
    torch.manual_seed(1)
    llama = LlamaConfig(vocab_size=12, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
                        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=False)
    write("llama", LlamaForCausalLM(llama),
          LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "k_proj", "down_proj"],
                     rank_pattern={"layers.1.self_attn.q_proj": 2}, alpha_pattern={"down_proj": 3},
                     task_type="CAUSAL_LM"))
    gpt2 = GPT2Config(vocab_size=12, n_embd=16, n_inner=24, n_layer=1, n_head=2, n_positions=64)
    write("gpt2", GPT2LMHeadModel(gpt2),
          LoraConfig(r=3, lora_alpha=5, fan_in_fan_out=True, target_modules=["c_attn", "mlp.c_proj"],
                     task_type="CAUSAL_LM"))


if __name__ == "__main__":
    main()
