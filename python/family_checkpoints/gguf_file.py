"""Writes model.gguf beside the safetensors, by llama.cpp's converter: names and permutations are its own.

    PYTHONPATH=python python -m family_checkpoints.gguf_file LLAMA_CPP [--out tests/data/families] [NAME ...]

LLAMA_CPP is its source folder (made with the one in llama-cpp-python 0.3.36). Matrices stay bfloat16. The
converter knows tokenizers by name: the shared one goes in as GPT-2's, whatever kind the family's real one is.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from family_checkpoints.families import FAMILIES


def load_converter(source: Path) -> None:
    """llama.cpp's `conversion` package, taught the shared tokenizer and the keys of config.json itself.

    It reads configurations through transformers, which since version 5 renames keys that it looks for.
    """
    sys.path[:0] = [str(source / "gguf-py"), str(source)]
    from conversion.base import ModelBase, TextModel

    TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
    TextModel._set_vocab_sentencepiece = TextModel._set_vocab_gpt2
    through_transformers = ModelBase.load_hparams

    def load_hparams(folder: Path, is_mistral_format: bool) -> dict:
        config = json.loads((folder / "config.json").read_text())
        added = through_transformers(folder, is_mistral_format)
        if config["model_type"] == "falcon":
            added.pop("num_kv_heads")  # the converter's own default is one, as multi-query has it
        return added | config

    ModelBase.load_hparams = staticmethod(load_hparams)


def convert(folder: Path, architecture: str) -> None:
    """Writes folder/model.gguf."""
    import gguf
    from conversion import get_model_class
    from conversion.base import TextModel

    out = folder / "model.gguf"
    out.unlink(missing_ok=True)
    model_class = get_model_class(architecture, mmproj=False)
    if architecture == "Phi3ForCausalLM":
        model_class.set_vocab = TextModel.set_vocab  # its own asks for a SentencePiece file
    model = model_class(folder, gguf.LlamaFileType.MOSTLY_BF16, out)
    for name in [name for name in model.model_tensors if name.endswith(".attn.bias")]:
        del model.model_tensors[name]  # GPT-2's masks, which this version stumbles over
    model.write()


def main() -> None:
    """Converts the folders that are named, or all that have a GGUF."""
    parser = argparse.ArgumentParser(prog="family_checkpoints.gguf_file")
    parser.add_argument("llama_cpp", type=Path)
    parser.add_argument("--out", type=Path, default=Path("tests/data/families"))
    parser.add_argument("names", metavar="NAME", nargs="*")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    load_converter(options.llama_cpp)
    for name in options.names or [name for name, family in FAMILIES.items() if family.gguf]:
        convert(options.out / name, FAMILIES[name].config["architectures"][0])
        print(f"{name}: model.gguf", file=sys.stderr)


if __name__ == "__main__":
    main()
