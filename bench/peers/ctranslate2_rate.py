#!/usr/bin/env python3
"""Tokens a second of a converted model: ctranslate2_rate.py FOLDER prefill|decode PROMPT BATCH THREADS

A prefill is a prompt and its first token. Steps are what more tokens cost beyond the first one.
"""

import json
import sys
import time
from statistics import median

import ctranslate2

STEPS = 16


def seconds(generator: ctranslate2.Generator, prompts: list[list[str]], tokens: int) -> float:
    start = time.monotonic()
    generator.generate_batch(
        prompts,
        max_length=tokens,
        min_length=tokens,
        sampling_topk=1,
        include_prompt_in_result=False,
        end_token=[],
    )
    return time.monotonic() - start


def main() -> None:
    folder, kind = sys.argv[1:3]
    prompt, batch, threads = map(int, sys.argv[3:])
    generator = ctranslate2.Generator(folder, device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1)
    prompts = [[str(2 + (i * 7 + user) % 400) for i in range(prompt)] for user in range(batch)]
    seconds(generator, prompts[:1], 1)  # packs its weights
    if kind == "prefill":
        rates = [prompt * batch / seconds(generator, prompts, 1) for _ in range(5)]
    else:
        first = median(seconds(generator, prompts, 1) for _ in range(3))
        rates = [STEPS * batch / (seconds(generator, prompts, 1 + STEPS) - first) for _ in range(3)]
    print(json.dumps({"tok_s": median(rates)}))


if __name__ == "__main__":
    main()
