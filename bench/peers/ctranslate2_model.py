"""A Llama from a GGUF file as a CTranslate2 folder in int8. Needs ctranslate2 and gguf.

Rows of q and k stay in llama.cpp's order for the rotary embedding: no matter for speed, so do not read the text.
"""

import shutil
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from gguf import GGUFReader, dequantize


class Source:
    """The tensors of a GGUF file as float32, and its numbers."""

    def __init__(self, path: Path):
        self.reader = GGUFReader(path)
        self.tensors = {t.name: t for t in self.reader.tensors}

    def number(self, key: str) -> float:
        return self.reader.fields[f"llama.{key}"].contents()

    def array(self, name: str) -> np.ndarray:
        tensor = self.tensors[name]
        return dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


def specification(source: Source) -> transformer_spec.TransformerDecoderModelSpec:
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        int(source.number("block_count")),
        int(source.number("attention.head_count")),
        activation=common_spec.Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_scaling_type=None,
        rotary_base=source.number("rope.freq_base"),
        num_heads_kv=int(source.number("attention.head_count_kv")),
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = source.array("token_embd.weight")
    decoder.layer_norm.gamma = source.array("output_norm.weight")
    head = "output.weight" if "output.weight" in source.tensors else "token_embd.weight"
    decoder.projection.weight = source.array(head)
    for i, layer in enumerate(decoder.layer):
        at = f"blk.{i}."
        attention, ffn = layer.self_attention, layer.ffn
        attention.layer_norm.gamma = source.array(at + "attn_norm.weight")
        attention.linear[0].weight = np.concatenate([source.array(f"{at}attn_{x}.weight") for x in "qkv"])
        attention.linear[1].weight = source.array(at + "attn_output.weight")
        ffn.layer_norm.gamma = source.array(at + "ffn_norm.weight")
        ffn.linear_0.weight = source.array(at + "ffn_gate.weight")
        ffn.linear_0_noact.weight = source.array(at + "ffn_up.weight")
        ffn.linear_1.weight = source.array(at + "ffn_down.weight")
    return spec


def convert(path: Path, folder: Path) -> Path:
    """The folder of the converted model; made once."""
    if (folder / "model.bin").exists():
        return folder
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    source = Source(path)
    spec = specification(source)
    spec.config.layer_norm_epsilon = source.number("attention.layer_norm_rms_epsilon")
    spec.register_vocabulary([str(i) for i in range(len(spec.decoder.embeddings.weight))])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "0"
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(part))
    part.rename(folder)
    return folder
