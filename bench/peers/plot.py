"""The ratios as one SVG picture, without any library."""

from html import escape
from statistics import median

from tables import FORMATS, LOWER, TITLES, ratios

WIDTH, LEFT, RIGHT, TOP, ROW, HEAD = 760, 300, 60, 34, 20, 30
COLOURS = {8: "#3568a8", 4: "#c9762b"}


def svg(results: dict) -> str:
    rows = [r for r in results["rows"] if r["test"] not in LOWER]
    groups = list(dict.fromkeys((r["model"], r["bits"]) for r in rows))
    most = max([1.0, *(max(ratios(r)) for r in rows)])
    scale = (WIDTH - LEFT - RIGHT) / most
    height = TOP + len(groups) * HEAD + len(rows) * ROW + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        label(12, 20, "Speed of Tessera over llama.cpp, the same model and bits a weight", weight="bold"),
    ]
    step = 1 if most <= 8 else 2
    for i in range(0, int(most) + 1, step):
        x = LEFT + i * scale
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - 28}" stroke="{"#444" if i == 1 else "#ddd"}"/>')
        parts.append(label(x, height - 12, f"{i}x", "middle"))
    y = TOP
    for group in groups:
        parts.append(label(12, y + 20, f"{group[0]}, {FORMATS[group[1]]}", weight="bold"))
        y += HEAD
        for row in rows:
            if (row["model"], row["bits"]) == group:
                parts += bar(row, y, scale)
                y += ROW
    return "\n".join([*parts, "</svg>", ""])


def bar(row: dict, y: float, scale: float) -> list[str]:
    """The median as a bar, the rounds' range as a line over it."""
    of_rounds = ratios(row)
    middle, low, high = (f(of_rounds) * scale for f in (median, min, max))
    centre = y + ROW / 2 - 2
    return [
        label(LEFT - 8, centre + 4, TITLES[row["test"]].split(", tok/s")[0], "end"),
        f'<rect x="{LEFT}" y="{y}" width="{middle:.1f}" height="{ROW - 5}" fill="{COLOURS[row["bits"]]}"/>',
        f'<line x1="{LEFT + low:.1f}" x2="{LEFT + high:.1f}" y1="{centre}" y2="{centre}" stroke="black" stroke-width="2"/>',
        label(LEFT + max(high, middle) + 6, centre + 4, f"{median(of_rounds):.2f}"),
    ]


def label(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
