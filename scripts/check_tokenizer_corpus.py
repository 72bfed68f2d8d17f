#!/usr/bin/env python3
"""Compares Tessera's token ids with Hugging Face's on a large multilingual corpus, and decodes them back.

usage: check_tokenizer_corpus.py MODEL.gguf [--tokenizer-json FILE] [--tool TOKENIZE_LINES] [--lines 12000]
       (needs: pip install tokenizers gguf; build the target tokenize_lines first)

The corpus is made on the spot, the same every time on the same machine: translations of installed programs (real text
in some 60 languages), source code and prose of the Python library, and characters drawn from all Unicode ranges.
The oracle is the model's own tokenizer.json when given; else it is put together here from the file's vocabulary, for
pre-tokenizers `smollm`, `starcoder` and `gpt-2`. Ends with one line; exit 1 when anything differs.
"""
import argparse
import gettext
import json
import pathlib
import random
import subprocess
import sys
import sysconfig
import unicodedata

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL, USER_DEFINED = 3, 4


def translated_lines(rng, wanted):
    """The same number from every language, as far as it has them."""
    by_language = {}
    for path in sorted(pathlib.Path("/usr/share/locale").glob("*/LC_MESSAGES/*.mo")):
        try:
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog
        except (OSError, ValueError, IndexError, KeyError):  # a damaged catalogue
            continue
        texts = [text for key, text in catalog.items() if key and isinstance(text, str)]
        by_language.setdefault(path.parts[4], set()).update(line for text in texts for line in text.splitlines() if line)
    lines = []
    for language in sorted(by_language):
        pool = sorted(by_language[language])
        lines += rng.sample(pool, min(len(pool), max(1, wanted // len(by_language) + 1)))
    return lines[:wanted], len(by_language)


def library_lines(rng, wanted):
    """Code and prose, with its indentation."""
    pool = []
    for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:80]:
        pool += [line for line in path.read_text(encoding="utf-8", errors="ignore").split("\n") if line]
    blocks = ["\n".join(pool[i:i + 5]) for i in range(0, len(pool) - 5, 97)]
    return rng.sample(pool, min(len(pool), wanted)) + blocks


def unicode_lines(rng, wanted):
    blocks = [range(low, low + 0x80) for low in range(0, 0x20000, 0x80)] + [range(0x20000, 0x2A6DF), range(0xE0000, 0xE01EF)]
    blocks = [[chr(code) for code in block if unicodedata.category(chr(code)) not in ("Cs", "Cn")] for block in blocks]
    blocks = [block for block in blocks if block]
    lines = []
    for i in range(wanted):
        block = blocks[i % len(blocks)]
        lines.append("".join(rng.choice(block + [" "]) for _ in range(rng.randint(1, 30))))
    return lines


def shape_lines(rng, wanted):
    """Blanks, digits and contractions in all combinations."""
    parts = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "a", "Word", "'s", "'ll", "'", "7", "42", "1234567", "½", "٣", ".",
             "!?", "\u00a0", "\u3000", "\u200b", "\u200d", "é", "e\u0301", "語", "👍🏽", "\x00", "\x1b", "\ufeff", "_", "-"]
    return ["".join(rng.choice(parts) for _ in range(rng.randint(1, 14))) for _ in range(wanted)]


def make_corpus(wanted):
    rng = random.Random(2026)
    translated, languages = translated_lines(rng, wanted // 2)
    rest = wanted - len(translated)
    lines = translated + library_lines(rng, rest // 4) + shape_lines(rng, rest // 4)
    lines += unicode_lines(rng, max(0, wanted - len(lines)))
    return lines, languages


def read_value(reader, key, default=None):
    field = reader.get_field("tokenizer.ggml." + key)
    return default if field is None else field.contents()


def oracle_of(reader):
    pre = read_value(reader, "pre", "gpt-2")
    if read_value(reader, "model") != "gpt2" or pre not in ("smollm", "starcoder", "gpt-2"):
        sys.exit(f"check_tokenizer_corpus: no oracle for pre-tokenizer {pre}: give --tokenizer-json")
    tokens, types = read_value(reader, "tokens"), read_value(reader, "token_type")
    merges = [tuple(merge.split(" ")) for merge in read_value(reader, "merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = byte_level if pre == "gpt-2" else pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    added = [(token, kind == CONTROL) for token, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
    for token, special in added:
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(
            [AddedToken(token, special=special, normalized=False)])
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--tokenizer-json")
    parser.add_argument("--tool", default="build/release/bin/tokenize_lines")
    parser.add_argument("--lines", type=int, default=12000)
    args = parser.parse_args()

    oracle = Tokenizer.from_file(args.tokenizer_json) if args.tokenizer_json else oracle_of(gguf.GGUFReader(args.model))
    lines, languages = make_corpus(args.lines)
    answer = subprocess.run([args.tool, args.model], input="".join(json.dumps(line) + "\n" for line in lines).encode(),
                            stdout=subprocess.PIPE, check=True).stdout
    answers = [json.loads(line) for line in answer.decode().split("\n") if line]
    if len(answers) != len(lines):
        sys.exit(f"check_tokenizer_corpus: {len(answers)} answers for {len(lines)} lines")
    wrong_ids = wrong_text = wrong_stream = lost = tokens = 0
    for line, ours in zip(lines, answers):
        theirs = oracle.encode(line, add_special_tokens=False).ids
        tokens += len(theirs)
        if ours["ids"] != theirs:
            wrong_ids += 1
            if wrong_ids <= 5:
                print(f"ids differ: {line!r}\n  tessera {ours['ids']}\n  oracle  {theirs}")
        decoded = oracle.decode(theirs, skip_special_tokens=False)
        if ours["text"] != decoded:
            wrong_text += 1
            print(f"text differs: {line!r}\n  tessera {ours['text']!r}\n  oracle  {decoded!r}")
        # A vocabulary may lack a byte; Hugging Face then drops it, and so do we.
        lost += decoded != line
        wrong_stream += ours["streamed"] != ours["visible"]
    print(f"{len(lines)} lines ({languages} languages), {tokens} tokens: {wrong_ids} with other ids, "
          f"{wrong_text} decoded differently, {wrong_stream} streamed differently; {len(lines) - lost} round trips "
          f"equal, {lost} with bytes that the vocabulary lacks")
    return 1 if wrong_ids or wrong_text or wrong_stream else 0


if __name__ == "__main__":
    sys.exit(main())
