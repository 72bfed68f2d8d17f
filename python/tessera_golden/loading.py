"""Opens MODEL (folder, hub id or GGUF file) with transformers: float32, CPU, eager attention where it is right."""

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import cached_file

from tessera_golden.content_hash import file_sha256, folder_sha256
from tessera_golden.errors import GoldenError, first_line


@dataclass
class Loaded:
    """A model, its tokenizer, the name to write down, and the key of the checkpoint."""

    model: torch.nn.Module
    tokenizer: object
    name: str
    content_hash: str | None


def load(model: str) -> Loaded:
    """Throws GoldenError for what is not a model that transformers can run."""
    path = Path(model)
    if path.suffix == ".gguf":
        return load_gguf(path)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise GoldenError(f"no model in {path}: it has no config.json: give a Hugging Face folder")
    elif path.exists() or model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise GoldenError(f"unknown model: {model}: give a Hugging Face folder, a hub id or a .gguf file")
    parts = load_parts(model)
    folder = path if path.is_dir() else Path(cached_file(model, "config.json")).parent
    name = path.resolve().name if path.is_dir() else model
    return Loaded(*parts, name, folder_sha256(folder))


def load_gguf(path: Path) -> Loaded:
    """A GGUF file, its weights as float32, with the faults of transformers' reading mended or refused."""
    if not path.is_file():
        raise GoldenError(f"unknown model: {path}: no such file: check the path")
    pre, tensors = read_gguf(path)
    if "rope_freqs.weight" in tensors:
        raise GoldenError(
            f"cannot use {path.name}: it has RoPE factors of its own (rope_freqs.weight), which transformers "
            "ignores: give the Hugging Face folder of the same model"
        )
    model, tokenizer = load_parts(str(path.parent), gguf_file=path.name)
    restore_pre_tokenizer(tokenizer, pre)
    name = path.resolve().parent.name if path.stem == "model" else path.stem
    return Loaded(model, tokenizer, name, file_sha256(path))


def load_parts(where: str, **options) -> tuple[torch.nn.Module, object]:
    """The model and the tokenizer, or one line about what transformers did not like."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        model = AutoModelForCausalLM.from_pretrained(
            where, dtype=torch.float32, attn_implementation=attention_of(where, **options), **options
        )
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, ImportError) as error:
        reason = first_line(error)
        raise GoldenError(f"cannot load {where}: {reason}: check the model's name and files") from None
    return model.eval(), tokenizer


def attention_of(where: str, **options) -> str:
    """Eager; but transformers 5.24 adds Falcon's ALiBi twice there, and once in its default."""
    config = AutoConfig.from_pretrained(where, **options)
    return "sdpa" if config.model_type == "falcon" and config.alibi else "eager"


def read_gguf(path: Path) -> tuple[str, set[str]]:
    """The name of the pre-tokenizer and the names of the tensors."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        pre = reader.get_field("tokenizer.ggml.pre")
        return pre.contents() if pre else "", {tensor.name for tensor in reader.tensors}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise GoldenError(f"cannot read {path}: {first_line(error)}: give a whole GGUF file") from None


def restore_pre_tokenizer(tokenizer, pre: str) -> None:
    """Splits digits as SmolLM2's own tokenizer.json does; transformers reads its GGUF as plain byte-level BPE.

    It changes more than numbers: the spaces before a digit then stay together, none goes to the digit.
    """
    if pre != "smollm":
        return
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
