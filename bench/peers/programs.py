"""One measurement of one program: what it printed, how long it took, what it held, who disturbed it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple, Sequence

Command = Sequence[str | Path]


class Run(NamedTuple):
    output: str
    seconds: float
    peak_bytes: int  # resident, the files that it maps among it
    others: float  # share of the machine that other processes used meanwhile


def busy_seconds() -> float:
    """Of all processors since the start, idle and stolen time left out."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4] - fields[7]) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(seconds: float) -> None:
    """Until others use less than a twentieth of the machine for two seconds, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(2)
        if busy_seconds() - before < 2 * 0.05 * os.cpu_count():
            return


def run(command: Command) -> Run:
    with tempfile.TemporaryFile() as err:
        busy, start = busy_seconds(), time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)
        printed = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        others = busy_seconds() - busy - usage.ru_utime - usage.ru_stime
        err.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(str(c) for c in command)}: status {process.returncode}\n{err.read().decode()[-2000:]}")
        share = max(0.0, others) / (seconds * os.cpu_count())
        return Run(printed, seconds, usage.ru_maxrss * 1024, share)


def output(command: Command) -> str:
    return run(command).output


class Figure(NamedTuple):
    value: float  # tokens a second, seconds or bytes
    others: float


class Tessera:
    name = "tessera"

    def __init__(self, program: Path, threads: int):
        self.program, self.threads = program, threads

    def command(self, model: Path, precision: str, *options: str) -> Command:
        fixed = ("--precision", precision, "--threads", str(self.threads), "--json")
        return [self.program, "bench", model, *fixed, *options]

    def rate(self, model: Path, precision: str, kind: str, prompt: int, batch: int) -> Figure:
        # The first prefill warms up and the second is captured: the median of five is of a replay.
        repeats = "5" if kind == "prefill" else "3"
        steps = ("--prompt", str(prompt), "--gen", "32", "--batch", str(batch), "--repeats", repeats)
        done = run(self.command(model, precision, "--measure", kind, *steps))
        return Figure(json.loads(done.output)["results"][0]["tok_s"], done.others)

    def start(self, model: Path, precision: str) -> Run:
        """From nothing to the second token."""
        return run(self.command(model, precision, "--prompt", "1", "--gen", "1", "--batch", "1", "--repeats", "1"))

    def text(self, model: Path, precision: str) -> Run:
        """A prompt of 512 and 32 tokens, for its memory."""
        return run(self.command(model, precision, "--prompt", "512", "--gen", "32", "--batch", "1", "--repeats", "2"))


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, build: Path, threads: int):
        self.build, self.threads = build, str(threads)

    def bench(self, model: Path, *options: str) -> Run:
        return run([self.build / "bin/llama-bench", "-m", model, "-t", self.threads, "-o", "jsonl", *options])

    def rate(self, model: Path, precision: str, kind: str, prompt: int, batch: int) -> Figure:
        if batch > 1:
            return self.batched(model, prompt, batch)
        work = ("-p", str(prompt), "-n", "0") if kind == "prefill" else ("-p", "0", "-n", "32", "-d", str(prompt))
        done = self.bench(model, *work, "-r", "3")
        samples = [s for line in done.output.splitlines() if line.startswith("{") for s in json.loads(line)["samples_ts"]]
        return Figure(median(samples), done.others)

    def batched(self, model: Path, prompt: int, batch: int) -> Figure:
        sizes = ("-c", str((prompt + 32) * batch), "-b", "2048", "-ub", "512")
        work = ("-npp", str(prompt), "-ntg", "32", "-npl", str(batch), "--output-format", "jsonl")
        program = self.build / "bin/llama-batched-bench"
        done = run([program, "-m", model, "-t", self.threads, "-tb", self.threads, *sizes, *work])
        lines = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
        return Figure(lines[0]["speed_tg"], done.others)

    def start(self, model: Path, precision: str) -> Run:
        return self.bench(model, "-p", "0", "-n", "0", "-pg", "1,1", "-r", "1", "--no-warmup")

    def text(self, model: Path, precision: str) -> Run:
        return self.bench(model, "-p", "0", "-n", "0", "-pg", "512,32", "-r", "1")
