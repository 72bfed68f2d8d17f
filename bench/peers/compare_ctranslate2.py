"""Tessera against CTranslate2 in int8 on this machine, in turn, with the same threads. See docs/speed.md."""

import argparse
import json
import sys
from pathlib import Path

import ctranslate2_model
import models
import programs
import tables
from compare import RATES, ROOT, machine

TESTS = ["prefill128", "prefill512", "decode128", "batch32"]
HERE = Path(__file__).parent


class CTranslate2:
    name = "CTranslate2"

    def __init__(self, threads: int):
        self.threads = str(threads)

    def rate(self, folder: Path, kind: str, prompt: int, batch: int) -> programs.Figure:
        script = HERE / "ctranslate2_rate.py"
        done = programs.run([sys.executable, script, folder, kind, str(prompt), str(batch), self.threads])
        return programs.Figure(json.loads(done.output)["tok_s"], done.others)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/against_ctranslate2.sh", description=__doc__)
    parser.add_argument("--model", choices=models.LLAMAS, default="llama-1.24b")
    parser.add_argument("--tests", default=",".join(TESTS), help="of " + ", ".join(TESTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of both programs; default: what Tessera takes")
    parser.add_argument("--tessera", type=Path, default=ROOT / "build/release/bin/tessera")
    parser.add_argument("--out", type=Path, default=ROOT / "build/against")
    parser.add_argument("--quiet-seconds", type=float, default=120, help="to wait at most for an idle machine")
    a = parser.parse_args()
    unknown = [t for t in a.tests.split(",") if t not in TESTS]
    if unknown:
        parser.error(f"--tests: {unknown[0]}: one of {', '.join(TESTS)} expected")
    (a.out / "models").mkdir(parents=True, exist_ok=True)
    file = models.source(a.model, a.out / "models", a.tessera)
    folder = ctranslate2_model.convert(file, a.out / "models" / f"{a.model}-ctranslate2")
    about = machine(a.tessera, a.threads, file)
    peer, ours = CTranslate2(about["threads"]), programs.Tessera(a.tessera, about["threads"])
    print(f"{about['cpu']}, {about['threads']} threads, {about['isa']}, {about['date']}. {a.model}: bfloat8_b, int8.\n")
    print("| | Tessera | CTranslate2 | ratio |\n|---|---|---|---|")
    for test in a.tests.split(","):
        got, other, busy = [], [], False
        for _ in range(a.rounds):
            programs.wait_until_quiet(a.quiet_seconds)
            mine = ours.rate(file, "accuracy", *RATES[test])
            programs.wait_until_quiet(a.quiet_seconds)
            theirs = peer.rate(folder, *RATES[test])
            got.append(mine.value)
            other.append(theirs.value)
            busy = busy or max(mine.others, theirs.others) > tables.BUSY
        ratio = [x / y for x, y in zip(got, other)]
        title = tables.TITLES[test] + (" (busy)" if busy else "")
        print(f"| {title} | {tables.spread(got, 1)} | {tables.spread(other, 1)} | **{tables.spread(ratio, 2)}** |", flush=True)


if __name__ == "__main__":
    main()
