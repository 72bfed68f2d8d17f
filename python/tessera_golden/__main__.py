"""Writes the golden file of a model: `python -m tessera_golden MODEL`."""

import argparse
import os
import sys
from pathlib import Path

from tessera_golden.errors import GoldenError, first_line


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Throws SystemExit(2) for bad arguments, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="tessera_golden",
        description="Writes a golden file: what Hugging Face transformers computes for MODEL, in float32.",
        epilog="example: python -m tessera_golden HuggingFaceTB/SmolLM2-135M --out smollm2.safetensors",
    )
    parser.add_argument("model", metavar="MODEL", help="a Hugging Face folder, a hub id, or a .gguf file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: NAME.golden.safetensors")
    parser.add_argument("--text", type=Path, metavar="FILE", help="the forced text (default: built-in prose)")
    parser.add_argument("--forced-tokens", type=positive, default=400, metavar="N", help="default: 400")
    parser.add_argument("--hidden-tokens", type=positive, default=16, metavar="N", help="default: 16")
    parser.add_argument("--greedy-tokens", type=positive, default=64, metavar="N", help="default: 64")
    parser.add_argument("--top-k", type=positive, default=64, metavar="N", help="logits a row; default: 64")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    """A number of tokens or logits, at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number of them: give at least 1")
    return value


def say(text: str) -> None:
    """Progress, for a person."""
    print(text, file=sys.stderr, flush=True)


def read_text(path: Path) -> str:
    """The text to force."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise GoldenError(f"cannot read {path}: it is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise GoldenError(f"cannot read {path}: {error.strerror}: check --text") from None


def import_libraries() -> str:
    """What will compute, as the golden file names it. Throws GoldenError when a library is missing."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        import accelerate  # noqa: F401  (transformers reads no GGUF without it)
        import gguf  # noqa: F401
        import safetensors  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        name = error.name or first_line(error)
        advice = "pip install torch transformers accelerate gguf"
        raise GoldenError(f"a Python package is missing: {name}: {advice}") from None
    transformers.logging.disable_progress_bar()
    return f"transformers {transformers.__version__} / torch {torch.__version__}"


def run(options: argparse.Namespace) -> Path:
    """Loads, computes, writes; returns the file."""
    source = import_libraries()
    from tessera_golden import golden_file, loading, prompts, reference

    text = prompts.default_text() if options.text is None else read_text(options.text)
    if options.out is not None:
        golden_file.check_writable(options.out)
    say(f"loading {options.model}")
    loaded = loading.load(options.model)
    out = options.out or Path(f"{loaded.name.replace('/', '--')}.golden.safetensors")
    golden_file.check_writable(out)

    ids = prompts.encode(loaded.tokenizer, text)[: options.forced_tokens]
    if not ids:
        raise GoldenError("the forced text has no tokens: it is empty: give another --text")
    if len(ids) < options.forced_tokens:
        say(f"the text has only {len(ids)} tokens")
    say(f"forcing {len(ids)} tokens")
    tensors = reference.forced(loaded.model, ids, options.top_k) | reference.hidden(
        loaded.model, ids[: options.hidden_tokens], options.top_k
    )
    texts = prompts.make_prompts(loaded.tokenizer)
    for index, prompt in enumerate(texts):
        say(f"prompt {index + 1} of {len(texts)}")
        prompt_ids = prompts.encode(loaded.tokenizer, prompt)
        tensors |= reference.greedy(loaded.model, index, prompt_ids, options.greedy_tokens)
    metadata = golden_file.make_metadata(loaded.name, source, texts, text, loaded.content_hash)
    golden_file.write(out, tensors, metadata)
    return out


def main(arguments: list[str] | None = None) -> int:
    """Exit 0, or 2 after one line on stderr."""
    options = parse_arguments(arguments)
    try:
        say(f"wrote {run(options)}")
    except GoldenError as error:
        say(f"tessera_golden: {error}")
        return 2
    except MemoryError:
        say("tessera_golden: out of memory: float32 needs 4 bytes a parameter: use a bigger machine")
        return 2
    except KeyboardInterrupt:
        say("tessera_golden: interrupted: nothing was written")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
