"""Runs Tessera and llama.cpp in turn and writes what came out. See ../against_llamacpp.sh."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Callable

import divergence
import models
import plot
import programs
import tables

ROOT = Path(__file__).resolve().parents[2]
# name: kind, tokens of the prompt, users.
RATES = {
    "prefill128": ("prefill", 128, 1),
    "prefill512": ("prefill", 512, 1),
    "decode128": ("decode", 128, 1),
    "decode4096": ("decode", 4096, 1),
    "batch8": ("decode", 128, 8),
    "batch32": ("decode", 128, 32),
}
TESTS = [*RATES, "load", "memory", "kl"]


def arguments() -> argparse.Namespace:
    def names(known: list[str]) -> Callable[[str], list[str]]:
        def parse(text: str) -> list[str]:
            wrong = [n for n in text.split(",") if n not in known]
            if wrong:
                raise argparse.ArgumentTypeError(f"{wrong[0]}: one of {', '.join(known)} expected")
            return text.split(",")

        return parse

    parser = argparse.ArgumentParser(prog="bench/against_llamacpp.sh", description=__doc__)
    parser.add_argument("--models", type=names(list(models.MODELS)), default=["smollm2-135m", "llama-1.24b"])
    parser.add_argument("--bits", type=names(["8", "4"]), default=["8", "4"])
    parser.add_argument("--tests", type=names(TESTS), default=TESTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="of both programs; default: what Tessera takes")
    parser.add_argument("--peer", type=Path, required=True, help="a build folder of llama.cpp")
    parser.add_argument("--tessera", type=Path, default=ROOT / "build/release/bin/tessera")
    parser.add_argument("--out", type=Path, default=ROOT / "build/against")
    parser.add_argument("--quiet-seconds", type=float, default=120, help="to wait at most for an idle machine")
    return parser.parse_args()


def machine(tessera: Path, threads: int, model: Path) -> dict:
    """What ran; the number of threads and the instruction set as the program itself says."""
    command = [tessera, "bench", model, "--prompt", "8", "--gen", "1", "--batch", "1", "--repeats", "1", "--json"]
    said = json.loads(programs.output(command + (["--threads", str(threads)] if threads else [])))
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "threads": said["threads"],
        "isa": said["isa"],
        "date": time.strftime("%Y-%m-%d"),
    }


def value(test: str, program, model: Path, precision: str) -> programs.Figure:
    if test in RATES:
        return program.rate(model, precision, *RATES[test])
    done = program.start(model, precision) if test == "load" else program.text(model, precision)
    return programs.Figure(done.seconds if test == "load" else done.peak_bytes, done.others)


def main() -> None:
    a = arguments()
    model_folder = a.out / "models"
    files = {}
    for name in a.models:
        for bits in map(int, a.bits):
            files[name, bits] = models.quantised(name, bits, model_folder, a.tessera, a.peer)
    about = machine(a.tessera, a.threads, next(iter(files.values())))
    pair = [programs.LlamaCpp(a.peer, about["threads"]), programs.Tessera(a.tessera, about["threads"])]
    results = {"machine": about, "rows": [], "divergence": []}
    timed = [t for t in a.tests if t in RATES or t in ("load", "memory")]
    for (name, bits), file in files.items():
        precision = models.BITS[bits][1]
        for program in pair:  # packs its weights, fills the page cache
            program.start(file, precision)
        for test in timed:
            row = {"model": name, "bits": bits, "test": test, "rounds": []}
            for i in range(a.rounds):
                got = {}
                for program in pair if i % 2 == 0 else reversed(pair):
                    programs.wait_until_quiet(a.quiet_seconds)
                    figure = value(test, program, file, precision)
                    got[program.name] = {"value": figure.value, "others": round(figure.others, 3)}
                row["rounds"].append(got)
            results["rows"].append(row)
            print(tables.line(row), file=sys.stderr, flush=True)
            (a.out / "results.json").write_text(json.dumps(results, indent=1))
        if "kl" in a.tests:
            figures = divergence.measure(name, bits, file, a.out, a.tessera, a.peer, about["threads"])
            results["divergence"].append({"model": name, "bits": bits} | figures)
    (a.out / "results.json").write_text(json.dumps(results, indent=1))
    text = tables.markdown(results)
    (a.out / "results.md").write_text(text)
    (a.out / "results.svg").write_text(plot.svg(results))
    print(text)


if __name__ == "__main__":
    main()
