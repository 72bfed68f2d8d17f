"""Makes tests/data/families: `PYTHONPATH=python python -m family_checkpoints [--out FOLDER] [NAME ...]`.

Needs what tessera_golden needs (pip install ./python). The committed folders are by transformers 5.24.0 and
torch 2.15.0; other versions may give other last bits of the goldens. GGUF files come from gguf_file.py.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from tessera_golden.prompts import default_text

from family_checkpoints import record, tokenizer
from family_checkpoints.checkpoint import write_folder
from family_checkpoints.families import FAMILIES


def main() -> None:
    """Writes the folders that are named, or all."""
    parser = argparse.ArgumentParser(prog="family_checkpoints", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("tests/data/families"))
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(FAMILIES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(FAMILIES)
    if unknown:
        parser.error(f"unknown family: {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)  # the order of a sum does not depend on the machine's cores
    transformers.logging.disable_progress_bar()
    text = default_text()
    shared = tokenizer.train(text)
    for name in options.names or FAMILIES:
        folder = options.out / name
        folder.mkdir(parents=True, exist_ok=True)
        write_folder(folder, FAMILIES[name], shared)
        for line in record.write_goldens(folder, FAMILIES[name], shared, text):
            print(f"{name}: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
