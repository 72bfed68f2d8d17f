"""The figures as Markdown."""

from statistics import median

TITLES = {
    "prefill128": "prefill, 128 tokens, tok/s",
    "prefill512": "prefill, 512 tokens, tok/s",
    "decode128": "decode, 1 user, context 128, tok/s",
    "decode4096": "decode, 1 user, context 4096, tok/s",
    "batch8": "decode, 8 users, tok/s together",
    "batch32": "decode, 32 users, tok/s together",
    "load": "start to second token, s",
    "memory": "peak memory, MB",
}
FORMATS = {8: "8.5 bits: bfloat8_b, Q8_0", 4: "4.5 bits: bfloat4_b, Q4_0"}
LOWER = ("load", "memory")
BUSY = 0.05  # of the machine, used by others during a run: its figures are worth less


def values(row: dict, program: str) -> list[float]:
    scale = 1e-6 if row["test"] == "memory" else 1
    return [r[program]["value"] * scale for r in row["rounds"]]


def ratios(row: dict) -> list[float]:
    """Of the rounds: Tessera's figure over llama.cpp's."""
    return [r["tessera"]["value"] / r["llama.cpp"]["value"] for r in row["rounds"]]


def is_busy(row: dict) -> bool:
    return any(p["others"] > BUSY for r in row["rounds"] for p in r.values())


def spread(numbers: list[float], digits: int = 0) -> str:
    """Median and range."""
    if len(numbers) == 1:
        return f"{numbers[0]:.{digits}f}"
    return f"{median(numbers):.{digits}f} ({min(numbers):.{digits}f}-{max(numbers):.{digits}f})"


def cells(row: dict) -> list[str]:
    digits = 2 if row["test"] == "load" else 1 if median(values(row, "llama.cpp")) < 100 else 0
    title = TITLES[row["test"]] + (" (busy)" if is_busy(row) else "")
    programs = [spread(values(row, name), digits) for name in ("tessera", "llama.cpp")]
    return [title, *programs, f"**{spread(ratios(row), 2)}**"]


def line(row: dict) -> str:
    return f"{row['model']}, {FORMATS[row['bits']]}: " + "  ".join(cells(row)).replace("*", "")


def markdown(results: dict) -> str:
    about = results["machine"]
    text = f"{about['cpu']}, {about['cores']} processors, {about['threads']} threads, {about['isa']}, {about['date']}.\n"
    text += "Median (minimum-maximum) of the rounds; the ratio is Tessera's figure over llama.cpp's of the same round.\n"
    if any(is_busy(row) for row in results["rows"]):
        text += f"Busy: other processes used more than {BUSY:.0%} of the machine in at least one run.\n"
    seen = None
    for row in results["rows"]:
        head = (row["model"], row["bits"])
        if head != seen:
            text += f"\n### {row['model']}, {FORMATS[row['bits']]}\n\n| | Tessera | llama.cpp | ratio |\n|---|---|---|---|\n"
            seen = head
        text += "| " + " | ".join(cells(row)) + " |\n"
    return text + divergences(results)


def divergences(results: dict) -> str:
    if not results["divergence"]:
        return ""
    text = "\n### Divergence\n\nKL of the next token's distribution, mean over the tokens of a text.\n\n"
    text += "| model | bits | tokens | arithmetic: Tessera | bfloat16 | llama.cpp | with its weights: Tessera | llama.cpp |\n"
    text += "|---|---|---|---|---|---|---|---|\n"
    for d in results["divergence"]:
        figures = (d[k] for k in ("tessera", "bfloat16", "llama.cpp", "tessera_whole", "llama.cpp_whole"))
        text += f"| {d['model']} | {d['bits']} | {d['tokens']} | " + " | ".join(f"{f:.1e}" for f in figures) + " |\n"
    return text
