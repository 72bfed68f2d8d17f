"""A Hugging Face folder of random weights: configuration, tokenizer, weights by the hub's tensor names."""

import json
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save
from transformers import AutoConfig, AutoModelForCausalLM

from family_checkpoints import tokenizer, weights


def write_folder(folder: Path, family, shared) -> None:
    """Everything but the goldens."""
    (folder / "config.json").write_text(json.dumps(family.config, indent=2) + "\n")
    tokenizer.write(folder, shared, family.config)
    tensors = weights.fill(family, hub_state(folder))
    if family.buffers == "gpt2":  # its first checkpoint has the names of the model without a head
        tensors = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    tensors |= weights.buffers(family, list(tensors))
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))


def hub_state(folder: Path) -> dict:
    """Names and shapes as transformers saves them, which is as the hub has them."""
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        return load_file(Path(saved) / "model.safetensors")
